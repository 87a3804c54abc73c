"""Crawls watched: what a user sees of them, reports, metrics, traces, monitors, checks of what they need."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from scrapy.settings import BaseSettings

EXTENSIONS = {
    "tmdbfusion_scrapy.monitoring.status.CrawlStatus": 0,
    "tmdbfusion_scrapy.monitoring.progress.Progress": 1,
    "tmdbfusion_scrapy.monitoring.summary.Summary": 2,
    "tmdbfusion_scrapy.monitoring.recorder.RunRecorder": 10,
}
"""Import paths of the extensions of every crawl, and their order."""


def install_monitoring(settings: BaseSettings) -> None:
    """Install the extensions of every crawl, and what the settings ask for of metrics, traces and JSON logs.

    Raises:
        ConfigurationError: A setting is of no use, or its library is missing.
    """
    from scrapy.utils.misc import load_object

    from tmdbfusion_scrapy.monitoring.json_log import JSONLog, install_early
    from tmdbfusion_scrapy.monitoring.metrics import MetricsOptions
    from tmdbfusion_scrapy.monitoring.recorder import report_path
    from tmdbfusion_scrapy.settings import read_boolean, read_number

    report_path(settings)
    extensions = {load_object(path): order for path, order in EXTENSIONS.items()}
    metrics = MetricsOptions.from_settings(settings)
    if metrics.file is not None or metrics.port is not None:
        name = "TMDB_METRICS_PORT" if metrics.file is None else "TMDB_METRICS_FILE"
        _require("prometheus_client", name, "metrics", "prometheus-client")
        extensions[load_object(f"{__name__}.metrics.PrometheusMetrics")] = 0
    if read_boolean(settings, "TMDB_TRACING"):
        _require("opentelemetry.metrics", "TMDB_TRACING", "otel", "opentelemetry-api")
        extensions[load_object(f"{__name__}.tracing.RequestTracing")] = 0
    if read_boolean(settings, "TMDB_LOG_JSON"):
        install_early(settings)
        # Before all others, for what they log as they are made.
        extensions[JSONLog] = -1000
    for extension, order in extensions.items():
        settings.setdefault_in_component_priority_dict("EXTENSIONS", extension, order)
    for name in ("MIN_COVERAGE", "MAX_FAILURE_RATE"):
        read_number(settings, f"TMDB_MONITOR_{name}", most=1)
    read_number(settings, "TMDB_MONITOR_MAX_DRIFT")


def check_folder(setting: str, path: str, folder: Path) -> None:
    """Refuse a file whose folder is not there, or cannot be written to."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{setting} is {path!r}, and {str(folder)!r} is no folder that can be written to: make it, or name "
            "another one"
        )


def _require(module: str, setting: str, extra: str, library: str) -> None:
    """Refuse a setting whose library is not there."""
    try:
        import_module(module)
    except ImportError:
        raise ConfigurationError(
            f"{setting} is set and needs {library}: pip install 'tmdbfusion-scrapy[{extra}]', or unset it"
        ) from None
