"""``weightloom compare``: several runs side by side."""

from __future__ import annotations

import sys
from pathlib import Path

from weightloom.commands.options import Json
from weightloom.terminal import print_comparison, print_json


def compare(
    run: Path,
    /,
    *runs: Path,
    csv: bool = False,
    latex: bool = False,
    wandb: str | None = None,
    json: Json = False,
) -> int:
    """Compare the generators of one or several runs: table, sentences, warnings.

    Runs may be of other days and machines; where task, space, zoo, budgets or versions differ, it says so.

    **Example:** `weightloom compare runs/demo runs/quick --csv > figures.csv`

    Args:
        run: Folder of a run or its summary.json.
        runs: More of them.
        csv: Print every figure as CSV instead: run, generator, metric, mean, interval.
        latex: Print a LaTeX table (package booktabs) instead, with the warnings as comments.
        wandb: ENTITY/PROJECT of Weights & Biases, to save a workspace there that compares the runs; send them before
            with `wandb sync RUN/wandb/offline-run-*`. Needs an account and the extra `workspaces`.
        json: Print one JSON object on stdout: rows, sentences and warnings.
    """
    from dataclasses import asdict

    from search_spaces.errors import WeightloomError
    from workbench.comparison import difference_warnings, rows, rows_as_csv
    from workbench.sentences import verdict_sentences
    from workbench.summary import Summary

    if csv + latex + json > 1:
        raise WeightloomError("compare: expected one of --csv, --latex and --json, got several; choose one")
    summaries = [Summary.read(path) for path in (run, *runs)]
    if wandb is not None:
        return _save_workspace(list(dict.fromkeys(summary.name for summary in summaries)), wandb, json)
    if csv:
        sys.stdout.write(rows_as_csv(summaries))
    elif latex:
        from workbench.latex import latex_table

        sys.stdout.write(latex_table(summaries))
    elif json:
        print_json(
            {
                "rows": [asdict(row) for row in rows(summaries)],
                "sentences": [verdict_sentences(summary) for summary in summaries],
                "warnings": difference_warnings(summaries),
            }
        )
    else:
        print_comparison(summaries)
    return 0


def _save_workspace(names: list[str], target: str, json: bool) -> int:
    from workbench.tracking.workspace import save_workspace

    address = save_workspace(names, target)
    if json:
        print_json({"workspace": address})
    else:
        print(address)
    return 0
