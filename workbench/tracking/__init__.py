"""Trials in Weights & Biases, offline unless told otherwise, or nowhere."""

from workbench.tracking.tracker import NullTracker, TrackedRun, Tracker, tracker_for

__all__ = ["NullTracker", "TrackedRun", "Tracker", "tracker_for"]
