"""What the site's build does beside mkdocs: a nav slot, the table of metrics, and no request to a foreign host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

OPTIONAL = {"howto": ("cluster.md", "Clusters")}
"""Pages that stand under "How to" once their file is there."""
TABLE = "<!-- the table of metrics -->"
BETTER = {"up": "higher", "down": "lower"}
# what a browser fetches by itself; a link that a reader may follow is no request
FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=[\"'](?:https?:)?//[^\"']+"
    r"|<link\b[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon)[^>]*\bhref=[\"']?(?:https?:)?//[^\"'> ]+"
    r"|<link\b[^>]*\bhref=[\"']?(?:https?:)?//[^\"'> ]+[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|icon)"
    r"|@import\s+[\"'(][^;]*//|url\([\"']?(?:https?:)?//",
    re.IGNORECASE,
)


def on_config(config: Any) -> Any:
    """Give each optional page its place in the navigation."""
    page, title = OPTIONAL["howto"]
    if (Path(config["docs_dir"]) / page).exists():
        for section in config["nav"]:
            if "How to" in section:
                section["How to"].append({title: page})
    return config


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table of all metrics where it is asked for, from the registry that the code uses."""
    return markdown.replace(TABLE, metrics_table()) if TABLE in markdown else markdown


def on_post_build(config: Any) -> None:
    """Refuse a site of which a page would fetch something from elsewhere."""
    site = Path(config["site_dir"])
    found = [
        f"{path.relative_to(site)}: {asked}"
        for pattern in ("*.html", "*.css")
        for path in sorted(site.rglob(pattern))
        for asked in foreign(path.read_text(encoding="utf-8"))
    ]
    if found:
        from mkdocs.exceptions import BuildError

        raise BuildError("pages must not ask foreign hosts for anything, got " + "; ".join(found[:5]))


def foreign(text: str) -> list[str]:
    """What a page or style sheet would fetch from another host."""
    return FETCHED.findall(text)


def metrics_table() -> str:
    """Every metric with its definition, unit, range, direction and source, as Markdown."""
    from workbench.metrics.registry import METRICS

    lines = ["| metric | definition | unit | range | better | source |", "|---|---|---|---|---|---|"]
    for name, metric in METRICS.items():
        low, high = ("" if end is None else f"{end:g}" for end in (metric.low, metric.high))
        near = "near its own value" if metric.near is None else f"near {metric.near:g}"
        source = "this page" if metric.source.startswith("docs") else metric.source
        cells = (
            f"`{name}`",
            metric.definition,
            metric.unit,
            f"{low} … {high}",
            BETTER.get(metric.better, near),
            source,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
