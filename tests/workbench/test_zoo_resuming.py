"""A zoo whose training is killed goes on from the batches that are whole, and ends with the very same file."""

import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from generators.generated import Generated
from search_spaces import SPACES
from workbench.execution import shared_out
from workbench.tasks import load_task
from workbench.zoo import Recipe, Zoo, ZooConfig, batched, open_zoo
from workbench.zoo.building import Plan
from workbench.zoo.stored import GROUPS

BRIEF = Recipe(steps=10, check_every=10)
CONFIG = ZooConfig(pool=12, networks=12, validation=2, test=2, seeds=2, recipe=BRIEF, real_recipe=BRIEF)
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import test_zoo_resuming as ours
from workbench.zoo import batched, parts, stored

def dying(call, after):
    def counted(*args, **others):
        global left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*args, **others)
    global left
    left = after
    return counted

batched.AT_ONCE = 2
if sys.argv[3] == "training":
    parts.Parts.write = dying(parts.Parts.write, 3)
else:
    stored.NetworksWriter.put = dying(stored.NetworksWriter.put, 4)
ours.opened(Path(sys.argv[2]))
"""


def opened(folder: Path, progress: Callable[[str, int, int], None] | None = None) -> Zoo:
    task = load_task("digits")
    return open_zoo(task, SPACES.load("mlp")(inputs=task.inputs, outputs=task.classes), CONFIG, folder, progress)


def networks_of(folder: Path) -> bytes:
    return next(folder.glob("*/networks.safetensors")).read_bytes()


def parts_of(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*.parts/*"))


@pytest.fixture(autouse=True)
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[int]]:
    """The seeds of each batch that is trained here, two networks in each batch."""
    found: list[Sequence[int]] = []
    train = batched.train_networks

    def counted(task: Any, tokenizer: Any, blueprints: Any, seeds: Any, *args: Any, **others: Any) -> Any:
        found.append(seeds)
        return train(task, tokenizer, blueprints, seeds, *args, **others)

    monkeypatch.setattr(batched, "AT_ONCE", 2)
    monkeypatch.setattr(batched, "train_networks", counted)
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Of a training that was never cut off."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batched, "AT_ONCE", 2)
        opened(folder)
    return networks_of(folder)


def test_it_is_the_file_that_safetensors_would_write(whole: bytes) -> None:
    task = load_task("digits")
    plan = Plan.of(task, SPACES.load("mlp")(inputs=task.inputs, outputs=task.classes), CONFIG)

    def joined(training: batched.Training) -> tuple[Generated, torch.Tensor]:
        numbers = range(len(training.batches))
        parts = list(training.trained(numbers))
        layouts = [training.tokenizer.batch([training.blueprints[i] for i in batch]) for batch in training.batches]
        networks = [
            Generated(
                tokenizer=training.tokenizer,
                layout=layout,
                tokens=part.tokens,
                open_neurons=part.open_neurons,
                gates=part.gates,
            )
            for layout, part in zip(layouts, parts, strict=True)
        ]
        back = torch.argsort(torch.tensor([row for number in numbers for row in training.rows(number)]))
        together = Generated.concatenate(networks).select(back.tolist())
        return together, torch.cat([part.scores for part in parts])[back]

    real, scores = joined(plan.real)
    test, validation = range(plan.test), range(plan.test, len(real))
    groups = {
        "training": joined(plan.training),
        "validation": (real.select(validation), scores[list(validation)]),
        "test": (real.select(test), scores[list(test)]),
    }
    lengths = {networks.tokens.shape[1] for networks, _ in groups.values()}
    assert len(lengths) > 1, "or padding is not tested"
    tensors = {}
    for group in GROUPS:
        networks, own = groups[group]
        tensors |= {f"{group}.tokens": networks.tokens, f"{group}.open": networks.open_neurons}
        tensors |= {f"{group}.gates": networks.gates, f"{group}.scores": own}
    assert whole == save({name: tensor.contiguous() for name, tensor in tensors.items()})


def test_killed_twice_it_ends_with_the_same_file(tmp_path: Path, whole: bytes, trained: list[Sequence[int]]) -> None:
    def killed(where: str) -> None:
        own = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path), where]
        assert subprocess.run(own, check=False).returncode == -signal.SIGKILL

    killed("training")
    first = {path: path.stat().st_mtime_ns for path in parts_of(tmp_path)}
    assert len(first) == 3
    killed("file")
    assert {path: path.stat().st_mtime_ns for path in first} == first, "nothing is trained twice"
    assert not list(tmp_path.glob("*/networks.safetensors"))
    told: list[tuple[int, int]] = []
    opened(tmp_path, lambda stage, done, total: told.append((done, total)))
    assert trained == []
    assert told[-1][0] == told[-1][1] == (20 + 2 * 2) * BRIEF.steps
    assert networks_of(tmp_path) == whole
    assert [path.name[0] for path in tmp_path.iterdir()].count(".") == 0, "nothing is left behind"


class CutOffError(Exception):
    pass


def cut_off(folder: Path) -> None:
    """A training that ends after all training networks."""

    def stop(stage: str, done: int, total: int) -> None:
        if done > 12 * BRIEF.steps:
            raise CutOffError

    with pytest.raises(CutOffError):
        opened(folder, stop)


def test_damaged_and_foreign_parts_are_trained_again(
    tmp_path: Path, whole: bytes, trained: list[Sequence[int]]
) -> None:
    cut_off(tmp_path)
    parts = parts_of(tmp_path)
    assert len(parts) == 7
    content = bytearray(parts[0].read_bytes())
    content[-1] ^= 1
    parts[0].write_bytes(content)
    parts[2].write_bytes(parts[2].read_bytes()[:-7])
    parts[3].write_bytes(parts[4].read_bytes())
    parts[5].write_bytes(b"")
    trained.clear()
    opened(tmp_path)
    assert len(trained) == 4 + 6, "four of seven batches of training networks, and the real ones, two of them again"
    assert networks_of(tmp_path) == whole


def test_parts_of_other_settings_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with another number of networks in a batch the parts are others, and so is the file."""
    cut_off(tmp_path)
    monkeypatch.setattr(batched, "AT_ONCE", 3)
    opened(tmp_path / "other")
    opened(tmp_path)
    assert networks_of(tmp_path) == networks_of(tmp_path / "other")


