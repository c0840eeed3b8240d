"""Folders kept at a URL, on fsspec's memory and file systems."""

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search_spaces import WeightloomError
from workbench.remote import Remote


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{secrets.token_hex(4)}/runs" if request.param == "memory" else (tmp_path / "off").as_uri()


def test_what_is_sent_can_be_fetched_and_only_changes_travel(url: str, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name, text in (("a.json", "{}"), ("generators/t-0/w.safetensors", "w"), ("checkpoints/000", "c")):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text)
    for name in (".lock", "study.db-wal", "x.pkl"):
        (here / name).write_text("means nothing elsewhere")
    remote = Remote(url)
    assert remote.names("run") == []
    assert remote.send(here, "run") == 3
    assert remote.send(here, "run") == 0
    assert remote.names("run") == ["a.json", "checkpoints/000", "generators/t-0/w.safetensors"]
    (here / "checkpoints" / "000").unlink()
    (here / "a.json").write_text('{"b": 1}')
    assert remote.send(here, "run") == 1
    other = Remote(url)
    assert other.fetch("run", there, only=("generators",)) == 1
    assert other.fetch("run", there) == 1
    assert {str(p.relative_to(there)): p.read_text() for p in there.rglob("*") if p.is_file()} == {
        "a.json": '{"b": 1}',
        "generators/t-0/w.safetensors": "w",
    }
    assert other.send(there, "run") == 0, "what was fetched is not sent back"
    other.remove("run")
    assert Remote(url).names("run") == []


def test_a_file_cut_off_on_its_way_is_not_seen(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    file = tmp_path / "here" / "summary.json"
    file.write_text("whole")
    remote = Remote(url)
    remote.send(tmp_path / "here", "run")
    put = remote._files.pipe_file

    def cut_off(path: str, content: bytes) -> None:
        put(path, content[:3])
        raise OSError("the network is gone")

    monkeypatch.setattr(remote._files, "pipe_file", cut_off)
    file.write_text("another one")
    with pytest.raises(WeightloomError, match=r"OSError: the network is gone; .* --resume"):
        remote.send(tmp_path / "here", "run")
    monkeypatch.undo()
    assert Remote(url).names("run") == ["summary.json"]
    Remote(url).fetch("run", tmp_path / "there")
    assert (tmp_path / "there" / "summary.json").read_text() == "whole"
    assert remote.send(tmp_path / "here", "run") == 1, "it is tried again"


def test_a_database_is_sent_as_it_is_at_one_moment(url: str, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    with closing(sqlite3.connect(tmp_path / "here" / "study.db")) as writer:
        writer.execute("PRAGMA journal_mode=WAL")
        writer.execute("CREATE TABLE t (x)")
        writer.execute("INSERT INTO t VALUES (1)")
        writer.commit()
        writer.execute("INSERT INTO t VALUES (2)")  # in the middle of writing
        Remote(url).send(tmp_path / "here", "run")
    assert Remote(url).names("run") == ["study.db"]
    Remote(url).fetch("run", tmp_path / "there")
    with closing(sqlite3.connect(tmp_path / "there" / "study.db")) as reader:
        assert reader.execute("SELECT x FROM t").fetchall() == [(1,)]
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@settings(max_examples=50)
@given(parts=st.lists(st.sampled_from(["..", "a", "b\\..", "c"]), min_size=1, max_size=5))
def test_no_name_leads_out_of_the_folder(parts: list[str]) -> None:
    remote = Remote(f"memory://{secrets.token_hex(4)}")
    files = fsspec.filesystem("memory")
    files.store[f"{remote._path('run')}/{'/'.join(parts)}"] = files.open("/empty", "wb")
    files.pseudo_dirs.append(remote._path("run"))
    hostile = ".." in parts or any("\\" in part for part in parts)
    if hostile:
        with pytest.raises(WeightloomError, match="expected names inside of run"):
            remote.names("run")
    else:
        assert remote.names("run") == ["/".join(parts)]


def test_urls_that_are_none_are_refused_without_their_secrets() -> None:
    for url in ("runs/here", "nosuch://me:planted-Secret-2@host/x"):
        with pytest.raises(WeightloomError, match="expected a URL that fsspec knows") as refused:
            Remote(url)
        assert "planted-Secret-2" not in str(refused.value)
