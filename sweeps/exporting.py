"""Which generated networks leave a run, chosen on validation data and reported on test data."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from scipy.stats import binomtest

from generators.form import Form
from generators.generated import Generated
from generators.rounding import rounded
from generators.saving import from_pretrained
from search_spaces import RunFailed
from sweeps.config import ExportPlan, SweepConfig
from sweeps.folder import RunFolder
from sweeps.origin import Origin
from sweeps.watching import Watcher
from workbench.export import export_network
from workbench.laboratory import Laboratory
from workbench.ledger import Ledger
from workbench.summary import ExportRecord
from workbench.tasks import Split
from workbench.yardstick import scores_of

ROWS = 128
"""Test examples on which each file is compared with its network."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The generator whose networks are exported.

    Attributes:
        trial: whose it is.
        family: of it.
        density: share of hidden neurons that its networks keep.
        weights: share of weights that they keep non-zero.
    """

    trial: int
    family: str
    density: float
    weights: float


def scored(network: Generated, form: Form, split: Split) -> dict[str, float]:
    """The score of one network as it is written, and where that means rounding, the score before.

    The score is a share of test examples; its 95 % interval (Wilson 1927) says what other examples would change.

    Args:
        network: a batch of one, within the limits of the form and not rounded.
        form: in which it is written.
        split: test data.
    """
    score = before = float(scores_of(network, split)[0])
    if form.weights_as != "float32":
        score = float(scores_of(rounded(network, form.weights_as), split)[0])
    found = {"score": score, "test_examples": float(len(split))}
    if math.isfinite(score):
        ends = binomtest(round(score * len(split)), len(split)).proportion_ci(method="wilson")
        found |= {"score_low": float(ends.low), "score_high": float(ends.high)}
    return found if form.weights_as == "float32" else {**found, "score_as_float": before}


def ending(form: Form) -> str:
    """What sets a file's name apart from that of the same network in its usual form."""
    limits = [f"-{name}{limit:g}" for name, limit in (("n", form.max_norm), ("l", form.max_lipschitz)) if limit]
    return "".join([*limits, "" if form.weights_as == "float32" else f"-{form.weights_as}"])


def export_best(
    config: SweepConfig,
    folder: RunFolder,
    laboratory: Laboratory,
    chosen: Chosen,
    exports: ExportPlan,
    watcher: Watcher,
) -> list[ExportRecord]:
    """Export the networks of test architectures that score best on validation data.

    The candidates are the networks that the trial was measured on, ``evaluation.latents`` for each test
    architecture. Each exported one is generated again by itself, so that it can be regenerated bit for bit.

    Raises:
        RunFailed: no network is whole, or a file does not compute what its network computes.
        WeightloomError: the saved generator is missing or damaged.
    """
    generator = from_pretrained(folder.generator(chosen.trial))
    origin = Origin.read(folder.generator(chosen.trial))
    test, validity = laboratory.test, laboratory.test_validity
    latents = config.evaluation.latents
    blueprints = test.repeated(latents)
    seeds = [config.evaluation.seed + i for i in range(len(blueprints))]
    candidates = generator.generate(blueprints, seeds, chosen.density, chosen.weights)
    validation = scores_of(candidates, validity.split)
    order = torch.argsort(torch.nan_to_num(validation, nan=-1.0), descending=True, stable=True).tolist()
    wanted = [i for i in order if bool(torch.isfinite(validation[i]))][: exports.top]
    if not wanted:
        raise RunFailed(f"export: every network of trial {chosen.trial} ({chosen.family}) has broken outputs")
    records: list[ExportRecord] = []
    ledger, about = Ledger(folder.path), folder.read_trial(chosen.trial)
    ledger.lines()  # a broken one is said before the work
    for place, i in enumerate(wanted, 1):
        watcher.progress("export", place - 1, len(wanted))
        network = generator.generate([blueprints[i]], [seeds[i]], chosen.density, chosen.weights)
        alone = exports.form.limited(network)
        scores = scored(alone, exports.form, test.split)
        final = rounded(alone, exports.weights_as)
        scores["validation_score"] = float(scores_of(final, validity.split)[0])
        provenance = origin.provenance(
            generator,
            path=folder.generator(chosen.trial).relative_to(folder.path).as_posix(),
            seed=seeds[i],
            density=chosen.density,
            weights=chosen.weights,
            form=exports.form,
            scores=scores,
        )
        written = export_network(
            alone,
            0,
            folder.path / "exports",
            f"{chosen.family}-{place}-{blueprints[i].key}{ending(exports.form)}",
            provenance,
            test.split.x[:ROWS].cpu(),
            exports.formats,
            root=folder.path,
            about=about,
        )
        ledger.add("export", written, folder.path)
        records += written
    watcher.progress("export", len(wanted), len(wanted))
    return records
