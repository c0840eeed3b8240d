"""The front door: ``weightloom VERB``. What a verb needs is imported when it runs."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from cyclopts import App, CycloptsError

import weightloom
from search_spaces.errors import WeightloomError, readable
from search_spaces.secrets import redacted
from weightloom.commands.options import EVERY
from weightloom.stopping import Stopped

VERBS = (
    *("sweep", "worker", "bench", "search", "train", "design", "evaluate"),
    *("compare", "generate", "export", "explain", "verify", "show", "list", "new"),
)
SUCCESS, RUN_FAILED, BAD_INPUT = 0, 1, 2

app = App(
    name="weightloom",
    help="Search architectures, generate their weights, and see honestly whether they are any good.\n\n"
    "Start with `weightloom sweep demo`.",
    version=lambda: weightloom.__version__,  # looked up when it is asked for
    help_format="markdown",
    result_action="return_value",
    default_parameter=EVERY,
)
for _place, _verb in enumerate(VERBS):  # by its place, so that a verb imports no other
    _function = "list_names" if _verb == "list" else _verb
    app.command(f"weightloom.commands.{_verb}:{_function}", name=_verb, sort_key=_place)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 = success, 1 = the run failed, 2 = bad input, 130 or 143 = stopped by a signal.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # of libraries; our own are messages
    _hear_signals()
    given = sys.argv[1:] if arguments is None else arguments
    if not given or given[0] not in VERBS:
        list(map(app.__getitem__, VERBS))  # imported, for their first lines stand in the help
    try:
        result = app(arguments, exit_on_error=False, print_error=False)
    except WeightloomError as error:
        return _complain(str(error), error.exit_code)
    except CycloptsError as error:
        return _complain(f"{_plain(error)} (see --help)", BAD_INPUT)
    except Stopped as stop:
        return _complain(stop.message, 128 + stop.signal)
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        sys.stderr.close()
        return SUCCESS
    except Exception as error:
        return _complain(f"{type(error).__name__}: {error} (details: {_log(error)})", RUN_FAILED)
    return result if isinstance(result, int) else SUCCESS


def _hear_signals() -> None:
    """Turn Ctrl-C and SIGTERM into `Stopped`; Lightning would turn them into exits of its own."""

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second Ctrl-C ends the process at once
        raise Stopped(number)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)


def _complain(message: str, code: int) -> int:
    print(f"weightloom: {readable(redacted(' '.join(message.split())))}", file=sys.stderr)
    return code


def _plain(error: CycloptsError) -> str:
    return str(error).strip().rstrip(".") or type(error).__name__


def _log(error: BaseException) -> Path:
    """Write the traceback where the failed command kept its files, else into the temporary folder."""
    text = redacted("".join(traceback.format_exception(error)))
    folder: Any = getattr(error, "weightloom_folder", None)
    if folder is not None and Path(folder).is_dir():
        path = Path(folder) / "error.log"
    else:
        handle = tempfile.NamedTemporaryFile(prefix="weightloom-", suffix=".log", delete=False)  # noqa: SIM115
        handle.close()
        path = Path(handle.name)
    path.write_text(text, encoding="utf-8")
    return path


if __name__ == "__main__":
    sys.exit(main())
