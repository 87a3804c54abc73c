"""Write what is made from the code: settings, stats, errors, endpoints, records, tables, their drawing, queries.

python docs/generate.py            # writes docs/reference/, docs/images/schema.svg and more, see pages()
python docs/generate.py --check    # fails if one of them is not up to date
"""

from __future__ import annotations

import inspect
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import endpoint_pages
from datasette_metadata import datasette_metadata
from markup import code, plain, table
from messages_page import messages_page
from meta_page import meta_page
from record_page import record_page
from schema_drawing import schema_drawing
from table_page import table_page

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy.monitoring.metrics import stat_metric
from tmdbfusion_scrapy.settings import SETTINGS
from tmdbfusion_scrapy.stats import STATS
from tmdbfusion_scrapy.storage.queries import shipped_queries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.storage.queries import Query

DOCS = Path(__file__).parent
REFERENCE = DOCS / "reference"

SETTINGS_HEAD = """\
# Settings

All settings of the package, for `settings.py`, `custom_settings` or `-s NAME=VALUE`:

```python
TMDB_LANGUAGES = ["de-DE", "en-US"]
TMDB_REQUESTS_PER_SECOND = 20
```

Scrapy's own settings keep their meaning for TMDB requests: `DOWNLOAD_TIMEOUT`, `DOWNLOAD_SLOTS` (the slot is
`tmdb`), `CONCURRENT_REQUESTS`, `CONCURRENT_REQUESTS_PER_DOMAIN`, `RETRY_*`, `AUTOTHROTTLE_*`, `HTTPCACHE_*`,
`JOBDIR`, `LOG_*`. A `DOWNLOAD_DELAY` of the project does not hold for TMDB, see
[speed](../crawling.md#concurrency-and-rate-limit).
"""

STATS_HEAD = """\
# Stats

The package counts these in the stats of a crawl, beside Scrapy's own. What stands between angle brackets is part
of the name. [Prometheus](../observability.md#prometheus) has them under other names.

```python
requests = self.crawler.stats.get_value("tmdb/request_count")
```
"""


def settings_page() -> str:
    """All settings."""
    parts = [SETTINGS_HEAD]
    for setting in SETTINGS.values():
        default = "none" if setting.default is None else code(setting.default)
        name, text = setting.name, plain(setting.text)
        parts.append(f"```{{setting}} {name}\n```\n\n## {name}\n\nDefault: {default}\n\n{text}\n")
    return "\n".join(parts)


def stats_page() -> str:
    """All stats."""
    parts = [STATS_HEAD]
    for name, text in STATS.items():
        metric = stat_metric(name)
        label = f"{{{metric.label}}}" if metric.label else ""
        parts.append(
            f"```{{stat}} {name}\n```\n\n## {code(name)}\n\n{plain(text)}\n\n"
            f"For Prometheus: {code(metric.name + label)}\n"
        )
    return "\n".join(parts)


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
        "# Errors\n\nA client raises, and an errback gets, one of these of `tmdbfusion_scrapy.exceptions`:\n\n"
        f"```text\n{inspect.cleandoc(tree)}\n```\n\nTMDB's own codes "
        "(https://developer.themoviedb.org/docs/errors) and what they become:\n\n"
        + table(("TMDB code", "HTTP status", "Error", "Tried again"), rows)
    )


def queries_page() -> str:
    """The page of the queries, with the statements as they are."""
    page = (DOCS / "queries.md").read_text(encoding="utf-8")
    begin, rest = page.split("<!-- begin of the questions", 1)
    head, end = rest.split("-->\n", 1)[0], rest.split("<!-- end of the questions -->", 1)[1]
    questions = "".join(
        f"## {query.title}\n\n`{' '.join(['scrapy tmdb-query', query.name, *_options(query)])}`\n\n"
        f"{query.about}\n\n```sql\n{query.statement};\n```\n\n"
        for query in shipped_queries().values()
    )
    return f"{begin}<!-- begin of the questions{head}-->\n\n{questions}<!-- end of the questions -->{end}"


def _options(query: Query) -> list[str]:
    """The values of a query as options."""
    return [f"-p {name}={shlex.quote(value)}" for name, value in query.values.items()]


def pages() -> Iterator[tuple[str, str]]:
    """Paths below docs/ and texts of all that is made."""
    yield "reference/settings.md", settings_page()
    yield "reference/stats.md", stats_page()
    yield "reference/meta.md", meta_page()
    yield "reference/errors.md", errors_page()
    yield "reference/messages.md", messages_page()
    yield "reference/records.md", record_page()
    yield "reference/tables.md", table_page()
    yield "images/schema.svg", schema_drawing()
    yield "queries.md", queries_page()
    yield "../tmdbfusion_scrapy/browse/metadata.yaml", datasette_metadata()
    for name, text in endpoint_pages.pages():
        yield f"reference/{name}", text


def main() -> int:
    """Write or check the pages."""
    check = "--check" in sys.argv[1:]
    made = dict(pages())
    # A page of something that is gone is not up to date either.
    there = {path.relative_to(DOCS).as_posix() for path in REFERENCE.rglob("*.md")}
    stale = sorted(there - made.keys())
    for name, text in made.items():
        page = DOCS / name
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text, encoding="utf-8")
    if not check:
        for name in there - made.keys():
            (DOCS / name).unlink()
        return 0
    if stale:
        print(f"not up to date: {', '.join(stale)}; run python docs/generate.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
