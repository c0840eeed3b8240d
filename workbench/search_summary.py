"""``search.json``: the one record of a comparison of search methods, from which table and page are made."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from workbench import files
from workbench.summary import MISSING, Count, Estimate, Measured, Number, Record

FILE_NAME = "search.json"


class CurvePoint(Record):
    """The highest score so far after ``query`` queries, mean over seeds with its 95 % interval."""

    query: Count
    mean: Number
    low: Number
    high: Number


class Relaxed(Record):
    """What a search by relaxed gates says about them; scores are shares of validation examples, weights generated.

    Attributes:
        relaxed: score of the supernet with its gates as they ended, 0 to 1.
        discrete: score with the most probable option of each gene alone, and the same weights.
        gap: ``relaxed`` − ``discrete``, −1 to 1: what is lost by making the gates discrete; 0 is best.
        regenerated: score with the most probable options and weights that the generator emits for these.
        certainty: mean probability of the most probable options, 0 to 1; 1 = the gates are one-hot.
        alarm: a sentence where the gates collapsed to operations without parameters, else ``None``.
    """

    relaxed: Number
    discrete: Number
    gap: Number
    regenerated: Number
    certainty: Number
    alarm: str | None


class Pick(Record):
    """What one search picked.

    Attributes:
        seed: of the search.
        architecture: its genes, readable.
        score: what the query about it answered.
        final: what it is judged by.
        relaxed: what became of relaxed gates, if the method has them.
    """

    seed: Count
    architecture: str
    score: Measured
    final: Number
    relaxed: Relaxed | None = None


class MethodSummary(Record):
    """One method over all seeds.

    Attributes:
        curve: the highest score so far, in the unit of queries; never falls.
        final: final score of the picks.
        regret: best final score of the space minus that of the picks; lower is better; ``None`` = best unknown.
        difference: ``final`` minus that of the reference, paired by seed; ``None`` for the reference itself.
        claimed: whether the interval of the difference excludes 0.
        found: share of the seeds whose pick has the best final score of the space, 0 to 1; ``None`` = unknown.
        seconds: of processor time that the method itself took per search, its guide's training included, without
            evaluations.
        total_seconds: the same with evaluations, as if each search had paid for all of its queries itself; not in
            records from before it was measured.
        picks: by seed.
    """

    curve: list[CurvePoint]
    final: Estimate
    regret: Estimate | None
    difference: Estimate | None
    claimed: bool
    found: Measured
    seconds: Number
    total_seconds: Measured = None
    picks: list[Pick]


class SearchSummary(Record):
    """Search methods side by side on one problem, with the same seeds.

    Attributes:
        schema_version: of this record.
        problem: what was searched, in words, such as ``table nasbench201``.
        space: registered name.
        query, final: what a query answers and what scores the pick, in words.
        queries: each search may ask.
        seeds: number of searches a method; 0, 1, …
        reference: the method that differences are taken to.
        best_score, best_final: highest in the space, where known.
        methods: name → summary, in the order asked for.
        command: that makes the record again.
        versions: library → version.
    """

    schema_version: int = Field(default=1, alias="schema")
    problem: str
    space: str
    query: str
    final: str
    queries: Count
    seeds: Count
    reference: str
    best_score: Measured
    best_final: Measured
    methods: dict[str, MethodSummary]
    command: str
    versions: dict[str, str]

    def write(self, folder: str | Path) -> Path:
        """Write ``search.json`` into ``folder`` atomically and return its path."""
        return files.write_json(Path(folder) / FILE_NAME, self.model_dump(by_alias=True))


def precise(value: float | None) -> str:
    """A score with three decimals; ``–`` for none."""
    return MISSING if value is None else f"{value:.3f}"


def bracketed(estimate: Estimate | None, *, sign: bool = False) -> str:
    """``94.373 [94.361, 94.380]``; ``–`` for none; with ``sign`` also a plus."""
    if estimate is None or estimate.mean is None:
        return MISSING
    form = "+.3f" if sign else ".3f"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.mean:{form}}"
    return f"{estimate.mean:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


def sentences(summary: SearchSummary) -> list[str]:
    """What the comparison says; a difference is claimed only where its interval excludes 0.

    A sentence a method, then what became of relaxed gates, alarms included.
    """
    found = []
    for name, method in summary.methods.items():
        if method.difference is None or method.difference.mean is None:
            continue
        if not method.claimed:
            verdict = f"not told apart from {summary.reference}"
        else:
            verdict = f"{'above' if method.difference.mean > 0 else 'below'} {summary.reference}"
        found.append(f"{name} is {verdict}: {bracketed(method.difference, sign=True)} on {summary.final}.")
    for name, method in summary.methods.items():
        found += _about_gates(name, method)
    return found


def _about_gates(name: str, method: MethodSummary) -> list[str]:
    """The gap between relaxed and discrete scores, mean over seeds, and every alarm."""
    seen = {pick.seed: pick.relaxed for pick in method.picks if pick.relaxed is not None}
    if not seen:
        return []
    count = len(seen)
    relaxed, discrete, gap, regenerated = (
        sum(getattr(each, what) for each in seen.values()) / count
        for what in ("relaxed", "discrete", "gap", "regenerated")
    )
    alarms = {seed: each.alarm for seed, each in seen.items() if each.alarm is not None}
    return [
        f"{name}: with generated weights the relaxed network scores {relaxed:.3f} and the discretised one "
        f"{discrete:.3f}, a gap of {gap:+.3f} (means over {count} seeds; {regenerated:.3f} with weights generated anew "
        f"for it). Alarms of collapse: {len(alarms)} of {count} seeds.",
        *(f"ALARM, {name}, seed {seed}: {alarm}." for seed, alarm in alarms.items()),
    ]
