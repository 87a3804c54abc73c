"""A crawl that is answered with the record of another id."""

from __future__ import annotations

import json

import pytest
import scrapy

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.crawling.test_sources import SourceSpider
from tests.transport.server import running
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSpider
from tmdbfusion_scrapy.crawling.source_spider import exit_status

ONE = {"id": 1, "title": "One", "runtime": 90, "genres": [{"id": 18, "name": "Drama"}]}


def answering(*bodies):
    """Give these bodies one after the other; the last one again and again."""
    left = list(bodies)

    async def script(connection, seen):
        body = left.pop(0) if len(left) > 1 else left[0]
        connection.respond(
            json.dumps(body).encode(), headers='Content-Type: application/json\r\nETag: "e"\r\n'
        )

    return script


@pytest.fixture
def server():
    with running() as server:
        server.scripts["/3/movie/1"] = answering(ONE)
        yield server


@coroutine_test
async def test_the_record_of_another_id_is_on_record_and_harms_none(server):
    server.scripts["/3/movie/7"] = answering({"id": 1})
    settings = settings_of(f"{server.url}/3", RETRY_TIMES=2)
    await crawl(SourceSpider, settings, ids="1")
    ended = await crawl(SourceSpider, settings, ids="7", errors=None)
    assert rows("SELECT id, title, runtime FROM movies") == [(1, "One", 90)]
    assert rows("SELECT movie_id, genre_id FROM movie_genres") == [(1, 18)]
    assert failure_rows() == [("movies", "7", "/movie/7", "ResponseError", 200, None, 3)]
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert "movie_id 7" in message
    assert "id 1" in message
    assert ended.stats["tmdb/retry/count"] == 2
    # The run is at its end: the same command begins another one.
    assert rows("SELECT count(*) FROM tmdb_runs WHERE finished_at IS NULL") == [(0,)]


@coroutine_test
async def test_nothing_but_merged_records_is_an_answer(server, caplog):
    for number in (7, 8):
        server.scripts[f"/3/movie/{number}"] = answering({"id": 1})
    ended = await crawl(SourceSpider, settings_of(f"{server.url}/3", RETRY_TIMES=1), ids="7,8", errors=None)
    assert exit_status(ended.crawler) == 0
    assert len(failure_rows()) == 2
    assert "Once TMDB can be reached" not in caplog.text


@coroutine_test
async def test_the_next_try_may_bring_the_right_one(server):
    server.scripts["/3/movie/7"] = answering({"id": 1}, {"id": "7", "title": "Seven"})
    ended = await crawl(SourceSpider, settings_of(f"{server.url}/3"), ids="7")
    assert [(item.id, item.title) for item in ended.items] == [(7, "Seven")]
    assert failure_rows() == []


@coroutine_test
async def test_a_conditional_request_may_be_answered_with_another_record(server):
    settings = settings_of(f"{server.url}/3", RETRY_TIMES=0, TMDB_CONDITIONAL=True)
    await crawl(SourceSpider, settings, ids="1")
    server.scripts["/3/movie/1"] = answering({"id": 2, "title": "Two"})
    await crawl(SourceSpider, settings, ids="1", errors=None)
    assert server.requests[-1].header("If-None-Match") == '"e"'
    assert rows("SELECT id, title FROM movies") == [(1, "One")]
    assert [row[:3] for row in failure_rows()] == [("movies", "1", "/movie/1")]


@pytest.mark.parametrize("policy", ["RFC2616Policy", "DummyPolicy"])
@coroutine_test
async def test_the_http_cache_does_not_keep_it(server, tmp_path, policy):
    server.scripts["/3/movie/7"] = answering({"id": 1}, {"id": 7, "title": "Seven"})
    settings = settings_of(
        f"{server.url}/3",
        HTTPCACHE_ENABLED=True,
        HTTPCACHE_DIR=str(tmp_path / "cache"),
        HTTPCACHE_POLICY=f"scrapy.extensions.httpcache.{policy}",
        RETRY_ENABLED=False,
    )
    await crawl(MoviesSpider, settings, ids=[7], errors=None)
    ended = await crawl(MoviesSpider, settings, ids=[7])
    assert [item.title for item in ended.items] == ["Seven"]


