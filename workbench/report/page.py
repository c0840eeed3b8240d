"""The page of the report: gathers what the template shows and writes one self-contained file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from workbench import files
from workbench.comparison import SHORT_TABLE
from workbench.metrics.registry import METRICS
from workbench.report.definitions import defined, definition
from workbench.report.figures import all_figures
from workbench.report.pictures import Picture, pictures
from workbench.report.plot import style
from workbench.sentences import verdict_sentences
from workbench.summary import FILE_NAME, MISSING, Estimate, NetworkCost, Summary, shown

ARROWS = {"up": "↑", "down": "↓", "near": "→"}


def write_report(summary: Summary, folder: str | Path) -> Path:
    """Write ``report.html`` into ``folder``: one file that needs no network.

    It is made from the summary, and from the exported networks beside it, whose architectures are drawn.

    Returns:
        The path of the report.
    """
    return files.write_text(Path(folder) / "report.html", render(summary, pictures(summary, folder)))


def render(summary: Summary, drawn: Sequence[Picture] = ()) -> str:
    """The whole page as HTML; names from the summary are escaped wherever they stand."""
    figures = all_figures(summary)
    answer, sentences = answer_of(summary)
    measured = dict.fromkeys(metric for g in summary.generators.values() for metric in g.metrics)
    headline = [name for name in ("fidelity", *SHORT_TABLE) if name in measured]
    return environment().get_template("template.html").render(
        summary=summary,
        file_name=FILE_NAME,
        answer=answer,
        sentences=sentences,
        facts=_facts(summary),
        columns=[column(name) for name in headline],
        others=[column(name) for name in measured if name not in headline],
        glossary=[column(name) for name in _in_order(measured)],
        cell=cell,
        shown=shown,
        looks=style(summary),
        figures=figures,
        specs=[panel.spec for figure in figures for panel in figure.panels],
        pictures=drawn,
        cost_keys=tuple(NetworkCost.model_fields),
        exports=[(export, _link(export.path)) for export in summary.exports],
        command=reproduce_command(summary),
        **page_parts(),
    )  # fmt: skip


def answer_of(summary: Summary) -> tuple[list[str], list[str]]:
    """Which family to choose, and the other sentences."""
    sentences = verdict_sentences(summary)
    answer = [sentence for sentence in sentences if sentence.startswith("Choose ")] or sentences[:1]
    return answer, sentences[len(answer) :]


def environment() -> Environment:
    """Templates of this folder, escaping what they show."""
    templates = Environment(
        loader=FunctionLoader(_asset), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.globals["definition"] = definition
    return templates


def page_parts() -> dict[str, Markup]:
    """What every page carries inline: ``css``, ``script`` and ``plotly``."""
    return {
        "css": Markup(_asset("report.css")),
        "script": Markup(_asset("report.js")),
        "plotly": Markup(_plotly()),
    }


def reproduce_command(summary: Summary) -> str:
    """The command that makes the run again: the recorded one, or one from its saved configuration and the summary."""
    recorded = summary.budget.get("command")
    if isinstance(recorded, str):
        return recorded
    options = {"name": summary.name, "task": summary.task, "space": summary.space, "seed": summary.seed}
    return "weightloom sweep config.yaml " + " ".join(
        f"--{key} {shlex.quote(str(value))}" for key, value in options.items()
    )


def _asset(name: str) -> str:
    return resources.files("workbench.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    """The plotting library, safe to stand inside a script element."""
    return get_plotlyjs().replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _facts(summary: Summary) -> list[tuple[str, list[tuple[str, str]]]]:
    """What was compared, in four short lists."""
    real = [name for name, generator in summary.generators.items() if generator.kind == "real"]
    return [
        (
            "Question",
            [
                ("task", summary.task),
                ("search space", summary.space),
                ("families", ", ".join(summary.of_kind("family")) or "none"),
                ("baselines", ", ".join(summary.of_kind("baseline")) or "none"),
            ],
        ),
        ("Zoo of trained networks", _words(summary.zoo.items())),
        ("Budget", _budget(summary)),
        (
            "Yardstick",
            [
                ("row of really trained networks", ", ".join(real) or "missing"),
                ("real training", _plain(summary.budget.get("real_steps"), " steps")),
                ("whole run", f"{shown(summary.seconds)} s"),
                ("made", summary.created),
            ],
        ),
    ]


def _budget(summary: Summary) -> list[tuple[str, str]]:
    """What the run was given; steps are those that each family took, where there are any.

    A row that was finished by real training shares the training of the row it begins with, which counts once.
    """
    trained: dict[tuple[int | None, float], tuple[str, int]] = {}
    for name, row in summary.of_kind("family").items():
        trained.setdefault((row.trial, row.budget.seconds), (name, row.budget.steps))
    general = ("steps", "zoo_steps") if trained else ()
    found = _words((key, value) for key, value in summary.budget.items() if key not in general)
    if trained:
        found.append(("steps of training", ", ".join(f"{name} {steps:,}" for name, steps in trained.values())))
    return [*found, ("training of all families", f"{shown(sum(seconds for _, seconds in trained))} s")]


def _words(pairs: Iterable[tuple[str, Any]]) -> list[tuple[str, str]]:
    return [(key.replace("_", " "), _plain(value)) for key, value in pairs if key != "command"]


def _plain(value: Any, unit: str = "") -> str:
    if value is None:
        return "not recorded"
    if isinstance(value, float):
        return shown(value) + unit
    return (f"{value:,}" if isinstance(value, int) else str(value)) + unit


def column(name: str) -> dict[str, str]:
    """One metric as a column: label, arrow and the text that explains it."""
    metric = METRICS.get(name)
    column = {"name": name, "label": name.replace("_", " "), "arrow": "", "first": "descending", "source": ""}
    if metric is None:
        return {**column, "text": "A metric of a plug-in; no definition is registered here."}
    column |= {"arrow": ARROWS[metric.better], "source": metric.source}
    if metric.better == "down":
        column["first"] = "ascending"
    return {**column, "text": defined(metric)}


def _in_order(names: Iterable[str]) -> list[str]:
    order = {name: position for position, name in enumerate(METRICS)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def cell(estimate: Estimate | None) -> dict[str, Any]:
    """One figure of the table: for sorting, for reading, and its interval."""
    if estimate is None or estimate.mean is None:
        return {"sort": "", "text": MISSING, "interval": "", "n": 0}
    known = estimate.low is not None and estimate.high is not None and estimate.low < estimate.high
    interval = f"[{shown(estimate.low)}, {shown(estimate.high)}]" if known else ""
    return {"sort": repr(estimate.mean), "text": shown(estimate.mean), "interval": interval, "n": estimate.n}


def _link(path: str) -> str:
    """A link to a file beside the report; none for a path that leaves the folder of the run."""
    parts = PurePosixPath(path.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or not parts.parts:
        return ""
    return "./" + quote(str(parts))
