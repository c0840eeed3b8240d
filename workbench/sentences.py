"""What the figures of a run say, in plain words: what holds for several families is said once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from workbench.differences import advantage, compare, paired_difference, trade_off
from workbench.summary import BriefPoint, GeneratorSummary, Summary, interval, shown

Generators = Mapping[str, GeneratorSummary]
STILL_IMPROVING = 0.1
"""Largest share of really trained networks whose last step was their best that counts as converged."""
GAIN = 0.005
"""What really trained networks may score more after twice as many steps, and still count as converged."""


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
    return sentences + _cost(families) + _spending(families) + _yardstick(summary)


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
            figures = f"{_interval(own, metric)} against {_interval(other, metric)}{_paired(own, other, metric)}"
            if outcome in ("better", "worse"):
                parts.append(f"{a if outcome == 'better' else b} is {word} ({figures})")
            elif outcome == "no difference":
                parts.append(f"no difference in {metric} shown ({figures})")
            else:
                missing = [name for name, family in ((a, first), (b, second)) if not _measured(family, metric)]
                parts.append(f"{metric} cannot be compared (not measured, or without interval: {_listed(missing)})")
        sentences.append(f"{a} and {b}: {'; '.join(parts)}.")
    return sentences


def _against_baselines(families: Generators, baselines: Generators) -> list[str]:
    if not baselines:
        return [f"{name} was compared with no baseline, so nothing shows that it has learned." for name in families]
    beaten: dict[str, list[str]] = {}
    beyond: dict[tuple[str, ...], list[str]] = {}
    unknown_of: dict[tuple[str, ...], list[str]] = {}
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
            beyond.setdefault(tuple(groups["nothing"]), []).append(name)
        if groups["unknown"]:
            unknown_of.setdefault(tuple(groups["unknown"]), []).append(name)
    sentences = [f"{_listed(who)} {'beat' if len(who) > 1 else 'beats'} {what}." for what, who in beaten.items()]
    for others, who in beyond.items():
        does, has = ("do", "they have") if len(who) > 1 else ("does", "it has")
        sentences.append(
            f"{_with_fidelity(families, who)} {does} not beat {_with_fidelity(baselines, others)}: "
            f"{has} learned nothing beyond {_listed(others)}."
        )
    for others, who in unknown_of.items():
        sentences.append(f"{_listed(who)} cannot be compared with {_listed(others)}: a figure is missing.")
    return sentences


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
            if gap.low > 0:
                parts.append(f"{gap.mean:.3f} [{gap.low:.3f}, {gap.high:.3f}] better than noise on {parent}")
            elif gap.high < 0:
                parts.append(f"{-gap.mean:.3f} [{-gap.high:.3f}, {-gap.low:.3f}] worse than noise on {parent}")
            else:
                figures = f"{gap.mean:+.3f} [{gap.low:+.3f}, {gap.high:+.3f}]"
                parts.append(f"not shown to differ from noise on {parent} ({figures})")
        if parts:
            sentences.append(f"At its own diversity the score of {name} is {' and '.join(parts)}.")
    return sentences


def _against_brief(families: Generators, points: Sequence[BriefPoint]) -> list[str]:
    """Each family beside the fewest steps of real training that are as faithful, and what both cost."""
    equals: dict[tuple[int, bool], list[str]] = {}
    sentences = []
    for name, family in families.items() if points else ():
        own = family.mean("fidelity") or 0.0
        equal = next((i for i, point in enumerate(points) if (point.fidelity.mean or 0.0) >= own), None)
        if equal is None:
            most = max(point.steps for point in points)
            sentences.append(f"{name} is more faithful than networks that are really trained for up to {most} steps.")
        else:
            own_high, low = family.metrics["fidelity"].high, points[equal].fidelity.low
            equals.setdefault((equal, own_high is not None and low is not None and low > own_high), []).append(name)
    for (i, better), names in equals.items():
        point = points[i]
        emitting = {name: families[name].mean("latency_ms") for name in names}
        times = [f"{shown(point.milliseconds / ms)} times what {name} takes" for name, ms in emitting.items() if ms]
        how = "more faithful than" if better else "as faithful as"
        sentences.append(
            f"Really training each network for {point.steps} steps is {how} {_listed(names)} "
            f"({interval(point.fidelity)}, collapse {interval(point.collapse)}) and takes "
            f"{shown(point.milliseconds)} ms a network{', ' * bool(times)}{_listed(times) if times else ''}"
            f"{' to emit one' * bool(times)}."
        )
    return sentences


def _labels(families: Generators) -> list[str]:
    one = {"copy": "copies its training networks", "collapsed": "has collapsed", "novel": "is new"}
    several = {"copy": "copy their training networks", "collapsed": "have collapsed", "novel": "are new"}
    alike: dict[tuple[str, str], list[str]] = {}
    for name, family in families.items():
        for verdict in family.verdict:
            reason = verdict.reason.removeprefix(f"{verdict.label}: ").rstrip(".")
            alike.setdefault((verdict.label, reason), []).append(name)
    sentences = []
    for (label, reason), names in alike.items():
        verb = one.get(label, f"is judged {label}") if len(names) == 1 else several.get(label, f"are judged {label}")
        sentences.append(f"{_listed(names)} {verb}: {reason}.")
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


def _yardstick(summary: Summary) -> list[str]:
    """Whether real training, by which fidelity is measured, was cut short."""
    share, steps = summary.zoo.get("still_improving"), summary.budget.get("real_steps")
    after = f" after {steps:,} steps" if isinstance(steps, int) else ""
    found = []
    if isinstance(share, int | float) and share > STILL_IMPROVING:
        found.append(f"{share:.0%} of the really trained networks were still improving{after}")
    gain, low, high = (summary.zoo.get(f"doubled_gain{end}") for end in ("", "_low", "_high"))
    if isinstance(gain, float) and isinstance(low, float) and isinstance(high, float) and gain > GAIN and low > 0:
        found.append(f"really trained networks score {gain:.3f} [{low:.3f}, {high:.3f}] more after twice as many steps")
    if not found:
        return []
    return [
        f"The yardstick is short: {' and '.join(found)}, so every fidelity here is higher than against converged "
        "training."
    ]


def _paired(own: GeneratorSummary, other: GeneratorSummary, metric: str) -> str:
    """What the pairs say, where a claim rests on them."""
    found = paired_difference(own, other, metric)
    if found is None or found.mean is None or found.low is None or found.high is None:
        return ""
    return f"; on the same architectures {found.mean:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _measured(generator: GeneratorSummary, metric: str) -> bool:
    estimate = generator.metrics.get(metric)
    return estimate is not None and None not in (estimate.mean, estimate.low, estimate.high)


def _with_fidelity(generators: Generators, names: Sequence[str]) -> str:
    return _listed([f"{name} ({_interval(generators[name], 'fidelity')})" for name in names])


def _interval(generator: GeneratorSummary, metric: str) -> str:
    return interval(generator.metrics.get(metric))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
