"""The call of a request: kept in its meta, and told by its URL where that is another one."""

from __future__ import annotations

import asyncio
import json

import pytest
from scrapy import Request
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tests.crawling.test_retries import OPEN_QUEUES
from tests.crawling.test_sessions import SESSION
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.models import MovieDetails
from tmdbfusion_scrapy.models.companies import Keyword


async def answer_movie(connection, seen):
    number = int(seen.target.partition("?")[0].split("/")[3])
    parts = {part: {} for part in seen.query.get("append_to_response", "").split(",") if part}
    connection.respond(json.dumps({"id": number, "title": "Thread", **parts}).encode())


@pytest.fixture
def movies(raw_server):
    for number in (1, 2, 3):
        raw_server.scripts[f"/3/movie/{number}"] = answer_movie
    raw_server.scripts["/3/keyword/1"] = answer_keyword
    return raw_server


async def answer_keyword(connection, seen):
    connection.respond(b'{"id": 1, "name": "time"}')


class RequestsSpider(MoviesSpider):
    """Sends what it is given a function for."""

    name = "requests"

    def __init__(self, make=None, **kwargs):
        super().__init__(**kwargs)
        self.make = make

    async def start(self):
        for request in self.make(self):
            yield request


@coroutine_test
async def test_the_meta_is_json(movies):
    ended = await crawl(MoviesSpider, settings_of(f"{movies.url}/3", TMDB_LANGUAGES="fr,en"), ids=[1])
    (response,) = ended.spider.responses
    url = f"{movies.url}/3/movie/1?language=fr&append_to_response=translations"
    call = {
        "method": "GET",
        "operation": "movie-details",
        "values": {"movie_id": "1"},
        "query": {"language": "fr"},
        "appends": ["translations"],
        "languages": ["fr", "en"],
        "url": url,
    }
    assert json.loads(json.dumps(response.meta["tmdb_call"])) == call
    assert response.url == url
    assert {key for key in response.meta if key.startswith("tmdb")} == {"tmdb_call"}


@coroutine_test
async def test_another_url_goes_before_the_call(movies):
    """The id, the page, the parts and the kind of record are those of the URL that the user gave."""
    base = f"{movies.url}/3"

    def make(spider):
        request = spider.movie(1, append_to_response="credits")
        yield request.replace(url=f"{base}/movie/2")
        yield request.replace(url=f"{base}/movie/3?append_to_response=images")
        yield request.replace(url=f"{base}/keyword/1")

    ended = await crawl(RequestsSpider, settings_of(base), make=make)
    came = {response.url: response.record for response in ended.spider.responses}
    assert came[f"{base}/movie/2"].id == 2
    assert came[f"{base}/movie/3?append_to_response=images"].images is not None
    assert isinstance(came[f"{base}/keyword/1"], Keyword)
    assert len(movies.requests) == 3


@coroutine_test
async def test_what_no_url_shows_stays_with_the_same_path(movies):
    """The session of a call whose query was changed, but not that of a call whose path was."""

    async def account(connection, seen):
        connection.respond(b'{"id": 7}')

    movies.scripts["/3/account/7"] = account

    def make(spider):
        request = spider.tmdb.account.details(7, session_id=SESSION, callback=spider.parse)
        yield request.replace(url=f"{request.url}?x=1")
        yield request.replace(url=f"{movies.url}/3/movie/2")

    ended = await crawl(RequestsSpider, settings_of(f"{movies.url}/3"), make=make)
    assert {seen.target for seen in movies.requests} == {
        f"/3/account/7?x=1&session_id={SESSION}",
        "/3/movie/2",
    }
    assert len(ended.spider.responses) == 2


