"""The command line of weightloom; the library is in search_spaces, generators, workbench and sweeps."""

from __future__ import annotations

__all__ = ["__version__"]
__version__: str  # made when it is asked for: to look it up takes longer than the help of a verb


def __getattr__(name: str) -> str:
    """``__version__``, of what is installed."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("weightloom")
    except PackageNotFoundError:  # a tree that was never installed
        return "0"
