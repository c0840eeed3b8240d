"""Why something failed, in words for people."""

from __future__ import annotations

import errno
from pathlib import Path

from search_spaces import WeightloomError
from search_spaces.errors import in_one_line

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def reason_of(error: Exception, log: Path) -> str:
    """Why something failed, in one line without secrets; what we did not foresee points to the log."""
    text = in_one_line(error, 400)
    if isinstance(error, WeightloomError):
        return text
    return f"{type(error).__name__}: {text} (see {log})"


def no_room(error: BaseException | None) -> bool:
    """Whether something failed because the disk is full or read-only: then the next trial would fail too."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False
