"""What goes wrong on one HTTP/2 stream, and that the others do not notice."""

from __future__ import annotations

import asyncio
import gc
import socket

import httpx
import pytest
from h2.errors import ErrorCodes

from tests.coroutines import coroutine_test
from tests.transport.http2_client import becomes, fetch, fetch_all, request
from tests.transport.http2_server import (
    close_connection,
    close_in_body,
    drip,
    garbage,
    hang,
    hang_in_body,
    reset_in_body,
    running_http2,
    wait_for_gate,
)
from tests.transport.server import BODY


@pytest.fixture
def server(tls):
    with running_http2(tls.server) as server:
        yield server


# What goes wrong on a stream.


async def reset(connection, asked):
    connection.reset(asked, ErrorCodes.INTERNAL_ERROR)


async def end_early(connection, asked):
    connection.head(asked, content_length="100")
    connection.send(asked, b"short", end=True)


async def abort_in_body(connection, asked):
    connection.head(asked, content_length="100")
    connection.send(asked, b"first")
    connection.transport.abort()


@pytest.mark.parametrize(
    "script", [reset, reset_in_body, end_early, garbage, close_connection, close_in_body, abort_in_body]
)
@coroutine_test
async def test_a_broken_answer_is_an_error(server, pool, script):
    server.scripts["/bad"] = script
    async with pool() as transport:
        with pytest.raises(httpx.RemoteProtocolError, match=f"127.0.0.1:{server.port}") as caught:
            await fetch(transport, f"{server.url}/bad?api_key=secret")
        assert "secret" not in repr(caught.value)
        # On a new connection nothing is sent twice.
        assert len(server.requests) == 1
        assert (await fetch(transport, server.url)).content == BODY


@pytest.mark.parametrize("script", [reset, reset_in_body])
@coroutine_test
async def test_a_stream_that_breaks_leaves_the_others_alone(server, pool, script):
    server.scripts = {"/bad": script, "/gate": wait_for_gate}
    async with pool() as transport:
        others = [asyncio.ensure_future(fetch(transport, f"{server.url}/gate")) for _ in range(5)]
        await server.received(5)
        with pytest.raises(httpx.RemoteProtocolError, match="INTERNAL_ERROR"):
            await fetch(transport, f"{server.url}/bad")
        server.loop.call_soon_threadsafe(server.gate.set)
        assert {response.status_code for response in await asyncio.gather(*others)} == {200}
    assert (server.accepted, len(server.requests)) == (1, 6)


@coroutine_test
async def test_what_came_before_a_reset_is_given_out(server, pool):
    server.scripts["/bad"] = reset_in_body
    async with pool() as transport:
        response = await transport.handle_async_request(request(f"{server.url}/bad"))
        chunks = response.stream.__aiter__()
        assert await chunks.__anext__() == b"first"
        with pytest.raises(httpx.RemoteProtocolError):
            await chunks.__anext__()


@pytest.mark.parametrize("method", ["GET", "POST"])
@coroutine_test
async def test_a_stream_that_was_refused(server, pool, method):
    async def refuse_once(connection, asked):
        if len(server.requests) == 1:
            connection.reset(asked, ErrorCodes.REFUSED_STREAM)
        else:
            connection.respond(asked)

    server.scripts["/busy"] = refuse_once
    async with pool() as transport:
        if method == "GET":
            assert (await fetch(transport, f"{server.url}/busy")).status_code == 200
            assert len(server.requests) == 2
        else:
            with pytest.raises(httpx.RemoteProtocolError, match="REFUSED_STREAM"):
                await fetch(transport, f"{server.url}/busy", method)
            assert len(server.requests) == 1


# Cancelled, timed out, dropped.


@coroutine_test
async def test_cancelled_requests_leave_the_connection_as_it_was(tls, pool):
    """httpcore counts them on: https://github.com/encode/httpcore/issues/1022."""
    with running_http2(tls.server, max_streams=10) as server:
        server.scripts = {"/hang": hang, "/body": hang_in_body}
        async with pool() as transport:
            await fetch(transport, server.url)
            for turns in range(60):
                path = ("/hang", "/body")[turns % 2]
                tasks = [asyncio.ensure_future(fetch(transport, server.url + path)) for _ in range(5)]
                for _ in range(turns % 7):
                    await asyncio.sleep(0.001)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            responses = await fetch_all(transport, server.url, 30)
            assert {response.status_code for response in responses} == {200}
            cancelled = len([path for path in server.paths if path in ("/hang", "/body")])
            await server.until(lambda: len(server.resets) == cancelled)
            assert {code for _, code in server.resets} == {ErrorCodes.CANCEL}
        assert server.accepted == 1