@coroutine_test
async def test_meta_that_was_passed_on(movies):
    class PassingSpider(MoviesSpider):
        name = "passing"

        def parse(self, response):
            yield from super().parse(response)
            if len(self.responses) == 1:
                meta = {key: value for key, value in response.meta.items() if key.startswith("tmdb")}
                yield Request(f"{movies.url}/3/keyword/1", meta=meta, callback=self.parse)
                yield Request(f"{movies.url}/3/movie/2", meta=meta, callback=self.parse)

    ended = await crawl(PassingSpider, settings_of(f"{movies.url}/3"), ids=[1], arguments={"language": "de"})
    kinds = {response.url: type(response.record) for response in ended.spider.responses}
    base = f"{movies.url}/3"
    assert kinds == {
        f"{base}/movie/1?language=de": MovieDetails,
        f"{base}/keyword/1": Keyword,
        f"{base}/movie/2": MovieDetails,
    }
    assert {response.record.id for response in ended.spider.responses} == {1, 2}


class Adding:
    """A downloader middleware of a project, which gives each request another URL."""

    def process_request(self, request):
        if "added=1" not in request.url:
            sign = "&" if "?" in request.url else "?"
            return request.replace(url=f"{request.url}{sign}added=1", dont_filter=True)
        return None


@coroutine_test
async def test_a_middleware_that_changes_every_url(raw_server):
    """A record of several requests is one all the same."""
    seasons = [f"season/{number}" for number in range(25)]

    async def answer(connection, seen):
        parts = {
            part: {"season_number": int(part[7:])} for part in seen.query["append_to_response"].split(",")
        }
        assert seen.query["added"] == "1"
        listed = [{"season_number": number} for number in range(25)]
        connection.respond(json.dumps({"id": 1, "seasons": listed, **parts}).encode())

    raw_server.scripts["/3/tv/1"] = answer

    def make(spider):
        yield spider.tmdb.tv.details(1, append_to_response=seasons, callback=spider.parse)

    settings = settings_of(f"{raw_server.url}/3", DOWNLOADER_MIDDLEWARES={Adding: 900})
    ended = await crawl(RequestsSpider, settings, make=make)
    (response,) = ended.spider.responses
    assert len(response.record.appended_seasons) == 25
    assert len(raw_server.requests) == 2


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_job_directory_keeps_calls(movies, tmp_path):
    class StoppedSpider(TMDBSpider):
        """Stops before its requests are sent."""

        name = "stopped"
        custom_settings = {"CONCURRENT_REQUESTS": 1}  # noqa: RUF012 - as Scrapy's own documents have it

        async def start(self):
            self.responses = []
            if self.crawler.settings.getbool("HALT"):
                for number in (1, 2, 3):
                    yield self.tmdb.movies.details(
                        number, languages=["fr", "en"], append_to_response="credits", callback=self.parse
                    )
                yield Request(f"{movies.url}/3/keyword/1", callback=self.parse)
                self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))

        def parse(self, response):
            self.responses.append(response)

    settings = settings_of(f"{movies.url}/3", JOBDIR=str(tmp_path / "job"))
    first = await crawl(StoppedSpider, {**settings, "HALT": True}, finish_reason="stopped")
    assert "scheduler/unserializable" not in first.stats
    second = await crawl(StoppedSpider, settings)
    responses = [*first.spider.responses, *second.spider.responses]
    assert len(second.spider.responses) >= 2
    assert {type(response.record) for response in responses} == {MovieDetails, Keyword}
    for response in responses:
        if isinstance(response.record, MovieDetails):
            assert response.record.missing_parts == ()
            assert response.meta["tmdb_call"]["languages"] == ["fr", "en"]


@pytest.mark.parametrize("headers", [{"Accept-Language": "fr"}, [("Accept-Language", "fr")]])
def test_a_call_with_a_body_takes_headers_as_scrapy_does(headers):
    crawler = get_crawler(TMDBSpider, {"TMDB_ACCESS_TOKEN": "0" * 40})
    tmdb = TMDBSpider.from_crawler(crawler, name="headers").tmdb
    request = tmdb.request("POST", "list/1/add_item", json={"media_id": 18}, headers=headers)
    assert request.headers["Accept-Language"] == b"fr"
    assert request.headers["Content-Type"].startswith(b"application/json")
