"""The graph of a user's own module, read off one run on the meta device: no value is computed.

Which layer reads which is followed from call to call (`TorchFunctionMode`): a tensor carries the nodes that it comes
from; a layer reads those of its arguments and stands for its result, and so does the owner of a parameter that is
used outside of a layer. What operations cost and whether they are random is seen one level below
(`TorchDispatchMode`, as `torch.utils.flop_counter` does).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from search_spaces.architecture import Edge, Node, Value
from search_spaces.assembly import Assembly
from search_spaces.blueprint import free_word, layer_sides, specs_of
from search_spaces.errors import WeightloomError
from search_spaces.module_costs import BATCH, Costs, tensors_in
from search_spaces.module_surgery import Skipped
from search_spaces.operations import Shape
from search_spaces.operations.foreign import GIVES

MAY_SKIP = ".or_skip"
"""The node behind a layer that may be skipped is called as the layer and this."""

Hook = torch.utils.hooks.RemovableHandle
Graph = tuple[tuple[Node, ...], tuple[Edge, ...]]


@dataclass
class _Seen:
    """A node so far; ``optional`` is the one wire that may be closed."""

    operation: str
    kind: str
    gives: Shape
    reads: list[str]
    optional: str | None = None


def trace(module: nn.Module, shape: Shape, outputs: int, skippable: Sequence[str], genes: Mapping[str, Value]) -> Graph:
    """Nodes and edges of a module on the meta device, in evaluation mode.

    Args:
        module: takes ``[batch, *shape]`` and gives ``[batch, outputs]``.
        shape: of one example.
        outputs: number of classes.
        skippable: paths of submodules that may be skipped: in their place their input.
        genes: further choices of the last node.

    Raises:
        WeightloomError: it does not run or does what no network here may do; the message names the layer.
    """
    run = _Run(module, shape, skippable)
    with run.watched():
        result = run.call()
    if not isinstance(result, Tensor) or tuple(result.shape) != (BATCH, outputs):
        got = tuple(result.shape) if isinstance(result, Tensor) else type(result).__name__
        raise WeightloomError(
            f"forward: expected a tensor [batch, {outputs}] from a batch [batch, {', '.join(map(str, shape))}], got "
            f"{got} for a batch of {BATCH}"
        )
    return run.graph(result, outputs, genes)


class _Run:
    """One run and what was seen of it."""

    def __init__(self, module: nn.Module, shape: Shape, skippable: Sequence[str]) -> None:
        self.module, self.shape = module, shape
        self.paths = {path: part for path, part in module.named_modules()}
        self.data, self.root, self.last = (free_word(word, self.paths) for word in ("input", "module", "output"))
        self.skippable = frozenset(skippable)
        self.nodes: dict[str, _Seen] = {}
        self.costs = Costs(place=self.place, where=self.where)
        self.sources: dict[int, tuple[str, ...]] = {}
        self.owners: dict[int, tuple[str, ...]] = {}
        self.alive: list[Tensor] = []  # so that no id is given twice
        self.running: list[str] = []
        self.inside: list[tuple[str, tuple[str, ...]]] = []  # leaves that run, with what they read
        self.owner: str | None = None
        for path, part in self.paths.items():
            for parameter in part.parameters(recurse=False):
                self.owners.setdefault(id(parameter), (path or self.root,))

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Hooks on every module and both modes."""
        hooks: list[Hook] = []
        for path, part in self.paths.items():
            hooks.append(part.register_forward_pre_hook(self._before(path, part), with_kwargs=True))
            hooks.append(part.register_forward_hook(self._after(path, part), with_kwargs=True))
        try:
            with torch.no_grad(), self.costs, _Wires(self):
                yield
        finally:
            for hook in hooks:
                hook.remove()

    def call(self) -> Any:
        """Run the module on a batch without values; its errors and the buffers it changes are told in one line."""
        x = torch.empty(BATCH, *self.shape, device="meta")
        self._mark([x], (self.data,))
        before = x._version
        try:
            result = self.module(x)
        except WeightloomError:
            raise
        except Exception as error:
            raise WeightloomError(
                f"{self.where()}: expected a forward that runs on the meta device, without values, on a batch "
                f"{tuple(x.shape)}, got {type(error).__name__}: {error}; what depends on values cannot be run for "
                "many networks at once: use torch.where and fixed loops"
            ) from error
        if x._version != before:
            raise WeightloomError(
                "forward: expected the batch to stay as it is, got one that was changed in place; work on a copy, "
                "or leave out inplace=True"
            )
        return result

    def place(self) -> str:
        """The node whose work is done now; empty between layers."""
        return self.inside[0][0] if self.inside else self.owner or ""

    def where(self) -> str:
        """The submodule that runs now."""
        path = self.running[-1] if self.running else ""
        return f"layer {path!r} ({type(self.paths[path]).__name__})" if path else "forward"

    def graph(self, result: Tensor, outputs: int, genes: Mapping[str, Value]) -> Graph:
        """All that was seen as nodes and edges."""
        specs = tuple(specs_of(self.module, lambda path: path or self.root))
        sides = layer_sides(specs)
        for spec in specs:
            if spec.node not in self.nodes:
                raise WeightloomError(
                    f"layer {spec.node!r}: expected its parameters to take part in forward, got none that does; "
                    "remove it, or use it by calling it"
                )
        for path in self.skippable:
            if path + MAY_SKIP not in self.nodes:
                raise WeightloomError(f"skippable: layer {path!r} is never called in forward; leave it out")
        nodes = [replace(Assembly(self.shape).nodes[0], name=self.data)]
        edges: list[Edge] = []
        flops = self.costs.flops
        for name, seen in self.nodes.items():
            choices: list[tuple[str, Value]] = []
            if seen.operation == "layer":
                choices = [("kind", seen.kind), ("flops", flops[name]), *sides.get(name, ())]
                choices += [(f"{GIVES}.{axis}", side) for axis, side in enumerate(seen.gives)]
            nodes.append(Node(name=name, operation=seen.operation, choices=tuple(choices)))
            edges += [Edge(source=source, target=name) for source in seen.reads]
            if seen.optional is not None:
                edges.append(Edge(source=seen.optional, target=name, optional=True))
        rest = sum(flops.values()) - sum(flops[name] for name in self.nodes)
        own = (("width", outputs), ("flops", rest), *genes.items())
        nodes.append(Node(name=self.last, operation="result", choices=own))
        edges += [Edge(source=source, target=self.last) for source in self.read([result]) or (self.data,)]
        return tuple(nodes), tuple(edges)

    def read(self, tensors: Sequence[Tensor]) -> tuple[str, ...]:
        """The nodes that tensors come from, in order of their appearance."""
        found = {name for tensor in tensors for name in self.sources.get(id(tensor), ())}
        return tuple(name for name in (self.data, *self.nodes) if name in found)

    def used(self, function: Callable[..., Any], given: Sequence[Tensor], made: Sequence[Tensor]) -> None:
        """After a torch function outside of layers: what it made comes from all that it read."""
        owners = tuple(dict.fromkeys(name for tensor in given for name in self.owners.get(id(tensor), ())))
        reads = self.read(given)
        if owners and not reads and getattr(function, "__name__", "") != "embedding":
            for tensor in made:  # still a parameter, seen otherwise
                self.owners[id(tensor)] = owners
                self.alive.append(tensor)
            return
        for name in owners:
            reads = self._enter(name, self._kind(name), reads, made)
        self._mark(made or given[:1], reads)

    def _kind(self, name: str) -> str:
        return type(self.paths["" if name == self.root else name]).__name__

    def _enter(self, name: str, kind: str, reads: tuple[str, ...], made: Sequence[Tensor]) -> tuple[str, ...]:
        """A node that reads and makes something; what its result comes from. One used again stays where it is."""
        if name in self.nodes:
            return (*(read for read in reads if read not in (name, *self.nodes[name].reads)), name)
        gives: Shape = ()
        if made:
            sides = list(made[0].shape)
            if BATCH in sides:  # in front, or second behind positions
                sides.remove(BATCH)
                gives = tuple(sides)
            else:
                gives = (made[0].numel() // BATCH,)
        self.nodes[name] = _Seen("layer", kind, gives, list(reads or (self.data,)))
        return (name,)

    def _mark(self, tensors: Sequence[Tensor], reads: tuple[str, ...]) -> None:
        for tensor in tensors:
            self.sources[id(tensor)] = reads
            self.alive.append(tensor)

    def _is_leaf(self, path: str) -> bool:
        """Whether a module is one node whatever it does; the whole and what was taken out are none."""
        return bool(path) and not any(self.paths[path].children()) and not isinstance(self.paths[path], Skipped)

    def _before(self, path: str, part: nn.Module) -> Callable[..., None]:
        leaf = self._is_leaf(path)

        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self.running.append(path)
            if leaf:
                given = tensors_in((args, kwargs))
                for tensor in given:  # a parameter of someone else's
                    for name in self.owners.get(id(tensor), ()):
                        self._mark([tensor], self._enter(name, self._kind(name), (), [tensor]))
                self.inside.append((path, self.read(given)))

        return hook

    def _after(self, path: str, part: nn.Module) -> Callable[..., Any]:
        leaf = self._is_leaf(path)

        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
            made = tensors_in(output)
            if leaf:
                _, reads = self.inside.pop()
                if not self.inside:  # else it is a part of what a layer does
                    if isinstance(output, Tensor) and any(output is given for given in tensors_in(args)):
                        output = output.view_as(output)  # so that others still read what it was given
                        made = [output]
                    self._mark(made, self._enter(path, type(part).__name__, reads, made))
            if path in self.skippable:
                output = self._may_skip(path, part, args, output)
            self.running.pop()
            return output

        return hook

    def _may_skip(self, path: str, part: nn.Module, args: tuple[Any, ...], output: Any) -> Tensor:
        """Put an ``either`` behind a layer: what comes out of it, or what went in."""
        given = args[0] if args and isinstance(args[0], Tensor) else None
        if given is None or not isinstance(output, Tensor) or given.shape != output.shape:
            sides = [tuple(v.shape) if isinstance(v, Tensor) else type(v).__name__ for v in (given, output)]
            raise WeightloomError(
                f"skippable: {self.where()}: expected input and output of one shape, got {sides[0]} and {sides[1]} "
                f"for a batch of {BATCH}; only what keeps its shape can be skipped"
            )
        before, name = self.read([given]), path + MAY_SKIP
        if name in self.nodes:
            reads = tuple(dict.fromkeys((*before, name)))
        else:
            end = path
            if any(part.children()):  # its own node, so that one wire stands for the whole
                end = free_word(path, {*self.nodes, *(p for p in self.paths if p != path)})
                self._enter(end, type(part).__name__, self.read([output]), [output])
            fixed = [source for source in before if source != end]
            self.nodes[name] = _Seen("either", "", (), fixed or [self.data], end)
            reads = (name,)
        kept = output.view_as(output)
        self._mark([kept], reads)
        return kept


class _Wires(TorchFunctionMode):
    """Tells a run of every torch function outside of layers."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.run.inside:
            return func(*args, **kwargs)
        given = tensors_in((args, kwargs))
        owners = [name for tensor in given for name in self.run.owners.get(id(tensor), ())]
        self.run.owner = owners[0] if owners else None
        try:
            made = func(*args, **kwargs)
        finally:
            self.run.owner = None
        tensors = tensors_in(made)
        if given and (tensors or made is None):
            self.run.used(func, given, tensors)
        return made
