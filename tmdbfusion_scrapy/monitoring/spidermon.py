"""Monitors for Spidermon (https://spidermon.readthedocs.io): coverage, failures, drift and the token.

::

    EXTENSIONS = {"spidermon.contrib.scrapy.extensions.Spidermon": 500}
    SPIDERMON_ENABLED = True
    SPIDERMON_SPIDER_CLOSE_MONITORS = ("tmdbfusion_scrapy.monitoring.spidermon.TMDBMonitorSuite",)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import SkipTest

from tmdbfusion_scrapy import stats as names
from tmdbfusion_scrapy.crawling.middleware import BAD_TOKEN_REASON
from tmdbfusion_scrapy.monitoring.status import counts_below, status_of
from tmdbfusion_scrapy.settings import read_number

try:
    from spidermon import Monitor, MonitorSuite, monitors
except ImportError as error:
    raise ImportError("these monitors need spidermon: pip install 'tmdbfusion-scrapy[spidermon]'") from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.monitoring.status import Snapshot


class _TMDBMonitor(Monitor):
    """Monitor that reads the stats of a crawl and ``crawler.tmdb``."""

    @property
    def _stats(self) -> Mapping[str, Any]:
        stats: Mapping[str, Any] = self.data.stats
        return stats

    @property
    def _now(self) -> Snapshot:
        return status_of(self.data.crawler).snapshot()

    def _threshold(self, name: str) -> float:
        return read_number(self.data.crawler.settings, name)


@monitors.name("TMDB: coverage")
class CoverageMonitor(_TMDBMonitor):
    """Monitor of the wanted records that are done, ``TMDB_MONITOR_MIN_COVERAGE``."""

    @monitors.name("enough of the wanted records are done")
    def test_coverage(self) -> None:
        """Fail where too few are done; skip where the source does not tell how many there are."""
        now = self._now
        if not now.wanted:
            raise SkipTest("the source of this crawl does not tell how many records are wanted")
        least = self._threshold("TMDB_MONITOR_MIN_COVERAGE")
        share = now.done / now.wanted
        if share < least:
            self.fail(
                f"{now.done} of {now.wanted} records are done ({share:.1%}), and TMDB_MONITOR_MIN_COVERAGE is "
                f"{least:g}: start the same command again, which goes on with the rest"
            )


@monitors.name("TMDB: failures")
class FailureRateMonitor(_TMDBMonitor):
    """Monitor of the calls that failed for good, ``TMDB_MONITOR_MAX_FAILURE_RATE``."""

    @monitors.name("few calls failed")
    def test_failure_rate(self) -> None:
        """Fail where too many failed; what TMDB does not have is an answer, no failure."""
        came, failed = sum(counts_below(self._stats, names.ITEM_COUNT).values()), self._now.failed
        if not came + failed:
            raise SkipTest("no call has ended")
        most = self._threshold("TMDB_MONITOR_MAX_FAILURE_RATE")
        share = failed / (came + failed)
        if share > most:
            self.fail(
                f"{failed} of {came + failed} calls failed ({share:.1%}), and TMDB_MONITOR_MAX_FAILURE_RATE is "
                f"{most:g}: see scrapy tmdb-failures, and crawl -a source=failed to ask again"
            )


@monitors.name("TMDB: drift")
class DriftMonitor(_TMDBMonitor):
    """Monitor of values of the wrong type, ``TMDB_MONITOR_MAX_DRIFT``."""

    @monitors.name("values have the types that are known")
    def test_drift(self) -> None:
        """Fail where too many have not, and name the fields."""
        came = sum(counts_below(self._stats, names.ITEM_COUNT).values())
        drift = counts_below(self._stats, names.DRIFT_COUNT)
        if not came:
            raise SkipTest("no record came")
        most = self._threshold("TMDB_MONITOR_MAX_DRIFT")
        odd, fields = sum(drift.values()), ", ".join(sorted(drift))
        if odd / came > most:
            self.fail(
                f"{odd} values of {came} records have another type than is known ({fields}), and "
                f"TMDB_MONITOR_MAX_DRIFT is {most:g}: TMDB may have changed; an upgrade of tmdbfusion-scrapy may "
                "know it"
            )


@monitors.name("TMDB: token")
class TokenMonitor(_TMDBMonitor):
    """Monitor of the token."""

    @monitors.name("TMDB accepts the token")
    def test_token(self) -> None:
        """Fail where the spider was closed because TMDB did not."""
        if self._stats.get("finish_reason") == BAD_TOKEN_REASON:
            self.fail("TMDB does not accept the token: check TMDB_ACCESS_TOKEN or TMDB_API_KEY")


class TMDBMonitorSuite(MonitorSuite):
    """All monitors of TMDB's, for ``SPIDERMON_SPIDER_CLOSE_MONITORS``; their thresholds are settings of ours."""

    monitors = (CoverageMonitor, FailureRateMonitor, DriftMonitor, TokenMonitor)
