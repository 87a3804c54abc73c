"""CPU time that metrics, traces and JSON logs cost, for each request or line.

python benchmarks/observability.py
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from scrapy import Request

from tmdbfusion_scrapy.attempts import Attempt
from tmdbfusion_scrapy.monitoring.json_log import JSONFormatter
from tmdbfusion_scrapy.monitoring.metrics import Latencies
from tmdbfusion_scrapy.monitoring.tracing import RequestTelemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

ROUNDS = 20_000
BASE_URL = "https://api.themoviedb.org/3"


class Nowhere(SpanExporter):
    """Takes spans and does nothing with them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:  # noqa: ARG002 - the interface
        """Say that all went well."""
        return SpanExportResult.SUCCESS


def attempt() -> Attempt:
    """Return an attempt as a crawl makes it."""
    url = f"{BASE_URL}/movie/550"
    return Attempt("GET", url, BASE_URL, "movie-details", 0, time.time(), 0.05, 0.0, 200, None, 4000, {})


def measure(name: str, function: Callable[[], Any]) -> None:
    """Print the CPU time of a call, the best of three."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        for _ in range(ROUNDS):
            function()
        best = min(best, (time.process_time() - begun) / ROUNDS)
    print(f"{name:45} {best * 1e6:6.1f} us")


def telemetry(ratio: float) -> RequestTelemetry:
    """Return an observer with the SDK, of which a part of the traces is taken."""
    tracers = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio)))
    tracers.add_span_processor(BatchSpanProcessor(Nowhere()))
    return RequestTelemetry(tracers, MeterProvider(), follows_caller=False)


def main() -> None:
    """Measure all."""
    latencies, whole, sampled = Latencies(BASE_URL), telemetry(1.0), telemetry(0.001)
    measure("an attempt is made", attempt)
    measure("the same, in Prometheus's histogram", lambda: latencies(attempt()))
    measure("the same, as a span and a duration", lambda: whole(attempt()))
    measure("the same, one span in a thousand", lambda: sampled(attempt()))
    request = Request(f"{BASE_URL}/movie/550", meta={"tmdb_call": {"operation": "movie-details"}})
    record = logging.LogRecord("scrapy", 10, "", 0, "Crawled (%(status)s) %(request)s", ({},), None)
    record.args = {"status": 200, "request": request}
    plain, as_json = logging.Formatter("%(asctime)s [%(name)s] %(levelname)s: %(message)s"), JSONFormatter()
    measure("a line of the log", lambda: plain.format(record))
    measure("the same, as JSON", lambda: as_json.format(record))


if __name__ == "__main__":
    main()
