"""Event hooks of both clients: called for every call, in the caller's context, and never with a secret."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.client.driving import CONTEXT, FAST, KEY, MOVIE, TOKEN, Script, answer, failure, serve
from tests.client.test_frames import CALLS, GUEST, PASSWORD, SESSION
from tests.coroutines import coroutine_test
from tests.transport.server import reset_early
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError, ServerError

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
EXAMPLES = re.findall(r"```python\n((?:(?!```).)*event_hooks=.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
PARENT: contextvars.ContextVar[Any] = contextvars.ContextVar("PARENT", default=None)


def fitting(client: Any, hook: Any) -> Any:
    """The hook as the client takes it."""
    if isinstance(client, TMDBClient):
        return hook

    async def awaited(seen: Any) -> None:
        hook(seen)

    return awaited


class Recorder:
    """Records what the hooks of a client are called with."""

    def __init__(self, client: Any) -> None:
        self.requests: list[httpx.Request] = []
        self.responses: list[httpx.Response] = []
        client.event_hooks = {
            "request": [fitting(client, self.requests.append)],
            "response": [fitting(client, self.responses.append)],
        }

    @property
    def paths(self) -> list[str]:
        return [request.url.path for request in self.requests]

    @property
    def statuses(self) -> list[int]:
        return [response.status_code for response in self.responses]


def test_every_attempt(driver, server):
    serve(server, reset_early, failure("503 Busy", 9), answer())
    client = driver()
    seen = Recorder(client.client)
    client.do(lambda each: each.movies.details(550, language="fr"))
    assert [str(request.url) for request in seen.requests] == [f"{server.url}/3/movie/550?language=fr"] * 3
    # A connection that breaks has no answer.
    assert seen.statuses == [503, 200]
    assert [response.request for response in seen.responses] == seen.requests[1:]


def test_every_request_of_a_call(driver, server):
    server.scripts["/3/tv/1"] = Script(answer(b'{"id": 1}'))
    client = driver()
    seen = Recorder(client.client)
    client.do(lambda each: each.tv.details(1, append_to_response=[f"season/{n}" for n in range(25)]))
    assert len(seen.requests) == len(seen.responses) == len(server.requests) > 1
    appended = [request.url.params.get("append_to_response", "") for request in seen.requests]
    assert sorted(set(",".join(appended).split(","))) == sorted(f"season/{n}" for n in range(25))


def test_pages_images_and_what_the_catalogue_does_not_know(driver, server):
    pages = {
        "1": b'{"page":1,"total_pages":2,"total_results":2,"results":[{"id":1}]}',
        "2": b'{"page":2,"total_pages":2,"total_results":2,"results":[{"id":2}]}',
    }

    async def page(connection, request):
        connection.respond(pages[request.query.get("page", "1")])

    images = b'{"images":{"secure_base_url":"https://image.example/t/p/","poster_sizes":["w500","original"]}}'
    server.scripts["/3/movie/popular"] = page
    server.scripts["/3/configuration"] = Script(answer(images))
    server.scripts["/3/new"] = Script(answer(b"{}"))
    client = driver()
    seen = Recorder(client.client)

    if isinstance(client.client, TMDBClient):
        assert len(list(client.client.paginate(client.client.movies.popular))) == 2
        client.client.http.get(f"{server.url}/json")
    else:

        async def rest(each):
            assert len([movie async for movie in each.paginate(each.movies.popular)]) == 2
            await each.http.get(f"{server.url}/json")

        client.do(rest)
    client.do(lambda each: each.images.url("/a.jpg", "w500"))
    client.do(lambda each: each.request("POST", "new", json={"a": 1}))
    paths = ["/3/movie/popular", "/3/movie/popular", "/json", "/3/configuration", "/3/new"]
    assert seen.paths == paths
    assert seen.statuses == [200] * 5
    assert seen.requests[-1].method == "POST"
    assert seen.requests[-1].content == b'{"a":1}'


def test_what_a_response_tells(driver, server):
    serve(server, answer(headers="X-Trace: 7\r\n"))
    client = driver()
    seen = Recorder(client.client)
    client.do(lambda each: each.movies.details(550))
    (response,) = seen.responses
    assert response.json()["title"] == "Loop"
    assert response.headers["X-Trace"] == "7"
    assert response.http_version == "HTTP/1.1"
    assert response.extensions["network_stream"].get_extra_info("server_addr")[1] == server.ports[0]
    assert 0 <= response.elapsed.total_seconds() < 30


@pytest.mark.parametrize("encoding", ["gzip", "gzip-that-is-none"])
def test_a_packed_body_is_there_unpacked(driver, server, encoding):
    import gzip

    packed = gzip.compress(MOVIE) if encoding == "gzip" else b"\xff\xfe\xfd"
    serve(server, answer(packed, headers="Content-Encoding: gzip\r\n"))
    client = driver(retries=0)
    seen = Recorder(client.client)
    if encoding == "gzip":
        client.do(lambda each: each.movies.details(550))
        assert seen.responses[0].json()["id"] == 550
    else:
        with pytest.raises(Exception, match="gzip"):
            client.do(lambda each: each.movies.details(550))
        assert seen.responses[0].content == packed


def texts_of(seen: Recorder) -> str:
    """All that a hook can read."""
    found: list[Any] = []
    for message in (*seen.requests, *seen.responses):
        found += [repr(message), message.headers.raw, message.content, message.extensions]
        found += [str(message.url), repr(message.url), vars(message)]
    return repr(found)


@pytest.mark.parametrize("token", [TOKEN, KEY], ids=["v4", "v3"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_secret_is_to_be_seen(driver, server, token, call):
    async def echo(connection, request):
        """Send all of the request back, as an error page may."""
        sent = f"{request.target} {request.headers} {request.body!r}"
        fields = f"X-Target: {request.target}\r\nX-Auth: {request.header('authorization')}\r\n"
        connection.respond(sent.encode(), status="400 Bad Request", headers=fields)

    server.script_for = lambda path: echo
    client = driver(token=token, session_id=f"{SESSION}-2", retries=0)
    seen = Recorder(client.client)
    with pytest.raises(Exception, match="400"):
        client.do(call)
    assert len(seen.requests) == len(seen.responses) == len(server.requests) == 1
    text = texts_of(seen)
    assert [secret for secret in (token, SESSION, GUEST, PASSWORD) if secret in text] == []
    # They were sent all the same.
    (request,) = server.requests
    sent = f"{request.target} {request.headers}"
    assert token in sent
    if token == TOKEN:
        assert seen.requests[0].headers["Authorization"] == "Bearer ***"
    assert "api_key" not in seen.requests[0].url.params
    assert "session_id" not in seen.requests[0].url.params


@pytest.mark.parametrize(
    ("path", "field", "call"),
    [
        (
            "session/new",
            "session_id",
            lambda each: each.authentication.create_session(request_token="asked-0123"),
        ),
        ("guest_session/new", "guest_session_id", lambda each: each.authentication.create_guest_session()),
        ("token/new", "request_token", lambda each: each.authentication.create_request_token()),
    ],
)
def test_what_tmdb_makes_is_for_the_caller_alone(driver, server, path, field, call):
    body = b'{"success": true, "%s": "%s"}' % (field.encode(), SESSION.encode())
    server.scripts[f"/3/authentication/{path}"] = Script(answer(body))
    client = driver()
    seen = Recorder(client.client)
    assert getattr(client.do(call), field) == SESSION
    assert seen.responses[0].json() == {"success": True, field: "***"}


def test_headers_of_a_hook_are_sent(driver, server):
    serve(server, answer())
    client = driver()

    def change(request: httpx.Request) -> None:
        request.headers["traceparent"] = "00-1-2-01"
        request.headers["User-Agent"] = "mine"
        del request.headers["Accept"]

    client.client.event_hooks["request"].append(fitting(client.client, change))
    client.do(lambda each: each.movies.details(550))
    (sent,) = server.requests
    assert sent.header("traceparent") == "00-1-2-01"
    assert sent.header("User-Agent") == "mine"
    assert sent.header("Accept") is None
    assert sent.header("Authorization") == f"Bearer {TOKEN}"


def test_headers_of_a_hook_beside_a_body(driver, server):
    server.scripts["/3/movie/550/rating"] = Script(
        answer(b'{"success":true,"status_code":1,"status_message":"ok"}')
    )
    client = driver()

    def change(request: httpx.Request) -> None:
        request.headers["X-Mine"] = "1"

    client.client.event_hooks["request"].append(fitting(client.client, change))
    client.do(lambda each: each.movies.add_rating(550, rating=8.5, session_id=SESSION))
    (sent,) = server.requests
    assert sent.header("X-Mine") == "1"
    assert sent.header("Content-Length") == str(len(sent.body))
    assert b"8.5" in sent.body


def test_another_authorization_goes_as_it_is(driver, server):
    serve(server, answer())
    client = driver()

    def change(request: httpx.Request) -> None:
        request.headers["Authorization"] = "Bearer of-a-gateway"

    client.client.event_hooks["request"].append(fitting(client.client, change))
    client.do(lambda each: each.movies.details(550))
    assert server.requests[0].header("Authorization") == "Bearer of-a-gateway"


def test_what_a_hook_puts_into_the_extensions_is_there_for_the_answer(driver, server):
    serve(server, answer())
    client = driver()
    spans: list[Any] = []

    def begin(request: httpx.Request) -> None:
        request.extensions["span"] = "first"

    def end(response: httpx.Response) -> None:
        spans.append(response.request.extensions["span"])

    client.client.event_hooks = {
        "request": [fitting(client.client, begin)],
        "response": [fitting(client.client, end)],
    }
    client.do(lambda each: each.movies.details(550))
    assert spans == ["first"]


class Refused(Exception):
    """Raised by a hook."""


@pytest.mark.parametrize("error", [Refused("no"), ServerError("busy"), httpx.ConnectError("none")])
@pytest.mark.parametrize(("event", "sent"), [("request", 0), ("response", 1)])
def test_what_a_hook_raises_goes_to_the_caller(driver, server, event, sent, error):
    serve(server, answer())
    client = driver()

    def refuse(seen: Any) -> None:
        raise error

    client.client.event_hooks[event].append(fitting(client.client, refuse))
    with pytest.raises(type(error)) as caught:
        client.do(lambda each: each.movies.details(550))
    assert caught.value is error
    assert len(server.requests) == sent
    client.client.event_hooks = {}
    assert client.do(lambda each: each.movies.details(550)).id == 550


def test_a_status_as_httpx_raises_it(driver, server):
    serve(server, failure("404 Not Found", 34))
    client = driver()
    hook = fitting(client.client, lambda response: response.raise_for_status())
    client.client.event_hooks["response"].append(hook)
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        client.do(lambda each: each.movies.details(550))


@pytest.mark.parametrize("kind", [TMDBClient, AsyncTMDBClient])
def test_the_attribute_is_as_httpx_has_it(kind):
    def one(seen: Any) -> None: ...

    given = {"request": [one]}
    client = kind(TOKEN, event_hooks=given)
    assert client.event_hooks == {"request": [one], "response": []}
    client.event_hooks["request"].append(one)
    assert given == {"request": [one]}
    client.event_hooks = {"response": (one,)}
    assert client.event_hooks == {"request": [], "response": [one]}
    assert kind(TOKEN).event_hooks == {"request": [], "response": []}


@pytest.mark.parametrize("value", [{"requests": []}, {"request": print}, {"response": ["print"]}, [print], 7])
@pytest.mark.parametrize("kind", [TMDBClient, AsyncTMDBClient])
def test_hooks_that_cannot_be(kind, value):
    with pytest.raises(ConfigurationError, match=r"event_hooks is .*: use lists of functions, such as"):
        kind(TOKEN, event_hooks=value)
    client = kind(TOKEN)
    with pytest.raises(ConfigurationError, match="event_hooks is"):
        client.event_hooks = value


def test_a_hook_of_the_other_kind_is_refused_in_a_sentence(driver, server):
    serve(server, answer())
    client = driver()

    def plain(seen: Any) -> None: ...

    async def awaited(seen: Any) -> None: ...

    is_blocking = isinstance(client.client, TMDBClient)
    client.client.event_hooks = {"request": [awaited if is_blocking else plain]}
    expected = "a function, not a coroutine function" if is_blocking else "must be a coroutine function"
    with pytest.raises(TypeError, match=expected):
        client.do(lambda each: each.movies.details(550))
    assert not server.requests


def blocking(server: Any, **more: Any) -> TMDBClient:
    return TMDBClient(
        TOKEN, base_url=f"{server.url}/3", retries=FAST, requests_per_second=None, verify=CONTEXT, **more
    )


def test_the_blocking_client_calls_them_in_the_thread_and_the_context_of_the_caller(server):
    serve(server, failure("503 Busy", 9), answer())
    seen: list[Any] = []

    def begin(request: httpx.Request) -> None:
        seen.append((threading.get_ident(), PARENT.get()))
        PARENT.set("span")

    def end(response: httpx.Response) -> None:
        seen.append((threading.get_ident(), PARENT.get()))
        PARENT.set("parent")

    with blocking(server, event_hooks={"request": [begin], "response": [end]}) as client:

        def call() -> Any:
            PARENT.set("parent")
            client.movies.details(550)
            return threading.get_ident(), PARENT.get()

        here = contextvars.copy_context().run(call)
    me = here[0]
    assert seen == [(me, "parent"), (me, "span")] * 2
    assert here == (me, "parent")


def test_threads_have_contexts_of_their_own(server):
    server.script_for = lambda path: answer()
    seen: list[tuple[Any, str]] = []

    def begin(request: httpx.Request) -> None:
        seen.append((PARENT.get(), request.url.path))

    def call(number: int) -> None:
        PARENT.set(number)
        client.request("GET", f"thing/{number}")

    with (
        blocking(server, event_hooks={"request": [begin]}, max_connections=3) as client,
        ThreadPoolExecutor(8) as threads,
    ):
        for each in [threads.submit(contextvars.copy_context().run, call, number) for number in range(40)]:
            each.result(30)
    assert sorted(seen) == [(number, f"/3/thing/{number}") for number in range(40)]


@coroutine_test
async def test_tasks_have_contexts_of_their_own(server):
    server.script_for = lambda path: answer()
    seen: list[tuple[str, Any, str]] = []

    async def begin(request: httpx.Request) -> None:
        await asyncio.sleep(0)
        seen.append(("begin", PARENT.get(), request.url.path))

    async def end(response: httpx.Response) -> None:
        seen.append(("end", PARENT.get(), response.url.path))

    async def call(number: int) -> None:
        PARENT.set(number)
        await client.request("GET", f"thing/{number}")

    client = AsyncTMDBClient(
        TOKEN,
        base_url=f"{server.url}/3",
        requests_per_second=None,
        verify=CONTEXT,
        event_hooks={"request": [begin], "response": [end]},
    )
    async with client:
        PARENT.set("outer")
        await client.gather((call(number) for number in range(20)), limit=5)
        assert PARENT.get() == "outer"
        expected = [(event, n, f"/3/thing/{n}") for event in ("begin", "end") for n in range(20)]
        assert sorted(seen) == expected
        seen.clear()
        await client.gather([client.request("GET", "thing/1"), client.request("GET", "thing/2")])
        assert {parent for _, parent, _ in seen} == {"outer"}


def test_a_hook_may_make_a_call_itself(server):
    serve(server, answer())
    serve(server, answer(b'{"id": 551}'), movie=551)
    found: list[Any] = []

    def ask(request: httpx.Request) -> None:
        if request.url.path.endswith("550"):
            found.append(client.movies.details(551).id)

    with blocking(server, event_hooks={"request": [ask]}) as client:
        assert client.movies.details(550).id == 550
    assert found == [551]


def test_a_transport_of_the_users_runs_in_the_context_of_the_caller():
    seen: list[Any] = []

    class Transport(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            seen.append((PARENT.get(), request.headers["x-hook"], request.headers["authorization"]))
            return httpx.Response(200, content=MOVIE)

    def mark(request: httpx.Request) -> None:
        request.headers["X-Hook"] = "1"

    def call() -> None:
        PARENT.set("mine")
        client.movies.details(550)

    with TMDBClient(TOKEN, transport=Transport(), event_hooks={"request": [mark]}) as client:
        contextvars.copy_context().run(call)
    assert seen == [("mine", "1", f"Bearer {TOKEN}")]


def test_the_examples_of_the_page(server):
    serve(server, failure("503 Busy", 9), answer())
    assert len(EXAMPLES) == 1
    names: dict[str, Any] = {
        "TMDBClient": partial(TMDBClient, base_url=f"{server.url}/3", retries=FAST, verify=CONTEXT),
        "token": TOKEN,
    }
    exec(EXAMPLES[0], names)  # noqa: S102 - of our documentation
    assert [span["status"] for span in names["spans"]] == [503, 200]
    assert [span["url"] for span in names["spans"]] == [f"{server.url}/3/movie/550"] * 2
    assert [seen.header("traceparent") for seen in server.requests] == [
        "00-" + "1" * 32 + "-" + "2" * 16 + "-01"
    ] * 2
    assert inspect.isfunction(names["begin"])
