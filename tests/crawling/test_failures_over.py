"""When a failed call is over: when it is made again and comes, and not before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, rows, settings_of
from tests.crawling.test_images import image_settings, jpeg, serving, stored
from tests.transport.server import in_turn
from tmdbfusion_scrapy import TMDBSpider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ETAG = 'W/"1"'


class CallsSpider(TMDBSpider):
    """Makes calls as functions of the namespaces give them; yields records and failures."""

    name = "calls"

    def __init__(self, calls: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.calls = calls

    async def start(self) -> AsyncIterator[Any]:
        for call in self.calls:
            yield call(self.tmdb, {"callback": self.parse, "errback": self.failed})

    def parse(self, response: Any) -> Any:
        yield response.record

    def failed(self, failure: Any) -> Any:
        yield from self.record_failure(failure)


def answer(value: Any, status: str = "200 OK", headers: str = "") -> Any:
    async def serve(connection: Any, seen: Any) -> None:
        lines = f"Content-Type: application/json\r\n{headers}"
        connection.respond(json.dumps(value).encode(), status=status, headers=lines)

    return serve


async def not_modified(connection: Any, seen: Any) -> None:
    connection.respond(b"", status="304 Not Modified", headers=f"ETag: {ETAG}\r\n")


def refuse(status: str = "404 Not Found") -> Any:
    return answer({"status_code": 34, "status_message": "No."}, status)


def paths() -> list[str]:
    return [row[2] for row in failure_rows()]


CREDITS = {"id": 1, "cast": [], "crew": []}


@coroutine_test
async def test_a_call_for_a_part_is_over_when_it_comes_itself(raw_server):
    scripts = raw_server.scripts
    scripts["/3/movie/1/credits"] = in_turn(refuse(), answer(CREDITS))
    scripts["/3/movie/1"] = answer({"id": 1, "title": "A"})
    settings = settings_of(f"{raw_server.url}/3")

    def part(tmdb: Any, arguments: Any) -> Any:
        return tmdb.movies.credits(1, **arguments)

    def details(tmdb: Any, arguments: Any) -> Any:
        return tmdb.movies.details(1, **arguments)

    await crawl(CallsSpider, settings, calls=[part])
    assert paths() == ["/movie/1/credits"]
    await crawl(CallsSpider, settings, calls=[details])
    assert rows("SELECT id FROM movies") == [(1,)]
    assert paths() == ["/movie/1/credits"]
    await crawl(CallsSpider, settings, calls=[part])
    assert paths() == []


@coroutine_test
async def test_seasons_and_lists_are_told_apart_by_what_was_asked_for(raw_server):
    scripts = raw_server.scripts
    season = {"id": 7, "season_number": 2, "episodes": []}
    scripts["/3/tv/1/season/2"] = in_turn(refuse(), answer(season))
    # Its id is that of the other one's series.
    scripts["/3/tv/5/season/1"] = answer({"id": 1, "season_number": 1, "episodes": []})
    scripts["/3/genre/movie/list"] = in_turn(refuse("500 No"), answer({"genres": [{"id": 1, "name": "A"}]}))
    settings = settings_of(f"{raw_server.url}/3", RETRY_ENABLED=False)
    calls = [
        lambda tmdb, arguments: tmdb.tv_seasons.details(1, 2, **arguments),
        lambda tmdb, arguments: tmdb.genres.movie_list(**arguments),
    ]
    await crawl(CallsSpider, settings, calls=calls)
    assert paths() == ["/genre/movie/list", "/tv/1/season/2"]
    await crawl(CallsSpider, settings, calls=[lambda tmdb, given: tmdb.tv_seasons.details(5, 1, **given)])
    assert paths() == ["/genre/movie/list", "/tv/1/season/2"]
    await crawl(CallsSpider, settings, calls=calls)
    assert paths() == []
    assert rows("SELECT id FROM seasons ORDER BY id") == [(1,), (7,)]


@coroutine_test
async def test_what_fails_and_comes_in_one_crawl_is_over(raw_server):
    raw_server.scripts["/3/movie/1/credits"] = in_turn(refuse("500 No"), answer(CREDITS))

    class TwiceSpider(CallsSpider):
        def failed(self, failure: Any) -> Any:
            yield from self.record_failure(failure)
            yield self.tmdb.movies.credits(1, callback=self.parse, dont_filter=True)

    settings = settings_of(f"{raw_server.url}/3", RETRY_ENABLED=False)
    calls = [lambda tmdb, arguments: tmdb.movies.credits(1, **arguments)]
    await crawl(TwiceSpider, settings, calls=calls)
    assert paths() == []


def details_of(kind: str) -> Any:
    def ask(tmdb: Any, arguments: Any) -> Any:
        return getattr(tmdb, kind).details(1, **arguments)

    return ask


@pytest.mark.parametrize("setting", [None, ["poster"]], ids=["without images", "other images"])
@coroutine_test
async def test_an_image_that_was_not_asked_for_stays_on_record(raw_server, setting):
    movie = {"id": 1, "title": "A", "poster_path": "/a.jpg", "backdrop_path": "/b.jpg"}
    raw_server.scripts["/3/movie/1"] = answer(movie)
    raw_server.scripts["/t/p/w500/a.jpg"] = serving(jpeg("a"))
    api = f"{raw_server.url}/3"
    settings = image_settings(raw_server, api, database=True)
    await crawl(CallsSpider, {**settings, "TMDB_IMAGES": ["backdrop"]}, calls=[details_of("movies")])
    failed = paths()
    assert len(failed) == 1
    await crawl(CallsSpider, {**settings, "TMDB_IMAGES": setting}, calls=[details_of("movies")])
    assert paths() == failed


class AgainSpider(TMDBSpider):
    """Asks for a record, and whether it is as the database has it."""

    name = "again"

    def __init__(self, kind: str = "", etag: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind, self.etag = kind, etag

    async def start(self) -> AsyncIterator[Any]:
        from tmdbfusion_scrapy.crawling.responses import conditions_of

        request = getattr(self.tmdb, self.kind).details(1, callback=self.parse)
        yield conditions_of(self.crawler).conditional(request, 1, self.etag)

    def parse(self, response: Any) -> Any:
        yield response.record


@pytest.mark.parametrize(
    ("kind", "table", "path", "images", "document", "places"),
    [
        (
            "movies",
            "movies",
            "/3/movie/1",
            {"poster": ["w500"], "backdrop": ["w780"], "logo": ["original"]},
            {
                "poster_path": "/a.jpg",
                "backdrop_path": "/a.jpg",
                "images": {"logos": [{"file_path": "/l.jpg"}], "posters": []},
            },
            ["movies/1/w500.jpg", "movies/1/backdrop-w780.jpg", "movies/1/logo-original.jpg"],
        ),
        (
            "people",
            "people",
            "/3/person/1",
            {"profile": ["h632"]},
            {"name": "P", "profile_path": "/a.jpg"},
            ["people/1/h632.jpg"],
        ),
    ],
)
@coroutine_test
async def test_a_304_has_the_images_tried_again_that_failed(
    raw_server, kind, table, path, images, document, places
):
    raw_server.scripts[path] = in_turn(
        answer({"id": 1, **document}, headers=f"ETag: {ETAG}\r\n"), not_modified
    )
    settings = image_settings(raw_server, f"{raw_server.url}/3", database=True, TMDB_IMAGES=images)
    settings["TMDB_CONDITIONAL"] = True
    await crawl(AgainSpider, settings, kind=kind)
    assert len(paths()) == len(places)
    for size in ("w500", "w780", "original", "h632"):
        for name in "al":
            raw_server.scripts[f"/t/p/{size}/{name}.jpg"] = serving(jpeg(f"{size} {name}"))
    ((etag,),) = rows(f"SELECT etag FROM {table}")  # noqa: S608 - a table of ours
    ended = await crawl(AgainSpider, settings, kind=kind, etag=etag)
    assert ended.stats["tmdb/conditional/not_modified_count"] == 1
    assert sorted(stored()) == sorted(places)
    assert paths() == []
    asked = len(raw_server.requests)
    # What is there is not looked after again.
    raw_server.scripts[path] = not_modified
    await crawl(AgainSpider, settings, kind=kind, etag=etag)
    assert len(raw_server.requests) == asked + 1
