"""Lists, item by item, with both clients."""

from __future__ import annotations

import json
import logging
import threading
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from tests.client.driving import CONTEXT, FAST, TOKEN, Asynchronous, Blocking
from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.api.endpoint import BoundEndpoint
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ResponseError, ServerError, ValidationError
from tmdbfusion_scrapy.models.account import ListDetails
from tmdbfusion_scrapy.models.paging import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.transport.server import Connection, RawServer, Seen

DISCOVER = "/3/discover/movie"


class Listing:
    """Answers with pages that a function of the page's number makes."""

    def __init__(self, make: Callable[[int], Any]) -> None:
        self.make = make
        self.asked: list[int] = []

    async def __call__(self, connection: Connection, seen: Seen) -> None:
        number = int(seen.query.get("page", "1"))
        self.asked.append(number)
        body = self.make(number)
        status = "200 OK"
        if isinstance(body, int):
            status, body = f"{body} Sorry", {}
        connection.respond(
            json.dumps(body).encode(), status=status, headers="Content-Type: application/json\r\n"
        )


def page(number: int, ids: Iterable[Any], total: Any = 3, **more: Any) -> dict[str, Any]:
    results = [{"id": one[0], "media_type": one[1]} if isinstance(one, tuple) else {"id": one} for one in ids]
    return {
        "page": number,
        "results": results,
        "total_pages": total,
        "total_results": 20 * (total or 0),
        **more,
    }


def twenty(number: int) -> dict[str, Any]:
    return page(number, range(number * 20 - 19, number * 20 + 1))


def serve(server: RawServer, make: Callable[[int], Any], path: str = DISCOVER) -> Listing:
    listing = server.scripts[path] = Listing(make)  # type: ignore[assignment]
    return listing


def items(driven: Any, call: Callable[[Any], Any], count: int | None = None) -> list[Any]:
    """Read items, all or so many."""
    return read(driven, driven_pages(driven, call), count)


def driven_pages(driven: Any, call: Callable[[Any], Any]) -> Any:
    """Begin to read."""
    if isinstance(driven, Blocking):
        return call(driven.client)

    async def begin(client: Any) -> Any:
        return call(client)

    return driven.do(begin)


def read(driven: Any, pages: Any, count: int | None = None) -> list[Any]:
    """Read on."""
    if isinstance(driven, Blocking):
        return list(islice(pages, count))

    async def collect(client: Any) -> list[Any]:
        found: list[Any] = []
        while count is None or len(found) < count:
            try:
                found.append(await pages.__anext__())
            except StopAsyncIteration:
                break
        return found

    return driven.do(collect)


def ids(found: Iterable[Any]) -> list[Any]:
    return [item.id for item in found]


def discover(client: Any) -> Any:
    return client.paginate(client.discover.movie)


def test_pages_are_asked_for_as_items_are_wanted(server, driver):
    driven = driver()
    listing = serve(server, twenty)
    pages = driven_pages(driven, discover)
    assert (pages.total_results, pages.total_pages, pages.is_cut) == (None, None, False)
    assert listing.asked == []
    assert ids(read(driven, pages, 20)) == list(range(1, 21))
    assert listing.asked == [1]
    assert (pages.total_results, pages.total_pages, pages.is_cut) == (60, 3, False)
    assert ids(read(driven, pages, 1)) == [21]
    assert listing.asked == [1, 2]
    assert ids(read(driven, pages)) == list(range(22, 61))
    assert read(driven, pages) == []
    assert listing.asked == [1, 2, 3]
    assert server.requests[1].query == {"page": "2"}


def test_pages_that_all_have_the_number_0(server, driver):
    """TMDB sends it with each page of tagged images."""
    listing = serve(
        server, lambda number: page(0, [f"a{number}", f"b{number}"]), "/3/person/62/tagged_images"
    )
    found = items(driver(), lambda client: client.paginate(client.people.tagged_images, 62))
    assert ids(found) == ["a1", "b1", "a2", "b2", "a3", "b3"]
    assert driver().do(lambda client: client.people.tagged_images(62, page=2)).page == 0
    assert listing.asked == [1, 2, 3, 2]


