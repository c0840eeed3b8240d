"""A family on zoos that nothing was chosen on: ``python -m benchmarks.held_out --family experts``.

For each seed a zoo with architectures and networks of its own is trained, then the preset's family; beside it the
simple baselines, and fresh as well as emitted weights with some steps of real training. All figures are those of test
architectures on test data, as in every table. The settings stand in the preset; they were chosen on another zoo
(``docs/results.md``).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.parts import Bench, changes_of, parser, write_result
from generators.generator import Generator
from workbench.evaluation import evaluate
from workbench.evaluation.evaluate import Evaluation
from workbench.execution import side_by_side
from workbench.experiment import finished_name, run_baseline
from workbench.pooling import pooled
from workbench.summary import Estimate, GeneratorSummary

SHOWN = (
    "fidelity",
    "fidelity_worst_decile",
    "collapse",
    "valid",
    "ensemble_score",
    "gap",
    "gap_oracle",
    "gap_novelty",
    "gap_novelty_oracle",
    "max_iou",
    "max_iou_real",
    "rho_function",
    "shuffled_fidelity",
    "latency_ms",
    "nfe",
)
BASELINES = ("noise", "average", "gaussian", "pca")
Row = dict[str, Any]


def one_seed(seed: int, options: argparse.Namespace) -> dict[str, Row]:
    """Figures, verdict and seconds of training of the family and of each baseline."""
    sizes = {} if options.test is None else {"zoo.test": options.test}
    bench = Bench.open(options.preset, {**changes_of(options), **sizes}, seed, options.runs)
    laboratory = bench.laboratory
    family = options.family
    generator, seconds = bench.trained(family)
    evaluation = bench.config.evaluation.without_curves()
    made: dict[str, Generator] = {family: generator}
    for steps in options.finish:
        made[finished_name("init", steps)] = laboratory.finished(None, steps)
        made[finished_name(family, steps)] = laboratory.finished(generator, steps)
    found: dict[str, Row] = {}
    for name, one in made.items():
        own = evaluate(one, laboratory.zoo, laboratory.test, laboratory.test_validity, evaluation)
        found[name] = _row(own)
    found[family]["seconds"] = seconds
    for name in BASELINES:
        found[name] = _row(run_baseline(laboratory, name, {}, evaluation).summary)
    found["real"] = {
        **{key: value for key, value in laboratory.zoo_facts().items() if key.startswith(("still", "doubled"))},
        "score": float(laboratory.test.scores.mean()),
        "steps": bench.config.zoo.real_recipe.steps,
    }
    return found


def _row(own: Evaluation | GeneratorSummary) -> Row:
    figures = {name: own.metrics[name] for name in SHOWN if name in own.metrics}
    return {"figures": figures, "verdict": [verdict.label for verdict in own.verdict]}


def main(arguments: list[str] | None = None) -> None:
    """Print the figures and write ``benchmarks/results/held-out-FAMILY-TASK.json``."""
    options_parser = parser(__doc__, "long")
    options_parser.set_defaults(seeds=[31, 32, 33])
    options_parser.add_argument("--family", default="experts", help="of the preset")
    options_parser.add_argument("--test", type=int, default=None, help="test architectures of each zoo")
    options_parser.add_argument("--workers", type=int, default=1, help="seeds at once, a thread each if several")
    options_parser.add_argument("--finish", type=int, nargs="*", default=[50, 150], help="steps of real training")
    options, began = options_parser.parse_args(arguments), time.perf_counter()
    each = []
    done = side_by_side(lambda seed: one_seed(seed, options), options.seeds, options.workers)
    for seed, found in zip(options.seeds, done, strict=True):
        each.append(found)
        own = found[options.family]
        print(seed, {name: _three(e) for name, e in own["figures"].items()}, own["verdict"], f"{own['seconds']:.0f} s")
        print(seed, "real", found["real"], flush=True)
    together = {name: _pooled([found[name] for found in each]) for name in each[0] if name != "real"}
    for name, figures in together.items():
        print(name, {f: _three(e) for f, e in figures.items()})
    content = {
        "pooled": {name: _dumped(figures) for name, figures in together.items()},
        "each": [{name: _written(row) for name, row in found.items()} for found in each],
    }
    write_result(f"held-out-{options.family}-{options.task or 'digits'}", options, content, began)


def _pooled(rows: Sequence[Row]) -> dict[str, Estimate]:
    figures = {name: pooled([row["figures"].get(name) for row in rows]) for name in SHOWN}
    return {name: estimate for name, estimate in figures.items() if estimate is not None}


def _written(row: Row) -> Row:
    return row | {"figures": _dumped(row["figures"])} if "figures" in row else row


def _dumped(figures: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.model_dump() for name, estimate in figures.items()}


def _three(estimate: Estimate) -> str:
    return f"{estimate.mean:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"


if __name__ == "__main__":
    main()
