"""Session ids and other secrets of calls reach the server and nothing else."""

from __future__ import annotations

import asyncio
import json
import logging
from urllib.parse import quote, unquote, urlsplit

import pytest
from scrapy import Request, signals
from scrapy.utils.request import request_to_curl

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, failure_rows, settings_of
from tests.crawling.test_retries import OPEN_QUEUES
from tests.crawling.test_secrets import files_with, told
from tests.patience import with_more_time
from tests.transport.server import hang, reset_early, running
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.api.call import Secret
from tmdbfusion_scrapy.crawling.session import outgoing_request
from tmdbfusion_scrapy.credentials import Credentials
from tmdbfusion_scrapy.exceptions import TMDBError, ValidationError

SESSION = "5e55104a0000000000000000000000000000ab1e"
OTHER_SESSION = "07be25e5510000000000000000000000000000ff"
GUEST = "9ue57/../a?b#c&d %é***"
PASSWORD = 'p&ss"w<ö>r d\\7'
REQUEST_TOKEN = "70ce4000000000000000000000000000000000aa"
V3_KEY = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

SECRETS = [SESSION, OTHER_SESSION, GUEST, PASSWORD, REQUEST_TOKEN]


def forms_of(secret):
    """A secret as it may be written: plain, in a URL, in JSON, and as Python shows text and bytes."""
    forms = {
        secret,
        quote(secret, safe=""),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }
    return forms | {repr(form)[1:-1] for form in forms} | {repr(form.encode())[2:-1] for form in forms}


FORMS = [form for secret in SECRETS for form in forms_of(secret)]

LOGIN = (
    "authentication.create_session_from_login",
    {"username": "ann", "password": PASSWORD, "request_token": REQUEST_TOKEN},
)
CALLS = [
    ("account.details", {"account_id": 1}),
    ("account.details", {"account_id": 1, "session_id": OTHER_SESSION}),
    ("account.add_favorite", {"account_id": 1, "media_type": "movie", "media_id": 550, "favorite": True}),
    ("guest_sessions.rated_movies", {"guest_session_id": GUEST, "page": 2}),
    ("movies.delete_rating", {"movie_id": 550, "guest_session_id": GUEST}),
    LOGIN,
]


class CallsSpider(TMDBSpider):
    """Makes the calls it is given, each as the endpoint's name and arguments."""

    name = "calls"

    def __init__(self, calls=(), **kwargs):
        super().__init__(**kwargs)
        self.calls = calls
        self.requests = []
        self.responses = []
        self.failures = []

    @classmethod
    def from_crawler(cls, crawler, *args, **kwargs):
        spider = super().from_crawler(crawler, *args, **kwargs)
        crawler.signals.connect(spider.note, signals.request_scheduled)
        return spider

    def note(self, request):
        self.requests.append(request)

    async def start(self):
        for endpoint, arguments in self.calls:
            yield self.make(endpoint, **arguments)

    def make(self, endpoint, **arguments):
        namespace, _, method = endpoint.partition(".")
        call = getattr(getattr(self.tmdb, namespace), method)
        return call(**{"callback": self.parse, "errback": self.failed, **arguments})

    def parse(self, response):
        self.responses.append(response)
        yield response.record

    def failed(self, failure):
        self.failures.append(failure)
        yield from self.record_failure(failure)


def answering(body, **kwargs):
    async def script(connection, seen):
        connection.respond(json.dumps(body).encode(), **kwargs)

    return script


GUEST_PATH = f"/3/guest_session/{quote(GUEST, safe='')}/rated/movies"

ANSWERS = {
    "/3/account/1": answering({"id": 1, "username": "ann"}),
    "/3/account/1/favorite": answering({"success": True, "status_code": 12}),
    GUEST_PATH: answering({"page": 2, "results": [], "total_pages": 2, "total_results": 20}),
    "/3/movie/550/rating": answering({"success": True, "status_code": 13}),
    "/3/authentication/token/validate_with_login": answering({"success": True, "expires_at": "later"}),
    "/3/authentication/guest_session/new": answering({"success": True, "guest_session_id": GUEST}),
}


@pytest.fixture
def server():
    with running() as server:
        server.scripts.update(ANSWERS)
        yield server


def session_settings(server, **settings):
    return settings_of(f"{server.url}/3", TMDB_SESSION_ID=SESSION, **settings)


def found_in(text):
    return [form for form in FORMS if form in text]


