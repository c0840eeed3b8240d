"""One generator or one run at a time: what the command line's smaller verbs do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from generators.form import Form
from generators.registry import make_generator
from generators.saving import from_pretrained, save_pretrained
from generators.topology import budget
from search_spaces import Architecture, Blueprint, UnknownName, WeightloomError, files
from search_spaces.rules import Rules
from sweeps.conclusion import chosen_of
from sweeps.config import ExportPlan, explain, read_config, resolve
from sweeps.designing import drawn, verify_architecture
from sweeps.exporting import ROWS, ending, export_best, scored
from sweeps.folder import RunFolder, locked, run_of
from sweeps.names import families
from sweeps.opening import opened
from sweeps.origin import Origin
from sweeps.study import open_laboratory
from sweeps.watching import Watcher
from workbench.evaluation import Evaluation
from workbench.evaluation import evaluate as measure
from workbench.experiment import run_family
from workbench.export import Verified, export_network, read_recipe, verify_export
from workbench.ledger import Ledger
from workbench.provenance import Emitted
from workbench.report import write_report
from workbench.summary import ExportRecord, GeneratorSummary, Summary
from workbench.tasks import load_task


def train_one(
    family: str,
    out: Path,
    *,
    preset: str,
    overrides: Mapping[str, Any],
    mode: str | None,
    settings: Mapping[str, Any],
    runs: Path,
    watcher: Watcher,
) -> GeneratorSummary:
    """Train a generator as a preset's plan for its family says, save it into ``out`` and measure it.

    Raises:
        WeightloomError: a name or setting is not allowed.
        RunFailed: the training broke down.
    """
    if family not in families():
        raise UnknownName("family", family, families())
    config = resolve(preset, dict(overrides))
    if all(plan.family != family for plan in config.families):
        config = resolve(preset, {**overrides, "families": [{"family": family}]})
    plan = config.plan(family)
    training = config.training_of(family)
    if "training.steps" in overrides:
        training = training.model_copy(update={"steps": config.training.steps})
    chosen = mode or (plan.modes[0] if plan.modes else training.mode)
    training = training.model_copy(update={"mode": chosen})
    generator = make_generator(family, {**plan.settings, **settings})  # mistakes are said before the zoo is trained
    if chosen not in generator.modes:
        raise WeightloomError(
            f"--mode: {family} expects one of {', '.join(generator.modes)}, got {chosen!r}; choose one of them"
        )
    laboratory = open_laboratory(config, runs, watcher)
    outcome = run_family(
        laboratory,
        family,
        {**plan.settings, **settings},
        training,
        config.evaluation,
        told=lambda phase, done, total: watcher.progress(f"{family}, {phase} phase", done, total),
    )
    save_pretrained(outcome.generator, out)
    Origin.of(laboratory, config.data, chosen).write(out)
    return outcome.summary


def evaluate_one(
    folder: Path, *, preset: str, overrides: Mapping[str, Any], runs: Path, watcher: Watcher
) -> tuple[str, Evaluation]:
    """The name of a saved generator and its figures on test architectures of a preset's zoo.

    Raises:
        WeightloomError: there is no generator, or the data is not what it was trained on.
        DamagedFile: a file was altered.
    """
    generator, origin = from_pretrained(folder), Origin.read(folder)
    own = {name: getattr(origin, name) for name in ("task", "data", "space", "space_settings")}
    config = resolve(preset, {**own, **overrides})
    laboratory = open_laboratory(config, runs, watcher)
    if laboratory.task.digest() != origin.task_digest:
        raise WeightloomError(
            f"{folder}: expected the data of task {origin.task!r} that it was trained on "
            f"(digest {origin.task_digest}), got other data ({laboratory.task.digest()}); name it with --data"
        )
    watcher.progress("evaluation", 0, 1)
    generator.to(laboratory.device)
    found = measure(generator, laboratory.zoo, laboratory.test, laboratory.test_validity, config.evaluation)
    watcher.progress("evaluation", 1, 1)
    return generator.name, found


def generate_some(
    folder: Path,
    out: Path,
    *,
    architecture: Path | None,
    sample: int,
    seed: int,
    density: float,
    weights: float,
    form: Form,
    data: str | None,
    flops: float | None = None,
    rules: Rules | None = None,
    topology: Path | None = None,
) -> list[ExportRecord]:
    """Networks of a saved generator as safetensors files in ``out``, each with its test score.

    Args:
        folder: of the generator.
        out: for the files.
        architecture: JSON file of the one architecture, or None to draw ``sample`` of them.
        sample: how many.
        seed: of the draw; network i has the latent seed ``seed + i``.
        density: share of hidden neurons to keep.
        weights: share of weights to keep non-zero.
        form: what is done to each network then: limits, rounding.
        data: folder of the task's data if it has moved.
        flops: floating-point operations for one example that no architecture may exceed.
        rules: that every architecture keeps besides.
        topology: of a topology generator that emits the architectures; by default they are drawn.

    Raises:
        WeightloomError: a file is missing, the architecture does not belong to the generator's space or breaks a
            rule, or no architecture keeps them.
    """
    generator, origin = from_pretrained(folder), Origin.read(folder)
    space = origin.open_space()
    kept = budget(rules, flops)
    found: Iterable[tuple[Architecture, Emitted | None]]
    if architecture is not None:
        text = files.read_bytes(architecture, "JSON file of an architecture", "check the path")
        given = Architecture.from_json(text.decode("utf-8", errors="replace"))
        space.validate(given)
        found = [(given, None)]
    else:
        found = drawn(space, sample, seed, flops, kept, topology)
    task, run = load_task(origin.task, data or origin.data), run_of(folder)
    records: list[ExportRecord] = []
    for i, (one, emitted) in enumerate(found):
        network = form.limited(generator.generate([Blueprint.of(one)], [seed + i], density, weights))
        provenance = origin.provenance(
            generator,
            path=str(folder.resolve()),
            seed=seed + i,
            density=density,
            weights=weights,
            form=form,
            scores=scored(network, form, task.test),
            rules=kept,
            topology=emitted,
        )
        stem = f"{generator.name}-{one.key}-{seed + i}{ending(form)}"
        rows = task.test.x[:ROWS]
        written = export_network(network, 0, out, stem, provenance, rows, ("safetensors",), root=out)
        if run is not None:
            Ledger(run).add("generate", written, out)
        records += written
    return records


def export_run(
    path: Path,
    *,
    family: str | None,
    best: str,
    top: int,
    formats: Sequence[str],
    form: Form,
    watcher: Watcher,
    storage: str | None = None,
) -> list[ExportRecord]:
    """Export the best networks of a finished run and add them to its summary and report.

    Raises:
        WeightloomError: there is no such run, or no finished trial of that family.
    """
    summary = Summary.read(path)
    folder = RunFolder(path=path)
    config = read_config(folder.config)
    try:
        exports = ExportPlan.model_validate({"best": best, "top": top, "formats": formats, **asdict(form)})
    except ValidationError as error:
        raise WeightloomError(explain(error, ExportPlan)) from error
    with locked(folder):
        if not folder.study.exists() and not folder.storage.exists():
            raise WeightloomError(f"{folder.study}: missing; name the folder of a run made by `weightloom sweep`")
        with opened(folder.place(storage), config.name, config.seed, join=True) as store:
            trials = store.complete()
        finished = {trial.params["family"] for trial in trials}
        if not trials or (family is not None and family not in finished):
            raise UnknownName("family with a finished trial", family or "any", finished)
        chosen = chosen_of(config, trials, exports.best, family)
        laboratory = open_laboratory(config, path.parent, watcher)
        records = export_best(config, folder, laboratory, chosen, exports, watcher)
        new = {record.path for record in records}
        kept = [record for record in summary.exports if record.path not in new]
        summary = summary.model_copy(update={"exports": [*kept, *records]})
        write_report(summary, path)
        summary.write(path)
    return records


def verify_file(path: Path, folder: Path | None, topology: Path | None = None) -> Verified:
    """The largest difference between an export and the network that its generator makes again.

    Where a topology generator chose the architecture, it must choose it again; rules must be kept.

    Raises:
        WeightloomError: a generator is not found, or is not the one that made the file; a rule is broken.
        RunFailed: the network or its architecture differs.
    """
    recipe = read_recipe(path)
    verify_architecture(recipe, topology)
    if folder is None:
        named = recipe.provenance.generator_path
        if named is None:
            raise WeightloomError(f"{path}: names no folder of its generator; give it with --generator")
        folder = Path(recipe.path).resolve().parent.parent / named  # an absolute path stays as it is
    return verify_export(path, from_pretrained(folder))


def verify_ledger(run: Path) -> tuple[Ledger, int, list[str]]:
    """The ledger of a run whose chain holds, its number of lines, and what else there is to remark.

    Raises:
        WeightloomError: there is no such run, or no ledger though networks left it.
        DamagedFile: the chain is broken; names the first broken line.
    """
    ledger = Ledger(run)
    lines = ledger.lines()
    exports = Summary.read(run).exports
    if exports and not ledger.path.exists():
        raise WeightloomError(
            f"{ledger.path}: expected a ledger, since {len(exports)} networks were exported, got none; the run was "
            "made by an earlier version, or somebody took it away"
        )
    known = {line["path"] for line in lines}
    unlogged = [f"{e.path} stands in summary.json but was never logged" for e in exports if e.path not in known]
    return ledger, len(lines), [*unlogged, *ledger.remarks()]
