"""Records of any kind, read back from the JSON that they were written as."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from search_spaces.errors import DamagedFile
from workbench import files
from workbench.summary import Record, one_line

R = TypeVar("R", bound=Record)


def read_record(path: Path, kind: type[R], *, remedy: str, missing: str | None = None) -> R:
    """A record that was written as JSON.

    Args:
        path: of the file.
        kind: of record.
        remedy: what to do about a file that was altered.
        missing: what to do where there is none; by default the same.

    Raises:
        WeightloomError: there is no such file.
        DamagedFile: it was truncated or altered.
    """
    try:
        return kind.model_validate(files.read_json(path, remedy=missing or remedy))
    except ValidationError as error:
        raise DamagedFile(f"{path}: {one_line(error)}; {remedy}") from error