def test_arguments_go_with_every_page(server, driver):
    serve(server, twenty)
    driven = driver(language="fr")
    # A generator, of which nothing is left after the first page.
    genres = (genre for genre in (18, 28))
    items(driven, lambda client: client.paginate(client.discover.movie, with_genres=genres, page=2))
    assert [seen.query for seen in server.requests] == [
        {"language": "fr", "with_genres": "18,28", "page": number} for number in ("2", "3")
    ]


def test_a_method_with_arguments_bound(server, driver):
    serve(server, twenty, "/3/search/movie")

    def call(client: Any) -> Any:
        return client.paginate(partial(client.search.movie, "alien", region="FR"), language="de")

    assert len(items(driver(), call)) == 60
    assert all(
        seen.query["query"] == "alien" and seen.query["region"] == "FR" and seen.query["language"] == "de"
        for seen in server.requests
    )


def test_it_ends_at_page_500_and_says_that_it_was_cut(server, driver, caplog):
    driven = driver()
    listing = serve(server, lambda number: page(number, [number], 38020, total_results=760385))
    pages = driven_pages(driven, discover)
    with caplog.at_level(logging.WARNING):
        assert ids(read(driven, pages, 499)) == list(range(1, 500))
        assert pages.is_cut
        assert not caplog.records
        assert ids(read(driven, pages)) == [500]
        assert read(driven, pages) == []
    assert listing.asked == list(range(1, 501))
    (line,) = [record.getMessage() for record in caplog.records]
    assert "TMDB has 760385 results but serves the first 10000 only: narrow the filters" in line


def test_500_pages_are_not_cut(server, driver, caplog):
    serve(server, lambda number: page(number, [number], 500))
    assert ids(items(driver(), lambda client: client.paginate(client.discover.movie, page=500))) == [500]
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


def test_it_begins_where_it_is_told(server, driver, caplog):
    listing = serve(server, lambda number: page(number, [number], 600))
    assert ids(items(driver(), lambda client: client.paginate(client.discover.movie, page="499"))) == [
        499,
        500,
    ]
    assert listing.asked == [499, 500]


def test_behind_the_end(server, driver):
    listing = serve(server, lambda number: page(number, [], 3))
    assert items(driver(), lambda client: client.paginate(client.discover.movie, page=400)) == []
    assert listing.asked == [400]


def test_an_empty_page_is_not_the_end(server, driver):
    serve(server, lambda number: page(number, [] if number in (1, 2) else [number], 4))
    assert ids(items(driver(), discover)) == [3, 4]


def test_an_empty_list(server, driver, caplog):
    listing = serve(server, lambda number: page(number, [], 0))
    assert items(driver(), discover) == []
    assert listing.asked == [1]


@pytest.mark.parametrize(
    ("totals", "last"),
    [({1: 5, 2: 3, 3: 2}, 3), ({1: 2, 2: 4, 3: 4, 4: 4}, 4), ({1: 2, 2: 0}, 2)],
    ids=["shrinks", "grows", "vanishes"],
)
def test_the_newest_page_says_where_the_end_is(server, driver, totals, last):
    listing = serve(server, lambda number: page(number, [number], totals[number]))
    assert ids(items(driver(), discover)) == list(range(1, last + 1))
    assert listing.asked == list(range(1, last + 1))


