"""Relaxed gates on planted tasks, where it is known which operation matters; their record, costs and alarms."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
import torch

from generators.generator import Generator
from generators.registry import make_generator
from search_spaces import Architecture, Choice, DamagedFile, MLPSpace, SearchSpace, WeightloomError
from search_spaces.architecture import Genome
from search_spaces.assembly import DATA_NAME, Assembly
from search_spaces.cell import CellSpace
from search_spaces.choices import Tree
from search_spaces.dag import DagSpace
from search_spaces.operations import flops, parameters
from search_spaces.relaxation import Relaxation, Supernet, discrete, when
from workbench import own_generator
from workbench.execution import run, run_parts
from workbench.own_generator import train_own
from workbench.relaxed import GateConfig, RelaxedConfig, open_relaxed, relaxable, search
from workbench.relaxed.gates import optimise
from workbench.relaxed.mixture import Mixture, emit
from workbench.relaxed.objective import SupernetObjective
from workbench.relaxed.outcome import collapse, outcome
from workbench.tasks import Split, Task
from workbench.tasks.task import split_task
from workbench.training import TrainingConfig

LENGTH, CHANNELS = 10, 6


def layer(graph: Assembly, name: str, value: str, kernel: int) -> str:
    settings = {"activation": "none", "channels": CHANNELS, "groups": 1, "kernel": kernel, "norm": "group", "stride": 1}
    return graph.add(name, "conv", value, [], **settings)


class OneChoice(SearchSpace):
    """Between two places that look at single positions one operation, of which only ``conv`` sees neighbours."""

    name = "one-choice"

    @property
    def tree(self) -> Tree:
        return Choice("between", ("none", "skip", "conv"))

    def compose(self, genome: Genome) -> Architecture:
        graph = Assembly(self.shape)
        value = layer(graph, "stem", DATA_NAME, 1)
        if genome["between"] == "conv":
            value = layer(graph, "between", value, 3)
        elif genome["between"] == "none":
            value = graph.add("nothing", "zero", value)
        self._head(graph, value)
        return graph.finish(self.name, genome)

    def relax(self, genome: Genome) -> Relaxation:
        graph = Supernet(self.shape)
        stem = layer(graph, "stem", DATA_NAME, 1)
        conv = layer(graph, "between__conv", stem, 3)
        self._head(graph, graph.mix("mixed", [(stem, when("between", "skip")), (conv, when("between", "conv"))]))
        return graph.relaxation(self.name, [self.tree], genome)  # type: ignore[list-item]

    def _head(self, graph: Assembly, value: str) -> None:
        value = graph.add("relu", "activation", value, kind="relu")
        value = graph.add("mean", "global_pool", value, kind="avg")
        graph.add("output", "dense", value, activation="none", norm="none", width=self.outputs)


SPACE = OneChoice(inputs=LENGTH, outputs=2, shape=(1, LENGTH))
GATES = GateConfig(steps=60, batch_size=64, learning_rate=0.2)


def pulses(steps: tuple[int, int]) -> Task:
    """Two pulses, one apart or two; seen position by position, both classes are the same numbers."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=600)
    x = np.zeros((600, LENGTH))
    start = rng.integers(1, LENGTH - 3, size=600)
    x[np.arange(600), start] = 1.0
    x[np.arange(600), start + np.asarray(steps)[y]] = 1.0
    return split_task("pulses", x + 0.02 * rng.normal(size=x.shape), y, shape=(1, LENGTH))


def signs() -> Task:
    """Pulses in one class are negative, which each position shows."""
    task = pulses((2, 2))
    return replace(task, **{
        name: Split(x=split.x * (2 * split.y[:, None] - 1), y=split.y)
        for name, split in (("train", task.train), ("validation", task.validation), ("test", task.test))
    })  # fmt: skip


