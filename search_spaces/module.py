"""Any ``nn.Module`` of a user's as a search space."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, final

from search_spaces import choices
from search_spaces.architecture import Architecture, Genome, Value
from search_spaces.choices import Choice, Product, Switch, Tree
from search_spaces.errors import UnknownName, WeightloomError
from search_spaces.operations import Shape
from search_spaces.registry import SPACES
from search_spaces.space import SearchSpace

if TYPE_CHECKING:
    from torch import nn

    from search_spaces.network import Network

SKIP, WIDTH, GENE = "skip.", "width.", "gene."
TAKEN = ("module", "compacted")
"""Names that stand for architectures without a space."""


class ModuleSpace(SearchSpace):
    """A module of your own, one point, unless you say what there is to choose.

    Nothing of the module is written into a file but names, shapes and genes: whoever reads one has to have the space
    installed, and gets an error if it makes another module than it did.

    Class attributes:
        arguments: of `make`, each with its options: heads, depth, channels, whatever the module's code can do.
        skippable: paths of submodules (``blocks.1``) that may be left out, with their input in their place; where
            one is left in, a generator may still close it. Input and output must have one shape.
        version: a number to be changed when the module's code comes to compute something else from the same layers,
            which nobody can see from outside; then nothing that was kept for the old one is taken for the new one.
        narrowable: per path of a linear layer or convolution how many of its output neurons or channels stay; the
            others put out zero and have no parameters.
    """

    arguments: ClassVar[Mapping[str, tuple[Value, ...]]] = {}
    skippable: ClassVar[tuple[str, ...]] = ()
    narrowable: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    version: ClassVar[int] = 1

    @final
    def __init__(self, *, inputs: int, outputs: int, shape: Shape | None = None) -> None:
        self._check_words()
        super().__init__(inputs=inputs, outputs=outputs, shape=shape)
        _ = self.signature  # so that mistakes are said at once
        _MADE[self.name, self.shape, self.outputs] = self

    @abstractmethod
    def make(self, *args: Any, **kwargs: Any) -> nn.Module:
        """A new module with fresh weights, from a choice of ``arguments``.

        It takes a batch ``[batch, *self.shape]`` and gives logits ``[batch, self.outputs]``, those of an example
        whatever the others in the batch.
        """

    @final
    @cached_property
    def tree(self) -> Tree:
        """Arguments, then what may be skipped, with what is within it, and narrowed."""
        named = tuple(Choice(name, tuple(options)) for name, options in self.arguments.items())
        return Product((*named, *self._within("")))

    @final
    @cached_property
    def signature(self) -> str:
        """The key of the architecture of all first options: other layers are another space."""
        return self.compose(choices.walk(self.tree, lambda choice: choice.options[0])).key

    @final
    def compose(self, genome: Genome) -> Architecture:
        """The graph read off the module on the meta device (cached)."""
        return _composed(self, tuple(sorted(genome.items())))

    @final
    def network(self, architecture: Architecture) -> Network:
        """The network of one of this space's architectures, with fresh weights.

        Buffers, which no generator emits, are made with a fixed seed: equal wherever the network is rebuilt.

        Raises:
            WeightloomError: the space makes another module than the architecture tells of.
        """
        import torch

        from search_spaces.module_network import ModuleNetwork

        genome = self.genome(architecture)
        if self.compose(genome) != architecture:
            raise WeightloomError(
                f"space {self.name}: expected a module that makes {architecture}, got {self.compose(genome)}; "
                "the space or the file was altered since: train or sample anew, or install the space as it was"
            )
        module = self._made(genome)
        if next(module.buffers(), None) is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                again = self._made(genome)
            for name, buffer in again.named_buffers():
                path, _, own = name.rpartition(".")
                setattr(module.get_submodule(path), own, buffer)
        return ModuleNetwork(architecture, module, self.shape).eval()

    @final
    def without(self, architecture: Architecture, closed: frozenset[tuple[str, str]]) -> Architecture:
        """The architecture in which layers with a closed wire are skipped for good: it computes the same."""
        from search_spaces.tracing import MAY_SKIP

        own = self.genome(architecture)
        gone = {SKIP + target.removesuffix(MAY_SKIP) for _, target in closed}
        return self.compose(choices.walk(self.tree, lambda c: True if c.name in gone else own[c.name]))

    def _within(self, path: str) -> tuple[Tree, ...]:
        """The choices about submodules below ``path`` but not below another that may be skipped."""
        below = [p for p in self.skippable if p != path and _lies_in(p, path)]
        top = [p for p in below if not any(q != p and _lies_in(p, q) for q in below)]
        found: list[Tree] = [
            Choice(WIDTH + p, tuple(options))
            for p, options in self.narrowable.items()
            if _lies_in(p, path) and not any(_lies_in(p, q) for q in top)
        ]
        for p in top:
            found.append(Switch(SKIP + p, ((False, Product(self._within(p))), (True, Product(())))))
        return tuple(found)

    def _made(self, genome: Genome) -> nn.Module:
        """The user's module as a genome wants it, on torch's default device."""
        import torch
        from torch import nn

        from search_spaces.module_surgery import narrow, skip

        chosen = {name: genome[name] for name in self.arguments}
        try:
            module = self.make(**chosen)
        except Exception as error:
            if torch.get_default_device().type != "meta":
                raise self._failed(chosen, error) from error
            with torch.device("cpu"):  # its code may look at numbers, which the meta device has none of
                try:
                    module = self.make(**chosen)
                except Exception as again:
                    raise self._failed(chosen, again) from again
        if not isinstance(module, nn.Module):
            raise WeightloomError(f"space {self.name}: make: expected an nn.Module, got {type(module).__name__}")
        if torch.get_default_device().type == "meta":
            module = module.to("meta")
        paths = dict(module.named_modules(remove_duplicate=False))
        for path in (*self.skippable, *self.narrowable):
            if path not in paths or not path:
                raise UnknownName("submodule", path, filter(None, paths))
        for path in self.narrowable:
            if WIDTH + path in genome:
                narrow(module, path, int(genome[WIDTH + path]))
        for path in self.skippable:
            if genome.get(SKIP + path):
                skip(module, path)
        return module.eval()

    def _failed(self, chosen: Mapping[str, Value], error: Exception) -> WeightloomError:
        said = ", ".join(f"{name}={value!r}" for name, value in chosen.items())
        return WeightloomError(
            f"space {self.name}: expected make({said}) to give a module, got {type(error).__name__}: {error}; "
            "mend it, or take the values it cannot take out of 'arguments'"
        )

    def _check_words(self) -> None:
        name = getattr(self, "name", None)
        if not isinstance(name, str) or name in TAKEN:
            raise WeightloomError(
                f"space {type(self).__name__}: expected a class attribute 'name', a word other than "
                f"{' and '.join(TAKEN)}, got {name!r}"
            )
        if isinstance(self.skippable, str) or not all(isinstance(path, str) for path in self.skippable):
            raise WeightloomError(
                f"space {name}: skippable: expected paths such as ('blocks.1',), got {self.skippable!r}"
            )
        for what, given in (("arguments", self.arguments), ("narrowable", self.narrowable)):
            known = isinstance(given, Mapping) and all(isinstance(o, tuple | list) and o for o in given.values())
            if not known:
                raise WeightloomError(
                    f"space {name}: {what}: expected names, each with one or more options such as "
                    f"{{'{'heads' if what == 'arguments' else 'conv'}': (1, 2, 4)}}, got {given!r}"
                )


_MADE: dict[tuple[str, Shape, int], ModuleSpace] = {}
"""Spaces made in this process, the newest of a name, shape and number of outputs: they need not be installed."""


def space_of(architecture: Architecture) -> ModuleSpace:
    """The space that an architecture belongs to, made here or installed.

    Raises:
        UnknownName: it is not installed.
        WeightloomError: what is installed under its name is no `ModuleSpace`, or the architecture has no data.
    """
    data = architecture.nodes[0]
    sides = {"input": ("width",), "sequence": ("channels", "length"), "image": ("channels", "height", "width")}
    known = dict(data.choices)
    if architecture.space in TAKEN or any(side not in known for side in sides.get(data.operation, ("",))):
        raise WeightloomError(
            f"network: expected an architecture of a search space, got a user's own module {architecture}, which only "
            "its own code can build; make it a search_spaces.ModuleSpace"
        )
    shape = tuple(int(known[side]) for side in sides[data.operation])
    outputs = int(dict(architecture.nodes[-1].choices).get("width", 0))
    made = _MADE.get((architecture.space, shape, outputs))
    if made is None:
        space = SPACES.load(architecture.space)
        if not (isinstance(space, type) and issubclass(space, ModuleSpace)):
            raise WeightloomError(
                f"space {architecture.space!r}: expected a ModuleSpace, which the layers of {architecture} come from, "
                f"got {space!r}; install the package that wrote it"
            )
        inputs = 1
        for side in shape:
            inputs *= side
        made = space(inputs=inputs, outputs=outputs, shape=shape)
    return made


@lru_cache(maxsize=65536)
def _composed(space: ModuleSpace, genome: tuple[tuple[str, Value], ...]) -> Architecture:
    import torch

    from search_spaces.module_checks import check_module
    from search_spaces.tracing import trace

    chosen = dict(genome)
    with torch.device("meta"):
        try:
            module = space._made(chosen)
            check_module(module, space.shape)
            kept = [path for path in space.skippable if chosen.get(SKIP + path) is False]
            words = {"module": space.name, "version": space.version, **{GENE + name: value for name, value in genome}}
            nodes, edges = trace(module, space.shape, space.outputs, kept, words)
        except WeightloomError as error:
            told = str(error)
            raise WeightloomError(told if told.startswith("space ") else f"space {space.name}: {told}") from error
    return Architecture(space=space.name, nodes=nodes, edges=edges, genome=genome)


def _lies_in(path: str, outer: str) -> bool:
    return not outer or path == outer or path.startswith(f"{outer}.")
