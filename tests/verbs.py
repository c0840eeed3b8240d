"""The command line as tests call it: what it answers, and how it refuses."""

import json

import pytest

from weightloom.__main__ import main

Capture = pytest.CaptureFixture[str]


def ok(capsys: Capture, *arguments: str) -> dict[str, object]:
    code = main([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def bad(capsys: Capture, *arguments: str, code: int = 2) -> str:
    assert main(list(arguments)) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    last = err.strip().splitlines()[-1]
    assert last.startswith("weightloom: ")
    return last