def assert_clean(ended, caplog):
    """Look through all that a crawl leaves in memory and in its log."""
    formatter = logging.Formatter()
    assert not found_in("\n".join(map(formatter.format, caplog.records)))
    assert not found_in(f"{ended.stats} {ended.items}")
    fingerprinter = ended.crawler.request_fingerprinter
    for request in ended.spider.requests:
        kept = request.to_dict(spider=ended.spider)
        assert not found_in(f"{request!r} {request.url} {kept} {request_to_curl(request)}")
        assert not found_in(request.body.decode())
        assert not found_in(repr(fingerprinter.fingerprint(request)))
    for response in ended.spider.responses:
        assert not found_in(f"{response!r} {response.url} {response.meta} {response.headers}")
    for failure in ended.spider.failures:
        assert not found_in(told(failure, ended.spider))


@pytest.mark.parametrize("key", [None, V3_KEY])
@coroutine_test
async def test_each_secret_reaches_its_place(server, key):
    if key is None:
        settings = session_settings(server)
    else:
        settings = session_settings(server, TMDB_ACCESS_TOKEN=None, TMDB_API_KEY=key)
    ended = await crawl(CallsSpider, {**settings, "CONCURRENT_REQUESTS": 1}, calls=CALLS)
    assert len(ended.items) == len(CALLS)
    own, other, favorite, rated, rating, login = server.requests
    beside = {} if key is None else {"api_key": key}
    assert own.query == {"session_id": SESSION, **beside}
    assert other.query == {"session_id": OTHER_SESSION, **beside}
    assert (favorite.method, favorite.query) == ("POST", {"session_id": SESSION, **beside})
    assert json.loads(favorite.body) == {"media_type": "movie", "media_id": 550, "favorite": True}
    assert urlsplit(rated.target).path == GUEST_PATH
    assert rated.query == {"page": "2", **beside}
    assert (rating.method, rating.query) == ("DELETE", {"guest_session_id": GUEST, **beside})
    assert login.query == beside
    assert json.loads(login.body) == LOGIN[1]
    assert [value for name, value in login.headers if name == "Content-Length"] == [str(len(login.body))]


@coroutine_test
async def test_the_session_of_the_environment(server, monkeypatch):
    monkeypatch.setenv("TMDB_SESSION_ID", SESSION)
    monkeypatch.setenv("TMDB_GUEST_SESSION_ID", "guest")
    server.scripts["/3/guest_session/guest/rated/movies"] = ANSWERS[GUEST_PATH]
    calls = [("account.details", {"account_id": 1}), ("guest_sessions.rated_movies", {})]
    ended = await crawl(CallsSpider, settings_of(f"{server.url}/3"), calls=calls)
    assert len(ended.items) == 2
    assert {seen.target for seen in server.requests} == {
        f"/3/account/1?session_id={SESSION}",
        "/3/guest_session/guest/rated/movies",
    }


