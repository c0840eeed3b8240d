"""The comparison of runs as a LaTeX table (package booktabs)."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.comparison import SHORT_TABLE, difference_warnings, run_labels
from workbench.metrics.registry import METRICS
from workbench.summary import MISSING, Estimate, Summary, shown

_ESCAPES = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    MISSING: "--",
}
_ARROWS = {"up": r" $\uparrow$", "down": r" $\downarrow$", "near": ""}


def latex_table(summaries: Sequence[Summary]) -> str:
    r"""A ``table`` with one row a generator and one block a run; needs ``\usepackage{booktabs}``.

    Fidelity has its 95 % interval, the other figures are means; arrows say which way is better. Why runs may not be
    comparable stands in comments above.
    """
    metrics = ("fidelity", *SHORT_TABLE)
    heads = ["generator", *(_head(metric) for metric in metrics), "verdict"]
    lines = [
        "% made by weightloom compare --latex; needs \\usepackage{booktabs}",
        *(f"% Warning: {' '.join(warning.split())}" for warning in difference_warnings(summaries)),
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{escaped(_caption(summaries))}}}",
        f"\\begin{{tabular}}{{l{'r' * len(metrics)}l}}",
        "\\toprule",
        f"{' & '.join(heads)} \\\\",
    ]
    for label, summary in zip(run_labels(summaries), summaries, strict=True):
        lines.append("\\midrule")
        if len(summaries) > 1:
            lines.append(f"\\multicolumn{{{len(heads)}}}{{l}}{{\\emph{{{escaped(label)}}}}} \\\\")
        for name, generator in summary.generators.items():
            verdict = ", ".join(verdict.label for verdict in generator.verdict) or shown(None)
            cells = [name, *(shown(generator.mean(metric)) for metric in metrics), verdict]
            cells = [escaped(cell) for cell in cells]
            cells[1] += _interval(generator.metrics.get("fidelity"))
            lines.append(f"{' & '.join(cells)} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", "\\end{table}"]) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX shows as it stands, on one line."""
    return "".join(_ESCAPES.get(c, c) for c in " ".join(text.split()))


def _head(metric: str) -> str:
    known = METRICS.get(metric)
    return escaped(SHORT_TABLE.get(metric, metric)) + (_ARROWS[known.better] if known else "")


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.mean is None or estimate.low is None or estimate.high is None:
        return ""
    return f" {{\\scriptsize [{shown(estimate.low)}, {shown(estimate.high)}]}}"


def _caption(summaries: Sequence[Summary]) -> str:
    tasks = ", ".join(dict.fromkeys(f"{s.task} on space {s.space}" for s in summaries))
    definitions = "; ".join(
        f"{SHORT_TABLE.get(name, name)}: {METRICS[name].definition.rstrip('.').lower()}"
        for name in ("fidelity", "collapse", "max_iou")
    )
    return f"Generators compared on {tasks}, with 95 % bootstrap intervals. {definitions[0].upper()}{definitions[1:]}."
