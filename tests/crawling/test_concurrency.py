"""Scrapy's concurrency settings, seen from the server."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import scrapy

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of


class GatheringServer(ThreadingHTTPServer):
    """TMDB server that answers when so many requests are there together; counts connections.

    On a busy machine no delay is long enough to say how many there are at once.
    """

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, together: int) -> None:
        super().__init__(("127.0.0.1", 0), GatheredRequest)
        # One request too many would come meanwhile.
        self.gate = threading.Barrier(together, action=lambda: time.sleep(0.05), timeout=60)
        self.lock = threading.Lock()
        self.in_flight = self.most_in_flight = 0
        self.open = self.most_open = 0
        self.base_url = f"http://127.0.0.1:{self.server_port}/3"


class GatheredRequest(BaseHTTPRequestHandler):
    """Connection of a gathering server."""

    protocol_version = "HTTP/1.1"
    server: GatheringServer

    def setup(self):
        with self.server.lock:
            self.server.open += 1
            self.server.most_open = max(self.server.most_open, self.server.open)
        super().setup()

    def finish(self):
        super().finish()
        with self.server.lock:
            self.server.open -= 1

    def do_GET(self):
        with self.server.lock:
            self.server.in_flight += 1
            self.server.most_in_flight = max(self.server.most_in_flight, self.server.in_flight)
        self.server.gate.wait()
        with self.server.lock:
            self.server.in_flight -= 1
        body = json.dumps({"id": int(self.path.split("?")[0].rpartition("/")[2]), "title": "Any"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json;charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def gathering_server():
    servers = []

    def start(together):
        server = GatheringServer(together)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({"CONCURRENT_REQUESTS": 3, "CONCURRENT_REQUESTS_PER_DOMAIN": 50}, 3),
        ({"CONCURRENT_REQUESTS": 50, "CONCURRENT_REQUESTS_PER_DOMAIN": 5}, 5),
        ({"CONCURRENT_REQUESTS": 50, "DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 6}}}, 6),
        ({"CONCURRENT_REQUESTS": 50, "TMDB_MAX_CONNECTIONS": 2}, 2),
        ({"CONCURRENT_REQUESTS": 1}, 1),
        # 0 is no limit; the other limit holds.
        ({"CONCURRENT_REQUESTS": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 4}, 4),
        ({"CONCURRENT_REQUESTS": 7, "CONCURRENT_REQUESTS_PER_DOMAIN": 0}, 7),
        ({"CONCURRENT_REQUESTS": 9, "DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 0}}}, 9),
        ({"CONCURRENT_REQUESTS": 10, "CONCURRENT_REQUESTS_PER_DOMAIN": 10, "TMDB_MAX_CONNECTIONS": 0}, 10),
        # From the command line, settings are text.
        ({"CONCURRENT_REQUESTS": "50", "DOWNLOAD_SLOTS": '{"tmdb": {"concurrency": 2}}'}, 2),
    ],
    ids=str,
)
@coroutine_test
async def test_the_most_connections_that_the_server_sees(gathering_server, settings, most):
    server = gathering_server(together=most)
    ids = set(range(1, 3 * most + 1))
    ended = await crawl(MoviesSpider, settings_of(server.base_url, **settings), ids=ids)
    assert ended.ids == ids
    assert server.most_open == most
    assert server.most_in_flight == most
    assert ended.stats["tmdb/pool/connections_opened"] == most
    assert ended.stats["tmdb/pool/connections_reused"] == 2 * most


@coroutine_test
async def test_no_limit_at_all(gathering_server):
    server = gathering_server(together=40)
    ids = set(range(1, 41))
    settings = settings_of(server.base_url, CONCURRENT_REQUESTS=0, CONCURRENT_REQUESTS_PER_DOMAIN=0)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    assert ended.ids == ids
    assert server.most_open == 40


@pytest.mark.parametrize("name", ["CONCURRENT_REQUESTS", "CONCURRENT_REQUESTS_PER_DOMAIN"])
@coroutine_test
async def test_no_limit_is_none_for_other_hosts_either(tmdb_sandbox, raw_server, name):
    class OtherSpider(MoviesSpider):
        name = "other"

        async def start(self):
            yield scrapy.Request(raw_server.url, callback=self.parse_other)

        def parse_other(self, response):
            yield {"status": response.status}

    ended = await crawl(OtherSpider, settings_of(tmdb_sandbox.base_url, **{name: 0}))
    assert ended.items == [{"status": 200}]


@coroutine_test
async def test_idle_connections_that_are_not_kept(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:10]
    settings = settings_of(tmdb_sandbox.base_url, CONCURRENT_REQUESTS=1, TMDB_MAX_KEEPALIVE_CONNECTIONS=0)
    await crawl(MoviesSpider, settings, ids=ids)
    assert tmdb_sandbox.connections.total == 10


@coroutine_test
async def test_the_pace_holds(tmdb_sandbox):
    ids = tmdb_sandbox.movie_ids[:12]
    settings = settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=20)
    ended = await crawl(MoviesSpider, settings, ids=ids)
    times = [seen.received_at for seen in tmdb_sandbox.requests]
    # A burst of 5 at once, then one each 50 ms.
    assert times[-1] - times[0] >= 0.05 * (12 - 5) - 0.01
    assert ended.stats["tmdb/pacing/wait_count"] >= 1
    assert ended.stats["tmdb/pacing/requests_per_second"] == 20


@coroutine_test
async def test_no_connection_is_left_open(tmdb_sandbox):
    await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=tmdb_sandbox.movie_ids[:10])
    while tmdb_sandbox.connections.open:
        pass
