"""What the figures of a run say: rows, the terminal table, and sentences in plain words.

A difference is claimed only where two 95 % intervals do not overlap. That is stricter than the paired test,
for which a summary does not hold the pairs: what it claims stands, what it leaves open may still exist.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import combinations
from typing import Literal

from rich import box
from rich.table import Table
from rich.text import Text

from search_spaces.errors import printable
from workbench.fronts import front_table
from workbench.summary import BriefPoint, GeneratorSummary, Summary, interval, shown

Generators = Mapping[str, GeneratorSummary]
Outcome = Literal["better", "worse", "no difference", "unknown"]
MARGIN = 0.05
_NO_BUDGET = ("note", "command", "problems")
"""Keys of a summary's budget that say nothing of what was spent."""
HIGHER_IS_BETTER = {"fidelity": True, "collapse": False, "max_iou": False}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One metric of one generator of one run."""

    run: str
    generator: str
    kind: str
    family: str
    metric: str
    mean: float | None
    low: float | None
    high: float | None
    n: int


def rows(summaries: Sequence[Summary]) -> list[Row]:
    """Every (generator, metric) of every summary, in their order."""
    return [
        Row(
            run=label,
            generator=name,
            kind=generator.kind,
            family=generator.family,
            metric=metric,
            mean=estimate.mean,
            low=estimate.low,
            high=estimate.high,
            n=estimate.n,
        )
        for label, summary in zip(run_labels(summaries), summaries, strict=True)
        for name, generator in summary.generators.items()
        for metric, estimate in generator.metrics.items()
    ]


def run_labels(summaries: Sequence[Summary]) -> list[str]:
    """What each run is called beside the others: its name, and its place where names are not enough."""
    if len({summary.name for summary in summaries}) == len(summaries):
        return [summary.name for summary in summaries]
    return [f"{summary.name} #{number}" for number, summary in enumerate(summaries, 1)]


def rows_as_csv(summaries: Sequence[Summary]) -> str:
    """`rows` as CSV with a header line; a missing figure is an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(astuple(row) for row in rows(summaries))
    return stream.getvalue()


def compare(first: GeneratorSummary, second: GeneratorSummary, metric: str) -> Outcome:
    """Whether ``first`` is better than ``second`` in one metric of `HIGHER_IS_BETTER`.

    ``unknown`` where a mean or an interval is missing, ``no difference`` where the intervals overlap.
    """
    a, b = first.metrics.get(metric), second.metrics.get(metric)
    if a is None or b is None or a.mean is None or b.mean is None:
        return "unknown"
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return "unknown"
    if a.low <= b.high and b.low <= a.high:
        return "no difference"
    return "better" if (a.low > b.high) == HIGHER_IS_BETTER[metric] else "worse"


def advantage(family: GeneratorSummary, baseline: GeneratorSummary) -> Literal["fidelity", "diversity"] | None:
    """What a family is shown to do better than a baseline, if anything.

    ``fidelity``: shown to be higher. ``diversity``: fidelity at most `MARGIN` lower, and shown to be less
    collapsed or to overlap less with its training networks. Beyond the margin diversity does not count:
    broken networks look wonderfully diverse. For `noise`, which buys diversity with fidelity at will, the
    margin is none: the fidelity must lie within its interval.
    """
    if compare(family, baseline, "fidelity") == "better":
        return "fidelity"
    own, theirs = family.metrics.get("fidelity"), baseline.metrics.get("fidelity")
    if own is None or own.mean is None or theirs is None or theirs.mean is None or theirs.low is None:
        return None
    if own.mean < (theirs.low if baseline.family == "noise" else theirs.mean - MARGIN):
        return None
    shown_better = any(compare(family, baseline, metric) == "better" for metric in ("collapse", "max_iou"))
    return "diversity" if shown_better else None


def trade_off(generator: GeneratorSummary) -> float | None:
    """``fidelity × (1 − collapse)``: the fidelity that is left per unit of real training's diversity."""
    fidelity, collapse = generator.mean("fidelity"), generator.mean("collapse")
    return None if fidelity is None or collapse is None else fidelity * (1 - collapse)


