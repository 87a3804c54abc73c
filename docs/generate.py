"""Write the reference pages from what the code declares: settings, stats, errors, endpoints.

python docs/generate.py            # writes docs/reference/
python docs/generate.py --check    # fails if a page is not up to date
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.settings import SETTINGS
from tmdbfusion_scrapy.stats import STATS

if TYPE_CHECKING:
    from collections.abc import Sequence

REFERENCE = Path(__file__).parent / "reference"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )


def code(text: object) -> str:
    """Text in code type."""
    return f"`{text}`"


def plain(text: str) -> str:
    """A docstring's text for Markdown: single back-ticks, no roles."""
    return text.replace("``", "`").replace(":class:", "").replace(":meth:", "").replace(":data:", "")


def settings_page() -> str:
    """All settings."""
    rows = [
        (code(s.name), code(s.default) if s.default is not None else "", plain(s.text))
        for s in SETTINGS.values()
    ]
    return (
        "# Settings\n\nScrapy's own settings keep their meaning for TMDB requests: `DOWNLOAD_TIMEOUT`, "
        "`DOWNLOAD_DELAY`, `DOWNLOAD_SLOTS` (the slot is `tmdb`), `CONCURRENT_REQUESTS`, "
        "`CONCURRENT_REQUESTS_PER_DOMAIN`, `RETRY_*`, `AUTOTHROTTLE_*`, `HTTPCACHE_*`, `JOBDIR`, `LOG_*`.\n\n"
        + table(("Setting", "Default", "What it does"), rows)
    )


def stats_page() -> str:
    """All stats."""
    rows = [(code(name), plain(text)) for name, text in STATS.items()]
    return "# Stats\n\nBeside Scrapy's own:\n\n" + table(("Stat", "What it counts"), rows)


def errors_page() -> str:
    """The error tree and TMDB's codes."""
    tree = (exceptions.__doc__ or "").split("::", 1)[1].split("An error is built", 1)[0]
    rows = [
        (
            str(code_),
            str(entry.http_status),
            code(entry.error.__name__) if entry.error is not None else "success",
            "yes" if entry.retryable else "",
        )
        for code_, entry in exceptions.TMDB_CODES.items()
    ]
    return (
        f"# Errors\n\n```\n{inspect.cleandoc(tree)}\n```\n\nTMDB's own codes "
        "(https://developer.themoviedb.org/docs/errors) and what they become:\n\n"
        + table(("TMDB code", "HTTP status", "Error", "Tried again"), rows)
    )


def endpoints_page() -> str:
    """The catalogue."""
    parts = ["# Endpoints\n\nEach works on `TMDBClient`, `AsyncTMDBClient` and `spider.tmdb`.\n"]
    namespace = ""
    for endpoint in sorted(OPERATIONS.values(), key=lambda e: (e.namespace, e.name)):
        if endpoint.namespace != namespace:
            namespace = endpoint.namespace
            parts.append(f"\n## {namespace}\n")
        signature = str(inspect.signature(endpoint.function)).replace("'", "")
        doc = plain(inspect.getdoc(endpoint) or "")
        parts.append(
            f"\n### {namespace}.{endpoint.name}\n\n`{endpoint.method} /{endpoint.path}`\n\n"
            f"```python\n{endpoint.name}{signature}\n```\n\n{doc}\n"
        )
    return "".join(parts)


PAGES = {
    "settings.md": settings_page,
    "stats.md": stats_page,
    "errors.md": errors_page,
    "endpoints.md": endpoints_page,
}


def main() -> int:
    """Write or check the pages."""
    check = "--check" in sys.argv[1:]
    stale = []
    REFERENCE.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        page = REFERENCE / name
        text = make()
        if check:
            if not page.exists() or page.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            page.write_text(text, encoding="utf-8")
    if stale:
        print(f"not up to date: {', '.join(stale)}; run python docs/generate.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
