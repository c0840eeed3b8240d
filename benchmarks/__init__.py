"""Side-by-side measurements; never tests. ``python -m benchmarks`` runs them all."""
