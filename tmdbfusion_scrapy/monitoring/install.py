"""Installation of all that watches a crawl, and the settings of metrics, traces and JSON logs, checked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from scrapy.utils.misc import load_object

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.json_log import JSONLog, install_early
from tmdbfusion_scrapy.settings import SETTINGS, read_boolean, read_integer, read_number

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.settings import SettingsReader

EXTENSIONS = {
    "tmdbfusion_scrapy.monitoring.status.CrawlStatus": 0,
    "tmdbfusion_scrapy.monitoring.progress.Progress": 1,
    "tmdbfusion_scrapy.monitoring.summary.Summary": 2,
    "tmdbfusion_scrapy.monitoring.recorder.RunRecorder": 10,
}
"""Import paths of the extensions of every crawl, and their order."""
METRICS = "tmdbfusion_scrapy.monitoring.metrics.PrometheusMetrics"
TRACING = "tmdbfusion_scrapy.monitoring.tracing.RequestTracing"

REPORT = "TMDB_REPORT"

_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class MetricsOptions:
    """Places that metrics go to.

    Args:
        file: Path with ``%(spider)s`` for the spider's name; ``None`` for no file.
        interval: Seconds between two writes.
        host: Address of the endpoint.
        port: Its port, 0 for a free one; ``None`` for no endpoint.
    """

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


def install_monitoring(settings: BaseSettings) -> None:
    """Install the extensions of every crawl, and what the settings ask for of metrics, traces and JSON logs.

    Args:
        settings: Those of the crawl; what the user set wins.

    Raises:
        ConfigurationError: A setting is of no use, or its library is missing.
    """
    report_path(settings)
    for path, order in EXTENSIONS.items():
        settings.setdefault_in_component_priority_dict("EXTENSIONS", load_object(path), order)
    metrics = MetricsOptions.from_settings(settings)
    if metrics.file is not None or metrics.port is not None:
        name = "TMDB_METRICS_PORT" if metrics.file is None else "TMDB_METRICS_FILE"
        _require("prometheus_client", name, "metrics")
        settings.setdefault_in_component_priority_dict("EXTENSIONS", load_object(METRICS), 0)
    if read_boolean(settings, "TMDB_TRACING"):
        _require("opentelemetry.metrics", "TMDB_TRACING", "otel")
        settings.setdefault_in_component_priority_dict("EXTENSIONS", load_object(TRACING), 0)
    if read_boolean(settings, "TMDB_LOG_JSON"):
        install_early(settings)
        # Before all others, for what they log as they are made.
        settings.setdefault_in_component_priority_dict("EXTENSIONS", JSONLog, -1000)
    read_number(settings, "TMDB_MONITOR_MIN_COVERAGE", most=1)
    read_number(settings, "TMDB_MONITOR_MAX_FAILURE_RATE", most=1)
    read_number(settings, "TMDB_MONITOR_MAX_DRIFT")


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
    _check_folder("TMDB_METRICS_FILE", path, folder)
    return path


def report_path(settings: SettingsReader) -> Path | None:
    """Return the file of ``TMDB_REPORT``; ``None`` for none.

    Raises:
        ConfigurationError: Its folder cannot be written to, or it is a folder itself.
    """
    value = settings.get(REPORT)
    if value is None or not str(value).strip():
        return None
    path = Path(str(value)).expanduser()
    if path.is_dir():
        raise ConfigurationError(
            f"{REPORT} is {str(path)!r}, a folder: name a file in it, such as report.html"
        )
    _check_folder(REPORT, str(path), path.parent)
    return path


def _check_folder(setting: str, path: str, folder: Path) -> None:
    """Refuse a file whose folder is not there, or cannot be written to."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{setting} is {path!r}, and {str(folder)!r} is no folder that can be written to: make it, or name "
            "another one"
        )


def _require(module: str, setting: str, extra: str) -> None:
    """Refuse a setting whose library is not there."""
    try:
        import_module(module)
    except ImportError:
        library = {"metrics": "prometheus-client", "otel": "opentelemetry-api"}[extra]
        raise ConfigurationError(
            f"{setting} is set and needs {library}: pip install 'tmdbfusion-scrapy[{extra}]', or unset it"
        ) from None
