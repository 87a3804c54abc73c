"""Metrics for Prometheus (extra ``metrics``): stats and state of a crawl, in a file or at an HTTP endpoint.

Nothing is counted twice: the numbers are read from the stats and from ``crawler.tmdb`` when somebody asks for
them. Only the histogram of latencies is told of each request.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import os
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapy import signals

from tmdbfusion_scrapy.crawling.session import traffic_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring import check_folder
from tmdbfusion_scrapy.monitoring.status import status_of
from tmdbfusion_scrapy.settings import SETTINGS, read_integer, read_number, settings_of
from tmdbfusion_scrapy.stats import GAUGES, STATS
from tmdbfusion_scrapy.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.attempts import Attempt
    from tmdbfusion_scrapy.monitoring.status import Snapshot
    from tmdbfusion_scrapy.settings import SettingsReader

logger = logging.getLogger(__name__)

DURATION = "tmdb_request_duration_seconds"
"""Name of the histogram."""

_BUCKETS = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)

_LABELS = {"ErrorName": "error", "Model.field": "field", "ItemClass": "item"}
"""Names of labels where they are not the word between the angle brackets of a stat."""

_PATIENCE = 5.0
"""Seconds that the endpoint waits for a busy event loop."""

_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    """Places that metrics go to."""

    file: str | None
    interval: float
    host: str
    port: int | None

    @classmethod
    def from_settings(cls, settings: SettingsReader) -> MetricsOptions:
        """Read the settings ``TMDB_METRICS_*``.

        Raises:
            ConfigurationError: One cannot be used; the message names it and the fix.
        """
        interval = read_number(settings, "TMDB_METRICS_INTERVAL")
        if interval <= 0:
            raise ConfigurationError("TMDB_METRICS_INTERVAL is 0: set it to seconds above 0, such as 15")
        port = read_integer(settings, "TMDB_METRICS_PORT")
        if port is not None and port > _HIGHEST_PORT:
            raise ConfigurationError(
                f"TMDB_METRICS_PORT is {port}: set it to a port from 0 to {_HIGHEST_PORT}"
            )
        host = settings.get("TMDB_METRICS_HOST")
        host = SETTINGS["TMDB_METRICS_HOST"].default if host is None else str(host).strip()
        if not host:
            raise ConfigurationError(
                "TMDB_METRICS_HOST is empty: set it to an address such as 127.0.0.1, or to 0.0.0.0 for all"
            )
        return cls(_check_file(settings.get("TMDB_METRICS_FILE")), interval, host, port)


def _check_file(value: object) -> str | None:
    """Return ``TMDB_METRICS_FILE``, of which the folder must be there."""
    if value is None or not str(value).strip():
        return None
    path = str(value)
    try:
        folder = Path(path % {"spider": "spider"}).parent
    except (TypeError, ValueError, KeyError):
        raise ConfigurationError(
            f"TMDB_METRICS_FILE is {path!r}: set it to a path in which %(spider)s is the only placeholder, and a "
            "% of its own is written %%"
        ) from None
    check_folder("TMDB_METRICS_FILE", path, folder)
    return path


class StatMetric(NamedTuple):
    """Metric that a stat becomes."""

    name: str
    label: str | None
    is_counter: bool
    text: str


def stat_metric(stat: str) -> StatMetric:
    """Return the metric of a stat that is named as in ``STATS``, such as ``tmdb/error_count/<ErrorName>``."""
    fixed, _, placeholder = stat.partition("/<")
    name = fixed.replace("/", "_")
    word = placeholder.rstrip(">")
    label = _LABELS.get(word, word) or None
    is_counter = stat not in GAUGES
    if is_counter:
        name = f"{name.removesuffix('_count')}_total"
    return StatMetric(name, label, is_counter, STATS[stat].replace("``", ""))


_FIXED = {stat: stat_metric(stat) for stat in STATS if "<" not in stat}
_OPEN_ENDED = {stat.partition("<")[0]: stat_metric(stat) for stat in STATS if "<" in stat}

_GAUGES = {
    "wanted": ("tmdb_records_wanted", "Records that the crawl is for, as far as its source has told."),
    "done": ("tmdb_records_done", "Records that are dealt with, of those wanted."),
    "stored": ("tmdb_records_stored", "Records that were stored."),
    "unchanged": ("tmdb_records_unchanged", "Records that had not changed."),
    "gone": ("tmdb_records_gone", "Records that TMDB has no more."),
    "failed": ("tmdb_records_failed", "Records whose call failed for good."),
    "elapsed": ("tmdb_crawl_elapsed_seconds", "Seconds since the spider was opened."),
    "requests_per_second": ("tmdb_requests_per_second", "Requests a second, over the last 10 seconds."),
    "waiting": ("tmdb_requests_waiting", "Requests that wait for a connection."),
    "retries_waiting": ("tmdb_retries_waiting", "Retries that wait until they are due."),
    "paused_for": ("tmdb_pause_remaining_seconds", "Seconds that no request is sent yet, after a 429."),
    "memory": ("tmdb_memory_bytes", "Memory of the process."),
}
"""Names and texts of the metrics that fields of the snapshot become."""


class Sample(NamedTuple):
    """One number, with the labels that it has besides the spider's."""

    metric: StatMetric
    labels: tuple[str, ...]
    value: float


