"""Many experiments: Optuna studies over generators, their settings and training modes.

    from sweeps import resolve, run_sweep
    from workbench import compare

    print(compare(run_sweep(resolve("quick", {"trials": 3}), Path("runs"))))

Importing this imports neither torch nor Optuna; the first use of a name that runs something does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sweeps.presets import describe_preset, preset_names, read_preset

if TYPE_CHECKING:
    from sweeps.bench import run_bench
    from sweeps.config import BenchConfig, SweepConfig, resolve, resolve_as
    from sweeps.single import export_run
    from sweeps.study import run_sweep

__all__ = [
    "BenchConfig",
    "SweepConfig",
    "describe_preset",
    "export_run",
    "preset_names",
    "read_preset",
    "resolve",
    "resolve_as",
    "run_bench",
    "run_sweep",
]
_ROOMS = {"run_bench": "bench", "export_run": "single", "run_sweep": "study"}


def __getattr__(name: str) -> Any:
    """What is listed above, from its file; ``weightloom list`` imports this package and no torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS.get(name, 'config')}"), name)