def test_what_stands_on_two_pages_comes_once(server, driver):
    found = {
        1: [(1, "movie"), (2, "movie"), (1, "tv"), (None, "movie")],
        2: [(2, "movie"), (2, "tv"), (None, "movie")],
        3: [(1, "movie"), (1, "tv"), (3, "person")],
    }
    serve(server, lambda number: page(number, found[number]), "/3/search/multi")
    come = items(driver(), lambda client: client.paginate(client.search.multi, "x"))
    assert [(item.id, item.media_type) for item in come] == [*found[1], found[2][1], found[2][2], found[3][2]]


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ({"total_pages": None}, "page 2 does not say how many pages there are"),
        ({"page": 1}, "page 2 was asked for, and page 1 came"),
    ],
    ids=["no total", "another number"],
)
def test_a_page_that_does_not_tell_how_to_go_on(server, driver, odd, message):
    driven = driver(retries=0)
    broken = True
    listing = serve(server, lambda number: {**twenty(number), **(odd if broken and number == 2 else {})})
    pages = driven_pages(driven, discover)
    read(driven, pages, 20)
    with pytest.raises(ResponseError, match=message) as caught:
        read(driven, pages, 1)
    assert (caught.value.method, caught.value.path) == ("GET", "/discover/movie")
    broken = False
    assert ids(read(driven, pages)) == list(range(21, 61))
    assert listing.asked == [1, 2, 2, 3]


def test_another_page_is_tried_again_and_one_without_a_number_is_taken(server, driver):
    numbers = {2: [1, 2], 3: [None]}
    listing = serve(
        server, lambda number: {**twenty(number), "page": numbers[number].pop(0) if number > 1 else 1}
    )
    assert ids(items(driver(), discover)) == list(range(1, 61))
    assert listing.asked == [1, 2, 2, 3]


def test_after_an_error_the_same_page_is_asked_for_again(server, driver):
    driven = driver(retries=0)
    answers = {1: [503, twenty(1)], 3: [503, twenty(3)]}
    listing = serve(server, lambda number: answers[number].pop(0) if number in answers else twenty(number))
    pages = driven_pages(driven, discover)
    with pytest.raises(ServerError):
        read(driven, pages)
    assert len(read(driven, pages, 40)) == 40
    with pytest.raises(ServerError):
        read(driven, pages)
    assert ids(read(driven, pages)) == list(range(41, 61))
    assert listing.asked == [1, 1, 2, 3, 3]


def of_another(client: Any) -> Any:
    class Other:
        async def _execute(self) -> None: ...

    return client.paginate(BoundEndpoint(client.discover.movie.endpoint, Other()._execute, "Other"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda client: client.paginate(client.movies.details, 550), r"movies\.details\(\) has no pages"),
        # It takes a page, but its answer does not count them.
        (
            lambda client: client.paginate(client.movies.changes, 550),
            r"TMDB does not say how many pages movies\.changes\(\) has",
        ),
        (lambda client: client.paginate(client.configuration.countries), r"countries\(\) has no pages"),
        (
            lambda client: client.paginate(client.discover),
            "takes a method and its arguments, .* not a Discover",
        ),
        (lambda client: client.paginate(len), "takes a method and its arguments"),
        (of_another, r"^<Other\.discover\.movie: GET /discover/movie> is of another client"),
        (lambda client: client.paginate(client.discover.movie, with_genre=18), "with_genre"),
        (lambda client: client.paginate(client.movies.reviews), "movie_id"),
    ],
)
def test_what_cannot_be_paged_is_refused(server, driver, call, message):
    serve(server, twenty)
    driven = driver()
    with pytest.raises(TypeError, match=message):
        driven_pages(driven, call)
    assert not server.requests


@pytest.mark.parametrize("number", [0, 501, "x", 1.5, True])
def test_a_page_that_tmdb_does_not_serve(server, driver, number):
    driven = driver()
    with pytest.raises(ValidationError, match="page"):
        driven_pages(driven, lambda client: client.paginate(client.discover.movie, page=number))
    assert not server.requests


def test_changes_have_a_hundred_a_page(server, driver, caplog):
    def make(number: int) -> dict[str, Any]:
        changed = [{"id": number * 100 + place, "adult": None} for place in range(100)]
        return {"page": number, "results": changed, "total_pages": 600, "total_results": 59950}

    serve(server, make, "/3/movie/changes")
    found = items(driver(), lambda client: client.paginate(client.changes.movie_list, page=499))
    assert len(found) == 200
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "TMDB has 59950 results but serves the first 50000 only" in line


