"""What pages and READMEs tell people to type is understood, and what they show in Python runs."""

import gzip
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from weightloom.__main__ import app, main
from workbench.tasks.idx import FILES

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/**/*.md", "*/README.md", "weightloom/templates/*/README.md")
    for path in ROOT.glob(pattern)
)
HOW_TO = sorted((ROOT / "docs" / "howto").glob("*.md"))


def blocks(path: Path, language: str = "[a-z]*") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), flags=re.DOTALL)


def commands(path: Path) -> list[list[str]]:
    lines = [line.split("  #")[0] for block in blocks(path) for line in block.replace("\\\n", " ").splitlines()]
    starts = [line.index("weightloom ") for line in lines if re.match(r"(\S*/)?weightloom \w|make .*weightloom ", line)]
    kept = [line for line in lines if re.match(r"(\S*/)?weightloom \w|make .*weightloom ", line)]
    return [shlex.split(line[start:], comments=True)[1:] for line, start in zip(kept, starts, strict=True)]


def test_pages_have_commands() -> None:
    found = {path.relative_to(ROOT).as_posix(): len(commands(path)) for path in PAGES}
    assert found["README.md"] >= 20
    assert found["docs/tutorial.md"] >= 6
    assert all(found[path.relative_to(ROOT).as_posix()] for path in HOW_TO)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_command_is_understood(path: Path) -> None:
    for words in commands(path):
        if words[1:2] != ["|"] and "…" not in " ".join(words) and ">" not in words:
            app.parse_args(words, exit_on_error=False, print_error=False)  # raises, naming what it does not know


@pytest.mark.parametrize("path", HOW_TO, ids=lambda path: path.name)
def test_python_of_how_to_pages_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for code in blocks(path, "python"):
        exec(compile(code, str(path), "exec"), {"__name__": "page"})


def test_searches_on_own_data_run_on_a_small_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (120, 6, 5), dtype=np.uint8), rng.integers(0, 3, 120, dtype=np.uint8)
    np.savez("mine.npz", x=x, y=y)
    (tmp_path / "fashion").mkdir()
    for name in FILES:
        array = x if "images" in name else y
        head = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (tmp_path / "fashion" / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes()))
    page = [words for words in commands(ROOT / "docs" / "howto" / "own-data.md") if words[0] == "search"]
    assert len(page) == 2
    for words in page:
        small = " ".join(words).replace("/usr/share/datasets/fashion-mnist", "fashion")
        small = re.sub(r"--queries \d+", "--queries 1", re.sub(r"--steps \d+", "--steps 10", small))
        assert main(small.split()) == 0
        assert "random" in capsys.readouterr().out


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in link:
            assert (path.parent / link).exists(), link


def test_a_site_that_asks_foreign_hosts_is_noticed() -> None:
    hooks: dict[str, object] = {"__name__": "site_hooks"}
    exec(compile((ROOT / "docs" / "site_hooks.py").read_text(), "site_hooks.py", "exec"), hooks)
    foreign, table = hooks["foreign"], hooks["metrics_table"]
    assert callable(foreign)
    assert callable(table)
    for asked in (
        '<script src="https://unpkg.com/x.js"></script>',
        '<link rel="stylesheet" href="//fonts.example/css">',
        '<link href="https://fonts.example" rel="preconnect">',
        "<img alt='x' src='http://a.example/b.png'>",
        "a { background: url(https://a.example/b.png) }",
    ):
        assert foreign(asked), asked
    assert not foreign('<a href="https://arxiv.org/abs/1">paper</a> <img src="report.png"> <link rel="icon" href="a">')
    assert table().count("\n| `") > 30