def verdict_sentences(summary: Summary) -> list[str]:
    """Which family to choose and why, what it fails at, and what it costs; the recommendation comes first."""
    families = {n: g for n, g in summary.of_kind("family").items() if g.mean("fidelity") is not None}
    if not families:
        return ["No family to choose: this run measured the fidelity of no generator family."]
    sentences = _choice(summary, families) + _pairs(families)
    sentences += _against_baselines(families, summary.of_kind("baseline"))
    sentences += (
        _against_noise(families)
        + _against_brief(families, summary.brief)
        + _labels(families)
        + _against_real(families, summary.of_kind("real"))
    )
    return sentences + _cost(families) + _spending(families)


def _choice(summary: Summary, families: Generators) -> list[str]:
    baselines = summary.of_kind("baseline")
    earned = {n: g for n, g in families.items() if all(_holds_against(g, b) for b in baselines.values())}
    best = max(families, key=lambda name: families[name].mean("fidelity") or 0.0)
    if not earned:
        return [
            f"No family earns a recommendation: none is shown to beat every baseline. "
            f"{best} has the highest fidelity of the families, {_interval(families[best], 'fidelity')}."
        ]
    best = max(earned, key=lambda name: earned[name].mean("fidelity") or 0.0)
    measured = [name for name in earned if trade_off(earned[name]) is not None]
    first = f"{best} has the highest fidelity, {_interval(earned[best], 'fidelity')}"
    if not measured:
        return [f"Choose {best}: {first}. Collapse was not measured, so its diversity is not known."]
    balanced = max(measured, key=lambda name: trade_off(earned[name]) or 0.0)
    value = f"{shown(trade_off(earned[balanced]))} = fidelity x (1 - collapse)"
    if balanced == best:
        return [f"Choose {best}: {first}, and the best trade-off, {value}{_but(earned[best])}."]
    if compare(earned[best], earned[balanced], "fidelity") != "better":
        figures = f"{_interval(earned[balanced], 'fidelity')} against {_interval(earned[best], 'fidelity')}"
        return [
            f"Choose {balanced}: it has the best trade-off, {value}{_but(earned[balanced])}; no difference in fidelity "
            f"to {best}, which has the highest, is shown ({figures})."
        ]
    return [
        f"Choose {balanced} where different latents must give different networks: "
        f"it has the best trade-off, {value}{_but(earned[balanced])}.",
        f"Choose {best} where one good network is enough: {first}{_but(earned[best])}.",
    ]


def _holds_against(family: GeneratorSummary, baseline: GeneratorSummary) -> bool:
    """Whether a baseline is beaten, or has no figures to be compared with."""
    return advantage(family, baseline) is not None or compare(family, baseline, "fidelity") == "unknown"


def _but(family: GeneratorSummary) -> str:
    bad = [verdict.label for verdict in family.verdict if verdict.label != "novel"]
    return f"; mind that it is judged {_listed(bad)}" if bad else ""


def _pairs(families: Generators) -> list[str]:
    sentences = []
    for (a, first), (b, second) in combinations(families.items(), 2):
        parts = []
        for metric, word in (("fidelity", "more faithful"), ("collapse", "less collapsed")):
            outcome = compare(first, second, metric)
            own, other = (second, first) if outcome == "worse" else (first, second)  # the better one's figure first
            figures = f"{_interval(own, metric)} against {_interval(other, metric)}"
            if outcome in ("better", "worse"):
                parts.append(f"{a if outcome == 'better' else b} is {word} ({figures})")
            elif outcome == "no difference":
                parts.append(f"no difference in {metric} shown ({figures})")
            else:
                parts.append(f"{metric} cannot be compared (a figure or its interval is missing)")
        sentences.append(f"{a} and {b}: {'; '.join(parts)}.")
    return sentences


