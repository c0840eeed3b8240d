"""What things cost, as ratios measured side by side; ``docs/benchmarks.md`` is written from the results."""
