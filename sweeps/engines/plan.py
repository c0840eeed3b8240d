"""Which engine, how many workers and what each of them needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from search_spaces import WeightloomError
from sweeps.engines.engine import Engine, share
from sweeps.engines.process import Processes

EngineName = Literal["processes", "ray", "slurm"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)


@dataclass(frozen=True, kw_only=True)
class TeamPlan:
    """Workers in processes of their own.

    Attributes:
        workers: how many.
        arguments: of the Python interpreter; start a worker that takes trials of this run and follows its standard
            input, as ``-m weightloom worker RUN --attached`` does.
        engine: where they run.
        address: of a Ray cluster; None to start one on this machine.
        cpus: of each worker; None for an equal share of this machine, or 1 on a cluster.
        gpus: of each worker; what Ray and SLURM set aside for it.
        slurm: see `sweeps.engines.slurm.Slurm`.
    """

    workers: int
    arguments: Sequence[str]
    engine: EngineName = "processes"
    address: str | None = None
    cpus: int | None = None
    gpus: int = 0
    slurm: Mapping[str, Any] = field(default_factory=dict)

    @property
    def elsewhere(self) -> bool:
        """Whether workers may be on other machines."""
        return self.address not in (None, "local") or (self.engine == "slurm" and self.slurm.get("cluster") != "local")

    def check(self) -> None:
        """Refuse what does not belong together.

        Raises:
            WeightloomError: an option of another engine.
        """
        for option, given, engines in (
            ("--address", self.address is not None, ("ray",)),
            ("--slurm", bool(self.slurm), ("slurm",)),
            ("--gpus", self.gpus > 0, ("ray", "slurm")),
        ):
            if given and self.engine not in engines:
                raise WeightloomError(
                    f"{option}: expected --engine {' or '.join(engines)} with it, got {self.engine}; add that or leave "
                    f"{option} out"
                )

    def check_study(self, storage: str | None) -> None:
        """Refuse a study that workers cannot reach.

        Args:
            storage: URL of the server that keeps it, or None for a file.

        Raises:
            WeightloomError: other machines need a server.
        """
        if self.elsewhere and storage is None:
            raise WeightloomError(
                f"--engine {self.engine}: expected --storage postgresql://… for workers on other machines, got the "
                "file in the run's folder, which only processes of one machine may share; give one"
            )

    @contextmanager
    def opened(self, folder: Path, threads: int | None) -> Iterator[Engine]:
        """The engine.

        Args:
            folder: for what it writes.
            threads: of each worker; None for as many as it has CPUs.

        Raises:
            WeightloomError: its package is not installed, or there is no such cluster.
        """
        cpus = self.cpus or (1 if self.elsewhere else share(self.workers))
        each = threads or cpus
        if self.engine == "processes":
            yield Processes(threads=each)
        elif self.engine == "ray":
            with _installed("ray"):
                from sweeps.engines.ray_cluster import opened
            with opened(address=self.address, workers=self.workers, cpus=cpus, gpus=self.gpus, threads=each) as cluster:
                yield cluster
        else:
            with _installed("submitit", extra="slurm"):
                from sweeps.engines.slurm import Slurm
            yield Slurm(folder / "slurm", options=self.slurm, cpus=cpus, gpus=self.gpus, threads=each)


@contextmanager
def _installed(package: str, extra: str = "") -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        extra = extra or package
        raise WeightloomError(
            f"--engine {extra}: expected the package {package}, got none; pip install 'weightloom[{extra}]'"
        ) from error
