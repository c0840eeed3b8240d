"""``docs/benchmarks.md`` from the results that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.parts import FIGURES, RESULTS
from benchmarks.speed.peers import PEERS
from search_spaces.files import read_json, write_text

HEAD = """# Benchmarks

Written by `python -m benchmarks.speed.NAME` (all of them: `make bench`) from `benchmarks/results/speed-*.json`. Ratios
are taken turn by turn within one run (A B C A B C), one thread: median (least to greatest). Seconds are processor
time unless said otherwise, since other programs kept the machine busy (its load stands beside); memory is the most
that was resident, torch among it. Goals that were missed stay.
"""
Result = Mapping[str, Any]


def ratio(row: Result) -> str:
    """Median, least and greatest."""
    own = row["ratio"]
    return f"{own['median']:.2f}x ({own['min']:.2f} to {own['max']:.2f})"


def state(found: Result) -> str:
    """Machine, threads and load."""
    machine = f"{found['machine']}, {found['threads']} thread, torch {found['torch']}"
    return f"{machine}, load of the machine {found['load'][1]:.0f}"


def step(found: Result) -> list[str]:
    """Rows of ``speed-step.json``."""
    lines = ["## Generate, run forwards and backwards, per network (`step`)", ""]
    lines += ["Goals: MLP 1.0x in batches of 64 networks, 2.5x alone; CNN 1.2x. Batch of 64 examples; " + state(found)]
    for target, part in found["targets"].items():
        lines += ["", f"{target}, {part['parameters']:,} parameters:", ""]
        lines += ["| what | ms | against a plain module | MiB | parameters of the generator |", "|---|---|---|---|---|"]
        for name, row in part["rows"].items():
            size = part["generator_parameters"].get(name.rsplit(", ", 1)[0], part["generator_parameters"].get(name))
            own = "" if size is None else f"{size:,}"
            memory = f"{row['peak_mib']:.0f}" if found.get("trimmed") else "not measured"
            cost = f"{row['seconds']['median'] * 1e3:.2f} | {ratio(row)} | {memory}"
            lines.append(f"| {name} | {cost} | {own} |")
        if len(part["failed"]) == len(PEERS):
            lines += ["", "No other package was there."]
        else:
            lines += [f"Not run: {name}: {said}" for name, said in part["failed"].items()]
    return lines


def evaluation(found: Result) -> list[str]:
    """Rows of ``speed-evaluation.json``."""
    several, two = found["evaluation"], found["sampling"]
    lines = [
        "## Evaluation and sampling (`evaluation`)",
        "",
        f"{several[0]['networks']:,} networks of mixed shapes (`mlp` of digits) by `predict`, against loops over "
        f"{several[0]['looped']} of them: one that builds each module, loads its weights and runs it (goal 20x), and "
        "one over modules made beforehand. The floor is what torch's own kernels need for as many activations, and "
        "for as many multiplications as one large product: no way of calling them, batched or not, is faster.",
        "",
        "| examples | ms a network | loop | loop, modules made beforehand | floor | MiB | differ by |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in several:
        rows = one["rows"]
        names = ("loop", "loop, modules made before", "floor")
        others = (ratio(rows[name]) if name in rows else "" for name in names)
        lines.append(
            f"| {one['examples']} | {rows['batches']['seconds']['median'] * 1e3:.2f} | {' | '.join(others)} | "
            f"{rows['batches']['peak_mib']:.0f} | {one['difference']:.0e} |"
        )
    return [
        *lines,
        "",
        f"Diffusion, {two['networks']} networks in 8 steps against one forward of the denoiser: "
        f"{ratio(two['rows']['8 steps'])} (goal 8.5x; {two['rows']['8 steps']['peak_mib']:.0f} MiB).",
        "",
        state(found),
    ]


def command(found: Result) -> list[str]:
    """Rows of ``speed-command.json``."""
    rows, sweep = found["rows"], found["sweep"]
    return [
        "## The command and the sweep (`command`)",
        "",
        f"`weightloom --help` against `python -c pass`: {ratio(rows['weightloom --help'])}; `weightloom sweep --help`: "
        f"{ratio(rows['weightloom sweep --help'])} (goal 10x; processor time of whole processes, in turns).",
        "",
        f"A sweep of {found['trials']} trials that only wait: {sweep['overhead']:.1%} beyond their "
        f"{sweep['of_trials']:.0f} s by the clock (goal 5 %), {sweep['processor_seconds']:.1f} s of processor time for "
        "leader, worker and study.",
        "",
        state(found),
    ]


def resnet(found: Result) -> list[str]:
    """Rows of ``speed-resnet.json``."""
    seconds = {name: row["median"] for name, row in found["seconds"].items()}
    spread = sorted(found["variances"].values())
    return [
        "## ResNet-50 (`resnet`)",
        "",
        f"{found['parameters']:,} parameters: blueprint {seconds['blueprint']:.2f} s (goal 0.5), cached "
        f"{seconds['blueprint, cached'] * 1e3:.2f} ms (goal 5), generation {seconds['generation']:.2f} s (goal 0.15), "
        f"{found['peak_mib']:.0f} MiB. Equal neurons: {found['equal_neurons']} (goal 0); greatest cosine of two: "
        f"{found['greatest_cosine_of_two_neurons']:.2f}.",
        "",
        f"Variance of what its {len(spread)} layers put out, untrained generator: {spread[0]:.2f} to {spread[-1]:.2f}, "
        f"median {spread[len(spread) // 2]:.2f}; {found['share_of_layers_within']:.0%} within 0.5 to 2 (goal all). "
        "Independent normal weights, by their variance: "
        + ", ".join(f"{name} {own:.0%}" for name, own in found["share_within_of_independent_weights"].items())
        + ".",
        "",
        state(found),
    ]


def streaming(found: Result) -> list[str]:
    """Rows of ``speed-streaming.json``."""
    lines = [
        "## A billion parameters in a stream (`streaming`)",
        "",
        "| parameters | wall s | processor s | zeros to the same disk, s | share of the disk's throughput | MiB |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["turns"]:
        lines.append(
            f"| {row['parameters']:,} | {row['wall_seconds']:.0f} | {row['processor_seconds']:.1f} | "
            f"{row['zeros_seconds']:.0f} | {row['share_of_the_disk']:.2f} | {row['peak_mib']:.0f} |"
        )
    own = found["resumed"]
    return [
        *lines,
        "",
        f"Goals: 1 GB, half of the disk's throughput. One of its shards taken away: written anew in "
        f"{own['seconds']:.0f} s, {'the same bytes' if own['equal'] else 'OTHER BYTES'}.",
        "",
        state(found),
    ]


def growth(found: Result) -> list[str]:
    """Rows of ``speed-growth.json``."""
    return [
        "## Growth (`growth`)",
        "",
        "![cost against networks, parameters and tokens](figures/growth.svg)",
        "",
        *(
            f"- {name}: slope {row['slope']:.2f}, over the three largest {row['last_slope']:.2f} (goal 1.1)"
            for name, row in found["growth"].items()
        ),
        "",
        state(found),
    ]


def zoo(found: Result) -> list[str]:
    """The rows of ``speed-zoo.json``."""
    lines = [
        "## Really trained networks (`zoo`)",
        "",
        "| networks | times cheaper than a PyTorch loop | goal | if only products took time | accuracy, stacked and "
        "looped | MiB |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in found["kinds"].items():
        own = row["times_cheaper"]
        scores = f"{row['accuracy']['stacked']:.3f}, {row['accuracy']['loop']:.3f}"
        most = "not measured" if row["at_most"] is None else f"{row['at_most']:.0f}"
        lines.append(
            f"| {name} | {own['median']:.1f} ({own['min']:.1f} to {own['max']:.1f}) | {row['goal']} | {most} | "
            f"{scores} | {row['peak_mib']:.0f} |"
        )
    processor = "; ".join(
        f"{name} {row['times_cheaper_than_on_the_processor']['median']:.0f}"
        for name, row in found["kinds"].items()
        if row.get("times_cheaper_than_on_the_processor")
    )
    said = f" Times cheaper than a loop on one thread of that machine's processor: {processor}." if processor else ""
    return [*lines, "", f"Both from the same initial weights.{said} {state(found)}"]


def zoo_memory(found: Result) -> list[str]:
    """Rows of ``speed-zoo_memory.json``."""
    zoos = found["zoos"]
    lines = [
        "## Memory of zoos (`zoo_memory`)",
        "",
        "What one use of a zoo adds to a process at most, in MiB, beyond the same with a zoo of "
        f"{found['few']} networks: anonymous memory, and in brackets all that was resident, pages of the mapped file "
        "among it, which the system takes back when memory is short. Goal: far less than the file at 10,000 networks. "
        "Seconds are those of the largest.",
        "",
        "| use | " + " | ".join(f"{zoo['networks']:,} networks" for zoo in zoos) + " | grows per network, KiB | s |",
        "|---|" + "---|" * (len(zoos) + 2),
        "| *the file* | " + " | ".join(f"{zoo['file_mib']:.0f}" for zoo in zoos) + f" | {_growth(zoos, None):.1f} | |",
    ]
    for use, last in zoos[-1]["uses"].items():
        rows = [zoo["uses"][use] for zoo in zoos]
        cells = " | ".join(f"{row['anonymous_mib']:.0f} ({row['resident_mib']:.0f})" for row in rows)
        lines.append(f"| {use} | {cells} | {_growth(zoos, use):.1f} | {last['seconds']:.0f} |")
    last = zoos[-1]
    missed = [
        use for use, row in last["uses"].items() if row["anonymous_mib"] > last["file_mib"] / 2 and "control" not in use
    ]
    said = (
        f"More than half of the largest file, so that the goal is missed: {'; '.join(missed) or 'none'}. "
        "The stored networks are not what grows. What does: blueprints (the row of opening), predictions of the "
        "training networks that the yardstick keeps (examples x classes x 4 bytes a network), and up to their bounds "
        "layouts (128 MiB) and training networks adapted to the architectures of a table (256 MiB)."
    )
    return [*lines, "", said, "", state(found)]


def _growth(zoos: Sequence[Result], use: str | None) -> float:
    """KiB of anonymous memory, or of the file, for each network more."""
    sizes = [zoo["file_mib"] if use is None else zoo["uses"][use]["anonymous_mib"] for zoo in zoos]
    return float(sizes[-1] - sizes[0]) * 1024 / max(1, zoos[-1]["networks"] - zoos[0]["networks"])


def compiling(found: Result) -> list[str]:
    """Rows of ``speed-compiling.json``."""
    lines = [
        "## Compiled layers, products of fewer bits (`compiling`)",
        "",
        "A step of training of 16 networks of mixed shapes, against the same step as it is, by the clock; and the "
        "seconds that compiling takes.",
        "",
        "| family | compiled | bf16 | seconds to compile |",
        "|---|---|---|---|",
    ]
    for family, part in found["families"].items():
        own, short = (ratio(part["rows"][name]) for name in ("compiled", "bf16"))
        lines.append(f"| {family} | {own} | {short} | {part['compiling_seconds']:.0f} |")
    return [*lines, "", state(found)]


def channels_last(found: Result) -> list[str]:
    """Rows of ``speed-channels_last.json``."""
    rows = [
        f"- {part['channels']} channels a network, {part['side']} x {part['side']}: "
        f"{ratio(part['rows']['channels last'])}"
        for part in found["convolutions"]
    ]
    return [
        "## Channels last in memory (`channels_last`)",
        "",
        "Convolutions of 16 networks at once, forward and backward, against the usual order of axes:",
        "",
        *rows,
        "",
        state(found),
    ]


GPU_HEAD = """## On a GPU

The same commands on a machine with a GPU take it. Seconds are wall time until its work is done; memory is that of its
tensors. Goals are those of a processor.
"""
PARTS: Mapping[str, Callable[[Result], list[str]]] = {
    "step": step,
    "zoo": zoo,
    "zoo_memory": zoo_memory,
    "evaluation": evaluation,
    "command": command,
    "resnet": resnet,
    "streaming": streaming,
    "growth": growth,
    "compiling": compiling,
    "channels_last": channels_last,
}


def _sections(ending: str) -> list[str]:
    """Of the results whose files have this ending."""
    paths = {name: RESULTS / f"speed-{name}{ending}.json" for name in PARTS}
    return ["\n".join(PARTS[name](read_json(path))).rstrip() for name, path in paths.items() if path.exists()]


def write_page() -> None:
    """Write ``docs/benchmarks.md``."""
    parts = [HEAD.rstrip(), *_sections(""), *([GPU_HEAD.rstrip(), *there] if (there := _sections("-cuda")) else [])]
    page = write_text(FIGURES.parent / "benchmarks.md", "\n\n".join(parts) + "\n")
    print(f"written to {page}")
