"""Fixtures of these tests."""

from conftest_sweep import sweep

__all__ = ["sweep"]
