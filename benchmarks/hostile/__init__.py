"""Hostile files for everything that reads one: ``python -m benchmarks.hostile``."""
