"""What the verbs that make a run share: its settings, the command that repeats it, how it stops and fails."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weightloom.stopping import Stopped
from weightloom.terminal import Display, watching

if TYPE_CHECKING:
    from workbench.summary import Summary


def print_starting(preset: str) -> None:
    """Check the preset's name before the slow imports, and say that they begin."""
    from sweeps.presets import read_preset

    read_preset(preset)
    print("loading libraries …", file=sys.stderr, flush=True)


def changed(given: Mapping[str, Any], changes: Sequence[str] | None) -> dict[str, Any]:
    """The settings that were given by options of their own, and those of ``--set``, which win."""
    from sweeps.reading import assignments

    return {key: value for key, value in given.items() if value is not None} | assignments(changes or [], "--set")


@contextmanager
def running(folder: Path, kept: str, go_on: str) -> Iterator[Display]:
    """Show progress; a signal is answered with how to go on, and a failure knows where its log belongs.

    Args:
        folder: of the run.
        kept: what a signal leaves untouched.
        go_on: the command that goes on.
    """
    try:
        with watching() as display:
            yield display
    except Stopped as stop:
        stop.advice = f"{kept} are kept; go on with: {go_on}"
        raise
    except Exception as error:
        error.weightloom_folder = folder  # type: ignore[attr-defined]
        raise


def fail_if_problems(summaries: Sequence[Summary]) -> None:
    """Raise what did not work in a run that came to its end otherwise."""
    problems = [str(summary.budget["problems"]) for summary in summaries if "problems" in summary.budget]
    if problems:
        from search_spaces.errors import RunFailed

        raise RunFailed(f"the run ended, but not everything worked: {'; '.join(problems)}")


def again(
    verb: str, preset: str, name: str, overrides: Mapping[str, Any], runs_folder: Path, extra: Sequence[str] = ()
) -> str:
    """The command that makes a run again: every setting that was changed as ``--set KEY=VALUE``."""
    words = ["weightloom", verb, preset, "--name", name, *extra]
    if runs_folder != Path("runs"):
        words += ["--runs-folder", str(runs_folder)]
    settings = [f"{key}={_yaml(value)}" for key, value in overrides.items() if key != "name"]
    return shlex.join([*words, *(["--set", *settings] if settings else [])])


def _yaml(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)