def learned(task: Task, mixture: Mixture) -> Generator:
    training = TrainingConfig(steps=150, architectures=3, batch_size=64, input_noise=0.0, learning_rate=5e-3)
    config = RelaxedConfig(steps=150, settings={"latent_start": 0.1, "change": 0.3})
    return train_own(config, training, SupernetObjective(task, [mixture], training))


def ended(
    generator: Generator, mixture: Mixture, task: Task, config: GateConfig = GATES, seed: int = 0
) -> torch.Tensor:
    (logits,) = optimise(generator, [mixture], task.train, config, seed=seed, noise=0.0)
    return mixture.chances(logits / config.last_temperature)


MIXTURE = Mixture(SPACE.relax({"between": "none"}), 32)
NONE, SKIP, CONV = (MIXTURE.of_genome({"between": option}) for option in ("none", "skip", "conv"))


@pytest.fixture(scope="module")
def neighbours() -> tuple[Task, Generator]:
    task = pulses((1, 2))
    return task, learned(task, MIXTURE)


def test_gates_move_to_the_operation_that_matters(neighbours: tuple[Task, Generator]) -> None:
    task, generator = neighbours
    chances = ended(generator, MIXTURE, task)
    assert MIXTURE.genome(MIXTURE.corner(chances)) == {"between": "conv"}
    assert chances[2] > 0.95
    record = outcome(generator, MIXTURE, chances, task.validation)
    assert record.relaxed > 0.9
    assert record.discrete > 0.9
    assert abs(record.gap) < 0.05, "gates that are nearly one-hot lose nothing"
    assert record.alarm is None
    skipping = outcome(generator, MIXTURE, SKIP, task.validation)
    assert skipping.discrete < 0.7, "the task needs the convolution"


def test_the_gap_of_undecided_gates_is_seen(neighbours: tuple[Task, Generator]) -> None:
    """Even chances with a little more for ``none``: the mixture may work, what it is cut down to guesses."""
    task, generator = neighbours
    record = outcome(generator, MIXTURE, torch.tensor([0.34, 0.1, 0.56]), task.validation)
    worse = outcome(generator, MIXTURE, torch.tensor([0.40, 0.22, 0.38]), task.validation)
    assert record.gap == pytest.approx(record.relaxed - record.discrete)
    assert worse.discrete < 0.6
    assert worse.gap > 0.1
    assert worse.alarm is not None


def test_cost_is_weighed_against_the_loss_and_a_collapse_raises_the_alarm() -> None:
    task = signs()
    generator = learned(task, MIXTURE)
    weighed = ended(generator, MIXTURE, task, GATES.model_copy(update={"cost_weight": 0.3}))
    assert MIXTURE.genome(MIXTURE.corner(weighed)) == {"between": "skip"}, "a convolution is not needed here"
    record = outcome(generator, MIXTURE, weighed, task.validation)
    assert record.discrete > 0.9
    assert record.alarm is not None
    assert "parameter-free operations on all paths" in record.alarm
    assert "between=skip" in record.alarm
    too_much = ended(generator, MIXTURE, task, GATES.model_copy(update={"cost_weight": 50.0, "cost": "parameters"}))
    assert MIXTURE.genome(MIXTURE.corner(too_much)) == {"between": "none"}


def cells(*operations: str) -> torch.Tensor:
    genome = {f"edge_{a}_{b}": op for (a, b), op in zip(CELL_EDGES, operations, strict=True)}
    return CELL.of_genome(genome)


CELL_EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
CELL = Mixture(CellSpace(inputs=16, outputs=3, shape=(1, 16)).relax({}), 4)


