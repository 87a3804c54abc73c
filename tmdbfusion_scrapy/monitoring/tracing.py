"""OpenTelemetry (extra ``otel``): a span and a duration for each request of crawls and clients.

This package tells OpenTelemetry's API; whether and where spans and metrics go is up to the SDK that the process
sets up. Names are those of OpenTelemetry's semantic conventions for HTTP clients.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS
from tmdbfusion_scrapy.version import __version__

try:
    from opentelemetry import metrics, trace
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError as error:
    raise ImportError("traces need opentelemetry-api: pip install 'tmdbfusion-scrapy[otel]'") from error

if TYPE_CHECKING:
    from collections.abc import Callable

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.attempts import Attempt
    from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient

TRACE_KEY = "tmdb_trace"
"""Key under which a call keeps the ``traceparent`` of its first attempt, in the meta of its request."""

_SCHEMA = "https://opentelemetry.io/schemas/1.27.0"

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds, as the conventions advise."""

_SECRET = re.compile(rf"(?<=[?&])({'|'.join(sorted({*SECRET_PARAMETERS, 'api_key'}))})=[^&#]*")
"""Secrets in the query of a URL that a user has written; those of calls are not in their URLs."""


class RequestTelemetry:
    """Observer that tells OpenTelemetry of each attempt when it has ended.

    Args:
        tracer_provider: By default the process's.
        meter_provider: By default the process's.
        follows_caller: Whether spans are children of the span in which the call is made. Otherwise the first
            attempt of a call begins a trace, which its retries and the requests for more of its parts are in.
        link: Span of the crawl, which the first span of each trace is linked with.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        *,
        follows_caller: bool = True,
        link: trace.Span | None = None,
    ) -> None:
        self._tracer = trace.get_tracer("tmdbfusion_scrapy", __version__, tracer_provider, _SCHEMA)
        meter = metrics.get_meter("tmdbfusion_scrapy", __version__, meter_provider, _SCHEMA)
        self._duration = meter.create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._follows_caller = follows_caller
        self._links = [trace.Link(link.get_span_context())] if link is not None else []
        self._propagator = TraceContextTextMapPropagator()

    def __call__(self, attempt: Attempt) -> None:
        """Tell of an attempt."""
        host, port, prefix = _server_of(attempt.base_url)
        attributes: dict[str, Any] = {
            "http.request.method": attempt.method,
            "server.address": host,
            "server.port": port,
        }
        name = attempt.method
        if attempt.operation_id is not None:
            template = f"{prefix}/{OPERATIONS[attempt.operation_id].path}"
            attributes["url.template"] = template
            name = f"{name} {template}"
        if attempt.status is not None:
            attributes["http.response.status_code"] = attempt.status
        fault = str(attempt.status) if (attempt.status or 0) >= 400 else attempt.error
        if fault is not None:
            attributes["error.type"] = fault
        self._duration.record(attempt.seconds, attributes)
        self._trace(attempt, name, attributes, failed=fault is not None)

    def _trace(self, attempt: Attempt, name: str, attributes: dict[str, Any], *, failed: bool) -> None:
        """Make the span of an attempt, which has ended already."""
        end = int(attempt.ended * 1e9)
        more: dict[str, Any] = {
            "url.full": _SECRET.sub(r"\1=REDACTED", attempt.url),
            "tmdb.wait_seconds": round(attempt.waited, 6),
        }
        if attempt.operation_id is not None:
            more["tmdb.operation"] = attempt.operation_id
        if attempt.retries:
            more["http.request.resend_count"] = attempt.retries
        if attempt.size is not None:
            more["http.response.body.size"] = attempt.size
        # None stands for the context of the caller.
        context: Context | None = None
        is_first = False
        if not (self._follows_caller and trace.get_current_span().get_span_context().is_valid):
            begun = attempt.memory.get(TRACE_KEY)
            is_first = begun is None
            context = Context() if is_first else self._propagator.extract({"traceparent": begun}, Context())
        span = self._tracer.start_span(
            name,
            context,
            kind=trace.SpanKind.CLIENT,
            attributes={**attributes, **more},
            links=self._links if is_first else None,
            start_time=end - int(attempt.seconds * 1e9),
        )
        if failed:
            span.set_status(trace.StatusCode.ERROR)
        span.end(end)
        if is_first and span.get_span_context().is_valid:
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier, trace.set_span_in_context(span, Context()))
            attempt.memory[TRACE_KEY] = carrier["traceparent"]


class RequestTracing:
    """Extension of ``TMDB_TRACING``: a span for the crawl, and one for each attempt of each request to TMDB.

    Each call has a trace of its own, so that a sampler can take one in a thousand; it is linked with the crawl's
    span, which has what came of the crawl.
    """

    def __init__(self, crawler: Crawler) -> None:
        # Clients do without Scrapy.
        from scrapy import signals

        from tmdbfusion_scrapy.crawling.session import traffic_of

        self._crawler = crawler
        self._observers = traffic_of(crawler).observers
        self._span: trace.Span | None = None
        crawler.signals.connect(self._open, signals.spider_opened)
        crawler.signals.connect(self._close, signals.spider_closed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the extension of a crawl."""
        return cls(crawler)

    def _open(self, spider: Spider) -> None:
        tracer = trace.get_tracer("tmdbfusion_scrapy", __version__, schema_url=_SCHEMA)
        self._span = tracer.start_span(f"crawl {spider.name}", attributes={"tmdb.spider": spider.name})
        self._telemetry = RequestTelemetry(follows_caller=False, link=self._span)
        self._observers.append(self._telemetry)

    def _close(self, reason: str) -> None:
        self._observers.remove(self._telemetry)
        assert self._span is not None  # noqa: S101 - the spider was opened
        self._span.set_attribute("tmdb.finish_reason", reason)
        for name, value in self._crawler.stats.get_stats().items():
            if name.startswith("tmdb/") and name.count("/") == 1 and isinstance(value, int | float):
                self._span.set_attribute(name.replace("/", "."), value)
        self._span.end()


def instrument(
    client: TMDBClient | AsyncTMDBClient,
    *,
    tracer_provider: trace.TracerProvider | None = None,
    meter_provider: metrics.MeterProvider | None = None,
) -> Callable[[], None]:
    """Tell OpenTelemetry of each request of a client, as a child of the span in which the call is made.

    Args:
        client: The client; a second time does no harm and counts twice.
        tracer_provider: By default the process's.
        meter_provider: By default the process's.

    Returns:
        A function that ends it.
    """
    telemetry = RequestTelemetry(tracer_provider, meter_provider)
    client.observers.append(telemetry)

    def stop() -> None:
        if telemetry in client.observers:
            client.observers.remove(telemetry)

    return stop


@lru_cache(maxsize=32)
def _server_of(base_url: str) -> tuple[str, int, str]:
    """Return host, port and path of a base URL."""
    parts = urlsplit(base_url)
    return (
        parts.hostname or "",
        parts.port or (443 if parts.scheme == "https" else 80),
        parts.path.rstrip("/"),
    )
