"""Pictures of architectures: SVG for a page, lines for a terminal. Pure Python, no other program needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from search_spaces.architecture import Architecture, Edge, Node, describe
from search_spaces.layout import Layout, Point, place
from search_spaces.operations import Shape, node_flops, node_parameters, shapes
from search_spaces.operations.foreign import tensors

FONT = 11
CHARACTER = 6.9
"""Width of a character of the monospaced font, in pixels, a little more than fonts have."""
LINE, PAD, MARGIN = 14.0, 8.0, 16.0
LONGEST = 38
"""Longer texts are cut in the middle; the whole stands in the tooltip."""
OTHER = ("#f3f4f6", "#6b7280")
COLOURS = {
    **dict.fromkeys(("input", "sequence", "image"), ("#e5e7eb", "#374151")),
    **dict.fromkeys(("dense", "gated_dense"), ("#dbeafe", "#1d4ed8")),
    "conv": ("#dcfce7", "#15803d"),
    **dict.fromkeys(("attention", "position"), ("#fce7f3", "#be185d")),
    "recurrent": ("#ede9fe", "#6d28d9"),
    **dict.fromkeys(("pool", "global_pool", "flatten"), ("#fef9c3", "#a16207")),
    "layer": ("#e0f2fe", "#0369a1"),
    **dict.fromkeys(("add", "concat", "either", "multiply", "squeeze_excite"), ("#ffedd5", "#c2410c")),
}
"""Fill and line of an operation's box."""
LEFT_OUT = {
    **dict.fromkeys(("activation", "norm"), ("none",)),
    **dict.fromkeys(("groups", "stride"), (1,)),
    **dict.fromkeys(("channels", "width", "length", "height", "module", "flops", "version"), ()),
}
"""Choices that go without saying at these values, or (empty) always, since the shape says them."""
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class NodeFacts:
    """What a drawing says of one node.

    Attributes:
        node: itself.
        reads: the wires into it, main ones first.
        shape: of what it puts out for one example; None in a module without a space, which was not run.
        parameters, flops: of the node alone, or None.
    """

    node: Node
    reads: tuple[Edge, ...]
    shape: Shape | None
    parameters: int | None
    flops: int | None


def facts(architecture: Architecture) -> tuple[NodeFacts, ...]:
    """Of every node; raises ``WeightloomError`` naming the node if the graph is no valid one."""
    into: dict[str, list[Edge]] = {node.name: [] for node in architecture.nodes}
    for edge in sorted(architecture.edges, key=lambda e: e.kind):
        into[edge.target].append(edge)
    known = architecture.space != "module"
    found = shapes(architecture) if known else {}
    counts, operations = (f(architecture) if known else {} for f in (node_parameters, node_flops))
    return tuple(
        NodeFacts(
            node=node,
            reads=tuple(into[node.name]),
            shape=found.get(node.name),
            parameters=counts.get(node.name, 0 if known else None),
            flops=operations.get(node.name, 0 if known else None),
        )
        for node in architecture.nodes
    )


def heading(architecture: Architecture) -> str:
    """Space, key and totals in one line."""
    rows = facts(architecture)
    words = [architecture.space, f"key {architecture.key}", f"{len(rows)} nodes"]
    if rows[0].shape is not None:
        words.append(f"{sum(row.parameters or 0 for row in rows):,} parameters")
        words.append(f"{sum(row.flops or 0 for row in rows):,} FLOPs")
    return " · ".join(words)


def says(node: Node, *, shaped: bool = True) -> str:
    """Operation and settings in words, without those that its shape says or that change nothing."""
    if node.operation == "layer":
        sides = [f"{own} {_sides(shape)}" for own, shape in tensors(node).items()]
        return " ".join([describe(node), *sides])
    words = [node.operation]
    for name, value in node.choices:
        silent = shaped and name in LEFT_OUT and (not LEFT_OUT[name] or value in LEFT_OUT[name])
        if not silent:
            words.append(f"{value}" if name in ("activation", "kind") else f"{name} {value}")
    return " ".join(words)


def draw_text(architecture: Architecture) -> str:
    """A line for each node: name, operation, shape, parameters and what it reads; ``~`` skip, ``?`` optional."""
    rows = [("node", "operation", "shape", "parameters", "reads")]
    for row in facts(architecture):
        reads = ", ".join(f"{'~' * (e.kind == 'skip')}{e.source}{'?' * e.optional}" for e in row.reads)
        count = "" if row.parameters is None else f"{row.parameters:,}"
        rows.append((row.node.name, says(row.node, shaped=row.shape is not None), _shape(row), count, reads))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}  {e}".rstrip()
        for a, b, c, d, e in rows
    ]
    return "\n".join([heading(architecture), "", *lines])