class EpisodesSpider(TMDBSpider):
    """Asks for a season and an episode."""

    name = "episodes"

    async def start(self):
        yield self.tmdb.tv_seasons.details(5, 2, callback=self.keep)
        yield self.tmdb.tv_episodes.details(5, 2, 3, callback=self.keep)

    def keep(self, response):
        yield response.record


@coroutine_test
async def test_seasons_and_episodes(server):
    server.scripts["/3/tv/5/season/2"] = answering({"id": 9, "season_number": 1})
    server.scripts["/3/tv/5/season/2/episode/3"] = answering(
        {"id": 9, "season_number": 2, "episode_number": 1}
    )
    settings = settings_of(f"{server.url}/3", RETRY_TIMES=0)
    ended = await crawl(EpisodesSpider, settings, errors=None)
    assert {(item.kind, item.error) for item in ended.items} == {
        ("seasons", "ResponseError"),
        ("episodes", "ResponseError"),
    }
    assert rows("SELECT count(*) FROM seasons") == [(0,)]


class SeriesSpider(TMDBSeriesSpider):
    name = "series"


@coroutine_test
async def test_later_seasons_of_another_series(server):
    """The requests behind the first one of a series are for its details, too."""
    seasons = [{"id": 100 + number, "season_number": number} for number in range(25)]
    server.scripts["/3/tv/5"] = answering(
        {"id": 5, "name": "Five", "seasons": seasons, "season/0": {"season_number": 0}},
        {"id": 6, "name": "Six", "seasons": seasons, "season/20": {"season_number": 20}},
    )
    settings = settings_of(f"{server.url}/3", RETRY_TIMES=1)
    await crawl(SeriesSpider, settings, ids="5", errors=None)
    # A series is stored with all of its seasons, or not at all.
    assert rows("SELECT id FROM tv_shows UNION ALL SELECT id FROM seasons") == []
    assert failure_rows() == [("tv_shows", "5", "/tv/5", "ResponseError", 200, None, 2)]
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert message.startswith("series_id 5 was asked for, and id 6 came")


@coroutine_test
async def test_later_seasons_of_another_series_that_come_right_at_the_next_try(server):
    seasons = [{"id": 100 + number, "season_number": number} for number in range(25)]
    first, later = (
        {f"season/{number}": {**seasons[number], "name": f"Of 5: {number}"} for number in numbers}
        for numbers in (range(20), range(20, 25))
    )
    wrong = {f"season/{number}": {"id": 900 + number, "season_number": number} for number in range(20, 25)}
    server.scripts["/3/tv/5"] = answering(
        {"id": 5, "name": "Five", "seasons": seasons, **first},
        {"id": 6, "name": "Six", "seasons": seasons, **wrong},
        # Ids that come as text are the numbers that they spell.
        {"id": "5", "name": "Five", "seasons": seasons, **later},
    )
    ended = await crawl(SeriesSpider, settings_of(f"{server.url}/3", RETRY_TIMES=1), ids="5")
    assert ended.stats["tmdb/retry/count"] == 1
    assert failure_rows() == []
    assert rows("SELECT id, name FROM tv_shows") == [(5, "Five")]
    assert rows("SELECT id, tv_show_id, name FROM seasons ORDER BY id") == [
        (100 + number, 5, f"Of 5: {number}") for number in range(25)
    ]


class PlainURLs(TMDBSpider):
    """Asks for URLs of its own."""

    name = "urls"

    def __init__(self, urls=(), **kwargs):
        super().__init__(**kwargs)
        self.urls = urls

    async def start(self):
        for url in self.urls:
            yield scrapy.Request(url, errback=self.record_failure)

    def parse(self, response):
        yield response.record


@coroutine_test
async def test_plain_requests_too(server):
    server.scripts["/3/movie/1-one"] = server.scripts["/3/movie/tt1"] = answering(ONE)
    for path in ("/3/movie/7", "/3/movie/7/", "/3/movie/7-seven"):
        server.scripts[path] = answering(ONE)
    urls = [f"{server.url}{path}" for path in server.scripts]
    ended = await crawl(PlainURLs, settings_of(f"{server.url}/3", RETRY_TIMES=0), urls=urls, errors=None)
    messages = [getattr(item, "message", "") for item in ended.items]
    assert sum("movie_id 7 was asked for, and id 1 came" in message for message in messages) == 3
    assert sum(type(item).__name__ == "MovieDetails" for item in ended.items) == 3
