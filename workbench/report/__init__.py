"""The report: one HTML file that shows a run to someone who has never seen the project."""

from workbench.report.page import write_report

__all__ = ["write_report"]
