"""A name in a file is looked up among what is installed; a module that a file names is never imported."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from generators.registry import make_generator
from search_spaces import Architecture, Blueprint, Edge, Node, UnknownName, WeightloomError, open_space
from sweeps.config import resolve
from sweeps.origin import Origin
from workbench.tasks import load_task

NAME = "planted_plug_in"
CODE = "import pathlib\npathlib.Path(__file__).with_suffix('.ran').write_text('')\nclass Thing: pass\n"


def foreign(space: str) -> Architecture:
    """What a file of a user's own module says."""
    choices = (("flops", 1), ("module", space), ("width", 3))
    nodes = (
        Node(name="input", operation="input", choices=(("width", 6),)),
        Node(name="end", operation="result", choices=choices),
    )
    return Architecture(space=space, nodes=nodes, edges=(Edge(source="input", target="end"),))


def settings(folder: Path, key: str, name: str) -> None:
    path = folder / "config.yaml"
    path.write_text(f"families: [{{family: '{name}'}}]\n" if key == "family" else f"{key}: '{name}'\n")
    resolve(str(path))


READERS: dict[str, Callable[[Path, str], object]] = {
    "architecture": lambda folder, name: Blueprint.of(foreign(name)),
    "generator": lambda folder, name: make_generator(name, {}),
    "space": lambda folder, name: open_space(name, inputs=6, outputs=3, shape=None),
    "origin": lambda folder, name: Origin(task=name, task_digest="", space=name, inputs=6, outputs=3).open_space(),
    "task": lambda folder, name: load_task(name),
    "settings: family": lambda folder, name: settings(folder, "family", name),
    "settings: space": lambda folder, name: settings(folder, "space", name),
    "settings: task": lambda folder, name: settings(folder, "task", name),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "form", ["{name}:Thing", "{name}.Thing", "{name}", "{folder}/{name}.py", "file://{folder}/{name}.py"]
)
def test_nothing_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str, form: str) -> None:
    (tmp_path / f"{NAME}.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UnknownName, WeightloomError)):
        READERS[reader](tmp_path, form.format(name=NAME, folder=tmp_path))
    assert NAME not in sys.modules
    assert not (tmp_path / f"{NAME}.ran").exists()


def test_the_plant_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{NAME}.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__(NAME)
    assert (tmp_path / f"{NAME}.ran").exists()
    del sys.modules[NAME]
