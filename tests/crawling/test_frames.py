"""What a crash reporter sees of a crawl: no secret in any local variable or attribute."""

from __future__ import annotations

import asyncio

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler

from tests.client.driving import answer
from tests.client.test_frames import GUEST, KEY, NOTICE, PASSWORD, SESSION, TOKEN, no_http
from tests.coroutines import coroutine_test
from tests.crawling.crawls import settings_of
from tests.frames import forms_of, leaks, shown
from tests.transport.server import reset_early, truncate
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError
from tmdbfusion_scrapy.settings import TMDBSettings

CALLS = {
    "details": lambda tmdb: tmdb.movies.details(550),
    "session": lambda tmdb: tmdb.account.details(1, session_id=SESSION),
    "rating": lambda tmdb: tmdb.movies.add_rating(550, value=8.5, session_id=SESSION),
    "guest": lambda tmdb: tmdb.guest_sessions.rated_movies(GUEST),
    "the settings' own": lambda tmdb: tmdb.account.details(1),
    "params": lambda tmdb: tmdb.request("GET", "account/1", params={"session_id": SESSION}),
    "json": lambda tmdb: tmdb.request("POST", "x", json={"session_id": SESSION, "password": PASSWORD}),
    "path": lambda tmdb: tmdb.request("GET", f"guest_session/{GUEST}/rated/movies"),
}
REFUSED = {
    "value": lambda tmdb: tmdb.movies.add_rating(550, value="nine", session_id=SESSION),
    "unknown": lambda tmdb: tmdb.movies.details(550, session_id=SESSION, nonsense=1),
    "request": lambda tmdb: tmdb.request("G T", "x", json={"password": PASSWORD}),
    "argument": lambda tmdb: tmdb.request("GET", "x", params={"session_id": SESSION}, nonsense=1),
}


class CallingSpider(TMDBSpider):
    name = "calling"

    def __init__(self, calls=(), refused=(), **kwargs):
        super().__init__(**kwargs)
        self.calls = calls
        self.refused = refused
        self.errors = []

    async def start(self):
        for call in self.refused:
            with pytest.raises((TMDBError, TypeError)) as caught:
                call(self.tmdb)
            self.errors.append(caught.value)
        for call in self.calls:
            request = call(self.tmdb)
            yield request.replace(errback=self.failed, callback=self.parse, dont_filter=True)

    def parse(self, response):
        self.errors.append(None)

    def failed(self, failure):
        self.errors.append(failure.value)


async def seen_in(settings, **arguments):
    """Where a secret is to be seen in the errors of a crawl, in its spider, and in what was logged of it."""
    runner = AsyncCrawlerRunner(Settings(settings))
    crawler = runner.create_crawler(CallingSpider)
    await asyncio.wait_for(runner.crawl(crawler, **arguments), 120)
    spider = crawler.spider
    assert len(spider.errors) == len(arguments.get("calls", ())) + len(arguments.get("refused", ()))
    assert None not in spider.errors
    secrets = (TOKEN, KEY, SESSION, GUEST, PASSWORD)
    found = [leak for error in spider.errors for leak in leaks(error, *secrets)]
    found += [
        f"spider.{name}"
        for name, value in vars(spider).items()
        for text in shown(value)
        if name != "errors" and any(form in text for secret in secrets for form in forms_of(secret))
    ]
    return sorted(set(found))


def settings_with(url, credentials):
    return (
        settings_of(
            url,
            ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None},
            RETRY_TIMES=0,
            TMDB_SESSION_ID=f"{SESSION}-2",
            TMDB_GUEST_SESSION_ID=GUEST,
            TMDB_ACCESS_TOKEN=None,
        )
        | credentials
    )


CREDENTIALS = [{"TMDB_ACCESS_TOKEN": TOKEN}, {"TMDB_API_KEY": KEY}]


@pytest.mark.parametrize(
    "method", [lambda tmdb: tmdb.account.rated_movies, lambda tmdb: tmdb.account.details]
)
def test_pages_that_are_refused(method):
    crawler = get_crawler(CallingSpider, {"TMDB_ACCESS_TOKEN": TOKEN})
    spider = CallingSpider.from_crawler(crawler)
    with pytest.raises(TypeError) as caught:
        spider.paginate(method(spider.tmdb), 1, session_id=SESSION, nonsense=1)
    assert leaks(caught.value, SESSION) == []


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=["v4", "v3"])
@coroutine_test
async def test_connections_that_fail(raw_server, credentials):
    url = f"{raw_server.url}/3"
    raw_server.call(close(raw_server))
    settings = settings_with(url, credentials)
    assert await seen_in(settings, calls=list(CALLS.values()), refused=list(REFUSED.values())) == []


async def close(server):
    for listening in server.servers:
        listening.close()


FAILING = {
    "reset": reset_early,
    "cut short": truncate,
    "no HTTP": no_http,
    "busy": answer(NOTICE % 9, "503 Busy"),
    "html": answer(b"<html>"),
    "encoding": answer(b"\xff\xfe", headers="Content-Encoding: br\r\n"),
}


@pytest.mark.parametrize("script", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("credentials", CREDENTIALS, ids=["v4", "v3"])
@coroutine_test
async def test_exchanges_that_fail(raw_server, script, credentials):
    raw_server.script_for = lambda path: script
    settings = settings_with(f"{raw_server.url}/3", credentials)
    assert await seen_in(settings, calls=list(CALLS.values())) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"TMDB_ACCESS_TOKEN": f"{TOKEN} twice"},
        {"TMDB_API_KEY": f"{KEY}{KEY}"},
        {"TMDB_SESSION_ID": f"{SESSION} {SESSION}"},
        {"TMDB_PROXY": f"socks9://me:{PASSWORD}@proxy.example"},
    ],
)
@coroutine_test
async def test_settings_that_cannot_be_used(changed):
    settings = settings_of("http://127.0.0.1:1/3", TMDB_ACCESS_TOKEN=None)
    with pytest.raises(ConfigurationError) as caught:
        await AsyncCrawlerRunner(Settings(settings | changed)).crawl(CallingSpider)
    assert leaks(caught.value, TOKEN, KEY, SESSION, PASSWORD) == []


def test_the_repr_of_settings():
    given = {
        "TMDB_SESSION_ID": SESSION,
        "TMDB_GUEST_SESSION_ID": GUEST,
        "TMDB_PROXY": "http://me:pw@proxy.example",
    }
    text = repr(TMDBSettings.from_settings(Settings(given)))
    assert SESSION not in text
    assert GUEST not in text
    assert "pw@" not in text
