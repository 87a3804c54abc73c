"""What a spider's arguments make it crawl."""

from __future__ import annotations

from typing import ClassVar

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, settings_of
from tests.crawling.test_retries import OPEN_QUEUES
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError


class SourceSpider(TMDBSourceSpider):
    name = "source"
    details_operation = "movie-details"
    list_operations: ClassVar = {
        "popular": "movie-popular-list",
        "top_rated": "movie-top-rated-list",
        "upcoming": "movie-upcoming-list",
    }
    discover_operation = "discover-movie"


def paths(sandbox):
    return [seen.path.removeprefix("/3") for seen in sandbox.requests]


@coroutine_test
async def test_without_arguments_it_crawls_six_pages_of_the_first_list(tmdb_sandbox):
    ended = await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url))
    assert len(ended.ids) == 120
    pages = [seen.query["page"] for seen in tmdb_sandbox.requests if seen.path == "/3/movie/popular"]
    assert sorted(pages) == list("123456")


@coroutine_test
async def test_ids(tmdb_sandbox):
    arguments = {"ids": "3, 1 2,3", "limit": "2", "append": "credits,images"}
    ended = await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url), **arguments)
    assert ended.ids == {3, 1}
    assert {seen.query["append_to_response"] for seen in tmdb_sandbox.requests} == {"credits,images"}
    assert all(item.credits is not None for item in ended.items)


@coroutine_test
async def test_an_unknown_part_is_named_and_asked_for_all_the_same(tmdb_sandbox, caplog):
    arguments = {"ids": "1", "append": "creditz,watch/providers"}
    ended = await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url), **arguments)
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "creditz" in line
    assert "watch/providers" not in line
    assert ended.items[0].watch_providers is not None
    assert tmdb_sandbox.requests[-1].query["append_to_response"] == "creditz,watch/providers"


@coroutine_test
async def test_a_list_with_a_limit(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url)
    ended = await crawl(SourceSpider, settings, list="top_rated", pages="5", limit="25")
    assert len(ended.ids) == 25
    assert paths(tmdb_sandbox).count("/movie/top_rated") == 2


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_limit_is_for_all_runs_of_a_job(tmdb_sandbox_factory, tmp_path):
    sandbox = tmdb_sandbox_factory(latency=0.02)
    # Scrapy 2.15 calls a callback a tenth of a second after the response has come.
    settings = settings_of(sandbox.base_url, JOBDIR=str(tmp_path / "job"), CONCURRENT_REQUESTS=2)
    halting = {**settings, "CLOSESPIDER_ITEMCOUNT": 10}
    first = await crawl(SourceSpider, halting, finish_reason="closespider_itemcount", limit="45")
    second = await crawl(SourceSpider, settings, limit="45")
    assert 10 <= len(first.items) < 45
    assert len(first.ids | second.ids) == len(first.items) + len(second.items) == 45


@coroutine_test
async def test_discover_with_tmdbs_names_and_ours(tmdb_sandbox):
    arguments = {"source": "discover", "pages": "2", "primary_release_date.gte": "1980-01-01"}
    ended = await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url), **arguments, vote_count_gte="1")
    assert ended.ids
    for seen in tmdb_sandbox.requests:
        if seen.path == "/3/discover/movie":
            assert seen.query["primary_release_date.gte"] == "1980-01-01"
            assert seen.query["vote_count.gte"] == "1"


@coroutine_test
async def test_a_page_that_fails_costs_its_own_records_only(tmdb_sandbox):
    tmdb_sandbox.fail_next(422, path="movie/popular")
    settings = settings_of(tmdb_sandbox.base_url, CONCURRENT_REQUESTS=1)
    ended = await crawl(SourceSpider, settings, pages="3")
    # It was the first page, which tells how many there are.
    assert not ended.ids
    tmdb_sandbox.clear()

    class Spoiling(SourceSpider):
        name = "spoiling"

        def _parse_first_page(self, response, **cb_kwargs):
            tmdb_sandbox.fail_next(422, path="movie/popular")
            return super()._parse_first_page(response, **cb_kwargs)

    ended = await crawl(Spoiling, settings, pages="3")
    assert len(ended.ids) == 40
    paths_of_failures = [row[2] for row in failure_rows()]
    assert "/movie/popular?page=2" in paths_of_failures


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"source": "ids"}, "-a ids=550,551"),
        ({"ids": "1,,2"}, "empty part"),
        ({"ids": "0"}, "-a ids=0"),
        ({"ids": "-5"}, "-a ids=-5"),
        ({"ids": "5", "pages": "3"}, "-a pages="),
        ({"list": "popular", "source": "ids"}, "-a source=ids"),
        ({"limit": "none"}, "-a limit=none"),
        ({"pages": "501"}, "from 1 to 500"),
        ({"source": "discover", "foo": "bar"}, "-a foo="),
        ({"source": "discover", "page": "2"}, "-a page="),
    ],
    ids=str,
)
@coroutine_test
async def test_arguments_that_cannot_be_used(tmdb_sandbox, arguments, message):
    runner = AsyncCrawlerRunner(Settings(settings_of(tmdb_sandbox.base_url)))
    with pytest.raises(ConfigurationError, match=message.replace(".", r"\.")):
        await runner.crawl(SourceSpider, **arguments)
    assert not tmdb_sandbox.requests
