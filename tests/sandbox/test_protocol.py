"""Headers, credentials, limits and counters, and the three ways to start a sandbox."""

from __future__ import annotations

import gc
import gzip
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.sandbox import Sandbox, SandboxOptions, SandboxProcess, ThreadedSandbox


def test_headers_as_tmdb_sends_them(client):
    response = client.get("movie/1")
    assert response.http_version == "HTTP/1.1"
    assert response.headers["content-type"] == "application/json;charset=utf-8"
    assert response.headers["cache-control"].startswith("public, max-age=")
    assert (
        response.headers["etag"] == f'W/"{hashlib.md5(response.content, usedforsecurity=False).hexdigest()}"'
    )
    assert "retry-after" not in response.headers
    assert not [name for name in response.headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [("gzip", True), ("br, gzip;q=0.8", True), ("identity", False), ("gzip;q=0", False), ("br", False)],
)
def test_gzip_only_when_asked_for(accept, compressed, client):
    response = client.get("movie/1", headers={"Accept-Encoding": accept})
    assert response.headers.get("content-encoding") == ("gzip" if compressed else None)
    assert response.json()["id"] == 1


def test_compressed_bytes_are_the_same_each_time(client):
    bodies = []
    for _ in range(2):
        with client.stream("GET", "movie/1", headers={"Accept-Encoding": "gzip"}) as response:
            bodies.append(b"".join(response.iter_raw()))
    assert bodies[0] == bodies[1]
    assert gzip.decompress(bodies[0]).startswith(b'{"adult"')


def test_a_known_etag_is_ignored_unless_told_otherwise(client):
    first = client.get("movie/1")
    again = client.get("movie/1", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == first.headers["etag"]


def test_a_known_etag_is_answered_with_304_when_asked_for(tmdb_sandbox_factory, connect):
    client = connect(tmdb_sandbox_factory(etag="304"))
    etag = client.get("movie/1").headers["etag"]
    response = client.get("movie/1", headers={"If-None-Match": etag})
    assert (response.status_code, response.content) == (304, b"")
    assert client.get("movie/1", headers={"If-None-Match": 'W/"other"'}).status_code == 200


def test_head_has_no_body(client):
    response = client.head("movie/1", headers={"Accept-Encoding": "identity"})
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) == len(client.get("movie/1").content)


@pytest.mark.parametrize(
    ("headers", "params", "status"),
    [
        ({}, {}, 401),
        ({"Authorization": "Bearer"}, {}, 401),
        ({"Authorization": "Bearer invalid"}, {}, 401),
        ({"Authorization": "Basic abc"}, {}, 401),
        ({}, {"api_key": ""}, 401),
        ({}, {"api_key": "invalid"}, 401),
        ({"Authorization": "Bearer any"}, {}, 200),
        ({}, {"api_key": "any"}, 200),
    ],
)
def test_any_credential_but_none(headers, params, status, tmdb_sandbox, connect):
    client = connect(tmdb_sandbox, headers=headers)
    response = client.get("authentication", params=params)
    assert response.status_code == status
    if status == 401:
        assert response.json() == {
            "success": False,
            "status_code": 7,
            "status_message": "Invalid API key: You must be granted a valid key.",
        }


