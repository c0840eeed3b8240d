"""The command line of weightloom; the library is in search_spaces, generators, workbench and sweeps."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("weightloom")
except PackageNotFoundError:  # a tree that was never installed
    __version__ = "0"

__all__ = ["__version__"]