@pytest.mark.parametrize(
    ("operations", "alarm"),
    [
        (("skip_connect",) * 6, "parameter-free operations on all paths"),
        (("none",) * 6, "parameter-free"),
        (("none", "none", "nor_conv_3x3", "skip_connect", "nor_conv_3x3", "avg_pool_3x3"), "parameter-free"),
        (("none", "none", "none", "skip_connect", "none", "none"), "parameter-free"),
        (("skip_connect",) * 5 + ("nor_conv_1x1",), r"\d+% of the usual"),
        (("skip_connect",) * 4 + ("nor_conv_3x3",) * 2, None),
        (("nor_conv_3x3",) * 6, None),
    ],
)
def test_the_alarm_goes_by_what_is_on_the_paths(operations: Sequence[str], alarm: str | None) -> None:
    """Also where convolutions were chosen on edges that nothing comes to."""
    found = collapse(CELL, cells(*operations))
    assert (found is None) == (alarm is None)
    assert re.search(alarm or "", found or "")


def test_nothing_to_warn_of_where_no_option_has_parameters_of_its_own_or_all_have() -> None:
    space = MLPSpace(inputs=6, outputs=3)
    genome = {"norm": "none", "depth": 1, "width_1": 8, "activation_1": "tanh"}
    mixture = Mixture(space.relax(genome), 4)
    assert collapse(mixture, mixture.of_genome(genome)) is None


def test_costs_of_a_corner_are_those_of_the_architecture_and_between_corners_they_have_gradients() -> None:
    space = CellSpace(inputs=16, outputs=3, shape=(1, 16))
    rng = np.random.default_rng(0)
    for _ in range(10):
        architecture = space.sample(rng)
        corner = CELL.of_genome(space.genome(architecture))[None]
        assert float(CELL.cost(corner, "flops")) == pytest.approx(flops(architecture))
        assert float(CELL.cost(corner, "parameters")) == pytest.approx(parameters(architecture))
        assert CELL.genome(corner[0]) == space.genome(architecture)
    logits = torch.zeros(CELL.options, requires_grad=True)
    CELL.cost(CELL.chances(logits)[None], "flops")[0].backward()
    assert logits.grad is not None
    convolution = logits.grad.view(6, 5)[:, 3]
    assert (convolution > 0).all(), "more of a convolution costs more"


def test_what_is_cut_out_of_a_supernet_computes_what_its_gates_say() -> None:
    generator = make_generator("mlp", {})
    space = CellSpace(inputs=16, outputs=3, shape=(1, 16))
    architectures = space.sample_distinct(6, np.random.default_rng(0))
    corners = [CELL_32.of_genome(space.genome(a)) for a in architectures]
    x = torch.randn(5, 16)
    networks = emit(generator, [CELL_32] * 6, corners)
    parts = [discrete(CELL_32.relaxation, space.genome(a)) for a in architectures]
    assert [part.key for part in parts] == [a.key for a in architectures]
    assert torch.allclose(run_parts(networks, parts, x), run(networks, x), atol=1e-4)


CELL_32 = Mixture(CellSpace(inputs=16, outputs=3, shape=(1, 16)).relax({}), 32)


def test_the_generator_hears_the_chances() -> None:
    generator = make_generator("mlp", {})
    chances = torch.tensor([0.2, 0.3, 0.5], requires_grad=True)
    emit(generator, [MIXTURE], [CONV], [chances]).tokens.sum().backward()
    assert chances.grad is not None
    assert (chances.grad != 0).all(), "gates closed, gradients come through the generator alone"


SMALL = RelaxedConfig(steps=3, architectures=2, batch_size=8, supernets=3, gates=GateConfig(steps=3, networks=2))


def fail(*_: object, **__: object) -> NoReturn:
    raise AssertionError("made again")


