"""Many experiments: Optuna studies over generators, their settings and training modes.

Importing this imports neither torch nor Optuna; `sweeps.config` and `sweeps.study` do.
"""

from sweeps.presets import describe_preset, preset_names, read_preset

__all__ = ["describe_preset", "preset_names", "read_preset"]
