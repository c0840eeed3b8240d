"""The ledger of a run: one line for each generated network that left it, appended and chained by hashes.

Each line is a JSON object that holds the hash of the line before it, so that a line that was altered, moved or taken
out breaks the chain from there on. Lines missing at the end, and a chain that somebody wrote anew, are not found by the
chain alone: whoever has to be sure notes ``head``, the last hash, elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generators.folders import canonical
from search_spaces import DamagedFile, WeightloomError, files
from search_spaces.plain_data import parse_json
from workbench.export import digest, read_recipe
from workbench.summary import ExportRecord

FILE = "ledger.jsonl"
FIRST = "0" * 64
"""The hash before the first line."""
CHAIN = ("line", "previous", "hash")
"""Keys that chain lines; the rest is what was logged."""


class Ledger:
    """The ledger in one run's folder.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / FILE

    def lines(self) -> list[dict[str, Any]]:
        """All lines, checked; none where nothing has left the run.

        Raises:
            DamagedFile: the chain is broken; names the first line that does not fit.
        """
        return self._checked(files.read_bytes(self.path, "ledger")) if self.path.exists() else []

    def head(self) -> str:
        """The hash of the last line, which stands for all of them."""
        lines = self.lines()
        return str(lines[-1]["hash"]) if lines else FIRST

    def add(self, event: str, records: Sequence[ExportRecord], root: str | Path) -> None:
        """Log networks that were written, with what their files say of them; several processes may do so at once.

        Args:
            event: the verb that wrote them.
            records: what was written.
            root: folder that the paths of the records are relative to.

        Raises:
            DamagedFile: the chain is broken; nothing is added.
            WeightloomError: the ledger cannot be written.
        """
        contents = [_content(event, record, self._place(Path(root) / record.path), Path(root)) for record in records]
        try:
            with open(self.path, "a+b") as stream, files.locked(stream.fileno()):
                stream.seek(0)
                lines = self._checked(stream.read())
                for content in contents:
                    lines.append(_chained(lines, content))
                    stream.write(canonical(lines[-1]) + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise WeightloomError(
                f"{self.path}: expected a writable ledger, got {error.strerror}; "
                "free it: no network should leave unlogged"
            ) from error

    def remarks(self) -> list[str]:
        """What the chain does not tell: files that are gone from the run's folder, or are not as they were logged."""
        found = []
        for line in {line["path"]: line for line in self.lines()}.values():
            path = self.path.parent / line["path"]
            if not os.path.exists(path):  # False also for what can be no path
                found.append(f"{line['path']} is no longer there")
            elif digest(path) != line["sha256"]:
                found.append(f"{line['path']} is not as it was logged")
        return found

    def _place(self, path: Path) -> str:
        """A path relative to the run's folder, or as it is outside of it."""
        path, folder = path.resolve(), self.path.parent.resolve()
        return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()

    def _checked(self, data: bytes) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number, text in enumerate(io.BytesIO(data), 1):
            if not text.endswith(b"\n"):
                raise self._broken(number, "one that was cut off")
            found.append(self._line(number, text, str(found[-1]["hash"]) if found else FIRST))
        return found

    def _line(self, number: int, text: bytes, previous: str) -> dict[str, Any]:
        try:
            line = parse_json(text.decode("utf-8"))
        except ValueError:
            raise self._broken(number, "no JSON") from None
        if not isinstance(line, dict) or not {*CHAIN, "sha256"} <= line.keys() or not isinstance(line.get("path"), str):
            raise self._broken(number, "no line of a ledger")
        if line["previous"] != previous or line["line"] != number:
            raise self._broken(number, "one that does not follow the line before it: lines were taken out or moved")
        if line["hash"] != _hash(line):
            raise self._broken(number, "one that was altered")
        return line

    def _broken(self, number: int, got: str) -> DamagedFile:
        return DamagedFile(
            f"{self.path}: line {number}: expected the line that was logged, got {got}; what stands from there on "
            "proves nothing: restore the file, or keep it elsewhere and begin a new one"
        )


def _content(event: str, record: ExportRecord, path: str, root: Path) -> dict[str, Any]:
    recipe = read_recipe(root / record.path)
    provenance = recipe.provenance
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "event": event,
        "path": path,
        "format": record.format,
        "sha256": record.sha256,
        "task": provenance.task,
        "task_digest": provenance.task_digest,
        "zoo_digest": provenance.zoo_digest,
        "generator": provenance.generator,
        "generator_digest": provenance.generator_digest,
        "seed": provenance.seed,
        "architecture": recipe.graph.key,
        "score": record.score,
        "weightloom": provenance.weightloom,
    }


def _chained(lines: Sequence[Mapping[str, Any]], content: Mapping[str, Any]) -> dict[str, Any]:
    line = {"line": len(lines) + 1, "previous": lines[-1]["hash"] if lines else FIRST, **content}
    return {**line, "hash": _hash(line)}


def _hash(line: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical({key: value for key, value in line.items() if key != "hash"})).hexdigest()