class Latencies:
    """Histogram of how long TMDB took to answer, told of each attempt."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._counts = [0] * (len(_BUCKETS) + 1)
        self.sum = 0.0

    def __call__(self, attempt: Attempt) -> None:
        """Count an attempt that was answered."""
        if attempt.status is not None and attempt.base_url == self._base_url:
            self._counts[bisect_left(_BUCKETS, attempt.seconds)] += 1
            self.sum += attempt.seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return upper bounds and how many were within each."""
        bounds = [*map(str, _BUCKETS), "+Inf"]
        return list(zip(bounds, map(float, accumulate(self._counts)), strict=True))


class CrawlMetrics:
    """Metrics of one crawl, read when they are asked for."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._loop = asyncio.get_running_loop()
        # The reason that the spider was closed for.
        self.reason: str | None = None
        self.latencies = Latencies(settings_of(crawler.settings).api_url)

    def samples(self) -> list[Sample]:
        """Return all numbers but the histogram's; to be called in the event loop of the crawl."""
        found = [*_samples_of_stats(self._crawler.stats.get_stats())]
        found += _samples_of_snapshot(status_of(self._crawler).snapshot())
        is_running = float(self.reason is None)
        found.append(_gauge("tmdb_crawl_running", "1 while the crawl runs, 0 when it has ended.", is_running))
        if self.reason is not None:
            text = "1, by the reason that the crawl has ended for."
            found.append(_gauge("tmdb_crawl_finished", text, 1.0, reason=self.reason))
        return found

    def samples_from_thread(self) -> list[Sample]:
        """Return the same in another thread; empty where the event loop does not answer."""
        future: concurrent.futures.Future[list[Sample]] = concurrent.futures.Future()

        def read() -> None:
            try:
                future.set_result(self.samples())
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                future.set_exception(error)

        try:
            self._loop.call_soon_threadsafe(read)
            return future.result(_PATIENCE)
        except (RuntimeError, TimeoutError, concurrent.futures.TimeoutError):
            return []


class CrawlCollector:
    """Collector of ``prometheus_client`` for some crawls, told apart by the label ``spider``."""

    def __init__(self, *, is_threaded: bool) -> None:
        self._is_threaded = is_threaded
        self._crawls: dict[str, CrawlMetrics] = {}

    def __len__(self) -> int:
        return len(self._crawls)

    def add(self, name: str, crawl: CrawlMetrics) -> str:
        """Take in a crawl and return its label; that of a second one of a spider has a number at its end."""
        free = (label for number in count(1) if (label := f"{name}#{number}" if number > 1 else name))
        label = next(label for label in free if label not in self._crawls)
        self._crawls[label] = crawl
        return label

    def remove(self, label: str) -> None:
        """Let a crawl go."""
        del self._crawls[label]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all crawls."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        families: dict[str, Any] = {}
        durations = HistogramMetricFamily(
            DURATION, "Time from sending a request to TMDB to the end of its answer.", labels=["spider"]
        )
        for spider, crawl in tuple(self._crawls.items()):
            samples = crawl.samples_from_thread() if self._is_threaded else crawl.samples()
            for metric, values, value in samples:
                family = families.get(metric.name)
                if family is None:
                    labels = ["spider", *([metric.label] if metric.label else [])]
                    make = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
                    family = families[metric.name] = make(metric.name, metric.text, labels=labels)
                family.add_metric([spider, *values], value)
            durations.add_metric([spider], crawl.latencies.buckets(), crawl.latencies.sum)
        yield from families.values()
        yield durations


