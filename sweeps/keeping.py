"""A run whose folder is also kept at a URL: when it is fetched, and when it is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from search_spaces import WeightloomError
from sweeps.folder import CONFIG
from sweeps.watching import Watcher
from workbench.remote import Remote

TRIALS = ("trials", "generators")
"""What workers of several machines add to a run."""
MIDWAY = "checkpoints"


def bring(remote: Remote, folder: Path, *, resume: bool, overwrite: bool, alone: bool) -> None:
    """Have the folder of a run here before it is begun or continued; the one here is gone on with if there is one.

    Args:
        remote: keeps it under the folder's name.
        folder: here.
        resume: continue it.
        overwrite: begin anew.
        alone: its study is a file in the folder, so that no other machine may have gone on with it.

    Raises:
        WeightloomError: there is one and it is not to be continued, or it has trials that are not here.
    """
    there = remote.names(folder.name)
    if not there or overwrite:
        return
    if not resume:
        raise WeightloomError(
            f"run {folder.name!r}: expected a new name, got one that is kept at {remote.shown}; continue it with "
            "--resume, replace it with --overwrite, or choose another --name"
        )
    if not (folder / CONFIG).exists():
        remote.fetch(folder.name, folder)
        return
    newer = [name for name in there if name.startswith(f"{TRIALS[0]}/") and not (folder / name).exists()]
    if newer and alone:
        raise WeightloomError(
            f"{folder}: expected every trial that is kept at {remote.shown}, got none for {newer[0]}: another machine "
            "went on with the run; remove the folder here, and --resume fetches it"
        )


@contextmanager
def kept(
    remote: Remote | None, folder: Path, watcher: Watcher, only: tuple[str, ...] = ()
) -> Iterator[Callable[[], None]]:
    """Send what has changed in the end, whatever the end; yields what sends it now and only says if that fails.

    Args:
        remote: None to do nothing.
        folder: of the run.
        watcher: told of what could not be sent.
        only: subfolders; all by default.

    Raises:
        WeightloomError: not everything could be sent in the end.
    """

    def send() -> None:
        if remote is not None:
            remote.send(folder, folder.name, only=only)

    def try_to_send() -> None:
        try:
            send()
        except WeightloomError as error:
            watcher.say(f"not sent, and tried again later: {error}")

    try:
        yield try_to_send
    except BaseException:
        try_to_send()
        raise
    send()
