import secrets
import sqlite3
import threading
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from search_spaces import DamagedFile, WeightloomError
from sweeps.config import resolve
from sweeps.folder import CHANGEABLE, RunFolder, differences, locked
from sweeps.opening import opened
from sweeps.place import GRACE_SECONDS, Place
from sweeps.repeating import INTERRUPTED, MOST_DEATHS, REASON
from sweeps.status import counted
from sweeps.storage import StudyStore

OBJECTIVES = {"fidelity": 0.9, "collapse": 0.5, "active_parameters": 1000.0}


def suggest(store: StudyStore) -> tuple[object, dict[str, float]]:
    store.target = 100
    trial = store.claim(secrets.token_hex(4), lambda other: None)
    assert trial is not None
    return trial, {"x": trial.suggest_float("x", 0, 1), "y": trial.suggest_float("y", 0, 1)}


def test_the_file_is_in_wal_mode_before_the_first_trial(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0):
        connection = sqlite3.connect(tmp_path / "study.db")
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["study.db"], "one file is left in the end"


def test_trials_outlive_the_process(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        trial, _ = suggest(store)
        store.finish(trial, OBJECTIVES)
        trial, _ = suggest(store)
        store.fail(trial, "a reason")
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        assert [t.state for t in store.ended()] == [TrialState.COMPLETE, TrialState.FAIL]
        assert store.complete()[0].values == [0.9, 0.5, 1000.0]
        assert store.ended()[1].user_attrs[REASON] == "a reason"
        assert store.reap(lambda other: True) == 0


def test_an_interrupted_trial_is_repeated_once_with_its_settings(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        trial, _ = suggest(store)
        store.finish(trial, OBJECTIVES)
        _, lost = suggest(store)  # and here the process dies
    for _ in range(2):  # also if it dies again before the trial is asked for
        with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
            store.reap(lambda other: True)
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        assert len(store.ended()) == 1, "the interrupted one does not count"
        interrupted = store.trials()[1]
        assert interrupted.state == TrialState.FAIL
        assert interrupted.user_attrs[INTERRUPTED] is True
        assert "queued again" in interrupted.user_attrs[REASON]
        trial, again = suggest(store)
        assert again == lost
        assert store.root(trial) == 1
        store.finish(trial, OBJECTIVES)
        assert len(store.ended()) == 2
        _, another = suggest(store)
        assert another != lost


def test_a_claim_of_the_same_worker_buries_what_it_left(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        store.target = 9
        first = store.claim("me", lambda other: False)
        second = store.claim("me", lambda other: False)
        assert first is not None
        assert second is not None
        assert store.root(second) == first.number


def test_not_one_more_is_begun_than_was_asked_for(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        store.target = 2
        first = store.claim("a", lambda other: False)
        second = store.claim("b", lambda other: False)
        assert first is not None
        assert second is not None
        assert store.claim("c", lambda other: False) is None
        store.release(second)
        third = store.claim("c", lambda other: False)
        assert third is not None
        assert store.root(third) == second.number
        assert not store.finish(second, OBJECTIVES), "it was given to somebody else"
        assert store.fail(first, "no")
        assert store.finish(third, OBJECTIVES)
        assert store.claim("c", lambda other: False) is None
        assert len(store.ended()) == 2


def test_a_trial_that_kills_its_workers_is_given_up(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        for _ in range(MOST_DEATHS):
            suggest(store)
            assert store.reap(lambda other: True) == 1
        (given_up,) = store.ended()
        assert f"died {MOST_DEATHS} times" in given_up.user_attrs[REASON]
        assert suggest(store)[0].number == MOST_DEATHS


def test_an_unknown_worker_is_dead_when_it_was_silent(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        suggest(store)
        assert store.reap(lambda other: None) == 0, "it has just been heard"
        assert store.reap(lambda other: False) == 0
        connection = sqlite3.connect(tmp_path / "study.db")
        connection.execute(
            "UPDATE trial_heartbeats SET heartbeat = datetime('now', ?)", (f"-{GRACE_SECONDS + 1} seconds",)
        )
        connection.commit()
        connection.close()
        assert store.reap(lambda other: False) == 0, "its lock is held: it only sleeps"
        assert store.reap(lambda other: None) == 1


def test_optuna_opens_the_study_by_its_url(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        store.finish(suggest(store)[0], OBJECTIVES)
        study = optuna.load_study(study_name="run", storage=f"sqlite:///{tmp_path / 'study.db'}")
        assert [trial.values for trial in study.trials] == [[0.9, 0.5, 1000.0]]
        assert [found["complete"] for found in [counted(store, lambda other: None)]] == [1]


def test_a_trial_that_dies_twice_keeps_its_root(tmp_path: Path) -> None:
    for _ in range(3):
        with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
            store.reap(lambda other: True)
            trial, values = suggest(store)
            assert store.root(trial) == 0
            first = values if trial.number == 0 else first
            assert values == first


def test_suggestions_depend_on_the_seed_and_not_on_the_process(tmp_path: Path) -> None:
    found: dict[str, list[dict[str, float]]] = {}
    for name, seed, processes in (("a", 0, 1), ("b", 0, 3), ("c", 1, 1)):
        found[name] = []
        for _ in range(processes):
            with opened(Place.local(tmp_path / f"{name}.db"), "run", seed) as store:
                for _ in range(3 // processes):
                    trial, values = suggest(store)
                    found[name].append(values)
                    store.finish(trial, OBJECTIVES)
    assert found["a"] == found["b"] != found["c"]
    assert len({str(values) for values in found["a"]}) == 3


def test_a_queued_trial_is_not_queued_twice(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        store.enqueue({"x": 0.5, "y": 0.25})
        store.enqueue({"x": 0.5, "y": 0.25})
        assert suggest(store)[1] == {"x": 0.5, "y": 0.25}
        store.enqueue({"x": 0.5, "y": 0.25})
        assert suggest(store)[1] != {"x": 0.5, "y": 0.25}


def test_one_that_was_queued_before_a_setting_was_searched_is_not_queued_again(tmp_path: Path) -> None:
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        store.enqueue({"x": 0.5})
        suggest(store)
        suggest(store)  # drawn, with nothing queued
        store.enqueue({"x": 0.5, "y": 0.25})
        store.enqueue({"x": 0.25, "y": 0.25})
        assert suggest(store)[1] == {"x": 0.25, "y": 0.25}


def test_a_study_is_closed_without_waiting_for_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeps.place.BUSY_SECONDS", 1e6)
    writer = sqlite3.connect(tmp_path / "study.db")
    with opened(Place.local(tmp_path / "study.db"), "run", 0) as store:
        writer.execute("BEGIN IMMEDIATE")
        closing = threading.Thread(target=store.place.close, args=(store.storage,), daemon=True)
        closing.start()
        closing.join(30)
        writer.close()
        assert not closing.is_alive()


def test_a_damaged_study_is_named(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"this is no database at all, but it is long enough" * 40)
    with pytest.raises(DamagedFile, match=r"study\.db"), opened(Place.local(tmp_path / "study.db"), "run", 0):
        pass


def test_a_run_is_never_written_over_unasked(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path / "run")
    folder.check_new()
    folder.save_config(resolve("quick"))
    with pytest.raises(WeightloomError, match="--resume"):
        folder.check_new()
    (folder.path / "mine.txt").write_text("keep me")
    folder.clear()
    folder.check_new()
    assert [path.name for path in folder.path.iterdir()] == ["mine.txt"]


def test_a_run_is_continued_only_with_the_settings_it_began_with(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path / "quick")
    folder.save_config(resolve("quick"))
    folder.check_same(resolve("quick"))
    folder.check_same(resolve("quick", {"trials": 99, "tracker": "none", "exports.top": 3}))
    assert "trials" in CHANGEABLE
    with pytest.raises(WeightloomError, match=r"key 'zoo\.recipe\.steps' to be 150 .* got 151"):
        folder.check_same(resolve("quick", {"zoo.recipe.steps": 151}))
    with pytest.raises(WeightloomError, match=r"key 'families\.0\.settings\.hidden' to be None"):
        folder.check_same(resolve("quick", {"families.mlp.settings.hidden": 64}))


def test_differences_are_dotted_keys() -> None:
    first = {"a": 1, "b": {"c": (1, 2)}, "d": [1]}
    second = {"a": 1, "b": {"c": (1, 3)}, "d": [1, 2]}
    assert list(differences(first, second)) == [("b.c.1", 2, 3), ("d", [1], [1, 2])]
    assert list(differences(first, first)) == []


def test_one_sweep_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(path=tmp_path / "run")
    with locked(folder), pytest.raises(WeightloomError, match="another process"), locked(folder):
        pass
    with locked(folder):
        assert not folder.exists, "a lock alone is no run"