class MetricsServer:
    """HTTP endpoint that the crawls of a process share: one for each address."""

    _open: dict[tuple[str, int], MetricsServer] = {}  # noqa: RUF012 - of the process, as a port is

    def __init__(self, host: str, port: int) -> None:
        from prometheus_client import start_http_server

        self._key = host, port
        self.collector = CrawlCollector(is_threaded=True)
        try:
            self._server, self._thread = start_http_server(port, host, _registry_of(self.collector))
        except OSError as error:
            raise ConfigurationError(
                f"TMDB_METRICS_PORT is {port}, and {host}:{port} cannot be opened ({error}): set it to a free "
                "port, or to 0 for any, and TMDB_METRICS_HOST to an address of this machine"
            ) from None
        bound, self.port = self._server.server_address[:2]
        logger.info("Metrics for Prometheus are at http://%s:%d/metrics", bound, self.port)

    @classmethod
    def of(cls, host: str, port: int) -> MetricsServer:
        """Return the endpoint at an address, opened if need be.

        Raises:
            ConfigurationError: It cannot be opened.
        """
        key = host, port
        if key not in cls._open:
            cls._open[key] = cls(host, port)
        return cls._open[key]

    async def remove(self, label: str) -> None:
        """Let a crawl go, and close the endpoint after the last one."""
        self.collector.remove(label)
        if not len(self.collector):
            self._open.pop(self._key, None)
            # Takes up to half a second.
            await asyncio.get_running_loop().run_in_executor(None, self._close)

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class PrometheusMetrics:
    """Extension of ``TMDB_METRICS_FILE`` and ``TMDB_METRICS_PORT``."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._options = MetricsOptions.from_settings(crawler.settings)
        self._crawl: CrawlMetrics | None = None
        self._writing: asyncio.Task[None] | None = None
        self._server: MetricsServer | None = None
        if self._options.port is not None:
            # Before the crawl starts, which a port that is taken keeps from starting.
            self._server = MetricsServer.of(self._options.host, self._options.port)
        crawler.signals.connect(self._open, signals.spider_opened)
        crawler.signals.connect(self._note_end, signals.spider_closed)
        crawler.signals.connect(self._close, signals.engine_stopped)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension of a crawl.

        Raises:
            ConfigurationError: The port is taken.
        """
        return cls(crawler)

    def _open(self, spider: Spider) -> None:
        self._crawl = crawl = CrawlMetrics(self._crawler)
        traffic_of(self._crawler).observers.append(crawl.latencies)
        if self._server is not None:
            self._label = self._server.collector.add(spider.name, crawl)
        if self._options.file is not None:
            self._path = self._options.file % {"spider": spider.name}
            collector = CrawlCollector(is_threaded=False)
            collector.add(spider.name, crawl)
            self._registry = _registry_of(collector)
            self._writing = asyncio.ensure_future(self._write_again_and_again())

    def _note_end(self, reason: str) -> None:
        if self._crawl is not None:
            self._crawl.reason = reason

    async def _close(self) -> None:
        if self._writing is not None:
            self._writing.cancel()
            self._write()
        if self._crawl is not None:
            traffic_of(self._crawler).observers.remove(self._crawl.latencies)
            if self._server is not None:
                await self._server.remove(self._label)

    async def _write_again_and_again(self) -> None:
        while True:
            self._write()
            await asyncio.sleep(self._options.interval)

    def _write(self) -> None:
        """Write the file; who reads it meanwhile finds the one before."""
        from prometheus_client import write_to_textfile

        try:
            write_to_textfile(self._path, self._registry)
        except OSError as error:
            logger.warning(
                "TMDB_METRICS_FILE cannot be written (%s): make %s writable, or name another folder. The crawl "
                "goes on without.",
                error,
                os.fspath(self._path),
                extra={"spider": self._crawler.spider},
            )


def _registry_of(collector: CrawlCollector) -> CollectorRegistry:
    """Return a registry that nobody else has."""
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(collector)
    return registry


def _samples_of_stats(stats: Mapping[str, Any]) -> Iterator[Sample]:
    """Yield what the stats of ours hold."""
    for stat, value in stats.items():
        if not stat.startswith("tmdb/") or not isinstance(value, int | float):
            continue
        if stat in _FIXED:
            yield Sample(_FIXED[stat], (), value)
            continue
        # The end may have slashes, as parts have: season/1.
        for start in (stat[: at + 1] for at, letter in enumerate(stat) if letter == "/"):
            if start in _OPEN_ENDED:
                yield Sample(_OPEN_ENDED[start], (stat[len(start) :],), value)


def _samples_of_snapshot(now: Snapshot) -> Iterator[Sample]:
    """Yield what ``crawler.tmdb`` tells besides the stats."""
    for field, (name, text) in _GAUGES.items():
        if (value := getattr(now, field)) is not None:
            yield _gauge(name, text, value)
    text = "Open connections, by what they do."
    yield _gauge("tmdb_connections", text, now.connections.active, state="active")
    yield _gauge("tmdb_connections", text, now.connections.idle, state="idle")
    if now.limited_by is not None:
        text = "1, by what keeps the crawl from being faster."
        yield _gauge("tmdb_limited", text, 1, by=now.limited_by)
    yield _gauge("tmdb_info", "1, by the version of tmdbfusion-scrapy.", 1, version=__version__)


def _gauge(name: str, text: str, value: float, **labels: str) -> Sample:
    """Return a number that may fall again, with a label or none."""
    return Sample(StatMetric(name, next(iter(labels), None), False, text), tuple(labels.values()), value)
