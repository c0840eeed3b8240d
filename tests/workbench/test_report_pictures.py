"""Pictures of exported architectures in the report."""

from pathlib import Path

import numpy as np
import pytest
from example_summary import example_dict

from generators.registry import make_generator
from search_spaces import Blueprint, MLPSpace
from workbench.export import write_network
from workbench.provenance import Provenance
from workbench.report.page import render
from workbench.report.pictures import pictures
from workbench.summary import Summary

PROVENANCE = Provenance(
    task="digits", task_digest="d", space="mlp", generator="mlp", generator_digest="g", seed=3,
    scores={"score": 0.9},
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> tuple[Summary, Path]:
    """Two generators with an export each, and one whose file is gone."""
    content = example_dict()
    first = content["exports"][0]
    content["exports"] = []
    space = MLPSpace(inputs=6, outputs=3)
    blueprints = [Blueprint.of(a) for a in space.sample_distinct(2, np.random.default_rng(0))]
    generated = make_generator("mlp", {"d": 8, "hidden": 16}).generate(blueprints, range(2))
    for i, (name, score) in enumerate((("mlp", 0.5), ("diffusion", 0.9), ("gone", 0.7))):
        path = f"exports/{name}.safetensors"
        if name != "gone":
            write_network(tmp_path / path, generated, i, PROVENANCE)
        content["exports"].append({**first, "path": path, "format": "safetensors", "generator": name, "score": score})
    return Summary.model_validate(content), tmp_path


def test_the_best_comes_first_and_missing_files_are_left_out(run: tuple[Summary, Path]) -> None:
    found = pictures(*run)
    assert [picture.title for picture in found] == ["Best: diffusion (score 0.900)", "mlp (score 0.500)"]
    page = render(run[0], found)
    assert '<section id="pictures"' in page
    assert all(str(picture.svg) in page for picture in found)


def test_a_path_out_of_the_folder_is_not_read(run: tuple[Summary, Path], tmp_path: Path) -> None:
    summary, folder = run
    exports = [export.model_copy(update={"path": f"../{folder.name}/{export.path}"}) for export in summary.exports]
    assert pictures(summary.model_copy(update={"exports": exports}), tmp_path) == []