@coroutine_test
async def test_a_cancellation_is_not_taken_for_a_reason_to_send_again(server, pool):
    server.scripts["/hang"] = hang
    async with pool() as transport:
        await fetch(transport, server.url)
        tasks = [asyncio.ensure_future(fetch(transport, f"{server.url}/hang")) for _ in range(5)]
        await server.received(6)
        (lane,) = transport._multiplexer._lent
        # The connection ends in the same turn of the loop.
        lane.http2.connection_lost(None)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(result) for result in results] == [asyncio.CancelledError] * 5
        assert (await fetch(transport, server.url)).status_code == 200
    assert len(server.requests) == 7


@coroutine_test
async def test_cancelled_bodies_give_their_window_back(server, pool, monkeypatch):
    monkeypatch.setattr("tmdbfusion_scrapy.transport.http2._CONNECTION_WINDOW", 1)

    async def begin(connection, asked):
        connection.head(asked)
        await connection.send_all(asked, b"x" * 10**6)

    server.scripts["/begin"] = begin
    async with pool() as transport:
        for _ in range(20):
            response = await transport.handle_async_request(request(f"{server.url}/begin"))
            await asyncio.sleep(0.005)
            await response.aclose()
        assert (await fetch(transport, server.url)).content == BODY
        response = await fetch(transport, f"{server.url}/begin")
        assert len(response.content) == 10**6
    assert server.accepted == 1


@coroutine_test
async def test_a_response_that_nobody_reads_or_closes(tls, pool):
    with running_http2(tls.server, max_streams=1) as server:
        server.scripts["/body"] = hang_in_body
        async with pool() as transport:
            response = await transport.handle_async_request(request(f"{server.url}/body"))
            del response
            gc.collect()
            assert (await fetch(transport, server.url)).status_code == 200
        assert server.accepted == 1


@coroutine_test
async def test_a_stream_that_hangs_times_out_beside_busy_ones(server, pool):
    """In httpcore one request reads for all, and its time-out starts anew with each byte of the others."""
    server.scripts = {"/hang": hang, "/body": hang_in_body}
    async with pool() as transport:
        hanging = [
            asyncio.ensure_future(fetch(transport, server.url + path, read=0.2))
            for path in ("/hang", "/body")
        ]
        busy = 0
        while not all(task.done() for task in hanging):
            await fetch(transport, server.url, read=0.2)
            busy += 1
        for task in hanging:
            with pytest.raises(httpx.ReadTimeout, match="sent nothing for too long"):
                await task
    assert busy > 5
    # The connection is alive: it stays.
    assert server.accepted == 1
    await server.until(lambda: len(server.resets) == 2)


@coroutine_test
async def test_a_time_out_is_one_requests_own(server, pool):
    server.scripts = {"/hang": hang, "/gate": wait_for_gate}
    async with pool() as transport:
        await fetch(transport, server.url)
        patient = asyncio.ensure_future(fetch(transport, f"{server.url}/gate", read=10))
        await server.received(2)
        with pytest.raises(httpx.ReadTimeout):
            await fetch(transport, f"{server.url}/hang", read=0.05)
        # Not a byte came meanwhile, so the connection may be dead: the next request takes another one.
        assert (await fetch(transport, server.url)).status_code == 200
        assert server.requests[-1].connection == 2
        server.loop.call_soon_threadsafe(server.gate.set)
        assert (await patient).status_code == 200
        await server.settled(1)


@coroutine_test
async def test_the_total_time_is_for_the_whole(server, pool):
    server.scripts = {"/drip": drip, "/hang": hang}
    async with pool() as transport:
        for path in ("/drip", "/hang"):
            with pytest.raises(httpx.ReadTimeout, match="longer than its total time"):
                await fetch(transport, server.url + path, total=0.15, read=5)
        await server.until(lambda: len(server.resets) == 2)


@coroutine_test
async def test_connecting_takes_too_long(pool):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        async with pool() as transport:
            for timeout, error in (
                ({"connect": 0.05}, httpx.ConnectTimeout),
                ({"total": 0.05}, httpx.ReadTimeout),
            ):
                results = await asyncio.gather(
                    *(fetch(transport, url, **timeout) for _ in range(5)), return_exceptions=True
                )
                assert [type(result) for result in results] == [error] * 5
                assert len(set(map(id, results))) == 5


@coroutine_test
async def test_a_cancelled_request_does_not_cancel_the_connection_of_others(server, pool):
    async with pool() as transport:
        tasks = [asyncio.ensure_future(fetch(transport, server.url)) for _ in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError)
        assert [response.status_code for response in results[1:]] == [200] * 4
        # Nobody waits for this one any more; it is there for the next.
        tasks = [asyncio.ensure_future(fetch(transport, server.url.replace("127.0.0.1", "localhost")))]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await server.settled(2)
        await becomes(lambda: transport.statistics().idle == 2)
    assert server.accepted == 2
