"""Where the workers of a sweep run: processes of this machine, a Ray cluster, SLURM."""

from sweeps.engines.engine import AGAIN, Engine, Member, Order
from sweeps.engines.plan import ENGINES, EngineName, TeamPlan

__all__ = ["AGAIN", "ENGINES", "Engine", "EngineName", "Member", "Order", "TeamPlan"]
