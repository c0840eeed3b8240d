"""A process that reads what may be hostile, and says what came of it: ``python -m benchmarks.hostile.child SAMPLES``.

It takes one line of JSON a case, ``reader`` and ``folder``, and answers with one: ``outcome`` (``read``, ``refused``
in one clear line, or ``unclear``), ``message``, ``seconds``, ``grown`` (bytes by which its memory had grown at most)
and ``events``: what it did that reading a file must not do.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.hostile.readers import READERS
from search_spaces.errors import WeightloomError
from workbench.execution import peak_bytes, watch_peak

PROCESSOR = torch.device("cpu")
LONGEST = 1600
"""Characters of a message that a person still reads."""
ROOM = 2**31
"""Bytes of address space that one case may ask for."""
FORBIDDEN = ("pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
             "socket.connect", "os.remove", "os.rename", "shutil.rmtree")  # fmt: skip
events: list[str] = []


def _hang(folder: Path) -> None:
    while True:
        pass


CONTROLS: dict[str, Callable[[Path], object]] = {
    "control: unpickles": lambda folder: pickle.loads((folder / "file").read_bytes()),
    "control: hangs": _hang,
    "control: swells": lambda folder: len(b"x" * 2**29),
    "control: breaks": lambda folder: dict[str, str]()["nothing"],
}
"""Readers as they must not be, to see that the judge notices."""


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Note what must not happen."""
    if event in FORBIDDEN:
        events.append(event)
    elif event == "import" and str(arguments[0]).startswith("planted"):
        events.append(f"import {arguments[0]}")
    elif event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        name = str(arguments[0])
        if ".pyc" not in name:
            events.append(f"open {name} to write")


def judged(reader: str, folder: Path) -> dict[str, Any]:
    """Read one case."""
    before, began = _resident(), time.perf_counter()
    events.clear()
    try:
        (CONTROLS.get(reader) or READERS[reader].read)(folder)
        outcome, message = "read", ""
    except WeightloomError as error:
        message = " ".join(str(error).split())
        clear = 0 < len(message) <= LONGEST and message.isprintable()
        outcome = "refused" if clear else "unclear"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        outcome, message = "unclear", f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
    return {
        "outcome": outcome,
        "message": message[: LONGEST + 1],
        "seconds": time.perf_counter() - began,
        "grown": max(0, peak_bytes(PROCESSOR) - before),
        "events": list(events),
    }


def _resident() -> int:
    """Bytes of memory in use; from here on the most is counted anew."""
    watch_peak(PROCESSOR)
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main(samples: Path) -> None:
    """Write sound samples, one folder a reader, read each once, and then whatever is asked."""
    warnings.simplefilter("ignore")
    for name, reader in READERS.items():
        home = samples / name
        home.mkdir(parents=True)
        reader.make(home)
        reader.read(home)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, size + ROOM))
    sys.addaudithook(watch)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    print(json.dumps({"ready": list(READERS)}), file=answers, flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(judged(case["reader"], Path(case["folder"]))), file=answers, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
