"""Stats of crawls that meet all that can be met: each is on the list."""

from __future__ import annotations

import re

import pytest

from tests.commands.spiders import MoviesSpider as SourceSpider
from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.stats import STATS

FAULTS = {"500": 0.05, "429": 0.02, "reset": 0.05, "truncate": 0.05, "html": 0.05, "empty": 0.02}
LISTED = [re.compile(re.sub(r"<[^>]+>", ".+", re.sub(r"[.]", r"\\.", name))) for name in STATS]


def unlisted(stats):
    return [
        name for name in stats if name.startswith("tmdb/") and not any(one.fullmatch(name) for one in LISTED)
    ]


@pytest.mark.parametrize(
    ("spider", "arguments", "more"),
    [
        (
            MoviesSpider,
            {"ids": range(1, 80), "arguments": {"append_to_response": ["credits", "keywords"]}},
            {},
        ),
        (SourceSpider, {"source": "discover", "primary_release_year": "1999", "limit": "40"}, {}),
        (SourceSpider, {"list": "popular", "pages": "2"}, {"TMDB_CONDITIONAL": True}),
        (SourceSpider, {"source": "export", "limit": "40"}, {"TMDB_METRICS_PORT": 0, "TMDB_TRACING": True}),
        (
            SourceSpider,
            {"list": "popular", "limit": "20"},
            {
                "TMDB_IMAGES": "poster",
                "IMAGES_STORE": "images",
                "FEEDS": {"movies.parquet": {"format": "parquet"}},
            },
        ),
    ],
    ids=["calls", "discover", "list", "export", "images"],
)
@coroutine_test
async def test_every_stat_is_listed(tmdb_sandbox_factory, spider, arguments, more):
    # The day of an export is that of the clock.
    sandbox = tmdb_sandbox_factory(faults=FAULTS, seed=3, today=None)
    settings = settings_of(
        sandbox.base_url,
        TMDB_EXPORTS_URL=sandbox.exports_url,
        TMDB_IMAGES_URL=sandbox.images_url,
        RETRY_TIMES=4,
        **more,
    )
    ended = await crawl(spider, settings, errors=None, **arguments)
    assert ended.stats["tmdb/request_count"] > 1
    assert ended.stats["tmdb/retry/count"] > 0
    assert unlisted(ended.stats) == []
