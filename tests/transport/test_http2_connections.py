"""What ends an HTTP/2 connection, and what that costs."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hyperframe.frame import GoAwayFrame

from tests.coroutines import coroutine_test
from tests.transport.http2_client import becomes, fetch, fetch_all
from tests.transport.http2_server import (
    close_connection,
    garbage,
    hang,
    hypercorn,
    respond,
    running_http2,
    wait_for_gate,
)
from tmdbfusion_scrapy.transport import PooledTransport


@pytest.fixture
def server(tls):
    with running_http2(tls.server) as server:
        yield server


@coroutine_test
async def test_goaway_lets_end_what_the_server_has_taken(server, pool):
    """h2 alone takes no frame after it: https://github.com/python-hyper/h2/issues/1181."""
    server.scripts["/gate"] = wait_for_gate
    async with pool() as transport:
        await fetch(transport, server.url)
        taken = [asyncio.ensure_future(fetch(transport, f"{server.url}/gate")) for _ in range(10)]
        await server.received(11)
        server.on_all(lambda connection: connection.go_away(21))
        await asyncio.sleep(0.02)
        late = await fetch_all(transport, server.url, 5)
        assert {asked.connection for asked in server.requests[11:]} == {2}
        server.loop.call_soon_threadsafe(server.gate.set)
        results = await asyncio.gather(*taken, *(asyncio.sleep(0, response) for response in late))
        assert {response.status_code for response in results} == {200}
        await server.settled(1)
        await becomes(lambda: transport.statistics().open == 1)
    assert (server.accepted, len(server.requests)) == (2, 16)


@coroutine_test
async def test_goaway_sends_again_what_the_server_has_not_taken(server, pool):
    async def go_away_once(connection, asked):
        if asked.connection == 1:
            if asked.stream == 1:
                connection.go_away(1)
                await asyncio.sleep(0.02)
                connection.respond(asked)
            return
        connection.respond(asked)

    server.scripts = {f"/{number}": go_away_once for number in range(10)}
    async with pool() as transport:
        responses = await fetch_all(transport, server.url, 10)
    assert {response.status_code for response in responses} == {200}
    assert server.accepted == 2


@coroutine_test
async def test_goaway_comes_with_the_place(tls, pool):
    with running_http2(tls.server, max_streams=1) as server:
        server.scripts["/gate"] = wait_for_gate

        def allow_and_go_away(connection):
            connection.h2.update_settings({3: 100})
            frames = connection.h2.data_to_send() + GoAwayFrame(0, last_stream_id=3).serialize()
            connection.transport.write(frames)

        async with pool() as transport:
            await fetch(transport, server.url)
            taken = asyncio.ensure_future(fetch(transport, f"{server.url}/gate"))
            await server.received(2)
            waiting = [asyncio.ensure_future(fetch(transport, server.url)) for _ in range(5)]
            await asyncio.sleep(0)
            server.on_all(allow_and_go_away)
            responses = await asyncio.gather(*waiting)
            assert {response.status_code for response in responses} == {200}
            assert {asked.connection for asked in server.requests[2:]} == {2}
            server.loop.call_soon_threadsafe(server.gate.set)
            assert (await taken).status_code == 200


@coroutine_test
async def test_a_post_is_not_sent_again(server, pool):
    async def go_away(connection, asked):
        connection.go_away(1)

    server.scripts = {"/goaway": go_away, "/close": close_connection}
    async with pool() as transport:
        for path in ("/goaway", "/close"):
            await fetch(transport, server.url)
            with pytest.raises(httpx.RemoteProtocolError):
                await fetch(transport, server.url + path, "POST")
    assert server.paths == ["/", "/goaway", "/", "/close"]


@coroutine_test
async def test_a_server_that_ends_each_connection_after_some_requests(server, pool):
    """nginx does so after 1,000 (https://nginx.org/en/docs/http/ngx_http_core_module.html#keepalive_requests)."""
    last = 2 * 50 - 1

    async def count(connection, asked):
        if asked.stream == last:
            connection.go_away(last)
        if asked.stream <= last:
            await asyncio.sleep(0.005)
            connection.respond(asked)

    server.scripts["/count"] = count
    limit = asyncio.Semaphore(16)

    async with pool() as transport:

        async def one():
            async with limit:
                return await fetch(transport, f"{server.url}/count")

        responses = await asyncio.gather(*(one() for _ in range(300)))
        assert {response.status_code for response in responses} == {200}
        await server.settled(0)
    assert server.accepted == 6
    answered = [asked for asked in server.requests if asked.stream <= last]
    assert len(answered) == 300


@pytest.mark.parametrize("manner", ["close", "abort", "goaway"])
@coroutine_test
async def test_an_idle_connection_that_the_server_closed_costs_nothing(server, pool, manner):
    async with pool() as transport:
        for _ in range(3):
            responses = await fetch_all(transport, server.url, 5)
            assert {response.status_code for response in responses} == {200}

            def end(connection):
                if manner == "goaway":
                    connection.go_away(2**31 - 1)
                (connection.transport.abort if manner == "abort" else connection.transport.close)()

            server.on_all(end)
            await server.settled(0)
        await fetch_all(transport, server.url, 5)
    assert (server.accepted, len(server.requests)) == (4, 20)


@coroutine_test
async def test_hypercorn_closes_an_idle_connection(certificate):
    async def application(scope, receive, send):
        await respond(send)

    with hypercorn(application, certificate, keep_alive_timeout=0.05) as server:
        async with PooledTransport(http2=True, verify=False) as transport:
            for _ in range(3):
                await fetch_all(transport, server.url, 5)
                await becomes(lambda: transport.statistics().open == 0)
    assert (len(server.scopes), len(server.connections)) == (15, 3)


@pytest.mark.parametrize("end", [close_connection, garbage])
@coroutine_test
async def test_gets_under_way_are_sent_once_more(server, pool, end):
    """A connection that had worked dies before any byte of their responses has come."""

    async def die_once(connection, asked):
        if connection.number == 1:
            if asked.stream == 21:
                await end(connection, asked)
        else:
            connection.respond(asked)

    server.scripts = {f"/{number}": die_once for number in range(10)}
    async with pool() as transport:
        await fetch(transport, server.url)
        responses = await fetch_all(transport, server.url, 10)
        assert {response.status_code for response in responses} == {200}
        assert (server.accepted, len(server.requests)) == (2, 21)
        statistics = transport.statistics()
        assert (statistics.opened, statistics.reused, statistics.open) == (2, 19, 1)


@coroutine_test
async def test_once_more_is_once(server, pool):
    server.scripts["/bad"] = close_connection
    async with pool() as transport:
        await fetch(transport, server.url)
        with pytest.raises(httpx.RemoteProtocolError):
            await fetch(transport, f"{server.url}/bad")
        assert server.paths == ["/", "/bad", "/bad"]


@coroutine_test
async def test_a_server_that_says_goodbye_at_once(server, pool):
    server.greet = lambda connection: connection.go_away(0)
    server.scripts["/"] = hang
    async with pool() as transport:
        with pytest.raises(httpx.RemoteProtocolError, match="to new requests"):
            await fetch(transport, server.url)
    assert server.accepted <= 5


@coroutine_test
async def test_stream_numbers_run_out(server, pool):
    async with pool() as transport:
        await fetch(transport, server.url)
        (lane,) = transport._places._idle
        lane.http2._h2.highest_outbound_stream_id = 2**31 - 1
        await fetch(transport, server.url)
    assert server.accepted == 2
