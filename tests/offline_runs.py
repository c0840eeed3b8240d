"""Offline W&B runs, read back with W&B's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def read_offline(folder: Path) -> dict[str, Any]:
    """A run as W&B's own reader has it, with its history, artifacts and the folder of its files."""
    reader = Path(sys.executable).with_name("wandb")

    def inspect(*arguments: str) -> str:
        command = [str(reader), "leet", "inspect", *arguments, "--json", str(folder)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    records = [json.loads(line) for line in inspect().splitlines()]
    return {
        **json.loads(inspect("--summary")),
        "history": [record["history"]["item"] for record in records if record["type"] == "history"],
        "run": next(record["run"] for record in records if record["type"] == "run"),
        "artifacts": [record["artifact"] for record in records if record["type"] == "artifact"],
        "files": folder / "files",
    }
