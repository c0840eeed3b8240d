"""A folder off this machine that keeps runs and zoos: any URL that fsspec knows, such as ``s3://bucket/runs``.

Work is done in a folder here, for SQLite, locks and renaming need a local disk; what has changed is sent at stated
moments. Each file appears there whole or not at all: it is sent under another name and then moved (object stores copy
it then). Files that tell of others are sent after them.
"""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, final

import fsspec

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line
from search_spaces.files import write_bytes
from search_spaces.secrets import redacted

DATABASE = ".db"
"""Ending of SQLite files, of which a consistent copy is sent."""
LOCAL = ("-wal", "-shm", ".lock", ".tmp", ".pkl")
"""Endings of files that mean nothing elsewhere."""


@final
class Remote:
    """Folders under one URL.

    Args:
        url: of fsspec; its credentials come from the environment, as the file system's package wants them.

    Raises:
        WeightloomError: no such kind of URL, or its package is not installed.
    """

    def __init__(self, url: str) -> None:
        self.shown = redacted(url)
        try:
            if "://" not in url:
                raise ValueError("no URL")
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise WeightloomError(
                f"--remote: expected a URL that fsspec knows, such as s3://bucket/runs, got {self.shown!r} "
                f"({in_one_line(error, 200)}); install the package of its file system, as s3fs for s3"
            ) from error
        self._sent: dict[Path, tuple[int, int]] = {}

    def names(self, name: str) -> list[str]:
        """Files in the folder ``name``, relative to it; none if there is no such folder.

        Raises:
            WeightloomError: the place cannot be read, or holds a name that would lead out of a folder here.
        """
        root = self._path(name)
        with self._explained("read"):
            self._files.invalidate_cache()
            found = [str(path) for path in self._files.find(root)] if self._files.exists(root) else []
        inside = [PurePosixPath(path.rstrip("/").removeprefix(root).lstrip("/")) for path in found]
        for path in inside:
            if ".." in path.parts or "\\" in str(path) or path.is_absolute():
                raise WeightloomError(f"{self.shown}: expected names inside of {name}, got {str(path)!r}; remove that")
        return sorted(str(path) for path in inside if not path.name.endswith(LOCAL))

    def fetch(self, name: str, folder: Path, *, only: tuple[str, ...] = ()) -> int:
        """Copy files of the folder ``name`` that are not in ``folder`` yet.

        Args:
            name: there.
            folder: here.
            only: of these subfolders; of all by default.

        Returns:
            How many were copied.
        """
        count = 0
        for inside in self.names(name):
            path = folder / inside
            if (only and inside.split("/")[0] not in only) or path.exists():
                continue
            with self._explained("read"):
                content: bytes = self._files.cat_file(f"{self._path(name)}/{inside}")
            write_bytes(path, content)
            self._sent[path] = _stamp(path)
            count += 1
        return count

    def send(self, folder: Path, name: str, *, only: tuple[str, ...] = ()) -> int:
        """Copy files of ``folder`` that have changed since they were sent or fetched; remove sent ones that are gone.

        Args:
            folder: here.
            name: of the folder there.
            only: these subfolders; all by default.

        Returns:
            How many were copied.
        """
        count = 0
        paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=_order)
        for path in paths:
            inside = path.relative_to(folder)
            if (only and inside.parts[0] not in only) or path.name.endswith(LOCAL):
                continue
            try:
                stamp = _stamp(path)
                if self._sent.get(path) == stamp and path.suffix != DATABASE:
                    continue
                content = _copy(path) if path.suffix == DATABASE else path.read_bytes()
            except FileNotFoundError:  # a checkpoint of a trial that has just ended
                continue
            self._put(f"{self._path(name)}/{inside.as_posix()}", content)
            self._sent[path] = stamp
            count += 1
        for path in [path for path in self._sent if path.is_relative_to(folder) and not path.exists()]:
            there = f"{self._path(name)}/{path.relative_to(folder).as_posix()}"
            with self._explained("written"):
                if self._files.exists(there):
                    self._files.rm_file(there)
            del self._sent[path]
        return count

    def remove(self, name: str) -> None:
        """Remove the folder ``name``."""
        with self._explained("written"):
            if self._files.exists(self._path(name)):
                self._files.rm(self._path(name), recursive=True)
            self._files.invalidate_cache()

    def _put(self, path: str, content: bytes) -> None:
        parent, _, name = path.rpartition("/")
        temporary = f"{parent}/.{name[:80]}.{secrets.token_hex(6)}.tmp"
        with self._explained("written"):
            self._files.makedirs(parent, exist_ok=True)
            self._files.pipe_file(temporary, content)
            self._files.mv(temporary, path)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # each file system has errors of its own
            reason = in_one_line(error) or type(error).__name__
            raise WeightloomError(
                f"{self.shown}: expected a place that can be {done}, got {type(error).__name__}: {reason}; check the "
                "address, its credentials and the network, and go on with --resume"
            ) from error


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _order(path: Path) -> Any:
    """Weights, then what describes them, then the study."""
    return path.suffix == DATABASE, path.suffix == ".json", str(path)


def _copy(database: Path) -> bytes:
    """A SQLite file as it is at one moment, whoever writes to it."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / database.name
        with closing(sqlite3.connect(database, timeout=60)) as source, closing(sqlite3.connect(whole)) as target:
            source.backup(target)
        return whole.read_bytes()
