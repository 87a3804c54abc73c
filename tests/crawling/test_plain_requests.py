"""What the catalogue does not know, in a spider."""

from __future__ import annotations

import inspect
import json
from urllib.parse import urlsplit

import pytest
from scrapy import Request
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tests.transport.server import running
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.crawling.spider import REQUEST_ARGUMENTS, RequestArguments
from tmdbfusion_scrapy.exceptions import ValidationError

OTHERS = {
    "tmdb_call": {"method": "GET", "operation": "movie-details", "values": {"movie_id": "1"}, "url": "x"}
}
SESSION = "5e55104a0000000000000000000000000000ab1e"


class PlainSpider(TMDBSpider):
    """Asks for what the catalogue does not know."""

    name = "plain"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.made = []
        self.records = []

    async def start(self):
        self.made = [
            self.tmdb.request(
                "GET", "movie/550/new_thing", params={"page": 2, "x": None}, callback=self.keep, priority=3
            ),
            self.tmdb.request(
                "POST", "thing/Amélie", json={"a": 1, "session_id": SESSION}, callback=self.keep
            ),
            self.tmdb.request("GET", f"guest_session/{SESSION}/rated/movies", callback=self.keep),
            # Meta of another call's response, passed on.
            self.tmdb.request("GET", "list/1", meta=OTHERS, callback=self.keep),
            self.tmdb.request("GET", "gone"),
        ]
        for request in self.made:
            yield request

    def keep(self, response):
        self.records.append(response.record)


@coroutine_test
async def test_plain_requests_of_a_spider(caplog):
    def answering(body, status="200 OK"):
        async def script(connection, seen):
            connection.respond(json.dumps(body).encode(), status=status)

        return script

    with running() as server:
        for path in (
            "/3/movie/550/new_thing",
            "/3/thing/Am%C3%A9lie",
            f"/3/guest_session/{SESSION}/rated/movies",
            "/3/list/1",
        ):
            server.scripts[path] = answering({"new": path})
        server.scripts["/3/gone"] = answering({"status_code": 34, "success": False}, "404 Not Found")
        ended = await crawl(
            PlainSpider,
            settings_of(f"{server.url}/3", TMDB_LANGUAGE="fr", TMDB_REGION="CA", LOG_LEVEL="DEBUG"),
            errors=None,
        )
        seen = {urlsplit(request.target).path: request for request in server.requests}
    assert {record["new"] for record in ended.spider.records} == seen.keys() - {"/3/gone"}
    assert seen["/3/movie/550/new_thing"].query == {"language": "fr", "region": "CA", "page": "2"}
    assert json.loads(seen["/3/thing/Am%C3%A9lie"].body) == {"a": 1, "session_id": SESSION}
    assert ended.spider.made[0].priority == 3
    # A failed call goes to record_failure, as every other.
    assert [item.path for item in ended.items] == ["/gone?language=fr&region=CA"]
    shown = caplog.text + "".join(f"{r.url} {r.body!r} {r.meta}" for r in ended.spider.made)
    assert SESSION not in shown


@pytest.fixture
def tmdb():
    crawler = get_crawler(PlainSpider, settings_of("http://127.0.0.1:1/3", TMDB_SESSION_ID=SESSION))
    return PlainSpider.from_crawler(crawler).tmdb


def test_what_is_refused_when_the_request_is_made(tmdb):
    for call, error, words in (
        (lambda: tmdb.request("GET X", "movie/550"), ValidationError, "^method is"),
        (lambda: tmdb.request("GET", "movie/550?x=1"), ValidationError, "^path must be"),
        (lambda: tmdb.request("POST", "movie/550", json={"a": object()}), TypeError, "^json cannot"),
        (lambda: tmdb.request("GET", "movie/550", language="fr"), TypeError, "argument 'language'"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert SESSION not in tmdb.request("GET", f"x/{SESSION}").url


def test_its_arguments_are_those_of_every_call(tmdb):
    assert RequestArguments.__annotations__.keys() == REQUEST_ARGUMENTS


def test_a_method_shows_the_arguments_of_a_request(tmdb):
    method = tmdb.movies.details
    assert repr(method) == "<tmdb.movies.details: GET /movie/{movie_id}>"
    signature = inspect.signature(method)
    assert set(signature.parameters) == {*method.endpoint.parameters, *REQUEST_ARGUMENTS}
    assert signature.return_annotation is Request


def test_a_request_cannot_be_paged(tmdb):
    crawler = get_crawler(PlainSpider, settings_of("http://127.0.0.1:1/3"))
    spider = PlainSpider.from_crawler(crawler)
    with pytest.raises(TypeError, match=r"takes a method and its arguments, .* not a Request"):
        spider.paginate(spider.tmdb.discover.movie(with_genres=18))
    with pytest.raises(TypeError, match=r"takes a method of self\.tmdb"):
        spider.paginate(spider.tmdb.request, "GET", "movie/popular")
