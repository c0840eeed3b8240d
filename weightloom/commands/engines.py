"""Options of the verbs that may share their work out: how many workers, where, and what each needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

if TYPE_CHECKING:
    from sweeps.engines import TeamPlan


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Sharing:
    """Who does the work.

    Attributes:
        workers: Processes that work at once, each with its share of the cores. Where networks are small, several with
            --cpus 1 are faster than one with many threads.
        engine: Where they run: on this machine, on a Ray cluster (extra ray), or as SLURM jobs (extra slurm).
        address: Of a running Ray cluster; by default one is started on this machine.
        cpus: Of each worker: its threads, and what Ray and SLURM set aside for it; by default a share of the cores.
        gpus: Of each worker; what Ray and SLURM set aside for it.
        slurm: Options of SLURM jobs, KEY=VALUE: time (minutes), partition and others of sbatch; cluster=local runs them
            here.
    """

    workers: Annotated[int, Parameter(validator=Number(gte=1, lte=1024))] = 1
    engine: Literal["processes", "ray", "slurm"] = "processes"
    address: str | None = None
    cpus: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    gpus: Annotated[int, Parameter(validator=Number(gte=0))] = 0
    slurm: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None

    def plan(self, arguments: Sequence[str] = ()) -> TeamPlan:
        """The team they ask for.

        Args:
            arguments: start a worker, as in `TeamPlan`; none where only short calls are shared out.

        Raises:
            WeightloomError: options that do not belong together.
        """
        from sweeps.engines import TeamPlan
        from sweeps.reading import assignments

        plan = TeamPlan(
            workers=self.workers,
            arguments=arguments,
            engine=self.engine,
            address=self.address,
            cpus=self.cpus,
            gpus=self.gpus,
            slurm=assignments(self.slurm or [], "--slurm"),
        )
        plan.check()
        return plan

    @property
    def given(self) -> bool:
        """Whether there is more to do than to work alone in this process."""
        return self != Sharing()

    def words(self) -> list[str]:
        """The options again."""
        found = ["--workers", str(self.workers)] if self.workers > 1 else []
        found += ["--engine", self.engine] if self.engine != "processes" else []
        found += ["--address", self.address] if self.address is not None else []
        found += ["--cpus", str(self.cpus)] if self.cpus is not None else []
        found += ["--gpus", str(self.gpus)] if self.gpus else []
        return found + (["--slurm", *self.slurm] if self.slurm else [])
