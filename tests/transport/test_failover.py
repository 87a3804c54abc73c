"""Another host where one cannot be reached: when, which, and what is sent to it."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.client.driving import MOVIE, TOKEN, answer, serve
from tests.coroutines import coroutine_test
from tests.transport.proxy import proxying
from tests.transport.resolver import V4, Names, black_hole
from tests.transport.server import BODY, echo, running
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError, ServerError
from tmdbfusion_scrapy.transport import BlockingTransport, FailoverTransport, PooledTransport
from tmdbfusion_scrapy.transport.failover import HostChoice

if TYPE_CHECKING:
    from typing_extensions import Self

KINDS = ("asyncio", "blocking")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


class Sender:
    """Sends through either transport; ``more`` is for the pool below, which ``inner`` takes the place of."""

    def __init__(
        self, kind: Any, urls: list[str], *, inner: Any = None, stay: float = 60.0, **more: Any
    ) -> None:
        self.failover = FailoverTransport(inner or PooledTransport(**more), urls, stay=stay)
        self.blocking = BlockingTransport(self.failover) if kind == "blocking" else None
        self.urls = urls

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.blocking is None:
            await self.failover.aclose()
        else:
            self.blocking.close()

    async def send(self, request: httpx.Request) -> httpx.Response:
        if self.blocking is None:
            response = await self.failover.handle_async_request(request)
            await response.aread()
            return response
        response = self.blocking.handle_request(request)
        response.read()
        response.close()
        return response

    async def get(self, path: str = "/json", **extensions: Any) -> bytes:
        response = await self.send(httpx.Request("GET", f"{self.urls[0]}{path}", extensions=extensions))
        return response.content


@pytest.fixture
def dead() -> str:
    return f"http://127.0.0.1:{closed_port()}"


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


class TestHostChoice:
    """The decision alone."""

    def test_the_first_host_as_long_as_nothing_speaks_against_it(self):
        choice = HostChoice(3)
        assert [choice.choose([], now) for now in (0, 1, 2)] == [0, 0, 0]
        assert choice.worked(0, 0, 1) is None
        assert (choice.current, choice.switches) == (0, 0)

    def test_each_host_is_tried_once(self):
        choice = HostChoice(3)
        tried: list[int] = []
        while (host := choice.choose(tried, 5)) is not None:
            choice.failed(host, 5)
            tried.append(host)
        assert tried == [0, 1, 2]
        # With all of them down, the one that worked last is the first to be tried again.
        assert choice.choose([], 6) == 0

    def test_a_host_that_failed_is_left_alone_for_a_while(self):
        choice = HostChoice(2, stay=60)
        choice.failed(0, 10)
        assert choice.choose([0], 10) == 1
        assert choice.worked(1, 10, 11) == 0
        assert (choice.current, choice.switches) == (1, 1)
        assert choice.worked(1, 12, 12) is None
        assert [choice.choose([], now) for now in (12, 69.9)] == [1, 1]

    def test_one_request_tries_it_again(self):
        choice = HostChoice(2, stay=60)
        choice.failed(0, 10)
        choice.worked(1, 10, 11)
        assert [choice.choose([], 70), choice.choose([], 70), choice.choose([], 75)] == [0, 1, 1]
        assert choice.worked(0, 70, 76) == 1
        assert [choice.choose([], 76), choice.switches] == [0, 2]

    def test_if_it_fails_again_it_is_left_alone_again(self):
        choice = HostChoice(2, stay=60)
        choice.failed(0, 10)
        choice.worked(1, 10, 11)
        assert choice.choose([], 70) == 0
        choice.failed(0, 80)
        assert [choice.choose([], now) for now in (80, 139, 140)] == [1, 1, 0]
        assert choice.switches == 1

    def test_answers_of_before_change_nothing(self):
        choice = HostChoice(2, stay=60)
        choice.failed(0, 10)
        assert choice.worked(0, 9, 12) is None
        assert choice.choose([], 12) == 1
        assert choice.worked(1, 12, 13) == 0
        assert choice.worked(0, 9, 14) is None
        assert choice.choose([], 70) == 0
        assert choice.worked(0, 70, 71) == 1
        # One that was sent to the other host meanwhile does not take the crawl there again.
        assert choice.worked(1, 69, 72) is None
        assert choice.current == 0


@coroutine_test
async def test_connection_refused(server, kind, dead, caplog):
    async with Sender(kind, [f"{dead}/3", f"{server.url}/other/3"]) as sender:
        for _ in range(3):
            assert await sender.get("/json?a=b%20c") == BODY
        assert sender.failover.switches == 1
    assert [seen.target for seen in server.requests] == ["/other/3/json?a=b%20c"] * 3
    assert {seen.header("Host") for seen in server.requests} == {server.url.removeprefix("http://")}
    assert warnings_of(caplog) == [f"{dead}/3 cannot be reached: requests go to {server.url}/other/3 instead"]


@coroutine_test
async def test_path_and_query_beside_the_url(server, kind, dead):
    async with Sender(kind, [f"{dead}/3", f"{server.url}/4"]) as sender:
        for path in (b"/3/echo?a=b", b"/3?a=b", b"/3"):
            request = httpx.Request("GET", f"{dead}/3", extensions={"target": path})
            assert (await sender.send(request)).status_code == 200
    assert [seen.target for seen in server.requests] == ["/4/echo?a=b", "/4?a=b", "/4"]


@coroutine_test
async def test_a_body_arrives_whole(server, kind, dead):
    async with Sender(kind, [dead, server.url]) as sender:
        for content in (b'{"value": 8}', b"x" * 200_000):
            request = httpx.Request("POST", f"{dead}/echo", content=content)
            answer = json.loads((await sender.send(request)).content)
            assert (answer["method"], answer["size"]) == ("POST", len(content))
            assert ["Content-Length", str(len(content))] in answer["headers"]


@coroutine_test
async def test_a_name_that_does_not_resolve(server, monkeypatch, kind):
    Names(monkeypatch, {"blocked.invalid": [], "other.invalid": [V4]})
    urls = ["http://blocked.invalid/3", f"http://other.invalid:{server.ports[0]}/3"]
    async with Sender(kind, urls) as sender:
        assert await sender.get() == BODY
    assert server.requests[0].header("Host") == f"other.invalid:{server.ports[0]}"


@pytest.mark.parametrize("timeout", [{"total": 4.0}, {"connect": 1.0}])
@coroutine_test
async def test_a_host_that_swallows_connections(server, kind, timeout):
    with black_hole() as port:
        async with Sender(kind, [f"http://127.0.0.1:{port}", server.url]) as sender:
            assert await sender.get(timeout=timeout) == BODY


@coroutine_test
async def test_a_swallowing_host_is_left_in_time_by_those_without_time_outs(server, monkeypatch, kind):
    monkeypatch.setattr("tmdbfusion_scrapy.transport.failover.CONNECT_TIMEOUT", 0.1)
    with black_hole() as port:
        async with Sender(kind, [f"http://127.0.0.1:{port}", server.url]) as sender:
            assert await sender.get() == BODY


@coroutine_test
async def test_tls_that_fails(tls_server, contexts, monkeypatch, kind):
    Names(monkeypatch, {"other.invalid": [V4]})
    other_name = tls_server.url.replace("127.0.0.1", "other.invalid")
    named = tls_server.url.replace("127.0.0.1", "localhost")
    async with Sender(kind, [other_name, named], verify=contexts.client) as sender:
        assert await sender.get() == BODY
    # The certificate was checked for the host that was called: the first one's name is not in it.
    assert [seen.header("Host") for seen in tls_server.requests] == [named.removeprefix("https://")]


@coroutine_test
async def test_no_host_can_be_reached(kind, dead, caplog):
    second = f"http://localhost:{closed_port()}/3"
    async with Sender(kind, [dead, second]) as sender:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError) as caught:
                await sender.get("/json?api_key=5ec2e7")
            assert str(caught.value).endswith(f" (tried {dead}, {second})")
            assert isinstance(caught.value.__cause__, httpx.ConnectError)
            assert "5ec2e7" not in repr(caught.value)
        assert sender.failover.switches == 0
    assert not warnings_of(caplog)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/close-early", httpx.RemoteProtocolError),
        ("/reset-early", httpx.ReadError),
        ("/garbage", httpx.RemoteProtocolError),
        ("/hang", httpx.ReadTimeout),
    ],
)
@coroutine_test
async def test_not_after_the_request_was_sent(server, kind, path, expected):
    with running() as other:
        async with Sender(kind, [server.url, other.url]) as sender:
            with pytest.raises(expected):
                await sender.get(path, timeout={"read": 0.1 if path == "/hang" else 60.0})
            assert sender.failover.switches == 0
            server.wait_requests(1)
        assert (len(server.requests), len(other.requests)) == (1, 0)


@pytest.mark.parametrize("status", ["403 Forbidden", "451 Unavailable", "502 Bad Gateway", "503 Busy"])
@coroutine_test
async def test_not_for_a_status(server, kind, status):
    async def refuse(connection, seen):
        connection.respond(b"blocked", status=status)

    server.scripts["/json"] = refuse
    with running() as other:
        async with Sender(kind, [server.url, other.url]) as sender:
            assert await sender.get() == b"blocked"
        assert not other.requests


@coroutine_test
async def test_not_for_a_proxys_refusal(tls_server, contexts, kind):
    urls = [f"https://127.0.0.1:{closed_port()}", tls_server.url]
    with proxying(credentials="other:one") as proxy:
        given = f"http://user:5ec2e7@{proxy.address}"
        async with Sender(kind, urls, proxy=given, verify=contexts.client) as sender:
            with pytest.raises(httpx.ProxyError, match="407"):
                await sender.get()
        assert len(proxy.heads) == 1


@coroutine_test
async def test_not_while_all_connections_are_busy():
    limits = httpx.Limits(max_connections=1)
    with running() as server, running() as other:
        async with Sender("asyncio", [server.url, other.url], limits=limits) as sender:
            busy = asyncio.ensure_future(sender.get("/gate"))
            await server.received(1)
            with pytest.raises(httpx.PoolTimeout):
                await sender.get(timeout={"pool": 0.05})
            server.open_gate()
            assert await busy == BODY
        assert not other.requests


@coroutine_test
async def test_requests_elsewhere_are_passed_on(server, kind, dead):
    server.scripts["/3/echo"] = echo
    with running() as other:
        async with Sender(kind, [f"{dead}/3", f"{other.url}/3"]) as sender:
            response = await sender.send(httpx.Request("GET", f"{server.url}/3/echo"))
            assert json.loads(response.content)["target"] == "/3/echo"
            for url in (f"{dead}/4/json", f"{dead}/30", f"{dead.replace('http', 'https')}/3"):
                with pytest.raises(httpx.ConnectError) as caught:
                    await sender.send(httpx.Request("GET", url))
                assert "tried" not in str(caught.value)
        assert (len(server.requests), len(other.requests)) == (1, 0)


class Flaky:
    """A transport of which the hosts in ``down`` cannot be reached; ``called`` are those that were tried."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.called: list[str] = []
        self.transport = httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.called.append(request.url.host)
        assert request.headers["host"] == request.url.host
        if request.url.host in self.down:
            raise httpx.ConnectError("Cannot connect")
        return httpx.Response(200, content=MOVIE if "/movie/" in request.url.path else BODY)


