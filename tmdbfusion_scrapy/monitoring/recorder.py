"""Extension that keeps the time series of a run, and writes the report of ``TMDB_REPORT`` when the crawl ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import NotConfigured

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring import check_folder
from tmdbfusion_scrapy.monitoring.status import counts_below, status_of
from tmdbfusion_scrapy.storage.sql import SQLPipeline, database_options_of
from tmdbfusion_scrapy.stores import DATABASE_FAILED

if TYPE_CHECKING:
    from scrapy import Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.monitoring.run_report import RunReport
    from tmdbfusion_scrapy.monitoring.series import RunSamples, Sample
    from tmdbfusion_scrapy.settings import SettingsReader

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 5.0
"""Seconds between two writes to the database; a killed crawl loses so much of its series."""


def report_path(settings: SettingsReader) -> Path | None:
    """Return the file of ``TMDB_REPORT``; ``None`` for none.

    Raises:
        ConfigurationError: Its folder cannot be written to, or it is a folder itself.
    """
    value = settings.get("TMDB_REPORT")
    if value is None or not str(value).strip():
        return None
    path = Path(str(value)).expanduser()
    if path.is_dir():
        raise ConfigurationError(
            f"TMDB_REPORT is {str(path)!r}, a folder: name a file in it, such as report.html"
        )
    check_folder("TMDB_REPORT", str(path), path.parent)
    return path


class RunRecorder:
    """Takes samples of ``crawler.tmdb``, and keeps them with the run in the database, where there is one.

    ``EXTENSIONS = {"tmdbfusion_scrapy.monitoring.recorder.RunRecorder": None}`` leaves it away.
    """

    def __init__(self, crawler: Crawler, report: Path | None) -> None:
        self._crawler = crawler
        self._stats: Any = crawler.stats
        self._report = report
        self._status = status_of(crawler)
        self._number = 0
        self._store: SQLPipeline | None = None
        self._stored: RunSamples | None = None
        self._has_failed = False
        crawler.signals.connect(self._open, signals.spider_opened)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Make the recorder of a crawl.

        Raises:
            NotConfigured: The crawl has no status.
        """
        if getattr(crawler, "tmdb", None) is None:
            raise NotConfigured("crawler.tmdb was left away")
        return cls(crawler, report_path(crawler.settings))

    def _open(self, spider: Spider) -> None:
        """Begin the series."""
        pipeline = self._crawler.get_item_pipeline(SQLPipeline)
        if pipeline is not None and isinstance(spider, TMDBSourceSpider):
            self._store = pipeline
        elif self._report is not None:
            self._crawler.signals.connect(self._count, signals.item_scraped)
        else:
            return
        # They load SQLAlchemy.
        from tmdbfusion_scrapy.monitoring.run_report import Tally
        from tmdbfusion_scrapy.monitoring.series import Series

        self._series, self._tally, self._ended = Series(), Tally(), asyncio.Event()
        self._recording = asyncio.ensure_future(self._record())
        # All has been stored, and the run has been ended, by then.
        self._crawler.signals.connect(self._close, signals.engine_stopped)

    def _count(self, item: Any) -> None:
        """Count an item of a crawl without a database."""
        self._tally.add(item)

    async def _record(self) -> None:
        """Take samples until the crawl ends."""
        written_at = 0.0
        while not self._ended.is_set():
            elapsed = self._take().elapsed
            if elapsed >= written_at + _WRITE_SECONDS or self._stored is None:
                await self._write()
                written_at = elapsed
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), self._series.interval)

    def _take(self) -> Sample:
        """Take a sample."""
        from tmdbfusion_scrapy.monitoring.series import Sample

        drift = counts_below(self._stats.get_stats(), names.DRIFT_COUNT)
        sample = Sample.of(self._status.snapshot(), 0, self._number, drift)
        self._number += 1
        self._series.add(sample)
        return sample

    async def _write(self) -> None:
        """Bring the samples in the database up to date; after an error nothing more is written."""
        spider = self._crawler.spider
        if self._store is None or self._has_failed or not isinstance(spider, TMDBSourceSpider):
            return
        run = spider.source_crawl.run
        if run is None:
            return
        from tmdbfusion_scrapy.monitoring.series import RunSamples
        from tmdbfusion_scrapy.storage.database import reopen_database

        try:
            if self._stored is None:
                url = database_options_of(self._crawler.settings).url
                engine = await self._store.ask(reopen_database, url)
                self._stored = RunSamples(engine, run.id)
                earlier = await self._store.ask(self._stored.begin, self._series.samples[0])
                self._series.leave_room(earlier)
            await self._store.ask(self._stored.write, list(self._series.samples))
        except ConfigurationError as error:
            self._has_failed = True
            logger.warning(
                "The time series of the run is not kept from here on: %s", error, extra={"spider": spider}
            )

    async def _close(self) -> None:
        """End the series, and write the report."""
        # Not cancelled: a write that goes on has its end.
        self._ended.set()
        await self._recording
        if self._stats.get_value("finish_reason") == DATABASE_FAILED:
            self._has_failed = True
        self._take()
        await self._write()
        try:
            if self._report is not None:
                await self._write_report(self._report)
        finally:
            if self._stored is not None:
                await asyncio.to_thread(self._stored.close)

    async def _write_report(self, path: Path) -> None:
        """Write the report."""
        from sqlalchemy.exc import SQLAlchemyError

        from tmdbfusion_scrapy.monitoring.report_page import write_report
        from tmdbfusion_scrapy.storage.backend import reason_of

        extra = {"spider": self._crawler.spider}
        try:
            report = await self._made_report()
            await asyncio.to_thread(write_report, report, path)
        except (OSError, SQLAlchemyError, ConfigurationError) as error:
            why = reason_of(error) if isinstance(error, SQLAlchemyError) else error
            logger.error("Cannot write the report to %s: %s", path, why, extra=extra)  # noqa: TRY400 - says it all
        else:
            logger.info("Wrote the report to %s", path, extra=extra)

    async def _made_report(self) -> RunReport:
        """Return the report of the crawl, of the whole run where it is in the database."""
        from tmdbfusion_scrapy.monitoring.run_report import RunReport, report_of_run
        from tmdbfusion_scrapy.monitoring.series import joined, stored_run

        snapshot, database, stored = self._status.snapshot(), self._status.database, self._stored
        reason = str(self._stats.get_value("finish_reason", ""))
        if self._store is not None and stored is not None and not self._has_failed:

            def read() -> RunReport:
                found = stored_run(stored.engine, stored.run_id)
                assert found is not None  # noqa: S101 - its samples refer to it
                return report_of_run(
                    stored.engine, *found, database=database, source=snapshot.source, reason=reason
                )

            return await self._store.ask(read)
        spider = self._crawler.spider
        return RunReport(
            spider=snapshot.spider,
            arguments=spider.plan.arguments if isinstance(spider, TMDBSourceSpider) else {},
            source=snapshot.source,
            run_id=None,
            database=database,
            started_at=datetime.now(timezone.utc) - timedelta(seconds=snapshot.elapsed),
            finished_at=None,
            reason=reason,
            listed=None,
            samples=joined(self._series.samples),
            failures=self._tally.failures(),
            failure_count=self._tally.failure_count(),
            records=self._tally.figures(),
        )
