"""Secrets that people must give us and that nobody must read in a log: taken out of every text that leaves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import quote, unquote

HIDDEN = "***"
VARIABLES = ("WANDB_API_KEY", "PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AZURE_STORAGE_ACCOUNT_KEY")
"""Environment variables whose whole value is a secret, those of file systems that runs are kept on among them."""
_IN_URL = re.compile(r"(?P<before>[a-zA-Z][\w+.-]*://[^\s:/@'\"]*:)[^\s'\"]*@(?P<after>[^\s@'\"]*)")
_AS_QUERY = re.compile(r"(?P<before>\b(?:password|passwd|api_key|token)=)[^\s&'\";,]+", re.IGNORECASE)
_known: set[str] = set()


def hide(secret: str | None) -> None:
    """Remember a secret of this process, as it is and as it stands in a URL; short ones cannot be told from words."""
    if secret is not None and len(secret) >= 4:
        _known.update({secret, quote(secret, safe=""), unquote(secret)})


def redacted(text: str) -> str:
    """``text`` with every known secret, every password in a URL and every ``password=…`` shown as ``***``."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = _IN_URL.sub(rf"\g<before>{HIDDEN}@\g<after>", text)
    return _AS_QUERY.sub(rf"\g<before>{HIDDEN}", text)


def _secrets() -> Iterator[str]:
    yield from _known
    for name in VARIABLES:
        if len(value := os.environ.get(name, "")) >= 4:
            yield value
