"""Which addresses of a name are used, and what a dead one among them costs."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.proxy import proxying
from tests.transport.resolver import V4, V6, Names, black_hole
from tests.transport.server import BODY
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy.transport import BlockingPooledTransport, PooledTransport

TOTAL = {"total": 60.0}
"""Less than any system waits for an answer to its SYN."""


@pytest.fixture(params=[PooledTransport, BlockingPooledTransport])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


async def fetch(kind: type, url: str, timeout: dict[str, float] = TOTAL, **arguments: Any) -> bytes:
    request = httpx.Request("GET", url, extensions={"timeout": timeout})
    transport = kind(**arguments)
    if isinstance(transport, PooledTransport):
        async with transport:
            return await (await transport.handle_async_request(request)).aread()
    with transport:
        response = transport.handle_request(request)
        try:
            return response.read()
        finally:
            response.close()


def named(server: Any, name: str = "api.invalid") -> str:
    return f"{server.url.replace('127.0.0.1', name)}/json"


@pytest.mark.parametrize("dead", [V6, (socket.AF_INET, "127.0.0.2")])
@coroutine_test
async def test_a_dead_address_is_passed_over(server, monkeypatch, kind, dead):
    Names(monkeypatch, {"api.invalid": [dead, V4]})
    with black_hole(dead, server.ports[0]):
        assert await fetch(kind, named(server)) == BODY


@coroutine_test
async def test_addresses_that_refuse_are_passed_over(server, monkeypatch, kind):
    refusing = [(socket.AF_INET, f"127.0.0.{number}") for number in range(2, 7)]
    Names(monkeypatch, {"api.invalid": [V6, *refusing, V4]})
    assert await fetch(kind, named(server)) == BODY


@coroutine_test
async def test_ipv4_asks_for_and_connects_to_nothing_else(server, monkeypatch, kind):
    names = Names(monkeypatch, {"api.invalid": [V6, V4]})
    with black_hole(V6, server.ports[0]):
        assert await fetch(kind, named(server), ip_family="ipv4") == BODY
    assert names.asked == [("api.invalid", socket.AF_INET)]


@coroutine_test
async def test_ipv6_finds_no_other_address(server, monkeypatch, kind):
    names = Names(monkeypatch, {"api.invalid": [V4]})
    with pytest.raises(httpx.ConnectError, match="not known"):
        await fetch(kind, named(server), ip_family="ipv6")
    assert names.asked == [("api.invalid", socket.AF_INET6)]
    assert not server.requests


@coroutine_test
async def test_both_kinds_are_asked_for_by_default(server, monkeypatch, kind):
    names = Names(monkeypatch, {"api.invalid": [V4]})
    assert await fetch(kind, named(server)) == BODY
    assert names.asked == [("api.invalid", socket.AF_UNSPEC)]


@coroutine_test
async def test_an_address_in_the_url_is_taken_as_it_is(server, kind):
    assert await fetch(kind, f"{server.url}/json", ip_family="ipv6") == BODY


@coroutine_test
async def test_the_family_holds_for_a_proxy(server, monkeypatch, kind):
    names = Names(monkeypatch, {"proxy.invalid": [V6, V4]})
    with proxying() as proxy:
        url = f"http://proxy.invalid:{proxy.port}"
        assert await fetch(kind, f"{server.url}/json", proxy=url, ip_family="ipv4") == BODY
    assert names.asked == [("proxy.invalid", socket.AF_INET)]


@coroutine_test
async def test_all_addresses_dead_is_a_connect_timeout(monkeypatch, kind):
    second = (socket.AF_INET, "127.0.0.2")
    Names(monkeypatch, {"api.invalid": [V4, second]})
    with black_hole() as port, black_hole(second, port), pytest.raises(httpx.ConnectTimeout):
        await fetch(kind, f"http://api.invalid:{port}/", {"connect": 0.6})


@coroutine_test
async def test_a_proxy_that_is_not_there(server, monkeypatch, kind):
    Names(monkeypatch, {"proxy.invalid": [V4]})
    for host in ("127.0.0.1", "proxy.invalid"):
        proxy = f"http://user:5ec2e7@{host}:{closed_port()}"
        with pytest.raises(httpx.ProxyError) as caught:
            await fetch(kind, f"{server.url}/json", proxy=proxy)
        assert "5ec2e7" not in repr(caught.value)


@pytest.mark.parametrize("family", ["auto", "ipv4"])
def test_an_address_of_this_machine_to_connect_from(server, monkeypatch, family):
    # From an IPv4 address no IPv6 address can be connected to.
    Names(monkeypatch, {"api.invalid": [V6, V4]})
    with BlockingPooledTransport(local_address="127.0.0.3", ip_family=family) as transport:
        response = transport.handle_request(httpx.Request("GET", named(server)))
        response.read()
        response.close()
    assert server.requests[0].peer[0] == "127.0.0.3"
