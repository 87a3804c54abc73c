"""Metrics as Prometheus's own parser reads them, of a file and of an endpoint."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from pathlib import Path
from urllib.request import urlopen

import pytest

pytest.importorskip("prometheus_client", reason="not installed: prometheus-client")

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families
from scrapy import signals
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.metrics import stat_metric
from tmdbfusion_scrapy.stats import STATS


def read(text):
    """Samples by name and labels; the parser refuses what Prometheus would."""
    found = {}
    families = set()
    for family in text_string_to_metric_families(text):
        assert family.name not in families
        families.add(family.name)
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, *sorted(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def files():
    return list(Path().iterdir())


def make_folder(name):
    Path(name).mkdir()


def written(name):
    """Samples of a file, none while it is not there."""
    path = Path(name)
    return read(path.read_text("utf-8")) if path.exists() else {}


def value(samples, name, spider="movies", **labels):
    return samples.get((name, *sorted({"spider": spider, **labels}.items())))


def fetch(port):
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return answer.read().decode()


class LookingSpider(MoviesSpider):
    """Reads the endpoint while it runs."""

    def __init__(self, port=None, **kwargs):
        super().__init__(**kwargs)
        self.port = port
        self.seen = []

    async def parse(self, response):
        if not self.seen:
            self.seen.append("")
            text = await asyncio.get_running_loop().run_in_executor(None, fetch, self.port)
            self.seen[0] = text
        yield response.record


async def until(condition):
    while not condition():  # noqa: ASYNC110 - a file has no event
        await asyncio.sleep(0.02)


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@coroutine_test
async def test_file(tmdb_sandbox):
    first, second, bad = tmdb_sandbox.movie_ids[:3]
    tmdb_sandbox.fail_next(503, path=f"movie/{first}")
    tmdb_sandbox.fail_next(404, path=f"movie/{bad}")
    settings = settings_of(tmdb_sandbox.base_url, TMDB_METRICS_FILE="%(spider)s.prom")
    before = set(REGISTRY._names_to_collectors)
    await crawl(MoviesSpider, settings, ids=[first, second, bad])
    assert set(REGISTRY._names_to_collectors) == before
    assert [path.name for path in files() if ".prom" in path.name] == ["movies.prom"]
    samples = written("movies.prom")
    assert value(samples, "tmdb_request_total") == 4
    assert value(samples, "tmdb_response_status_total", status="200") == 2
    assert value(samples, "tmdb_response_status_total", status="503") == 1
    assert value(samples, "tmdb_error_total", error="NotFoundError") == 1
    assert value(samples, "tmdb_retry_total") == 1
    assert value(samples, "tmdb_item_total", kind="movies") == 2
    assert value(samples, "tmdb_stored_total", table="movies") == 2
    assert value(samples, "tmdb_pool_connections_open") is not None
    assert value(samples, "tmdb_records_done") == 3
    assert value(samples, "tmdb_records_gone") == 1
    assert value(samples, "tmdb_crawl_running") == 0
    assert value(samples, "tmdb_crawl_finished", reason="finished") == 1
    assert value(samples, "tmdb_request_duration_seconds_count") == 4
    assert value(samples, "tmdb_request_duration_seconds_bucket", le="+Inf") == 4
    assert value(samples, "tmdb_request_duration_seconds_sum") > 0


@coroutine_test
async def test_file_while_the_crawl_runs(tmdb_sandbox):
    class ReadingSpider(MoviesSpider):
        name = "reading"

        async def parse(self, response):
            await until(lambda: value(written("reading.prom"), "tmdb_request_total", "reading"))
            self.running = written("reading.prom")
            yield response.record

    settings = settings_of(
        tmdb_sandbox.base_url, TMDB_METRICS_FILE="%(spider)s.prom", TMDB_METRICS_INTERVAL="0.05"
    )
    ended = await crawl(ReadingSpider, settings, ids=tmdb_sandbox.movie_ids[:2])
    assert value(ended.spider.running, "tmdb_crawl_running", "reading") == 1
    assert value(ended.spider.running, "tmdb_connections", "reading", state="idle") is not None


@coroutine_test
async def test_endpoint(tmdb_sandbox):
    port = free_port()
    settings = settings_of(tmdb_sandbox.base_url, TMDB_METRICS_PORT=port)
    ended = await crawl(LookingSpider, settings, ids=tmdb_sandbox.movie_ids[:3], port=port)
    samples = read(ended.spider.seen[0])
    assert value(samples, "tmdb_crawl_running") == 1
    assert value(samples, "tmdb_request_total") >= 1
    assert value(samples, "tmdb_request_duration_seconds_count") >= 1
    assert sum(value for (name, *_), value in samples.items() if name == "tmdb_info") == 1
    # It is closed with the crawl, and can be opened again.
    with socket.socket() as server:
        assert server.connect_ex(("127.0.0.1", port)) != 0
    await crawl(LookingSpider, settings, ids=tmdb_sandbox.movie_ids[:1], port=port)


@coroutine_test
async def test_crawls_of_a_process_share_the_endpoint(tmdb_sandbox):
    port = free_port()
    both = asyncio.Event()
    running = []

    class PatientSpider(LookingSpider):
        async def start(self):
            running.append(self)
            if len(running) == 3:
                both.set()
            await both.wait()
            async for request in super().start():
                yield request

        async def parse(self, response):
            async for item in super().parse(response):
                yield item
            ready.append(self)
            await until(lambda: len(ready) == 3)

    class OtherSpider(PatientSpider):
        name = "other"

    ready = []
    settings = settings_of(tmdb_sandbox.base_url, TMDB_METRICS_PORT=port)
    crawls = [
        crawl(
            spider,
            settings | {"TMDB_DATABASE_URL": f"sqlite:///{n}.db"},
            ids=tmdb_sandbox.movie_ids[:1],
            port=port,
        )
        for n, spider in enumerate((PatientSpider, PatientSpider, OtherSpider))
    ]
    for ended in await asyncio.gather(*crawls):
        samples = read(ended.spider.seen[0])
        for name in ("movies", "movies#2", "other"):
            assert value(samples, "tmdb_crawl_running", name) == 1


@coroutine_test
async def test_a_port_that_is_taken(tmdb_sandbox):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        settings = settings_of(tmdb_sandbox.base_url, TMDB_METRICS_PORT=port)
        with pytest.raises(ConfigurationError, match=rf"TMDB_METRICS_PORT is {port}.*set it to a free port"):
            await AsyncCrawlerRunner(Settings(settings)).crawl(MoviesSpider, ids=[1])
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_a_file_that_cannot_be_written_any_more(tmdb_sandbox, caplog):
    make_folder("metrics")
    settings = settings_of(tmdb_sandbox.base_url, TMDB_METRICS_FILE="metrics/tmdb.prom")
    runner = AsyncCrawlerRunner(Settings(settings))
    crawler = runner.create_crawler(MoviesSpider)

    def spoil():
        shutil.rmtree("metrics")

    crawler.signals.connect(spoil, signals.spider_closed)
    await runner.crawl(crawler, ids=tmdb_sandbox.movie_ids[:1])
    assert crawler.stats.get_value("finish_reason") == "finished"
    assert "TMDB_METRICS_FILE cannot be written" in caplog.text


@pytest.mark.parametrize("stat", STATS)
def test_names_are_prometheus_own(stat):
    metric = stat_metric(stat)
    assert re.fullmatch(r"tmdb(_[a-z0-9]+)+", metric.name)
    assert metric.is_counter == metric.name.endswith("_total")
    assert not metric.name.endswith("_count_total")
    assert ("<" in stat) == bool(metric.label)
    assert metric.label is None or re.fullmatch(r"[a-z_]+", metric.label)