def test_that_file_is_another(tmp_path: Path, whole: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched, "AT_ONCE", 3)
    opened(tmp_path)
    assert networks_of(tmp_path) != whole


def test_two_at_once_do_not_hurt_each_other(tmp_path: Path, whole: bytes, trained: list[Sequence[int]]) -> None:
    others: list[Zoo] = []

    def faster(stage: str, done: int, total: int) -> None:
        if not others:
            others.append(opened(tmp_path))

    slower = opened(tmp_path, faster)
    assert torch.equal(slower.training.tokens, others[0].training.tokens)
    assert len(trained) == 1 + 13, "the slower one sees that it need not go on"
    assert networks_of(tmp_path) == whole
    assert len(list(tmp_path.iterdir())) == 1


class Cluster:
    """Runs calls as other processes would get them."""

    size = 2

    def each(self, call: Any, jobs: Sequence[Any]) -> Iterator[Any]:
        for job in jobs:
            yield pickle.loads(pickle.dumps(call(pickle.loads(pickle.dumps(job)))))


def test_it_goes_on_in_other_processes(
    tmp_path: Path, whole: bytes, trained: list[Sequence[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched, "ALONE", 1)
    with shared_out(Cluster()):
        cut_off(tmp_path)
        trained.clear()
        opened(tmp_path)
    assert len(trained) == 6
    assert networks_of(tmp_path) == whole
