"""The examples in the READMEs of the two lowest rooms run as they stand."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("room", ["search_spaces", "generators"])
def test_examples_run_and_tables_name_files_that_exist(room: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / room / "README.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert examples
    for code in examples:
        exec(compile(code, f"{room}/README.md", "exec"), {"__name__": "example"})
        assert capsys.readouterr().out
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert all((ROOT / room / name).exists() for name in named)
    there = {path.name for path in (ROOT / room).glob("*.py")} - {"__init__.py"}
    assert there <= named
