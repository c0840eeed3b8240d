"""Plug-ins by name, and what importing costs."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from search_spaces import SPACES, MLPSpace, Registry, UnknownName, WeightloomError, registry

POINTS = {
    "good": "search_spaces.mlp:MLPSpace",
    "lost": "no_such_package.room:Thing",
    "renamed": "search_spaces.mlp:NoSuchClass",
    "broken": "broken_plugin:Thing",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    registry._points.cache_clear()
    yield
    registry._points.cache_clear()


def offer(monkeypatch: pytest.MonkeyPatch, *pairs: tuple[str, str]) -> Registry:
    points = [EntryPoint(name, value, "weightloom.things") for name, value in pairs]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    return Registry("thing", "weightloom.things")


def test_registered_spaces() -> None:
    assert "mlp" in SPACES.names()
    assert SPACES.load("mlp") is MLPSpace
    assert SPACES.describe("mlp").startswith("Multilayer perceptrons")


def test_unknown_name_lists_all_and_names_the_nearest() -> None:
    for use in (SPACES.load, SPACES.describe):
        with pytest.raises(UnknownName, match=r"unknown space 'mpl'\. Did you mean 'mlp'\? Known: .*mlp"):
            use("mpl")


def test_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = offer(monkeypatch, ("a", "one:A"), ("b", "one:B"), ("a", "two:A"))
    with pytest.raises(WeightloomError, match="thing 'a' is registered twice: one:A and two:A"):
        twice.names()


def test_the_same_thing_listed_twice_is_no_duplicate(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offer(monkeypatch, ("a", "one:A"), ("a", "one:A")).names() == ("a",)


def test_plugins_that_do_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_plugin.py").write_text("class Thing(:\n")
    monkeypatch.syspath_prepend(tmp_path)
    things = offer(monkeypatch, *POINTS.items())
    assert things.load("good") is MLPSpace
    for name in ("lost", "renamed"):
        with pytest.raises(WeightloomError, match=f"thing '{name}': expected .* to be importable"):
            things.load(name)
    assert [things.describe(name) for name in ("lost", "renamed", "broken")] == ["", "", ""]


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_search_spaces_imports_no_torch() -> None:
    heavy = "{'torch', 'optuna', 'pytest', 'networkx', 'scipy'} & set(sys.modules)"
    used = (
        "import sys, numpy as np, search_spaces as s; space = s.MLPSpace();"
        "a = space.sample(np.random.default_rng(0)); s.encode(a); a.key; space.validate(a);"
    )
    assert python(f"{used} print({heavy})") == "set()"


def test_describing_imports_nothing() -> None:
    code = (
        "import sys; from search_spaces import Registry;"
        "rooms = [Registry(k, f'weightloom.{k}s') for k in ('space', 'task', 'generator')];"
        "print(all(r.describe(n) for r in rooms for n in r.names()), 'torch' in sys.modules,"
        " [m for m in sys.modules if m.startswith(('generators', 'workbench'))])"
    )
    assert python(code) == "True False []"
