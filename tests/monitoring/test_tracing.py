"""Spans and durations by OpenTelemetry's own SDK, of crawls and of both clients."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("opentelemetry.sdk", reason="not installed: opentelemetry-sdk")

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import NotFoundError, ServerError
from tmdbfusion_scrapy.monitoring.tracing import instrument

RESET = {"ReadError", "RemoteProtocolError"}
"""What a connection that was reset is, by how far the answer had come."""

DETAILS = "GET /3/movie/{movie_id}"


class SDK:
    """Providers that keep what they are told."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def named(self, name: str) -> list:
        return [span for span in self.spans.get_finished_spans() if span.name == name]

    def durations(self) -> list:
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == "http.client.request.duration"
            for point in metric.data.data_points
        ]


@pytest.fixture(scope="module")
def process() -> SDK:
    """The providers of the process, which can be set once."""
    sdk = SDK()
    trace.set_tracer_provider(sdk.tracers)
    metrics.set_meter_provider(sdk.meters)
    return sdk


@pytest.fixture
def sdk() -> SDK:
    return SDK()


def parent_of(span):
    return span.parent.span_id if span.parent else None


@coroutine_test
async def test_a_crawl(tmdb_sandbox, process):
    process.spans.clear()
    first, second, bad = tmdb_sandbox.movie_ids[:3]
    tmdb_sandbox.fail_next(503, path=f"movie/{second}")
    tmdb_sandbox.fail_next("reset", times=10, path=f"movie/{bad}")
    settings = settings_of(tmdb_sandbox.base_url, TMDB_TRACING=True)
    await crawl(MoviesSpider, settings, ids=[first, second, bad], errors=1)
    (whole,) = process.named("crawl movies")
    assert whole.attributes["tmdb.finish_reason"] == "finished"
    assert whole.attributes["tmdb.request_count"] == 6
    spans = process.named(DETAILS)
    assert len(spans) == 6
    of = {
        number: [s for s in spans if s.attributes["url.full"].endswith(f"/{number}")]
        for number in (first, second, bad)
    }
    port = int(tmdb_sandbox.base_url.rpartition(":")[2].partition("/")[0])
    (good,) = of[first]
    assert good.kind is SpanKind.CLIENT
    assert good.status.status_code is StatusCode.UNSET
    assert good.attributes["http.request.method"] == "GET"
    assert good.attributes["server.address"] == "127.0.0.1"
    assert good.attributes["server.port"] == port
    assert good.attributes["url.template"] == "/3/movie/{movie_id}"
    assert good.attributes["http.response.status_code"] == 200
    assert good.attributes["http.response.body.size"] > 0
    assert good.attributes["tmdb.operation"] == "movie-details"
    assert "http.request.resend_count" not in good.attributes
    assert good.end_time > good.start_time > whole.start_time
    # Each call has a trace of its own, linked with the crawl.
    assert good.parent is None
    assert [link.context.span_id for link in good.links] == [whole.context.span_id]
    assert len({span.context.trace_id for span in spans}) == 3
    failed, again = of[second]
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes["error.type"] == "503"
    assert again.attributes["http.request.resend_count"] == 1
    assert parent_of(again) == failed.context.span_id
    assert [span.attributes.get("http.request.resend_count") for span in of[bad]] == [None, 1, 2]
    for span in of[bad]:
        assert span.attributes["error.type"] in RESET
        assert "http.response.status_code" not in span.attributes
    assert TOKEN not in str([span.to_json() for span in process.spans.get_finished_spans()])
    counts = dict.fromkeys((None, "503", "reset"), 0)
    for point in process.durations():
        error = point.attributes.get("error.type")
        counts["reset" if error in RESET else error] += point.count
        assert point.attributes["url.template"] == "/3/movie/{movie_id}"
    assert counts == {None: 2, "503": 1, "reset": 3}


@coroutine_test
async def test_nothing_is_traced_that_was_not_asked_for(tmdb_sandbox, process):
    process.spans.clear()
    ended = await crawl(MoviesSpider, settings_of(tmdb_sandbox.base_url), ids=tmdb_sandbox.movie_ids[:2])
    assert not process.spans.get_finished_spans()
    assert not [key for response in ended.spider.responses for key in response.meta if key == "tmdb_trace"]


@coroutine_test
async def test_secrets_are_in_no_span(tmdb_sandbox, process):
    process.spans.clear()

    class SessionSpider(MoviesSpider):
        name = "session"

        async def start(self):
            yield self.tmdb.account.details(1, callback=self.parse, errback=self.failed)

    settings = settings_of(tmdb_sandbox.base_url, TMDB_TRACING=True, TMDB_SESSION_ID="session-of-the-tests")
    await crawl(SessionSpider, settings, errors=None)
    shown = str([span.to_json() for span in process.spans.get_finished_spans()])
    assert "GET /3/account/{account_id}" in shown
    assert "session-of-the-tests" not in shown


def test_a_blocking_client(tmdb_sandbox, sdk):
    tmdb_sandbox.fail_next(503, path="movie/1")
    with TMDBClient(TOKEN, base_url=tmdb_sandbox.base_url, retries=1) as client:
        stop = instrument(client, tracer_provider=sdk.tracers, meter_provider=sdk.meters)
        with sdk.tracers.get_tracer("test").start_as_current_span("job") as job:
            client.movies.details(tmdb_sandbox.movie_ids[0])
            with pytest.raises(NotFoundError):
                client.movies.details(99_999_999)
        client.movies.details(tmdb_sandbox.movie_ids[1])
        stop()
        client.movies.details(tmdb_sandbox.movie_ids[2])
    spans = sdk.named(DETAILS)
    assert len(spans) == 3 + (tmdb_sandbox.movie_ids[0] == 1)
    inside = [span for span in spans if parent_of(span) == job.get_span_context().span_id]
    assert len(inside) == len(spans) - 1
    assert inside[-1].attributes["error.type"] == "404"
    assert spans[-1].parent is None
    assert sum(point.count for point in sdk.durations()) == len(spans)
    assert TOKEN not in str([span.to_json() for span in spans])


@coroutine_test
async def test_tasks_have_their_own_parents(tmdb_sandbox, sdk):
    tracer = sdk.tracers.get_tracer("test")
    parents = {}

    async def job(number):
        with tracer.start_as_current_span(f"job {number}") as span:
            await client.movies.details(number)
            parents[number] = span.get_span_context().span_id

    async with AsyncTMDBClient(TOKEN, base_url=tmdb_sandbox.base_url) as client:
        instrument(client, tracer_provider=sdk.tracers, meter_provider=sdk.meters)
        await asyncio.gather(*map(job, tmdb_sandbox.movie_ids[:10]))
    found = {int(s.attributes["url.full"].rpartition("/")[2]): parent_of(s) for s in sdk.named(DETAILS)}
    assert found == parents


@coroutine_test
async def test_attempts_of_a_client_that_get_no_answer(tmdb_sandbox, sdk):
    number = tmdb_sandbox.movie_ids[0]
    tmdb_sandbox.fail_next("reset", times=10, path=f"movie/{number}")
    async with AsyncTMDBClient(TOKEN, base_url=tmdb_sandbox.base_url, retries=1) as client:
        instrument(client, tracer_provider=sdk.tracers, meter_provider=sdk.meters)
        with pytest.raises(ServerError):
            await client.movies.details(number)
    first, again = sdk.named(DETAILS)
    assert {first.attributes["error.type"], again.attributes["error.type"]} <= RESET
    assert again.attributes["http.request.resend_count"] == 1
    assert parent_of(again) == first.context.span_id