@coroutine_test
async def test_the_secrets_are_nowhere_else(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    settings = session_settings(
        server,
        LOG_LEVEL="DEBUG",
        RETRY_TIMES=1,
        HTTPCACHE_ENABLED=True,
        HTTPCACHE_DIR=str(tmp_path / "cache"),
        JOBDIR=str(tmp_path / "job"),
        FEEDS={str(tmp_path / "items.jsonl"): {"format": "jsonlines"}},
    )
    calls = [*CALLS, ("movies.details", {"movie_id": 1})]
    server.scripts["/3/movie/1"] = answering({"id": 1})
    ended = await crawl(CallsSpider, settings, calls=calls)
    assert len(ended.items) == len(calls)
    assert len(ended.spider.requests) == len(calls)
    assert "scheduler/unserializable" not in ended.stats
    assert_clean(ended, caplog)
    assert "/guest_session/***/rated/movies" in caplog.text
    # The movie is in the cache, all others are not.
    assert ended.stats["httpcache/store"] == 1
    for form in FORMS:
        found, number = files_with(form, tmp_path)
        assert not found
        assert number >= 5


class StoppedSpider(CallsSpider):
    """Schedules all its calls at once and stops at the first answer."""

    name = "stopped_calls"

    async def start(self):
        for endpoint, arguments in self.calls:
            self.crawler.engine.crawl(self.make(endpoint, **arguments))
        return
        yield

    @classmethod
    def from_crawler(cls, crawler, *args, **kwargs):
        spider = super().from_crawler(crawler, *args, **kwargs)
        # Not in a callback: Scrapy 2.15 calls those a tenth of a second after the response has come.
        if crawler.settings.getbool("HALT"):
            crawler.signals.connect(spider.halt, signals.response_received)
        return spider

    def halt(self):
        if not hasattr(self, "closing"):
            self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_second_run_of_a_job(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    job = tmp_path / "job"
    settings = session_settings(server, LOG_LEVEL="DEBUG", JOBDIR=str(job), CONCURRENT_REQUESTS=1, HALT=True)
    calls = [("movies.details", {"movie_id": 1, "priority": 9}), *CALLS]
    server.scripts["/3/movie/1"] = answering({"id": 1})
    first = await crawl(StoppedSpider, settings, finish_reason="stopped", calls=calls)
    assert "scheduler/unserializable" not in first.stats
    answered = [response.request.url for response in first.spider.responses]
    # Scrapy may have asked for the next when the spider stopped.
    assert len(answered) <= 2
    for form in FORMS:
        found, number = files_with(form, tmp_path)
        assert not found
        assert number >= 2
    server.requests.clear()

    # What the settings know is sent, and is known to be the same; what the spider had passed is gone.
    second = await crawl(StoppedSpider, {**settings, "HALT": False}, calls=CALLS[:1])
    assert second.stats["dupefilter/filtered"] == 1
    assert len(second.spider.failures) + len(server.requests) == len(calls) - len(answered)
    assert second.stats["tmdb/request_count"] == len(server.requests)
    assert server.requests
    assert all(seen.query["session_id"] == SESSION for seen in server.requests)
    assert "tmdb/retry/count" not in second.stats
    assert len(second.spider.failures) >= 3
    for failure in second.spider.failures:
        assert isinstance(failure.value, ValidationError)
        assert "not kept in a job directory" in failure.value.message
        key = failure.request.meta["tmdb_call"]["secrets"][0][0]
        fix = {"session_id": "TMDB_SESSION_ID", "guest_session_id": "TMDB_GUEST_SESSION_ID"}.get(key, "anew")
        assert fix in failure.value.message
    assert_clean(second, caplog)


@coroutine_test
async def test_the_record_of_a_failed_call_with_a_secret_in_its_path(server):
    server.scripts[GUEST_PATH] = answering({"status_code": 37}, status="404 Not Found")
    await crawl(CallsSpider, session_settings(server), calls=[CALLS[3]])
    path = "/guest_session/***/rated/movies?page=2"
    assert failure_rows() == [("guest_sessions", None, path, "NotFoundError", 404, 37, 1)]


@coroutine_test
async def test_calls_of_two_sessions_are_two(server):
    details = {"account_id": 1}
    calls = [
        ("account.details", details),
        ("account.details", {**details, "session_id": SESSION}),
        ("account.details", {**details, "session_id": OTHER_SESSION}),
        ("account.details", {**details, "session_id": OTHER_SESSION}),
        ("account.details", {**details, "session_id": "a-third"}),
    ]
    ended = await crawl(CallsSpider, session_settings(server), calls=calls)
    assert sorted(seen.query["session_id"] for seen in server.requests) == sorted(
        [SESSION, OTHER_SESSION, "a-third"]
    )
    assert ended.stats["dupefilter/filtered"] == 2


@coroutine_test
async def test_the_same_fingerprint_in_every_run_for_the_session_of_the_settings_only(server):
    calls = [
        ("account.details", {"account_id": 1}),
        ("account.details", {"account_id": 1, "session_id": "x"}),
    ]
    seen = []
    for _ in range(2):
        ended = await crawl(CallsSpider, session_settings(server, CONCURRENT_REQUESTS=1), calls=calls)
        fingerprint = ended.crawler.request_fingerprinter.fingerprint
        seen.append([fingerprint(request) for request in ended.spider.requests])
    (own, passed), (own_again, passed_again) = seen
    assert own == own_again
    assert len({own, passed, passed_again}) == 3


@coroutine_test
async def test_the_http_cache_answers_no_session_and_no_change(server, tmp_path):
    settings = settings_of(f"{server.url}/3", HTTPCACHE_ENABLED=True, HTTPCACHE_DIR=str(tmp_path / "cache"))
    calls = [
        ("account.details", {"account_id": 1, "session_id": SESSION, "meta": {"dont_cache": False}}),
        ("authentication.create_guest_session", {}),
        # A v4 access token of a user can write without a session.
        ("movies.add_rating", {"movie_id": 550, "rating": 8.5}),
        *CALLS[1:],
    ]
    for _ in range(2):
        ended = await crawl(CallsSpider, settings, calls=calls)
        assert len(ended.spider.responses) == len(calls)
        assert "httpcache/store" not in ended.stats
    assert len(server.requests) == 2 * len(calls)
    assert not files_with(GUEST, tmp_path / "cache")[0]


@coroutine_test
async def test_the_meta_of_a_response_passes_no_session_on(server):
    class PassingSpider(CallsSpider):
        name = "passing"

        def parse(self, response):
            if not self.responses:
                yield self.make("movies.details", movie_id=1, meta=dict(response.meta))
            yield from super().parse(response)

    server.scripts["/3/movie/1"] = answering({"id": 1})
    await crawl(PassingSpider, session_settings(server), calls=CALLS[:1])
    assert [seen.target for seen in server.requests] == [f"/3/account/1?session_id={SESSION}", "/3/movie/1"]


@coroutine_test
async def test_a_request_with_another_query_keeps_its_secrets(server):
    class ReplacingSpider(CallsSpider):
        name = "replacing"

        async def start(self):
            path = f"guest_session/{quote(GUEST, safe='')}/rated/movies"
            for page, request in (
                (2, self.make("guest_sessions.rated_movies", guest_session_id=GUEST)),
                (3, self.tmdb.request("GET", path, callback=self.parse, errback=self.failed)),
                (4, self.make("account.details", account_id=1)),
            ):
                yield request.replace(url=f"{request.url}?page={page}")
            # Of a session nobody has told.
            made = self.make("guest_sessions.rated_movies", guest_session_id=GUEST)
            yield Request(made.url, callback=self.parse, errback=self.failed)

    ended = await crawl(ReplacingSpider, session_settings(server))
    assert sorted(seen.target for seen in server.requests) == [
        f"/3/account/1?page=4&session_id={SESSION}",
        f"{GUEST_PATH}?page=2",
        f"{GUEST_PATH}?page=3",
    ]
    assert sorted(type(response.record).__name__ for response in ended.spider.responses) == [
        "AccountDetails",
        "Page",
        "dict",
    ]
    (failure,) = ended.spider.failures
    assert "guest_session_id of this call is not known here" in str(failure.value)


@coroutine_test
async def test_all_pages_of_a_list_are_asked_for_with_the_secret(server):
    class PagesSpider(CallsSpider):
        name = "pages"

        async def start(self):
            yield self.paginate(self.tmdb.guest_sessions.rated_movies, GUEST, callback=self.parse)

    server.scripts[GUEST_PATH] = answering({"results": [], "total_pages": 3, "total_results": 60})
    ended = await crawl(PagesSpider, session_settings(server))
    assert len(ended.spider.responses) == 3
    assert {seen.target for seen in server.requests} == {f"{GUEST_PATH}?page={page}" for page in (1, 2, 3)}


@pytest.mark.parametrize("value", [".", ".."])
def test_a_secret_leads_to_no_other_endpoint(value):
    request = Request(f"http://127.0.0.1/3/guest_session/{Secret.MASK}/rated/movies")
    credentials = Credentials.from_value(V3_KEY, name="token")
    with pytest.raises(ValidationError):
        outgoing_request(request, credentials, secrets=[Secret("guest_session_id", "path", value)])


def secrets_in(seen):
    """All that a request says, as a careless server might repeat it."""
    return f"{seen.target} {seen.body.decode()}"


async def repeat_in_notice(connection, seen):
    body = {"success": False, "status_code": 18, "status_message": f"bad request: {secrets_in(seen)}"}
    connection.respond(json.dumps(body).encode(), status="400 Bad Request")


async def repeat_decoded(connection, seen):
    body = {"success": False, "status_code": 18, "status_message": unquote(secrets_in(seen))}
    connection.respond(json.dumps(body, ensure_ascii=False).encode(), status="400 Bad Request")


async def repeat_in_text(connection, seen):
    connection.respond(secrets_in(seen).encode(), status="502 Bad Gateway")


async def repeat_in_redirect(connection, seen):
    connection.respond(
        b"", status="302 Found", headers=f"Location: http://elsewhere.example{seen.target}\r\n"
    )


async def repeat_in_status_line(connection, seen):
    connection.send(f"HTTP/1.1 2OO {secrets_in(seen)}\r\n\r\n".encode())


async def repeat_in_broken_header(connection, seen):
    connection.send(f"HTTP/1.1 200 OK\r\n{secrets_in(seen)}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "repeat",
    [
        repeat_in_notice,
        repeat_decoded,
        repeat_in_text,
        repeat_in_redirect,
        repeat_in_status_line,
        repeat_in_broken_header,
        reset_early,
    ],
)
@coroutine_test
async def test_a_server_that_repeats_the_secrets(server, caplog, tmp_path, repeat):
    caplog.set_level(logging.DEBUG)
    server.scripts.update(dict.fromkeys(ANSWERS, repeat))
    settings = session_settings(server, LOG_LEVEL="DEBUG", RETRY_TIMES=1)
    ended = await crawl(CallsSpider, settings, errors=None, calls=CALLS)
    assert len(ended.spider.failures) == len(CALLS)
    assert all(isinstance(failure.value, TMDBError) for failure in ended.spider.failures)
    assert_clean(ended, caplog)
    for form in FORMS:
        assert not files_with(form, tmp_path)[0]


@pytest.mark.parametrize("shown", range(1, 60, 7))
@coroutine_test
async def test_no_part_of_a_secret_is_quoted_of_a_body(server, shown):
    """Errors quote the first bytes of a body; a secret that is cut there is not seen by a search for it."""

    async def repeat(connection, seen):
        connection.respond(b"." * shown + SESSION.encode(), status="400 Bad Request")

    server.scripts["/3/account/1"] = repeat
    ended = await crawl(CallsSpider, session_settings(server), calls=CALLS[:1])
    (failure,) = ended.spider.failures
    assert SESSION[:4] not in told(failure, ended.spider)


WRITES = [CALLS[2], CALLS[4], LOGIN]


@pytest.mark.parametrize("call", WRITES, ids=["post", "delete", "login"])
@pytest.mark.parametrize("fault", [hang, reset_early, answering({}, status="503 Service Unavailable")])
@coroutine_test
@with_more_time
async def test_what_writes_is_sent_once_where_nobody_knows_whether_it_worked(server, call, fault, scale):
    server.requests.clear()
    server.scripts.update(dict.fromkeys(ANSWERS, fault))
    endpoint, arguments = call
    call = (endpoint, {**arguments, "meta": {"download_timeout": 0.3 * scale if fault is hang else 60}})
    settings = session_settings(server, RETRY_HTTP_CODES=[503], RETRY_TIMES=3)
    ended = await crawl(CallsSpider, settings, calls=[call])
    assert len(ended.spider.failures) == 1
    assert len(server.requests) == 1
    assert "tmdb/retry/count" not in ended.stats


@coroutine_test
async def test_what_writes_is_sent_again_after_a_429(server):
    path = "/3/account/1/favorite"

    async def refuse_once(connection, seen):
        server.scripts[path] = ANSWERS[path]
        connection.respond(b"", status="429 Too Many Requests", headers="Retry-After: 0\r\n")

    server.scripts[path] = refuse_once
    ended = await crawl(CallsSpider, session_settings(server), calls=[CALLS[2]])
    assert len(ended.spider.responses) == 1
    first, second = server.requests
    assert first.target == second.target == f"{path}?session_id={SESSION}"
    assert first.body == second.body


@coroutine_test
async def test_a_write_is_not_repeated_on_a_connection_that_was_closed(server):
    """The pool may send a GET again when a kept connection turns out to be closed; a write it may not."""

    async def close_at_the_second(connection, seen):
        if connection.requests == 1:
            connection.respond(b'{"id": 1}')
        else:
            connection.transport.close()
            await connection.hang()

    server.scripts.update({"/3/account/1": close_at_the_second, "/3/account/1/favorite": close_at_the_second})
    settings = session_settings(server, CONCURRENT_REQUESTS=1)
    ended = await crawl(CallsSpider, settings, calls=[CALLS[0], CALLS[2]])
    assert len(ended.spider.failures) == 1
    assert [seen.method for seen in server.requests] == ["GET", "POST"]


@coroutine_test
async def test_languages(server):
    movie = {"id": 1, "title": "Film", "translations": {"translations": []}}
    server.scripts.update({"/3/movie/1": answering(movie), "/3/movie/2": answering({**movie, "id": 2})})
    server.scripts["/3/movie/popular"] = answering({"page": 1, "results": [], "total_pages": 1})
    calls = [
        ("movies.details", {"movie_id": 1}),
        ("movies.details", {"movie_id": 2, "language": "de"}),
        ("movies.popular", {}),
    ]
    settings = settings_of(f"{server.url}/3", TMDB_LANGUAGES="fr-CA,fr,en", CONCURRENT_REQUESTS=1)
    ended = await crawl(CallsSpider, settings, calls=calls)
    assert len(ended.items) == 3
    chained, own, page = server.requests
    assert chained.query == {"language": "fr-CA", "append_to_response": "translations"}
    assert own.query == {"language": "de"}
    assert page.query == {"language": "fr-CA"}
