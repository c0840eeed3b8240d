"""Where a study lives: one SQLite file in the run's folder, or a PostgreSQL server that any machine can reach."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy
from optuna.storages import RDBStorage
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from search_spaces import WeightloomError
from search_spaces.files import locked, read_bytes
from search_spaces.secrets import hide, redacted

FILE = "study.db"
"""The study in a run's folder."""
STORAGE = "storage.txt"
"""Says in a run's folder which server keeps the study, without the password."""
BEAT_SECONDS = 10
"""How often a worker says that its trial is alive."""
GRACE_SECONDS = 60
"""A trial of another machine that was silent for so long is taken for dead."""
BUSY_SECONDS = 60
"""How long a process waits for another one that writes to the SQLite file."""
PATIENCE_SECONDS = 120.0
"""How long a server may be away, as when it is started anew, before a worker gives up."""
DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
VARIABLE = "WEIGHTLOOM_STORAGE"
"""Environment variable with the URL; unlike a command line it is not shown to everybody on the machine."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a study is kept.

    Attributes:
        file: the SQLite file; None for a server.
        url: as SQLAlchemy wants it, with the password.
    """

    file: Path | None
    url: str = field(repr=False)

    @classmethod
    def local(cls, file: Path) -> Place:
        """In one file, for processes of one machine."""
        return cls(file=file, url=f"sqlite:///{file.resolve()}")

    @classmethod
    def server(cls, url: str) -> Place:
        """On a server.

        Args:
            url: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

        Raises:
            WeightloomError: it is none, or the driver is not installed.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise WeightloomError(
                f"storage: expected postgresql://USER:PASSWORD@HOST/DATABASE, got {redacted(url)!r}; see --help"
            ) from error
        hide(str(parsed.password) if parsed.password is not None else None)
        kind = parsed.drivername.split("+")[0]
        if kind not in DRIVERS:
            raise WeightloomError(
                f"storage: expected postgresql://USER:PASSWORD@HOST/DATABASE, got one of kind {kind!r}; "
                "leave --storage out to keep trials in the run's folder"
            )
        try:
            import psycopg  # noqa: F401
        except ImportError as error:
            raise WeightloomError(
                "storage: expected the driver of PostgreSQL, got none; pip install 'weightloom[postgresql]'"
            ) from error
        full = parsed.set(drivername=DRIVERS[kind]).render_as_string(hide_password=False)
        return cls(file=None, url=full)

    @property
    def shown(self) -> str:
        """The address without its password."""
        return redacted(self.url.replace("+psycopg", "", 1))

    def storage(self) -> RDBStorage:
        """Optuna's storage; several processes may make it at once."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that heartbeats are experimental
            if self.file is not None:
                with sqlite3.connect(self.file, timeout=BUSY_SECONDS) as connection:
                    _only_tables(connection)
                    connection.execute("PRAGMA journal_mode=WAL")  # before all else: readers never block the writer
                connection.close()
                return RDBStorage(
                    self.url,
                    {"connect_args": {"timeout": BUSY_SECONDS}},
                    heartbeat_interval=BEAT_SECONDS,
                    grace_period=GRACE_SECONDS,
                )
            storage = RDBStorage(
                self.url,
                {"pool_pre_ping": True, "connect_args": {"connect_timeout": 10}},
                heartbeat_interval=BEAT_SECONDS,
                grace_period=GRACE_SECONDS,
            )
        sqlalchemy.event.listen(storage.engine, "do_connect", _patiently)
        return storage

    @contextmanager
    def exclusively(self, storage: RDBStorage, name: str) -> Iterator[None]:
        """Be the only process that hands out or ends trials; let go of by the system if this process dies.

        Optuna's own way of taking a waiting trial lets two processes take the same one on SQLite, where a row
        cannot be locked (github.com/optuna/optuna/issues/4002). So the folder is locked, which needs no file;
        a server has advisory locks for it.

        Args:
            storage: from `storage`.
            name: of the study.
        """
        if self.file is None:
            key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
            with storage.engine.begin() as connection:
                connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})
                yield
            return
        with held(self.file.parent):
            yield

    def close(self, storage: RDBStorage) -> None:
        """Let go of it; the journal of a file is folded in where nobody else has it open.

        Nobody is waited for: it may be we ourselves, where a signal came in the middle of writing.
        """
        storage.remove_session()
        storage.engine.dispose()
        if self.file is not None:
            connection = sqlite3.connect(self.file, timeout=0)
            with suppress(sqlite3.OperationalError):  # or a full disk; the journal is as good beside the file
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.close()


def place_of(run: Path, url: str | None) -> Place:
    """Where the study of a run is kept.

    Args:
        run: its folder.
        url: of a server; None for the file in the folder.

    Raises:
        WeightloomError: the run keeps its study somewhere else.
    """
    place = Place.local(run / FILE) if url is None else Place.server(url)
    now = None if url is None else place.shown
    said = run / STORAGE
    was = read_bytes(said, "address").decode("utf-8", errors="replace").strip() if said.exists() else None
    if (said.exists() or (run / FILE).exists()) and was != now:
        raise WeightloomError(
            f"run {run.name!r}: expected its study where it was begun, {was or run / FILE}, "
            f"got {now or 'no --storage'}; give the same --storage as then"
        )
    return place


def _only_tables(connection: sqlite3.Connection) -> None:
    """Raise ``ValueError`` for a view, which may go on for ever, and a trigger, which does what nobody asked for."""
    found = connection.execute("SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger')").fetchone()
    if found is not None:
        raise ValueError(f"a {found[0]} {found[1]!r} among its tables")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder against other processes, waiting for it."""
    if os.name != "posix":  # no such locks, and no folder can be opened
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with locked(handle):
            yield
    finally:
        os.close(handle)


def _patiently(dialect: Any, record: Any, arguments: list[Any], options: dict[str, Any]) -> Any:
    """Connect to a server that may be away for a moment."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return dialect.connect(*arguments, **options)
        except dialect.loaded_dbapi.OperationalError as error:
            refused = "authentication" in str(error) or "does not exist" in str(error)
            if refused or time.monotonic() > end:
                raise
            time.sleep(0.5)
