"""A real PostgreSQL server on loopback, started from Debian's package for one session of tests or one benchmark."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "planted-Secret-7"


def programs() -> Path | None:
    """Where ``initdb`` and ``pg_ctl`` are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@dataclass(frozen=True)
class Server:
    """A server that can be started anew."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        """With its password."""
        return f"postgresql://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def control(self, *words: str) -> None:
        """Have ``pg_ctl`` do something."""
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        as_user(f"{programs()}/pg_ctl", "-D", f"{self.folder}/data", "-o", options, "-l", f"{self.folder}/log", *words)

    def restart(self, how: str = "immediate") -> None:
        """Stop it, by default without any goodbye, and start it."""
        self.control("-m", how, "-w", "restart")


def as_user(*command: str) -> None:
    """PostgreSQL refuses to run as root."""
    prefix = ("runuser", "-u", "postgres", "--") if os.getuid() == 0 else ()
    subprocess.run((*prefix, *command), check=True, capture_output=True)


@contextmanager
def server() -> Iterator[Server]:
    """Start one, and remove it with its data in the end."""
    folder = Path(tempfile.mkdtemp(prefix="weightloom-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    words = ("-A", "scram-sha-256", "-U", "postgres", f"--pwfile={secret}")
    as_user(f"{programs()}/initdb", "-D", f"{folder}/data", *words)
    found = Server(folder, port)
    found.control("-w", "start")
    try:
        yield found
    finally:
        found.control("-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)
