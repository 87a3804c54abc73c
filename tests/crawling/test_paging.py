"""All pages of a list in a crawl."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from scrapy.exceptions import CloseSpider

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, settings_of
from tests.crawling.test_retries import OPEN_QUEUES
from tests.crawling.test_sources import SourceSpider
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError, NotFoundError, ResponseError, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.transport.server import Connection, RawServer, Seen

DISCOVER = "/3/discover/movie"


def serve(
    server: RawServer,
    total: int | None = 4,
    *,
    path: str = DISCOVER,
    failing: dict[int, list[str]] | None = None,
    numbers: dict[int, list[int | None]] | None = None,
) -> None:
    """Serve pages with one result each.

    ``failing`` are statuses that come before a page does, ``numbers`` those that it has instead of its own.
    """

    async def answer(connection: Connection, seen: Seen) -> None:
        number = int(seen.query["page"])
        waiting = (failing or {}).get(number)
        status = waiting.pop(0) if waiting else "200 OK"
        odd = (numbers or {}).get(number)
        page = {
            "page": odd.pop(0) if odd else number,
            "results": [{"id": number}],
            "total_pages": total,
            "total_results": 20 * (total or 0),
        }
        connection.respond(
            json.dumps(page).encode(), status=status, headers="Content-Type: application/json\r\n"
        )

    server.scripts[path] = answer


class Pages(TMDBSpider):
    """Reads all pages of a list; subclasses and arguments say how."""

    name = "pages"
    custom_settings: ClassVar = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}

    def __init__(self, given: dict[str, Any] | None = None, callback: Any = "each", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.given = given or {}
        self.callback = getattr(self, callback) if isinstance(callback, str) else callback
        self.responses: list[Any] = []
        self.failures: list[Any] = []

    async def start(self) -> Any:
        yield self.paginate(self.tmdb.discover.movie, callback=self.callback, **self.given)

    def each(self, response: Any, **kwargs: Any) -> Any:
        self.responses.append(response)
        yield {"page": response.record.page, **kwargs}

    async def each_async(self, response: Any) -> Any:
        await asyncio.sleep(0)
        yield {"page": response.record.page}

    async def each_coroutine(self, response: Any) -> Any:
        await asyncio.sleep(0)
        return [{"page": response.record.page}]

    def each_list(self, response: Any) -> Any:
        return [{"page": response.record.page}]

    def each_item(self, response: Any) -> Any:
        return {"page": response.record.page}

    def parse(self, response: Any) -> Any:
        yield {"page": response.record.page}

    def nothing(self, response: Any) -> None:
        self.responses.append(response)

    def failed(self, failure: Any) -> Any:
        self.failures.append(failure)
        yield {"failed": failure.request.url.rpartition("page=")[2]}


def pages_of(ended: Any) -> list[int]:
    return sorted(item["page"] for item in ended.items)


def asked(server: RawServer) -> list[int]:
    return [int(seen.query["page"]) for seen in server.requests]


@coroutine_test
async def test_the_first_page_then_all_others_in_order(raw_server):
    serve(raw_server, 30)
    settings = settings_of(raw_server.url + "/3", CONCURRENT_REQUESTS=1)
    ended = await crawl(Pages, settings, given={"with_genres": 18})
    assert pages_of(ended) == asked(raw_server) == list(range(1, 31))
    assert {seen.query["with_genres"] for seen in raw_server.requests} == {"18"}


class TaggedImages(Pages):
    async def start(self) -> Any:
        yield self.paginate(self.tmdb.people.tagged_images, 62, callback=self.each)


@coroutine_test
async def test_pages_that_all_have_the_number_0(raw_server):
    """TMDB sends it with each page of tagged images."""
    numbers: dict[int, list[int | None]] = {number: [0] for number in range(1, 4)}
    serve(raw_server, 3, path="/3/person/62/tagged_images", numbers=numbers)
    ended = await crawl(TaggedImages, settings_of(raw_server.url + "/3"))
    assert pages_of(ended) == [0, 0, 0]
    assert sorted(asked(raw_server)) == [1, 2, 3]


@coroutine_test
async def test_all_others_are_asked_for_at_once(raw_server):
    serve(raw_server, 9)
    usual = raw_server.scripts[DISCOVER]

    async def answer(connection: Connection, seen: Seen) -> None:
        if int(seen.query["page"]) > 1:
            if len(raw_server.requests) == 9:
                raw_server.gate.set()
            await raw_server.gate.wait()
        await usual(connection, seen)

    raw_server.scripts[DISCOVER] = answer
    ended = await crawl(Pages, settings_of(raw_server.url + "/3", CONCURRENT_REQUESTS_PER_DOMAIN=8))
    assert pages_of(ended) == list(range(1, 10))
    assert raw_server.gate.is_set()


@coroutine_test
async def test_another_page_is_tried_again_then_refused(raw_server):
    class CatchingPages(Pages):
        name = "catching"

        async def start(self) -> Any:
            yield self.paginate(self.tmdb.discover.movie, callback=self.each, errback=self.failed)

    serve(raw_server, numbers={2: [1], 3: [None], 4: [5, 5, 5]})
    settings = settings_of(raw_server.url + "/3", RETRY_TIMES=1)
    ended = await crawl(CatchingPages, settings, errors=None)
    (failure,) = ended.spider.failures
    assert isinstance(failure.value, ResponseError)
    assert str(failure.value) == "GET /discover/movie: page 4 was asked for, and page 5 came (HTTP 200)"
    assert {item["page"] for item in ended.items if "page" in item} == {1, None, 2}
    assert sorted(asked(raw_server)) == [1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize(
    "callback", ["each", "each_async", "each_coroutine", "each_list", "each_item", "parse", None]
)
@coroutine_test
async def test_kinds_of_callbacks(raw_server, callback):
    serve(raw_server)
    ended = await crawl(Pages, settings_of(raw_server.url + "/3"), callback=callback)
    assert pages_of(ended) == [1, 2, 3, 4]


@coroutine_test
async def test_a_callback_that_returns_nothing(raw_server):
    serve(raw_server)
    ended = await crawl(Pages, settings_of(raw_server.url + "/3"), callback="nothing")
    assert sorted(response.record.page for response in ended.spider.responses) == [1, 2, 3, 4]


@coroutine_test
async def test_a_callback_that_is_no_method(raw_server):
    serve(raw_server)
    found: list[int] = []
    await crawl(
        Pages,
        settings_of(raw_server.url + "/3"),
        callback=lambda response: found.append(response.record.page),
    )
    assert sorted(found) == [1, 2, 3, 4]


@coroutine_test
async def test_what_goes_with_each_page(raw_server, caplog):
    serve(raw_server, failing={1: ["503 No"]})
    shared = {"shop": "a", "download_timeout": 7}
    given = {
        "meta": shared,
        "cb_kwargs": {"color": "red"},
        "headers": {"X-Shop": "a"},
        "flags": ["seen"],
        "priority": 50,
    }
    ended = await crawl(Pages, settings_of(raw_server.url + "/3"), given=given)
    # Several are asked for at once, and may come in any order.
    assert sorted(ended.items, key=lambda item: item["page"]) == [
        {"page": number, "color": "red"} for number in (1, 2, 3, 4)
    ]
    assert {seen.header("X-Shop") for seen in raw_server.requests} == {"a"}
    for response in ended.spider.responses:
        number = response.record.page
        assert response.meta["shop"] == "a"
        assert response.meta["download_timeout"] == 7
        assert response.request.flags == ["seen"]
        # What the retry of the first page needed is its own.
        assert response.meta.get("retry_times") == (1 if number == 1 else None)
        assert response.request.dont_filter is (number == 1)
        if number > 1:
            assert response.request.priority == 50 - number
            assert response.meta["depth"] == 1
    assert shared == {"shop": "a", "download_timeout": 7}
    assert not [record for record in caplog.records if record.levelname == "WARNING"]


@coroutine_test
async def test_a_page_that_fails_goes_to_the_errback(raw_server):
    serve(raw_server, failing={3: ["404 No"]})

    class Watching(Pages):
        async def start(self) -> Any:
            yield self.paginate(self.tmdb.discover.movie, callback=self.each, errback=self.failed)

    ended = await crawl(Watching, settings_of(raw_server.url + "/3"))
    assert [item for item in ended.items if "failed" in item] == [{"failed": "3"}]
    assert sorted(item["page"] for item in ended.items if "page" in item) == [1, 2, 4]
    assert isinstance(ended.spider.failures[0].value, NotFoundError)


@coroutine_test
async def test_pages_that_fail_are_on_record(raw_server):
    serve(raw_server, failing={3: ["404 No"]})

    class Stored(Pages):
        custom_settings: ClassVar = {}

        def each(self, response: Any) -> None:
            pass

    await crawl(Stored, settings_of(raw_server.url + "/3"))
    assert [row[2] for row in failure_rows()] == ["/discover/movie?page=3"]


@pytest.mark.parametrize("errback", ["failed", None])
@coroutine_test
async def test_a_first_page_that_does_not_say_how_many_there_are(raw_server, caplog, errback):
    serve(raw_server, None)

    class Watching(Pages):
        async def start(self) -> Any:
            yield self.paginate(
                self.tmdb.discover.movie, callback=self.each, errback=errback and getattr(self, errback)
            )

    ended = await crawl(Watching, settings_of(raw_server.url + "/3"))
    assert asked(raw_server) == [1]
    assert ended.items == [*([{"failed": "1"}] if errback else []), {"page": 1}]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert line == "GET /discover/movie: the page does not say how many there are (HTTP 200)"
    if errback:
        (failure,) = ended.spider.failures
        assert isinstance(failure.value, ResponseError)
        assert (failure.value.status_code, failure.value.path) == (200, "/discover/movie")


def warnings_of(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@coroutine_test
async def test_it_ends_at_page_500_and_says_that_it_was_cut(raw_server, caplog):
    serve(raw_server, 600)
    settings = settings_of(raw_server.url + "/3")
    ended = await crawl(Pages, settings, given={"page": 480})
    assert pages_of(ended) == sorted(asked(raw_server)) == list(range(480, 501))
    assert warnings_of(caplog) == [
        "TMDB has 12000 results but serves the first 10000 only: narrow the filters to get the rest"
    ]


@coroutine_test
async def test_some_pages_only(raw_server, caplog):
    serve(raw_server, 600)
    ended = await crawl(Pages, settings_of(raw_server.url + "/3"), given={"page": 5, "pages": 3})
    assert pages_of(ended) == [5, 6, 7]
    assert warnings_of(caplog) == []


@pytest.mark.parametrize("total", [0, 1])
@coroutine_test
async def test_a_single_page(raw_server, total):
    serve(raw_server, total)
    ended = await crawl(Pages, settings_of(raw_server.url + "/3"))
    assert pages_of(ended) == asked(raw_server) == [1]


@coroutine_test
async def test_an_error_in_the_callback_costs_its_page_only(raw_server, caplog):
    serve(raw_server)

    class Stumbling(Pages):
        def each(self, response: Any) -> Any:
            if response.record.page == 1:
                raise KeyError("on purpose")
            yield {"page": response.record.page}

    # Of the stat of the spider's error, which is what this is about.
    with pytest.raises(AssertionError):
        await crawl(Stumbling, settings_of(raw_server.url + "/3"), errors=1)
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "on purpose" in str(line.exc_info and line.exc_info[1])
    assert sorted(asked(raw_server)) == [1, 2, 3, 4]


@coroutine_test
async def test_a_status_that_the_spider_takes_itself(raw_server):
    serve(raw_server, failing={1: ["404 No"]})

    class Taking(Pages):
        def each(self, response: Any) -> Any:
            yield {"page": response.status, "record": response.record}

    given = {"meta": {"handle_httpstatus_list": [404]}}
    ended = await crawl(Taking, settings_of(raw_server.url + "/3"), given=given)
    assert ended.items == [{"page": 404, "record": None}]


@coroutine_test
async def test_from_a_callback(raw_server):
    serve(raw_server, 2)
    serve(raw_server, 3, path="/3/movie/1/reviews")
    serve(raw_server, 3, path="/3/movie/2/reviews")

    class Nested(Pages):
        def each(self, response: Any) -> Any:
            for movie in response.record.results:
                yield self.paginate(
                    self.tmdb.movies.reviews, movie.id, callback=self.reviews, meta=dict(response.meta)
                )

        def reviews(self, response: Any) -> Any:
            if response.record.page > 1:
                # What the pages of the other list needed is not passed on.
                assert "tmdb_paging" not in response.meta
            yield {"path": response.url.partition("/3")[2]}

    ended = await crawl(Nested, settings_of(raw_server.url + "/3"))
    assert sorted(item["path"] for item in ended.items) == [
        f"/movie/{movie}/reviews?page={page}" for movie in (1, 2) for page in (1, 2, 3)
    ]


@coroutine_test
async def test_a_session_goes_with_every_page_and_stands_in_no_request(raw_server):
    serve(raw_server, path="/3/account/5/watchlist/movies")

    class Watchlist(Pages):
        async def start(self) -> Any:
            yield self.paginate(
                self.tmdb.account.watchlist_movies, 5, session_id="secret-1", callback=self.each
            )

    ended = await crawl(Watchlist, settings_of(raw_server.url + "/3"))
    assert pages_of(ended) == [1, 2, 3, 4]
    assert {seen.query["session_id"] for seen in raw_server.requests} == {"secret-1"}
    assert "secret-1" not in "".join(
        repr(r.request.to_dict(spider=ended.spider)) for r in ended.spider.responses
    )


@pytest.mark.filterwarnings(OPEN_QUEUES)
@pytest.mark.parametrize("halt_at", [1, 4])
@coroutine_test
async def test_a_job_goes_on_where_it_stopped(raw_server, tmp_path, halt_at):
    serve(raw_server, 12)

    class Halting(Pages):
        halt_at: int | None = None

        def each(self, response: Any, color: str = "") -> Any:
            yield {"page": response.record.page, "color": color}
            if response.record.page == self.halt_at:
                raise CloseSpider("enough")

    class Job(Halting):
        pass

    usual = raw_server.scripts[DISCOVER]

    async def answer(connection: Connection, seen: Seen) -> None:
        # Closing takes its time, in which the spider goes on.
        if Job.halt_at is not None and int(seen.query["page"]) > Job.halt_at:
            await asyncio.sleep(0.1)
        await usual(connection, seen)

    raw_server.scripts[DISCOVER] = answer
    Job.halt_at = halt_at
    settings = settings_of(raw_server.url + "/3", JOBDIR=str(tmp_path / "job"), CONCURRENT_REQUESTS=1)
    given = {"cb_kwargs": {"color": "red"}}
    first = await crawl(Job, settings, finish_reason="enough", given=given)
    assert len(first.items) < 12
    Job.halt_at = None
    second = await crawl(Job, settings, given=given)
    assert sorted(pages_of(first) + pages_of(second)) == list(range(1, 13))
    assert sorted(asked(raw_server)) == list(range(1, 13))
    assert all(item["color"] == "red" for item in [*first.items, *second.items])


REFUSED: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda s: s.paginate(s.tmdb.movies.details, 550), TypeError, r"movies\.details\(\) has no pages"),
    (lambda s: s.paginate(s.tmdb.movies.changes, 550), TypeError, r"how many pages movies\.changes\(\) has"),
    (lambda s: s.paginate(len, "abc"), TypeError, r"takes a method of self\.tmdb"),
    (lambda s: s.paginate(s.tmdb.discover.movie, with_genre=1), TypeError, "with_genre"),
    (lambda s: s.paginate(s.tmdb.discover.movie, page=501), ValidationError, "page is 501"),
    (lambda s: s.paginate(s.tmdb.discover.movie, pages=0), ConfigurationError, "pages is 0"),
    (lambda s: s.paginate(s.tmdb.discover.movie, pages=True), ConfigurationError, "pages is True"),
    (lambda s: s.paginate(s.tmdb.discover.movie, pages="3"), ConfigurationError, "pages is '3'"),
]


@pytest.mark.parametrize(("call", "error", "message"), REFUSED)
@coroutine_test
async def test_what_cannot_be_paged_is_refused(raw_server, call, error, message):
    class Refused(Pages):
        async def start(self) -> Any:
            with pytest.raises(error, match=message):
                call(self)
            yield {"refused": True}

    ended = await crawl(Refused, settings_of(raw_server.url + "/3"))
    assert ended.items == [{"refused": True}]
    assert not raw_server.requests


@coroutine_test
async def test_a_source_spider_says_that_its_results_were_cut(raw_server, caplog):
    async def answer(connection: Connection, seen: Seen) -> None:
        page = {"page": int(seen.query["page"]), "results": [], "total_pages": 501, "total_results": 10003}
        connection.respond(json.dumps(page).encode())

    raw_server.scripts[DISCOVER] = answer
    arguments = {"source": "discover", "pages": "500", "year": "2020"}
    await crawl(SourceSpider, settings_of(raw_server.url + "/3"), **arguments)
    assert sorted(asked(raw_server)) == list(range(1, 501))
    assert warnings_of(caplog) == [
        "TMDB has 10003 results but serves the first 10000 only: narrow the filters to get the rest"
    ]


@coroutine_test
async def test_a_source_spider_does_not_split_for_ever(raw_server, caplog):
    async def answer(connection: Connection, seen: Seen) -> None:
        page = {"page": int(seen.query["page"]), "results": [], "total_pages": 501, "total_results": 10003}
        connection.respond(json.dumps(page).encode())

    raw_server.scripts[DISCOVER] = answer
    await crawl(SourceSpider, settings_of(raw_server.url + "/3"), errors=1, source="discover")
    assert "it does not heed the filters" in caplog.text
    assert len(raw_server.requests) < 10


@coroutine_test
async def test_a_source_spider_puts_a_page_on_record_that_does_not_count(raw_server):
    serve(raw_server, None)
    raw_server.scripts["/3/movie/1"] = serve_movie
    ended = await crawl(SourceSpider, settings_of(raw_server.url + "/3"), source="discover")
    assert ended.ids == {1}
    ((kind, _, path, error, status, _, _),) = failure_rows()
    assert (kind, error, status) == ("discover", "ResponseError", 200)
    assert path == "/discover/movie?page=1&sort_by=primary_release_date.asc"


async def serve_movie(connection: Connection, seen: Seen) -> None:
    connection.respond(b'{"id": 1, "title": "One"}')
