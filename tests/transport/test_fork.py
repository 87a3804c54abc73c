"""A transport that was used before a fork begins anew in the child."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

LIMITS = httpx.Limits(max_connections=4)


def in_child(work: Callable[[], str]) -> str:
    """What comes of a function in a child process, or what went wrong there."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Newer Pythons warn of a fork beside threads, which is what this is about.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if not pid:
        try:
            said = work()
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said = repr(error)
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def target_of(response: httpx.Response) -> str:
    return str(response.json()["target"])


def test_each_child_gets_its_own_answers(server):
    with httpx.Client(transport=BlockingPooledTransport(limits=LIMITS)) as client:
        client.get(f"{server.url}/echo")
        stop = threading.Event()
        wrong: list[str] = []

        def work() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                name = f"/echo?thread={threading.get_ident()}&n={number}"
                if target_of(client.get(server.url + name)) != name:
                    wrong.append(name)

        def child(number: int) -> str:
            names = [f"/echo?child={number}&n={n}" for n in range(10)]
            return str([target_of(client.get(server.url + name)) for name in names] == names)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            assert [in_child(lambda number=number: child(number)) for number in range(5)] == ["True"] * 5
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not wrong
    server.wait_open(0)


@coroutine_test
async def test_an_asynchronous_transport_in_a_loop_of_the_child(server):
    async with httpx.AsyncClient(transport=PooledTransport(limits=LIMITS)) as client:
        await client.get(f"{server.url}/echo")

        async def fetch() -> str:
            response = await client.get(f"{server.url}/echo?in=child")
            await client.aclose()
            return target_of(response)

        # In a thread, for asyncio runs no second loop inside of a running one.
        said = await asyncio.to_thread(in_child, lambda: asyncio.run(fetch()))
        assert said == "/echo?in=child"
        assert target_of(await client.get(f"{server.url}/echo?in=parent")) == "/echo?in=parent"
        assert [seen.connection for seen in server.requests] == [1, 2, 1]


def test_the_parents_sockets_are_closed_in_the_child_without_a_word(server):
    with httpx.Client(transport=BlockingPooledTransport(limits=LIMITS)) as client:
        client.get(f"{server.url}/echo")

        def child() -> str:
            mine = set()
            for entry in range(256):
                try:
                    with socket.socket(fileno=os.dup(entry)) as sock:
                        mine.add(sock.getpeername())
                except OSError:
                    continue
            return str(("127.0.0.1", server.ports[0]) in mine)

        assert in_child(child) == "False"
        client.get(f"{server.url}/echo")
        assert server.accepted == 1


def test_a_child_may_close_what_it_was_given(server):
    client = httpx.Client(transport=BlockingPooledTransport(limits=LIMITS))
    client.get(f"{server.url}/echo")

    def child() -> str:
        client.close()
        return "closed"

    assert in_child(child) == "closed"
    assert client.get(f"{server.url}/echo").status_code == 200
    assert server.accepted == 1
    client.close()


def fetch_in_process(transport: Any, url: str, queue: Any) -> None:
    queue.put(target_of(httpx.Client(transport=transport, timeout=60).get(url)))
    queue.close()


def test_multiprocessing(server):
    """As a server does that forks its workers after it was set up."""
    transport = BlockingPooledTransport(limits=LIMITS)
    client = httpx.Client(transport=transport, timeout=60)
    client.get(f"{server.url}/echo")
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        workers = [
            context.Process(target=fetch_in_process, args=(transport, f"{server.url}/echo?n={n}", queue))
            for n in range(4)
        ]
        for worker in workers:
            worker.start()
    assert {queue.get(timeout=60) for _ in workers} == {f"/echo?n={n}" for n in range(4)}
    for worker in workers:
        worker.join(60)
    client.close()
