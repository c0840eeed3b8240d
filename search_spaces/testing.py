"""The contract that every search space keeps, as a test class that a plug-in inherits.

class TestMySpace(SpaceContract):
@pytest.fixture
def space(self):
return MySpace(inputs=6, outputs=3)
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import optuna
import pytest

from search_spaces import choices
from search_spaces.architecture import Architecture, Genome, Value
from search_spaces.assembled import AssembledSpace
from search_spaces.blueprint import Blueprint
from search_spaces.choices import Choice, Grown, Product, Switch, Tree
from search_spaces.encoding import NODE_FEATURES, encode
from search_spaces.operations import flops, node_flops, node_parameters, parameters
from search_spaces.relaxation import Relaxable, one_hot, used
from search_spaces.space import SearchSpace

_SPAWNED = """
import hashlib, sys
from search_spaces import Architecture, encode
for line in sys.stdin:
    architecture = Architecture.from_json(line)
    arrays = encode(architecture)
    sha = hashlib.sha256(arrays.nodes.tobytes() + arrays.main.tobytes() + arrays.skip.tobytes())
    print(architecture.key, sha.hexdigest())
"""


class SpaceContract:
    """Inherit, and give a fixture ``space``; instances with few choices make the tests quick.

    Class attributes:
        samples: how many architectures are drawn.
        enumerable: spaces of at most so many genomes are compared with brute force.
    """

    samples: int = 12
    enumerable: int = 20_000

    @pytest.fixture
    def space(self) -> SearchSpace:
        """The space to be tested."""
        raise NotImplementedError("give the test class a fixture called space")

    @pytest.fixture
    def architectures(self, space: SearchSpace) -> Sequence[Architecture]:
        """Some of its architectures."""
        rng = np.random.default_rng(0)
        return [space.sample(rng) for _ in range(self.samples)]

    def test_tree_is_well_formed(self, space: SearchSpace) -> None:
        """A name stands for one set of options (Optuna asks for it) and comes once on any path."""
        options: dict[str, tuple[Value, ...]] = {}
        rng = np.random.default_rng(3)
        met = (_met(space.tree, rng) for _ in range(50))
        every = itertools.islice(_every_choice(space.tree), 5_000)  # of trees that grow, a corner; so draw some too
        for choice in itertools.chain(every, *met):
            assert options.setdefault(choice.name, choice.options) == choice.options, choice.name
        for path in itertools.islice(_paths(space.tree), 1000):
            assert len(set(path)) == len(path), path

    def test_samples_are_valid_and_repeat(self, space: SearchSpace) -> None:
        """Every sample is valid, and the same seed gives the same ones."""
        first, second = (
            [space.sample(rng) for _ in range(self.samples)]
            for rng in (np.random.default_rng(7), np.random.default_rng(7))
        )
        assert first == second
        for architecture in first:
            space.validate(architecture)
            assert architecture.space == space.name
            assert space.from_genome(dict(architecture.genome)) == architecture

    def test_what_is_begun_stays(self, space: SearchSpace) -> None:
        """What is certain after some genes is part of the whole, in its order; and not nothing."""
        if not isinstance(space, AssembledSpace):
            pytest.skip("not put together node by node")
        rng = np.random.default_rng(2)
        for _ in range(3):
            whole, genes = space.sample(rng), dict[str, Value]()
            for name in choices.taken(space.tree, dict(whole.genome)):
                begun = space.begun(genes)
                assert tuple(begun.nodes) == whole.nodes[: len(begun.nodes)]
                assert tuple(begun.edges) == whole.edges[: len(begun.edges)]
                genes[name] = dict(whole.genome)[name]
            assert tuple(space.begun(genes).nodes) == whole.nodes

    def test_samples_build_and_run(self, space: SearchSpace, architectures: Sequence[Architecture]) -> None:
        """Built modules turn a batch of flattened examples into finite logits."""
        import torch

        for architecture in architectures:
            module = space.build(architecture)
            logits = module(torch.randn(5, space.inputs))
            assert logits.shape == (5, space.outputs)
            assert bool(torch.isfinite(logits).all())

    def test_blueprint_matches_module(self, space: SearchSpace, architectures: Sequence[Architecture]) -> None:
        """Names, order and shapes of the blueprint are the real module's."""
        for architecture in architectures:
            blueprint, module = Blueprint.of(architecture), space.build(architecture)
            real = [(name, tuple(p.shape)) for name, p in module.named_parameters()]
            assert [(spec.name, spec.shape) for spec in blueprint.parameters] == real
            assert blueprint.parameter_count == sum(p.numel() for p in module.parameters())
            nodes = {node.name for node in architecture.nodes}
            assert {spec.node for spec in blueprint.parameters} <= nodes
            assert {node for node, _ in blueprint.maskable} <= nodes - {architecture.nodes[-1].name}

    def test_encoding(self, architectures: Sequence[Architecture]) -> None:
        """Arrays for encoders have a row per node and are finite."""
        for architecture in architectures:
            arrays = encode(architecture)
            count = len(architecture.nodes)
            assert arrays.nodes.shape == (count, NODE_FEATURES)
            assert arrays.main.shape == arrays.skip.shape == (count, count)
            assert np.isfinite(arrays.nodes).all()
            assert arrays.main.sum() + arrays.skip.sum() == len(architecture.edges)

    def test_json_round_trip(self, architectures: Sequence[Architecture]) -> None:
        """Reading what was written gives the same architecture, genome included."""
        for architecture in architectures:
            again = Architecture.from_json(architecture.to_json())
            assert (again, again.genome, again.key) == (architecture, architecture.genome, architecture.key)
            assert json.loads(again.to_json()) == architecture.to_dict()

    def test_key_is_stable_in_another_process(self, architectures: Sequence[Architecture]) -> None:
        """Key and encoding do not depend on Python's hash seed."""
        text = "\n".join(architecture.to_json() for architecture in architectures)
        outputs = {
            subprocess.run(
                [sys.executable, "-c", _SPAWNED],
                input=text,
                env={**os.environ, "PYTHONHASHSEED": seed},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for seed in ("1", "2")
        }
        assert len(outputs) == 1
        keys = [line.split()[0] for line in outputs.pop().splitlines()]
        assert keys == [architecture.key for architecture in architectures]

    def test_mutation(self, space: SearchSpace, architectures: Sequence[Architecture]) -> None:
        """One choice changes; other genes come and go only with the branch that it decides."""
        rng = np.random.default_rng(1)
        for architecture in architectures:
            mutant = space.mutate(architecture, rng)
            space.validate(mutant)
            before, after = space.genome(architecture), space.genome(mutant)
            changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
            if space.size > 1:
                assert len(changed) == 1
                assert changed[0] in _switches(space.tree, before) or before.keys() == after.keys()

    def test_neighbours(self, space: SearchSpace, architectures: Sequence[Architecture]) -> None:
        """Valid, all different, one choice away, and one for each other option of each gene."""
        for architecture in architectures[:4]:
            own = space.genome(architecture)
            expected = sum(len(c.options) - 1 for c in choices.taken(space.tree, own).values())
            seen = {architecture.genome}
            for neighbour in space.neighbours(architecture):
                space.validate(neighbour)
                genome = space.genome(neighbour)
                assert sum(own[name] != genome[name] for name in own.keys() & genome.keys()) == 1
                seen.add(neighbour.genome)
            assert len(seen) == expected + 1

    def test_crossover(self, space: SearchSpace, architectures: Sequence[Architecture]) -> None:
        """Valid, and every gene that a parent has comes from a parent."""
        rng = np.random.default_rng(2)
        for first, second in itertools.pairwise(architectures):
            child = space.crossover(first, second, rng)
            space.validate(child)
            parents = (space.genome(first), space.genome(second))
            for name, value in space.genome(child).items():
                values = {parent[name] for parent in parents if name in parent}
                assert not values or value in values
        same = architectures[0]
        assert space.crossover(same, same, rng) == same

    def test_size(self, space: SearchSpace) -> None:
        """The stated number of genomes is the number there are, or a bound that is said to be one."""
        if space.size > self.enumerable:
            pytest.skip(f"{space.size} genomes are too many to list")
        assert space.size_is_exact
        genomes = {tuple(sorted(genome.items())) for genome in _genomes(space.tree)}
        assert len(genomes) == space.size
        for genome in itertools.islice(genomes, 200):
            space.validate(space.from_genome(dict(genome)))

    def test_suggest(self, space: SearchSpace) -> None:
        """Optuna's parameters are the genes of the branches taken, and the same ones give the same graph."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
        for _ in range(self.samples):
            trial = study.ask()
            architecture = space.suggest(trial, prefix="space.")
            space.validate(architecture)
            assert trial.params == {f"space.{name}": value for name, value in architecture.genome}
            assert space.suggest(optuna.trial.FixedTrial(dict(architecture.genome))) == architecture
            study.tell(trial, 0.0)

    def test_relaxation(self, space: SearchSpace, architectures: Sequence[Architecture]) -> None:
        """With one-hot gates the supernet computes what each of the discrete architectures does, weights being equal.

        Its parameters and operations in use are theirs, and the genome comes back.
        """
        if not isinstance(space, Relaxable):
            pytest.skip(f"{space.name} has no relaxation")
        import torch

        from search_spaces.network import GraphNetwork

        torch.manual_seed(0)
        for architecture in architectures:
            genome = space.genome(architecture)
            relaxation = space.relax(genome)
            assert relaxation.genome(genome) == genome
            gates = [float(gate(one_hot(genome))) for gate in relaxation.gates]
            assert set(gates) <= {0.0, 1.0}
            supernet, plain = GraphNetwork(relaxation.architecture), GraphNetwork(architecture)
            for parameter in supernet.parameters():
                torch.nn.init.normal_(parameter, std=0.5)
            in_use = used(relaxation, gates)
            states = {name: module.state_dict() for name, module in supernet.named_children() if in_use[name]}
            for name, module in plain.named_children():
                if list(module.parameters()):
                    module.load_state_dict(
                        _only(state for place, state in states.items() if place.split("__")[0] == name)
                    )
            x = torch.randn(5, space.inputs)
            assert torch.allclose(supernet(x, None, torch.tensor(gates)), plain(x), rtol=1e-5, atol=1e-5)
            for count, total in ((node_parameters, parameters), (node_flops, flops)):
                costs = count(relaxation.architecture)
                assert sum(cost for name, cost in costs.items() if in_use[name]) == total(architecture)


def _only(items: Iterator[Any]) -> Any:
    (item,) = items
    return item


def _met(tree: Tree, rng: np.random.Generator) -> list[Choice]:
    """The choices on one random way through the tree."""
    found: list[Choice] = []

    def decide(choice: Choice) -> Value:
        found.append(choice)
        return choice.options[int(rng.integers(len(choice.options)))]

    choices.walk(tree, decide)
    return found


def _every_choice(tree: Tree) -> Iterator[Choice]:
    """Every choice of every branch, as often as it occurs."""
    if isinstance(tree, Choice):
        yield tree
    elif isinstance(tree, Product):
        for child in tree.children:
            yield from _every_choice(child)
    elif isinstance(tree, Grown):
        yield from _every_choice(tree.tree)
    else:
        yield tree.choice
        for _, branch in tree.branches:
            yield from _every_choice(branch)


def _switches(tree: Tree, genome: Genome) -> set[str]:
    """Names of the switches on a genome's way."""
    if isinstance(tree, Switch):
        return {tree.name} | _switches(dict(tree.branches)[genome[tree.name]], genome)
    if isinstance(tree, Grown):
        return _switches(tree.tree, genome)
    return set().union(*(_switches(child, genome) for child in tree.children)) if isinstance(tree, Product) else set()


def _paths(tree: Tree) -> Iterator[tuple[str, ...]]:
    """The names met on each way through the tree, one way at a time."""
    if isinstance(tree, Choice):
        yield (tree.name,)
    elif isinstance(tree, Product):
        if not tree.children:
            yield ()
            return
        for first in _paths(tree.children[0]):
            for rest in _paths(Product(tree.children[1:])):
                yield (*first, *rest)
    elif isinstance(tree, Grown):
        yield from _paths(tree.tree)
    else:
        for _, branch in tree.branches:
            for path in _paths(branch):
                yield (tree.name, *path)


def _genomes(tree: Tree) -> Iterator[dict[str, Value]]:
    """Every genome, by brute force."""
    if isinstance(tree, Choice):
        for value in tree.options:
            yield {tree.name: value}
    elif isinstance(tree, Product):
        for parts in itertools.product(*(list(_genomes(child)) for child in tree.children)):
            genome: dict[str, Value] = {}
            for part in parts:
                genome |= part
            yield genome
    elif isinstance(tree, Grown):
        yield from _genomes(tree.tree)
    else:
        for value, branch in tree.branches:
            for rest in _genomes(branch):
                yield {tree.name: value} | rest
