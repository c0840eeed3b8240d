"""The report: one HTML file that shows a run to someone who has never seen the project."""

from workbench.report.bench_page import write_bench_page
from workbench.report.page import write_report
from workbench.report.search_page import write_search_page

__all__ = ["write_bench_page", "write_report", "write_search_page"]