@coroutine_test
async def test_there_and_back(kind, caplog):
    flaky = Flaky()
    async with Sender(kind, ["https://a", "https://b"], inner=flaky.transport, stay=0.0) as sender:
        assert await sender.get() == BODY
        flaky.down.add("a")
        for _ in range(2):
            assert await sender.get() == BODY
        flaky.down.clear()
        for _ in range(2):
            assert await sender.get() == BODY
        assert sender.failover.switches == 2
    assert flaky.called == ["a", "a", "b", "a", "b", "a", "a"]
    assert warnings_of(caplog) == [
        "https://a cannot be reached: requests go to https://b instead",
        "https://a can be reached again: requests go there, no longer to https://b",
    ]


@coroutine_test
async def test_what_worked_is_stayed_with(kind):
    flaky = Flaky()
    flaky.down.add("a")
    async with Sender(kind, ["https://a", "https://b"], inner=flaky.transport) as sender:
        await sender.get()
        flaky.down = {"b"}
        # The first one is tried before its time when the other one fails.
        assert await sender.get() == BODY
        assert await sender.get() == BODY
    assert flaky.called == ["a", "b", "b", "a", "a"]


@coroutine_test
async def test_many_requests_at_once_make_one_change(server, dead, caplog):
    async with Sender("asyncio", [dead, server.url]) as sender:
        assert await asyncio.gather(*(sender.get("/slow") for _ in range(30))) == [BODY] * 30
        assert sender.failover.switches == 1
    assert len(warnings_of(caplog)) == 1