def test_a_list_of_a_user_in_pages(server, driver):
    def make(number: int) -> dict[str, Any]:
        items = [{"id": number, "media_type": "movie"}, {"id": number, "media_type": "tv"}]
        return {
            "id": 7,
            "item_count": 6,
            "items": items,
            "page": number,
            "total_pages": 3,
            "total_results": 6,
        }

    serve(server, make, "/3/list/7")
    found = items(driver(), lambda client: client.paginate(client.lists.details, 7))
    assert [(item.id, item.media_type) for item in found] == [
        (number, kind) for number in (1, 2, 3) for kind in ("movie", "tv")
    ]


def test_a_list_of_a_user_in_one_piece(server, driver):
    listing = serve(
        server, lambda number: {"id": "7", "item_count": 2, "items": [{"id": 1}, {"id": 2}]}, "/3/list/7"
    )
    assert ids(items(driver(), lambda client: client.paginate(client.lists.details, 7))) == [1, 2]
    assert listing.asked == [1]


def test_a_list_of_a_user_that_is_not_all_there(server, driver):
    serve(server, lambda number: {"id": "7", "item_count": 3, "items": [{"id": 1}]}, "/3/list/7")
    driven = driver()
    with pytest.raises(ResponseError, match="does not say how many pages"):
        items(driven, lambda client: client.paginate(client.lists.details, 7))


def test_a_session_goes_with_every_page(server, driver):
    serve(server, twenty, "/3/account/5/watchlist/movies")
    items(driver(), lambda client: client.paginate(client.account.watchlist_movies, 5, session_id="secret-1"))
    assert [seen.query["session_id"] for seen in server.requests] == ["secret-1"] * 3


def test_threads_share_it(server):
    serve(server, twenty)
    with TMDBClient(
        TOKEN, base_url=server.url + "/3", requests_per_second=None, retries=0, verify=CONTEXT
    ) as client:
        pages = client.paginate(client.discover.movie)
        found: list[int] = []
        threads = [
            threading.Thread(target=lambda: found.extend(movie.id or 0 for movie in pages)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == list(range(1, 61))
    assert len(server.requests) == 3


@coroutine_test
async def test_tasks_share_it(server):
    serve(server, twenty)
    async with AsyncTMDBClient(
        TOKEN, base_url=server.url + "/3", requests_per_second=None, retries=0, verify=CONTEXT
    ) as client:
        pages = client.paginate(client.discover.movie)

        async def take() -> list[int]:
            return [movie.id or 0 async for movie in pages]

        found = await client.gather([take() for _ in range(8)])
        assert sorted(one for part in found for one in part) == list(range(1, 61))
    assert len(server.requests) == 3


@pytest.mark.parametrize("kind", [Blocking, Asynchronous])
def test_the_sandbox_to_the_end(tmdb_sandbox, kind):
    driven = kind(
        token=TOKEN, base_url=tmdb_sandbox.base_url, retries=FAST, requests_per_second=None, verify=CONTEXT
    )
    try:
        pages = driven_pages(
            driven,
            lambda client: client.paginate(client.discover.movie, include_adult=True, vote_count_gte=1),
        )
        found = ids(read(driven, pages))
        assert len(found) == len(set(found)) == pages.total_results
        assert pages.total_pages == len(tmdb_sandbox.requests) > 1
        assert "discover/movie" in repr(pages)
    finally:
        driven.stop()


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            Page(total_pages=501, total_results=10001),
            "TMDB has 10001 results but serves the first 10000 only",
        ),
        (Page(total_pages=501), "TMDB has 501 pages but serves the first 500 only"),
    ],
)
def test_what_is_said_of_a_cut_list(page, text):
    assert page.is_cut
    assert page.cut_notice.startswith(text)


def test_what_is_cut_and_whole():
    assert not Page(total_pages=500).is_cut
    assert not Page().is_cut
    assert not Page().is_whole
    assert not ListDetails().is_whole
    assert ListDetails(item_count=0).is_whole