def draw(architecture: Architecture) -> str:
    """An SVG picture, data at the top and output at the bottom; a tooltip on each box says everything.

    Dashed wires are optional connections, which a generator may close; blue ones are skips, which are resized
    and added. Self-contained: no script, no style sheet, no outside reference.

    Raises:
        WeightloomError: the graph is no valid one, naming the node.
    """
    rows = facts(architecture)
    labels = {row.node.name: _label(row) for row in rows}
    tall = LINE * 3 + PAD
    edges = tuple(edge for row in rows for edge in row.reads)
    layout = place(
        {name: max(map(len, lines)) * CHARACTER + 2 * PAD for name, lines in labels.items()},
        [(edge.source, edge.target) for edge in edges],
        tall,
    )
    title = heading(architecture)
    top = MARGIN + 2 * LINE
    width = max(layout.width, len(title) * CHARACTER) + 2 * MARGIN
    shift = (width - layout.width) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{layout.height + top + MARGIN:.0f}" '
        f'viewBox="0 0 {width:.0f} {layout.height + top + MARGIN:.0f}" role="img" '
        f"aria-label={quoteattr(_clean(title))} "
        f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="{MARGIN + LINE / 2}" fill="#374151">{escape(_clean(title))}</text>',
        f'<g transform="translate({shift:.1f} {top})">',
        *(_wire(edge, way, tall) for edge, way in zip(edges, layout.ways, strict=True)),
        *(_box(row, labels[row.node.name], layout, tall) for row in rows),
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def _label(row: NodeFacts) -> tuple[str, str, str]:
    count = f"{row.parameters:,} p" if row.parameters else ""
    what = says(row.node, shaped=row.shape is not None)
    return _short(row.node.name), _short(what), " · ".join(filter(None, (_shape(row), count)))


def _shape(row: NodeFacts) -> str:
    return "" if row.shape is None else _sides(row.shape)


def _sides(shape: Shape) -> str:
    return "\u00d7".join(map(str, shape))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2 - 1]}…{text[-LONGEST // 2 :]}"


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)


def _box(row: NodeFacts, lines: tuple[str, str, str], layout: Layout, tall: float) -> str:
    x, y = layout.centres[row.node.name]
    width = max(map(len, lines)) * CHARACTER + 2 * PAD
    fill, line = COLOURS.get(row.node.operation, OTHER)
    tip = f"{row.node.name}: {row.node.operation} " + ", ".join(f"{k}={v}" for k, v in row.node.choices)
    texts = "".join(
        f'<text x="{x:.1f}" y="{y - tall / 2 + LINE * (i + 1):.1f}" text-anchor="middle" '
        f'fill="{"#111827" if i < 2 else "#4b5563"}"{" font-weight=" + chr(34) + "bold" + chr(34) if i == 0 else ""}>'
        f"{escape(_clean(text))}</text>"
        for i, text in enumerate(lines)
        if text
    )
    return (
        f"<g><title>{escape(_clean(tip))}</title>"
        f'<rect x="{x - width / 2:.1f}" y="{y - tall / 2:.1f}" width="{width:.1f}" height="{tall:.1f}" rx="5" '
        f'fill="{fill}" stroke="{line}"/>{texts}</g>'
    )


def _wire(edge: Edge, way: tuple[Point, ...], tall: float) -> str:
    """Straight past the boxes of each layer, bent between layers, with a head at the end."""
    x, y = way[0]
    path = [f"M{x:.1f} {y + tall / 2:.1f}"]
    for number, (x, y) in enumerate(way[1:], start=2):
        start = way[number - 2][1] + tall / 2
        end = y - tall / 2 - (5 if number == len(way) else 0)
        bend = (start + end) / 2
        path.append(f"C{way[number - 2][0]:.1f} {bend:.1f} {x:.1f} {bend:.1f} {x:.1f} {end:.1f}")
        if number < len(way):
            path.append(f"V{y + tall / 2:.1f}")
    tip = y - tall / 2
    colour = "#2563eb" if edge.kind == "skip" else "#6b7280"
    dash = ' stroke-dasharray="5 3"' if edge.optional else ""
    what = ("optional " if edge.optional else "") + ("skip" if edge.kind == "skip" else "wire")
    return (
        f"<g><title>{escape(_clean(f'{what} {edge.source} to {edge.target}'))}</title>"
        f'<path d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="1.4"{dash}/>'
        f'<path d="M{x - 3.5:.1f} {tip - 6:.1f}L{x + 3.5:.1f} {tip - 6:.1f}L{x:.1f} {tip:.1f}Z" fill="{colour}"/></g>'
    )
