"""Extension that keeps the time series of a run, and writes the report of ``TMDB_REPORT`` when the crawl ends."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from scrapy import signals
from scrapy.exceptions import NotConfigured

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.items import FailedCall
from tmdbfusion_scrapy.monitoring.install import report_path
from tmdbfusion_scrapy.monitoring.series import Sample, Series, joined
from tmdbfusion_scrapy.monitoring.status import status_of
from tmdbfusion_scrapy.storage.sql import SQLPipeline, database_options_of
from tmdbfusion_scrapy.stores import DATABASE_FAILED

if TYPE_CHECKING:
    from pathlib import Path

    from scrapy import Spider
    from scrapy.crawler import Crawler
    from typing_extensions import Self

    from tmdbfusion_scrapy.monitoring.run_report import RunReport, Tally
    from tmdbfusion_scrapy.monitoring.stored_runs import RunSamples

logger = logging.getLogger(__name__)

_WRITE_SECONDS = 5.0
"""Seconds between two writes to the database; a killed crawl loses so much of its series."""


class RunRecorder:
    """Takes samples of ``crawler.tmdb``, and keeps them with the run in the database, where there is one.

    ``EXTENSIONS = {"tmdbfusion_scrapy.monitoring.recorder.RunRecorder": None}`` leaves it away.
    """

    def __init__(self, crawler: Crawler, report: Path | None) -> None:
        self._crawler = crawler
        self._stats: Any = crawler.stats
        self._report = report
        self._status = status_of(crawler)
        self._series = Series()
        self._number = 0
        self._tally: Tally | None = None
        self._store: SQLPipeline | None = None
        self._stored: RunSamples | None = None
        self._has_failed = False
        self._recording: asyncio.Task[None] | None = None
        crawler.signals.connect(self._open, signals.spider_opened)
        # All has been stored, and the run has been ended, by then.
        crawler.signals.connect(self._close, signals.engine_stopped)

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
            from tmdbfusion_scrapy.monitoring.run_report import Tally

            self._tally = Tally()
            self._crawler.signals.connect(self._count, signals.item_scraped)
        else:
            return
        self._ended = asyncio.Event()
        self._recording = asyncio.ensure_future(self._record())

    def _count(self, item: Any) -> None:
        """Count an item of a crawl without a database."""
        assert self._tally is not None  # noqa: S101 - the signal is connected then
        if isinstance(item, FailedCall):
            self._tally.add_failure(item)
        else:
            self._tally.add_record(item)

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
        prefix = f"{names.DRIFT_COUNT}/"
        stats = self._stats.get_stats()
        drift = {name[len(prefix) :]: number for name, number in stats.items() if name.startswith(prefix)}
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
        from tmdbfusion_scrapy.monitoring.stored_runs import RunSamples
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
        if self._recording is None:
            return
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
        from tmdbfusion_scrapy.monitoring.run_report import RunReport, Tally

        snapshot = self._status.snapshot()
        reason = str(self._stats.get_value("finish_reason", ""))
        if self._store is not None and self._stored is not None and not self._has_failed:
            stored = self._stored
            return await self._store.ask(
                lambda: _report_of(stored, self._status.database, snapshot.source, reason)
            )
        tally = self._tally or Tally()
        spider = self._crawler.spider
        arguments = spider.plan.arguments if isinstance(spider, TMDBSourceSpider) else {}
        now = datetime.now(timezone.utc)
        return RunReport(
            spider=snapshot.spider,
            arguments=arguments,
            source=snapshot.source,
            run_id=None,
            database=self._status.database,
            started_at=now - timedelta(seconds=snapshot.elapsed),
            finished_at=None,
            reason=reason,
            listed=None,
            samples=joined(self._series.samples),
            failures=tally.failures(),
            failure_count=tally.failure_count(),
            records=tally.figures(),
        )


def _report_of(stored: RunSamples, database: str, source: str, reason: str) -> RunReport:
    """Return the report of a run that is kept. Blocks."""
    from tmdbfusion_scrapy.monitoring.run_report import report_of_run
    from tmdbfusion_scrapy.monitoring.stored_runs import stored_run

    found = stored_run(stored.engine, stored.run_id)
    assert found is not None  # noqa: S101 - its samples refer to it
    return report_of_run(stored.engine, *found, database=database, source=source, reason=reason)