def test_one_token_only(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(token="right")
    assert connect(sandbox).get("movie/1").status_code == 401
    assert connect(sandbox, headers={"Authorization": "Bearer right"}).get("movie/1").status_code == 200
    assert connect(sandbox, headers={}).get("movie/1?api_key=right").status_code == 200
    assert connect(sandbox, headers={}).get("movie/1?api_key=wrong").status_code == 401


@pytest.mark.parametrize(("retry_after", "header"), [(None, None), (2, "2")])
def test_the_rate_limit_counts_any_one_second(retry_after, header, tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(rate_limit=5, retry_after=retry_after)
    client = connect(sandbox)
    started = time.monotonic()
    responses = [client.get("movie/1") for _ in range(8)]
    if time.monotonic() - started > 0.9:
        pytest.skip("this machine is too slow for eight requests a second")
    assert [response.status_code for response in responses] == [200] * 5 + [429] * 3
    assert responses[-1].json() == {
        "success": False,
        "status_code": 25,
        "status_message": "Your request count (6) is over the allowed limit of 5.",
    }
    assert responses[-1].headers.get("retry-after") == header
    time.sleep(1.0)
    assert client.get("movie/1").status_code == 200


def test_the_rate_limit_may_change(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(rate_limit=1)
    client = connect(sandbox)

    def statuses() -> list[int]:
        return [client.get("movie/1").status_code for _ in range(3)]

    sandbox.set_rate_limit(1000)
    assert statuses() == [200] * 3
    sandbox.set_rate_limit(3)
    sandbox.set_rate_limit(1)
    # The three that were let through count as well.
    assert 429 in statuses()
    sandbox.set_rate_limit(None)
    assert statuses() == [200] * 3
    with pytest.raises(ValueError, match="rate_limit must be at least 1"):
        sandbox.set_rate_limit(0)


def test_what_was_sent_is_on_record(tmdb_sandbox, connect):
    client = connect(tmdb_sandbox, headers={"Authorization": "Bearer secret", "X-Own": "1"})
    client.get("movie/1", params={"api_key": "key", "language": "de"})
    client.post("movie/1/rating", content=b'{"value":8}')
    first, second = tmdb_sandbox.requests
    assert (first.method, first.path, dict(first.query)) == (
        "GET",
        "/3/movie/1",
        {"api_key": "key", "language": "de"},
    )
    assert (first.headers["authorization"], first.headers["x-own"]) == ("Bearer secret", "1")
    assert (first.number, second.number, first.connection, second.connection) == (1, 2, 1, 1)
    assert first.received_at <= second.received_at
    assert (second.method, second.body) == ("POST", b'{"value":8}')


def test_the_record_is_bounded(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(keep_requests=3)
    client = connect(sandbox)
    for _ in range(5):
        client.get("movie/1")
    assert [request.number for request in sandbox.requests] == [3, 4, 5]


def test_connections_and_requests_in_flight_are_counted(tmdb_sandbox_factory, connect):
    def fetch(client: httpx.Client) -> None:
        barrier.wait()
        client.get("movie/1")

    # The long ones for a machine that is too busy to send four requests while the first one is answered.
    for latency in (0.2, 1.0, 5.0):
        sandbox = tmdb_sandbox_factory(latency=latency)
        barrier = threading.Barrier(4)
        clients = [connect(sandbox) for _ in range(4)]
        threads = [threading.Thread(target=fetch, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        clients[0].get("movie/2")
        requests = sandbox.state()["requests"]
        if requests["max_in_flight"] == 4 and requests["max_per_second"] >= 4:
            break
    connections = sandbox.connections
    assert (connections.open, connections.max_open, connections.total) == (4, 4, 4)
    assert (requests["total"], requests["in_flight"], requests["max_in_flight"]) == (5, 0, 4)
    assert 4 <= requests["max_per_second"] <= 5


def test_latency_comes_before_the_answer(tmdb_sandbox_factory, connect):
    client = connect(tmdb_sandbox_factory(latency=0.15))
    started = time.monotonic()
    client.get("movie/1")
    assert time.monotonic() - started >= 0.15


def test_ready_bodies_take_bounded_memory(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(cache_bytes=20_000)
    client = connect(sandbox)
    bodies = [client.get(f"movie/{movie_id}").content for movie_id in sandbox.movie_ids[:20]]
    assert bodies == [client.get(f"movie/{movie_id}").content for movie_id in sandbox.movie_ids[:20]]
    service = sandbox._service
    assert 0 < service._held <= 20_000
    assert len(service._replies) < 20


@coroutine_test
async def test_in_the_running_loop():
    async with Sandbox(SandboxOptions(movies=50)) as sandbox:
        async with httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
            assert (await client.get("movie/popular?api_key=x")).json()["results"]
            assert (await client.get("movie/1?api_key=x")).json()["id"] == 1
        with pytest.raises(RuntimeError, match="runs already"):
            await sandbox.start()
    await sandbox.stop()
    assert sandbox.connections.open == 0


@coroutine_test
async def test_it_starts_again_after_a_stop():
    sandbox = Sandbox(SandboxOptions(movies=50))
    for _ in range(2):
        async with sandbox, httpx.AsyncClient(base_url=sandbox.base_url, trust_env=False) as client:
            assert (await client.get("movie/popular?api_key=x")).status_code == 200


def test_stop_twice_and_a_port_that_is_taken(tmdb_sandbox):
    port = int(tmdb_sandbox.base_url.rsplit(":", 1)[1].partition("/")[0])
    other = ThreadedSandbox(SandboxOptions(port=port))
    with pytest.raises(OSError, match="in use"):
        other.start()
    other.stop()
    with pytest.raises(RuntimeError, match="runs already"):
        tmdb_sandbox.start()
    tmdb_sandbox.stop()
    tmdb_sandbox.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(tmdb_sandbox.base_url + "/movie/1", trust_env=False)


def test_ipv6():
    try:
        with ThreadedSandbox(SandboxOptions(host="::1", movies=10)) as sandbox:
            assert sandbox.base_url.startswith("http://[::1]:")
            assert (
                httpx.get(f"{sandbox.base_url}/configuration?api_key=x", trust_env=False).status_code == 200
            )
    except OSError as error:
        pytest.skip(f"no IPv6 loopback here: {error}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"host": "0.0.0.0"}, "host must be a loopback address"),
        ({"host": "example.org"}, "host must be a loopback address"),
        ({"port": -1}, "port must be between 0 and 65535"),
        ({"movies": 0}, "movies must be between 1 and"),
        ({"gaps": 1.0}, "gaps must be"),
        ({"rate_limit": 0}, "rate_limit must be at least 1"),
        ({"latency": -0.1}, "latency must be"),
        ({"latency": float("nan")}, "latency must be"),
        ({"token": " "}, "token must not be empty"),
        ({"faults": {"nonsense": 0.1}}, "unknown fault 'nonsense'"),
        ({"faults": {"500": 1.5}}, "between 0 and 1"),
        ({"faults": {"500": 0.6, "reset": 0.6}}, "add up to 1.2"),
        ({"replay": ("nowhere.jsonl",)}, "nowhere.jsonl does not exist"),
    ],
)
def test_options_outside_their_range_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SandboxOptions(**options)


def test_a_pytest_run_that_does_not_use_the_plugin_loads_nothing_but_its_module(tmp_path):
    command = [sys.executable, "-X", "importtime", "-m", "pytest", "--co", "-q", "-p", "no:cacheprovider"]
    # Other plugins load what they need, Twisted for one.
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command += ["-p", "tmdbfusion_scrapy.sandbox.pytest_plugin"]
    run = subprocess.run(command, cwd=tmp_path, env=alone, capture_output=True, text=True, check=False)
    assert run.returncode == pytest.ExitCode.NO_TESTS_COLLECTED
    loaded = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if "|" in line}
    # Pytest's own loader, which brings the plugin, is not reported.
    plugin = {f"tmdbfusion_scrapy{name}" for name in ("", ".version", ".sandbox", ".sandbox.pytest_plugin")}
    assert {name for name in loaded if name.startswith("tmdbfusion_scrapy")} <= plugin
    assert "pytest" in loaded
    assert not loaded & {"aiohttp", "httptools", "httpx", "msgspec", "scrapy", "twisted"}


def test_the_server_stands_on_asyncio_and_httptools_alone():
    script = (
        "import sys, tmdbfusion_scrapy.sandbox.server\n"
        "print([name for name in ('aiohttp', 'httpx', 'tmdbfusion_scrapy.transport') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_server_loads_neither_scrapy_nor_twisted():
    script = (
        "import sys, tmdbfusion_scrapy.sandbox.__main__\n"
        "print([name for name in ('scrapy', 'twisted') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_as_a_process():
    with SandboxProcess(["--movies", "50"]) as sandbox:
        response = httpx.get(f"{sandbox.base_url}/movie/1?api_key=x", trust_env=False)
        assert response.json()["id"] == 1
        with pytest.raises(RuntimeError, match="runs already"):
            sandbox.start()
    assert sandbox.pid is None
    sandbox.stop()


def test_a_process_that_cannot_start_shows_what_it_said():
    sandbox = SandboxProcess(["--movies", "0"])
    with pytest.raises(RuntimeError, match=r"(?s)ended with status 2.*movies must be between 1") as caught:
        sandbox.start()
    assert "Traceback" not in str(caught.value)


def exchange_bytes(sandbox, sent):
    """Send bytes and return what comes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", urlsplit(sandbox.base_url).port), timeout=300) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("latency", [0, 0.05])
def test_who_asks_for_an_upgrade_is_answered_without(latency, tmdb_sandbox_factory):
    head = b"Host: x\r\nAuthorization: Bearer abcdefgh\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    sent = b"GET /3/configuration HTTP/1.1\r\n" + head + b"\x00\x01"
    answer = exchange_bytes(tmdb_sandbox_factory(latency=latency), sent)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize("target", [b"CONNECT a.b:443", b"GET http://[/3", b"GET /3/" + b"a" * 70_000])
def test_a_target_that_is_none_is_a_bad_request(target, tmdb_sandbox, caplog):
    answer = exchange_bytes(tmdb_sandbox, target + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert not caplog.records


def test_sockets_that_come_while_it_stops_are_closed(tmdb_sandbox_factory):
    # Each one that is left to the garbage collector is a warning, and so an error.
    for _ in range(10):
        sandbox = tmdb_sandbox_factory(movies=5)
        address = ("127.0.0.1", urlsplit(sandbox.base_url).port)
        opened = [socket.create_connection(address, timeout=60) for _ in range(3)]
        sandbox.stop()
        for each in opened:
            each.close()
    gc.collect()
