"""The page of the request meta keys and signals, read out of the source."""

from __future__ import annotations

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from markup import code, plain, table, wrapped

import tmdbfusion_scrapy

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(tmdbfusion_scrapy.__file__).parent

SCRAPYS = {
    "proxy": "The proxy of a request, before `TMDB_PROXY`; `None` for none at all.",
    "download_timeout": "Seconds for all of a request, from connecting to the last byte of the answer.",
    "download_maxsize": "Most bytes of an answer, in place of `DOWNLOAD_MAXSIZE`.",
    "handle_httpstatus_list": "Statuses that the callback gets as they are, with `record` `None`; so "
    "`handle_httpstatus_all`.",
    "dont_retry": "`True` sends the request once.",
    "max_retry_times": "Retries of this request, in place of `RETRY_TIMES`.",
    "priority_adjust": "What a retry adds to the priority, in place of `RETRY_PRIORITY_ADJUST`.",
    "dont_cache": "`True` keeps the answer out of the HTTP cache.",
    "download_latency": "Set on the way back: seconds to the answer, without the waits for a connection and for "
    "the rate limit.",
    "retry_times": "Set on the way back: retries so far.",
}
"""Meta keys of Scrapy's that mean something for TMDB requests."""

_HEAD = """# Request meta and signals

Keys in `request.meta` that the package reads or sets, and the signal that it sends. Those that you may set are in
the first table:

```python
yield self.tmdb.movies.details(550, meta={"max_retry_times": 5}, callback=self.parse_movie)
```

"""


def documented_constants() -> Iterator[tuple[str, ast.expr, str, str]]:
    """Name, value, docstring and module of each constant of the package that has a docstring."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        body = ast.parse(path.read_text(encoding="utf-8")).body
        for node, after in pairwise(body):
            if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                yield node.targets[0].id, node.value, str(after.value.value), module


def meta_keys() -> dict[str, str]:
    """The meta keys that the package has for itself, and what they hold."""
    return {
        str(value.value): text.partition(":")[2].strip() or text
        for name, value, text, _ in documented_constants()
        if name.endswith("_KEY")
        and isinstance(value, ast.Constant)
        and re.match("Meta key:|Meta key of a", text)
    }


def signals() -> dict[str, tuple[str, str]]:
    """The signals by name: module, and when they are sent."""
    return {
        name: (module, text.removeprefix("Signal:").strip())
        for name, _, text, module in documented_constants()
        if text.startswith("Signal:")
    }


def sentence(text: str) -> str:
    """A text for Markdown that begins with a capital letter."""
    text = plain(" ".join(text.split()))
    return text[:1].upper() + text[1:]


def meta_page() -> str:
    """Make the page."""
    parts = [_HEAD, table(("Scrapy's key", "For TMDB requests"), [(code(k), v) for k, v in SCRAPYS.items()])]
    parts.append(
        "\n## Keys of the package\n\n"
        + wrapped(
            "They begin with `tmdb_` and are for reading only: the package sets them, and schedulers, job "
            "directories and caches keep them. Do not pass them on to another request."
        )
    )
    parts += [
        f"\n```{{reqmeta}} {key}\n```\n\n### {key}\n\n{sentence(text)}\n" for key, text in meta_keys().items()
    ]
    parts.append(
        "\n## Signals\n\n"
        + wrapped("Scrapy's own signals are sent for TMDB requests as for all others. Besides there is:")
    )
    for name, (module, text) in signals().items():
        parts.append(f"\n```{{signal}} {name}\n```\n\n### {name}\n\n`{module}.{name}`: {sentence(text)}\n")
    return "".join(parts)