def test_same_seed_same_gates_and_nothing_is_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = pulses((1, 2))
    one, two = (open_relaxed(task, SPACE, SMALL, 0, tmp_path / name, 0.1) for name in "ab")
    other = open_relaxed(task, SPACE, SMALL, 1, tmp_path / "a", 0.1)
    assert [e.tolist() for e in one.logits] == [e.tolist() for e in two.logits] != [e.tolist() for e in other.logits]
    assert one.outcome == two.outcome
    assert one.seconds > 0
    monkeypatch.setattr(own_generator, "train_generator", fail)
    monkeypatch.setattr(search, "optimise", fail)
    again = open_relaxed(task, SPACE, SMALL, 0, tmp_path / "a", 0.1)
    assert (again.discretised, again.outcome, again.seconds) == (one.discretised, one.outcome, one.seconds)
    rng = np.random.default_rng(0)
    assert {again.sample(place, rng)["between"] for place in range(40)} == {"none", "skip", "conv"}
    with pytest.raises(AssertionError, match="made again"):
        open_relaxed(task, SPACE, SMALL, 2, tmp_path / "a", 0.1)


def test_what_was_cut_off_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while gates were optimised: the generator is kept. Other gates share it too."""
    task = pulses((1, 2))
    with monkeypatch.context() as patch:
        patch.setattr(search, "optimise", fail)
        with pytest.raises(AssertionError, match="made again"):
            open_relaxed(task, SPACE, SMALL, 0, tmp_path, 0.1)
    monkeypatch.setattr(own_generator, "train_generator", fail)
    cheap = SMALL.model_copy(update={"gates": GateConfig(steps=3, networks=2, cost_weight=1.0)})
    for config in (SMALL, cheap):
        assert open_relaxed(task, SPACE, config, 0, tmp_path, 0.1).outcome.certainty > 0.3
    assert len(list(tmp_path.rglob("gates-*.json"))) == 2


@pytest.mark.parametrize("change", ['"certainty"', '"logits"', '"schema": 1'])
def test_damaged_gates_are_never_used(change: str, tmp_path: Path) -> None:
    task = pulses((1, 2))
    open_relaxed(task, SPACE, SMALL, 0, tmp_path, 0.1)
    (path,) = tmp_path.rglob("gates-*.json")
    assert change in path.read_text()
    path.write_text(path.read_text().replace(change, '"other": 1' if ":" in change else '"other"'))
    with pytest.raises(DamagedFile, match=path.name):
        open_relaxed(task, SPACE, SMALL, 0, tmp_path, 0.1)
    assert json.loads(path.read_text())


def test_held_genes_are_drawn_and_stay(tmp_path: Path) -> None:
    space = MLPSpace(inputs=LENGTH, outputs=2, shape=(1, LENGTH), depths=(2, 3), widths=(4, 8))
    found = open_relaxed(pulses((1, 2)), space, SMALL, 0, tmp_path, 0.1)
    assert len(found.discretised) == len({m.relaxation.held for m in found.mixtures}) == 3
    for place, (genome, mixture) in enumerate(zip(found.discretised, found.mixtures, strict=True)):
        assert dict(mixture.relaxation.held).items() <= genome.items()
        space.from_genome(genome)
        sample = found.sample(place + 3, np.random.default_rng(0))
        assert dict(mixture.relaxation.held).items() <= sample.items()
        space.from_genome(sample)


def test_what_cannot_be_relaxed_is_refused(tmp_path: Path) -> None:
    task = pulses((1, 2))
    dag = DagSpace(inputs=LENGTH, outputs=2, shape=(1, LENGTH))
    with pytest.raises(
        WeightloomError, match=r"can be relaxed \(cell, conv1d, conv2d, macro, mlp\), got dag; "
    ) as error:
        relaxable(dag)
    assert "\n" not in str(error.value)
    linear = MLPSpace(inputs=LENGTH, outputs=2, shape=(1, LENGTH), depths=(0,))
    with pytest.raises(WeightloomError, match="got none in"):
        open_relaxed(task, linear, SMALL, 0, tmp_path, 0.1)
    with pytest.raises(WeightloomError, match="family whose generators read a latent vector, got diffusion"):
        open_relaxed(task, SPACE, SMALL.model_copy(update={"family": "diffusion"}), 0, tmp_path, 0.1)