async def movie(kind: type, urls: Any, **more: Any) -> Any:
    arguments = {"base_url": urls, "retries": 0, "requests_per_second": None, **more}
    if kind is AsyncTMDBClient:
        async with AsyncTMDBClient(TOKEN, **arguments) as client:
            return await client.movies.details(550)
    with TMDBClient(TOKEN, **arguments) as client:
        return await asyncio.get_running_loop().run_in_executor(None, client.movies.details, 550)


@pytest.mark.parametrize("client", [AsyncTMDBClient, TMDBClient])
@coroutine_test
async def test_clients(server, client, dead):
    serve(server, answer())
    assert (await movie(client, [f"{dead}/3", f"{server.url}/3"])).id == 550
    (seen,) = server.requests
    assert seen.target == "/3/movie/550"
    assert seen.header("Authorization") == f"Bearer {TOKEN}"


@pytest.mark.parametrize("client", [AsyncTMDBClient, TMDBClient])
@coroutine_test
async def test_clients_without_a_host(client, dead):
    second = f"http://127.0.0.1:{closed_port()}/3"
    with pytest.raises(ServerError) as caught:
        await movie(client, [f"{dead}/3", second])
    assert f"(tried {dead}/3, {second})" in caught.value.message
    assert caught.value.path == "/movie/550"
    assert caught.value.retryable


