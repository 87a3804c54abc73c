"""One blocking client, many threads, limits for the client as a whole."""

from __future__ import annotations

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.transport.server import BODY, running
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PoolStatistics


def limits(connections: int | None, idle: int | None = None, expiry: float | None = 30.0) -> httpx.Limits:
    return httpx.Limits(max_connections=connections, max_keepalive_connections=idle, keepalive_expiry=expiry)


def test_open_sockets_never_pass_the_limit(server):
    transport = BlockingPooledTransport(limits=limits(5, idle=2))
    with httpx.Client(transport=transport, timeout=60) as client, ThreadPoolExecutor(16) as executor:
        responses = list(executor.map(lambda n: client.get(f"{server.url}/slow?n={n}"), range(150)))
        assert {response.status_code for response in responses} == {200}
        assert server.max_open == 5
        server.wait_open(2)
        statistics = transport.statistics()
        assert (statistics.open, statistics.idle, statistics.waiting) == (2, 2, 0)
        assert statistics.opened == server.accepted
        assert statistics.opened + statistics.reused == 150
    server.wait_open(0)


def test_the_limit_holds_over_several_hosts_and_faults():
    paths = ["/json", "/close-early", "/truncate", "/last", "/reset-early", "/until-close"]
    with running(ports=2) as server:
        client = httpx.Client(transport=BlockingPooledTransport(limits=limits(3)), timeout=60)

        def get(number: int) -> type:
            try:
                return type(client.get(server.urls[number % 2] + paths[number % 6]))
            except httpx.TransportError as error:
                return type(error)

        with client, ThreadPoolExecutor(10) as executor:
            kinds = set(executor.map(get, range(120)))
            assert server.max_open == 3
        assert kinds == {httpx.Response, httpx.RemoteProtocolError, httpx.ReadError}


def test_another_host_takes_the_place_of_an_idle_connection():
    transport = BlockingPooledTransport(limits=limits(1))
    with running(ports=2) as server, httpx.Client(transport=transport, timeout=60) as client:
        for _ in range(3):
            for url in server.urls:
                assert client.get(f"{url}/json").content == BODY
        assert server.max_open == 1
        assert transport.statistics().opened == 6


def test_waiting_is_bounded_and_in_order(server):
    transport = BlockingPooledTransport(limits=limits(1))
    with httpx.Client(transport=transport, timeout=60) as client, ThreadPoolExecutor(8) as executor:
        first = executor.submit(client.get, f"{server.url}/gate")
        server.wait_requests(1)
        with pytest.raises(httpx.PoolTimeout):
            client.get(f"{server.url}/json", timeout=httpx.Timeout(60.0, pool=0.02))
        with pytest.raises(httpx.ReadTimeout, match="total"):
            client.get(f"{server.url}/json", extensions={"timeout": {"pool": 60.0, "total": 0.02}})
        later = []
        for number in range(5):
            later.append(executor.submit(client.get, f"{server.url}/json?n={number}"))
            while transport.statistics().waiting <= number:
                time.sleep(0.001)
        server.open_gate()
        assert first.result(60).status_code == 200
        assert all(future.result(60).status_code == 200 for future in later)
    assert [seen.query["n"] for seen in server.requests[1:]] == ["0", "1", "2", "3", "4"]


def test_expired_connections_are_closed_at_the_next_use(server):
    with BlockingPooledTransport(limits=limits(5, expiry=0.02)) as transport:
        client = httpx.Client(transport=transport, timeout=60)
        client.get(f"{server.url}/json")
        time.sleep(0.03)
        client.get(f"{server.url}/json")
        assert [seen.connection for seen in server.requests] == [1, 2]
        time.sleep(0.03)
        assert transport.statistics() == PoolStatistics(opened=2, reused=0, open=0, idle=0, waiting=0)
        server.wait_open(0)


def test_no_idle_connections_at_all(server):
    with httpx.Client(transport=BlockingPooledTransport(limits=limits(5, idle=0)), timeout=60) as client:
        client.get(f"{server.url}/json")
        server.wait_open(0)


def test_an_unread_response_gives_its_place_back(server):
    transport = BlockingPooledTransport(limits=limits(1))
    with httpx.Client(transport=transport, timeout=60) as client:
        with client.stream("GET", f"{server.url}/hang-in-body"):
            assert transport.statistics().open == 1
        assert client.get(f"{server.url}/json", timeout=60).content == BODY
        request = httpx.Request("GET", f"{server.url}/hang-in-body")
        response = transport.handle_request(request)
        del response
        gc.collect()
        assert client.get(f"{server.url}/json", timeout=60).content == BODY
        assert server.max_open == 1


def test_a_lane_that_cannot_be_made_takes_no_place(server, monkeypatch):
    monkeypatch.setattr(httpx, "create_ssl_context", _no_certificates)
    transport = BlockingPooledTransport(limits=httpx.Limits(max_connections=1))
    with httpx.Client(transport=transport, timeout=httpx.Timeout(60)) as client:
        for _ in range(3):
            with pytest.raises(FileNotFoundError):
                client.get(f"{server.url}/")
        monkeypatch.undo()
        assert client.get(f"{server.url}/").status_code == 200


def _no_certificates(*_args, **_kwargs):
    raise FileNotFoundError("no such certificates")


def test_close_ends_what_is_under_way(server):
    transport = BlockingPooledTransport(limits=limits(1))
    client = httpx.Client(transport=transport, timeout=60)
    assert client.get(f"{server.url}/json").content == BODY
    with ThreadPoolExecutor(2) as executor:
        answering = executor.submit(client.get, f"{server.url}/hang", timeout=60)
        server.wait_requests(2)
        waiting = executor.submit(client.get, f"{server.url}/json", timeout=60)
        while not transport.statistics().waiting:
            time.sleep(0.001)
        transport.close()
        transport.close()
        with pytest.raises(httpx.TransportError):
            answering.result(60)
        with pytest.raises(RuntimeError, match="closed"):
            waiting.result(60)
    server.wait_open(0)
    assert transport.statistics().open == 0
    with pytest.raises(RuntimeError, match="closed"):
        transport.handle_request(httpx.Request("GET", server.url))


def test_the_local_address_is_bound(server):
    with httpx.Client(transport=BlockingPooledTransport(local_address="127.0.0.2"), timeout=60) as client:
        client.get(f"{server.url}/json")
    assert server.requests[0].peer[0] == "127.0.0.2"


def test_the_environment_names_no_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with BlockingPooledTransport() as transport:
        response = transport.handle_request(httpx.Request("GET", f"{server.url}/json"))
        assert response.read() == BODY


def test_request_bodies(server):
    with httpx.Client(transport=BlockingPooledTransport(), timeout=60) as client:
        for body, size in ((b"abc", 3), (iter([b"one", b"x" * 200_000]), 200_003)):
            assert client.post(f"{server.url}/echo", content=body).json()["size"] == size
