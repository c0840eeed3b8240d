from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

sys.path.insert(0, str(Path(__file__).parent))

from example_summary import example_dict, example_summary

from search_spaces.errors import DamagedFile, WeightloomError
from workbench.summary import Estimate, Summary, shown


def _saved(folder: Path, content: Any) -> Path:
    (folder / "summary.json").write_text(json.dumps(content))
    return folder


def test_round_trip_from_folder_and_file(tmp_path: Path) -> None:
    summary = example_summary()
    path = summary.write(tmp_path / "run")
    assert Summary.read(path) == summary == Summary.read(tmp_path / "run")
    assert json.loads(path.read_text())["schema"] == 1


def test_a_number_that_is_none_becomes_null() -> None:
    assert Estimate(mean=math.nan, low=math.inf, high=None, n=0) == Estimate(mean=None, low=None, high=None, n=0)


def test_frozen_and_ordered_interval() -> None:
    with pytest.raises(ValidationError):
        example_summary().name = "other"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="interval"):
        Estimate(mean=0.5, low=0.9, high=0.1, n=3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(surprise=1), ["surprise", "known keys"]),
        (lambda d: d.pop("task"), ["task", "no such key"]),
        (lambda d: d.update(seed="x"), ["seed", "integer", "'x'"]),
        (lambda d: d.update(created="yesterday"), ["created", "yesterday"]),
        (
            lambda d: d["generators"]["mlp"].update(kind="fmaily"),
            ["generators.mlp.kind", "'family'", "fmaily"],
        ),
        (
            lambda d: d["generators"]["mlp"]["metrics"]["fidelity"].update(mean="high"),
            ["fidelity.mean", "number"],
        ),
        (lambda d: d["generators"]["mlp"].update(overlap=[[1.0, 0.5]]), ["mlp", "as many columns"]),
        (lambda d: d["budget"].update(zoo=None), ["budget.zoo", "None", "more"]),
    ],
)
def test_mistakes_are_one_line_with_the_key(tmp_path: Path, change: Any, words: list[str]) -> None:
    content = example_dict()
    change(content)
    with pytest.raises(DamagedFile) as caught:
        Summary.read(_saved(tmp_path, content))
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in [*words, "summary.json"]), message


@pytest.mark.parametrize("version", [0, 2, "1", None, True])
def test_unknown_version_names_the_supported(tmp_path: Path, version: object) -> None:
    with pytest.raises(WeightloomError, match=r"schema version 1, got"):
        Summary.read(_saved(tmp_path, {**example_dict(), "schema": version}))


def test_missing_says_how_to_make_a_run(tmp_path: Path) -> None:
    with pytest.raises(WeightloomError, match="weightloom sweep"):
        Summary.read(tmp_path / "nothing")


def test_no_object(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="JSON object"):
        Summary.read(_saved(tmp_path, [1]))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "\N{EN DASH}"), (0.95312, "0.953"), (3.1e-7, "3.1e-07"), (14.62, "14.6"), (51200, "51,200")],
)
def test_shown(value: float | None, text: str) -> None:
    assert shown(value) == text


def test_every_key_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "summary.md").read_text()

    def keys(schema: dict[str, Any]) -> set[str]:
        found = set(schema.get("properties", {}))
        return found.union(*(keys(part) for part in schema.get("$defs", {}).values()))

    missing = {key for key in keys(Summary.model_json_schema(by_alias=True)) if f"`{key}`" not in text}
    assert not missing


def test_what_is_no_run_and_a_run_without_an_end_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("1,2")
    with pytest.raises(WeightloomError, match=r"table.csv: expected the folder of a run .* got another file"):
        Summary.read(tmp_path / "table.csv")
    with pytest.raises(WeightloomError, match="make a run first"):
        Summary.read(tmp_path)
    (tmp_path / "config.yaml").write_text("{}")
    with pytest.raises(WeightloomError, match="not come to its end: go on with --resume"):
        Summary.read(tmp_path)