@pytest.mark.parametrize("client", [AsyncTMDBClient, TMDBClient])
@coroutine_test
async def test_clients_with_a_transport_of_the_users(client):
    flaky = Flaky()
    flaky.down.add("a.example")
    urls = ["https://a.example/3", "https://b.example/3"]
    assert (await movie(client, urls, transport=flaky.transport)).id == 550
    assert flaky.called == ["a.example", "b.example"]


@pytest.mark.parametrize(
    ("urls", "words"),
    [
        ([], "needs one URL"),
        (["", " "], "needs one URL"),
        (["https://api.themoviedb.org/3", "http://api.tmdb.org/3"], "plain http to api.tmdb.org"),
        (["https://api.themoviedb.org/3", "api.tmdb.org"], "needs a scheme"),
        (["https://user:5ec2e7@api.tmdb.org/3"], "has a user name"),
    ],
)
def test_base_urls_that_cannot_be(urls, words):
    for client in (AsyncTMDBClient, TMDBClient):
        with pytest.raises(ConfigurationError, match=words) as caught:
            client(TOKEN, base_url=urls)
        assert str(caught.value).startswith("base_url ")
        assert "5ec2e7" not in str(caught.value)


def test_one_base_url_costs_nothing():
    for urls in (["https://a.example/3", "https://a.example:443/3/"], ("https://a.example/3",)):
        with TMDBClient(TOKEN, base_url=urls) as client:
            assert isinstance(client._sender.transport, PooledTransport)
