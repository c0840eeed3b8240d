"""The laboratory: train, measure, record and show."""