def _against_baselines(families: Generators, baselines: Generators) -> list[str]:
    if not baselines:
        return [f"{name} was compared with no baseline, so nothing shows that it has learned." for name in families]
    beaten: dict[str, list[str]] = {}
    others = []
    for name, family in families.items():
        groups: dict[str, list[str]] = {"fidelity": [], "diversity": [], "nothing": [], "unknown": []}
        for other, baseline in baselines.items():
            unknown = compare(family, baseline, "fidelity") == "unknown"
            groups["unknown" if unknown else advantage(family, baseline) or "nothing"].append(other)
        parts = [f"{_listed(groups['fidelity'])} in fidelity"] if groups["fidelity"] else []
        if groups["diversity"]:
            parts.append(f"{_listed(groups['diversity'])} in diversity or novelty at comparable fidelity")
        if parts:
            beaten.setdefault(", and ".join(parts), []).append(name)
        if groups["nothing"]:
            figures = _listed([f"{b} ({_interval(baselines[b], 'fidelity')})" for b in groups["nothing"]])
            others.append(
                f"{name} does not beat {figures}: with {_interval(family, 'fidelity')} "
                f"it has learned nothing beyond {_listed(groups['nothing'])}."
            )
        if groups["unknown"]:
            others.append(f"{name} cannot be compared with {_listed(groups['unknown'])}: a figure is missing.")
    return [f"{_listed(who)} {'beat' if len(who) > 1 else 'beats'} {what}." for what, who in beaten.items()] + others


def _against_noise(families: Generators) -> list[str]:
    """Each family beside the noise frontiers, at its own diversity."""
    frontiers = {"gap": "the nearest training network", "gap_oracle": "a network trained for that very architecture"}
    sentences = []
    for name, family in families.items():
        parts = []
        for metric, parent in frontiers.items():
            gap = family.metrics.get(metric)
            if gap is None or gap.mean is None or gap.low is None or gap.high is None:
                continue
            side = "lies above" if gap.low > 0 else "lies below" if gap.high < 0 else "is not shown to differ from"
            parts.append(f"{side} noise on {parent} (score {gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}])")
        if parts:
            sentences.append(f"At its own diversity {name} {' and '.join(parts)}.")
    return sentences


def _against_brief(families: Generators, points: Sequence[BriefPoint]) -> list[str]:
    """Each family beside the fewest steps of real training that are as faithful, and what both cost."""
    equals: dict[int, list[str]] = {}
    sentences = []
    for name, family in families.items() if points else ():
        own = family.mean("fidelity") or 0.0
        equal = next((i for i, point in enumerate(points) if (point.fidelity.mean or 0.0) >= own), None)
        if equal is None:
            most = max(point.steps for point in points)
            sentences.append(f"{name} is more faithful than networks that are really trained for up to {most} steps.")
        else:
            equals.setdefault(equal, []).append(name)
    for i, names in equals.items():
        point = points[i]
        emitting = {name: families[name].mean("latency_ms") for name in names}
        times = [f"{shown(point.milliseconds / ms)} times what {name} takes" for name, ms in emitting.items() if ms]
        sentences.append(
            f"Really training each network for {point.steps} steps is as faithful as {_listed(names)} "
            f"({interval(point.fidelity)}, collapse {interval(point.collapse)}) and takes "
            f"{shown(point.milliseconds)} ms a network{', ' * bool(times)}{_listed(times) if times else ''}"
            f"{' to emit one' * bool(times)}."
        )
    return sentences


def _labels(families: Generators) -> list[str]:
    wording = {"copy": "copies its training networks", "collapsed": "has collapsed", "novel": "is new"}
    sentences = []
    for name, family in families.items():
        for verdict in family.verdict:
            reason = verdict.reason.removeprefix(f"{verdict.label}: ").rstrip(".")
            sentences.append(f"{name} {wording.get(verdict.label, f'is judged {verdict.label}')}: {reason}.")
    return sentences


def _against_real(families: Generators, real: Generators) -> list[str]:
    if not real:
        return ["There is no row of really trained networks, so the figures lack their yardstick."]
    trained = next(iter(real.values()))
    equal = [n for n, family in families.items() if compare(family, trained, "fidelity") == "no difference"]
    below = [n for n, family in families.items() if compare(family, trained, "fidelity") == "worse"]
    sentences = []
    if equal:
        sentences.append(f"No difference in fidelity to real training is shown for {_listed(equal)}.")
    if below:
        verb = "stays" if len(below) == 1 else "stay"
        sentences.append(f"{_listed(below)} {verb} below real training in fidelity.")
    return sentences


def _cost(families: Generators) -> list[str]:
    sentences = []
    for name, family in families.items():
        train, latency = family.mean("train_seconds"), family.mean("latency_ms")
        parts = [f"took {shown(train)} s to train"] if train is not None else []
        parts += [f"emits a network in {shown(latency)} ms"] if latency is not None else []
        if parts:
            sentences.append(f"{name} {' and '.join(parts)}")
    return ["Cost: " + "; ".join(sentences) + "."] if sentences else []


def _spending(families: Generators) -> list[str]:
    seconds = [family.budget.seconds for family in families.values()]
    if len({family.budget.steps for family in families.values()}) > 1 and max(seconds) > 1.25 * min(seconds):
        return ["The families differ in budget, in steps and in seconds, so they are not compared as equals."]
    return []


def difference_warnings(summaries: Sequence[Summary]) -> list[str]:
    """Why several runs may not be comparable: one sentence for each thing that differs between them."""

    def of(label: str, values: Mapping[str, object]) -> list[str]:
        if len(set(map(repr, values.values()))) <= 1:
            return []
        found = ", ".join(f"{run}: {'missing' if value is None else value}" for run, value in values.items())
        return [f"The runs differ in {label} ({found}), so their figures are not directly comparable."]

    runs = dict(zip(run_labels(summaries), summaries, strict=True))
    warnings = of("task", {r: s.task for r, s in runs.items()})
    warnings += of("space", {r: s.space for r, s in runs.items()})
    warnings += of("zoo", {r: s.zoo.get("hash") for r, s in runs.items()})
    for key in dict.fromkeys(key for s in summaries for key in s.budget if key not in _NO_BUDGET):
        warnings += of(f"budget {key}", {r: s.budget.get(key) for r, s in runs.items()})
    for key in dict.fromkeys(key for s in summaries for key in s.versions):
        warnings += of(f"version of {key}", {r: s.versions.get(key) for r, s in runs.items()})
    return warnings


SHORT_TABLE = {
    "fidelity_worst_decile": "worst",
    "collapse": "collapse",
    "max_iou": "IoU",
    "rho_function": "rho f",
    "valid": "valid",
    "sparsity": "sparsity",
    "latency_ms": "ms",
    "train_seconds": "train s",
}


def terminal_tables(summaries: Sequence[Summary]) -> list[Table]:
    """All tables that a comparison shows in a terminal: the short one, and the fronts where curves were recorded."""
    fronts = front_table(summaries)
    return [terminal_table(summaries), *([] if fronts is None else [fronts])]


def _legend() -> str:
    names = ", ".join(f"{short} = {metric}" for metric, short in SHORT_TABLE.items() if short != metric)
    return (
        "fidelity: 1 = as good as real training; collapse: 0 = as diverse as real training, 1 = one network over and "
        f"over. What the others mean: `weightloom list metrics` ({names})."
    )


def terminal_table(summaries: Sequence[Summary]) -> Table:
    """The short table of one or several runs for the terminal; ``–`` marks what was not measured."""
    title = Text(printable(", ".join(dict.fromkeys(summary.name for summary in summaries))))
    table = Table(title=title, caption=_legend(), caption_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    several = len(summaries) > 1
    for heading in (*(("run",) if several else ()), "generator", "kind"):
        table.add_column(heading, overflow="fold")
    for heading in ("fidelity", *SHORT_TABLE.values()):
        table.add_column(heading, justify="right", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for label, summary in zip(run_labels(summaries), summaries, strict=True):
        for name, generator in summary.generators.items():
            cells = [label] * several + [name, generator.kind, _interval(generator, "fidelity")]
            cells += [shown(generator.mean(metric)) for metric in SHORT_TABLE]
            cells.append(", ".join(verdict.label for verdict in generator.verdict) or shown(None))
            table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


def _interval(generator: GeneratorSummary, metric: str) -> str:
    return interval(generator.metrics.get(metric))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
