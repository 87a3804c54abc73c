"""Spidermon itself, with the monitors for TMDB."""

from __future__ import annotations

import pytest

pytest.importorskip("spidermon", reason="not installed: spidermon")

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.crawling import TMDBSourceSpider

pytestmark = pytest.mark.filterwarnings("ignore:Spider.log:scrapy.exceptions.ScrapyDeprecationWarning")

SUITE = "tmdbfusion_scrapy.monitoring.spidermon.TMDBMonitorSuite"
COVERAGE = "TMDB: coverage/enough of the wanted records are done"
FAILURES = "TMDB: failures/few calls failed"
DRIFT = "TMDB: drift/values have the types that are known"
TOKEN = "TMDB: token/TMDB accepts the token"


class SourceSpider(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"


async def monitored(
    sandbox, caplog, spider=SourceSpider, finish_reason="finished", arguments=None, **settings
):
    """What each monitor found, and what it said."""
    caplog.clear()
    with caplog.at_level("INFO"):
        await crawl(
            spider,
            settings_of(
                sandbox.base_url,
                EXTENSIONS={"spidermon.contrib.scrapy.extensions.Spidermon": 500},
                SPIDERMON_ENABLED=True,
                SPIDERMON_SPIDER_CLOSE_MONITORS=(SUITE,),
                **settings,
            ),
            finish_reason=finish_reason,
            errors=None,
            **(arguments or {}),
        )
    lines = [record.getMessage() for record in caplog.records if "[Spidermon]" in record.getMessage()]
    found = {}
    for line in lines:
        for name in (COVERAGE, FAILURES, DRIFT, TOKEN):
            if line.startswith("[Spidermon] ") and name in line and "..." in line:
                found[name] = line.rpartition("... ")[2]
    return found, "\n".join(lines)


@coroutine_test
async def test_a_good_crawl(tmdb_sandbox, caplog):
    ids = ",".join(map(str, tmdb_sandbox.movie_ids[:5]))
    found, _ = await monitored(tmdb_sandbox, caplog, arguments={"ids": ids})
    assert found == dict.fromkeys((COVERAGE, FAILURES, DRIFT, TOKEN), "OK")


@coroutine_test
async def test_failures(tmdb_sandbox, caplog):
    bad, *good = tmdb_sandbox.movie_ids[:4]
    ids = ",".join(map(str, [bad, *good]))
    tmdb_sandbox.fail_next(503, times=10, path=f"movie/{bad}")
    found, said = await monitored(tmdb_sandbox, caplog, arguments={"ids": ids})
    assert found == {COVERAGE: "OK", FAILURES: "FAIL", DRIFT: "OK", TOKEN: "OK"}
    assert "1 of 4 calls failed (25.0%), and TMDB_MONITOR_MAX_FAILURE_RATE is 0.05" in said
    tmdb_sandbox.fail_next(503, times=10, path=f"movie/{bad}")
    found, _ = await monitored(
        tmdb_sandbox,
        caplog,
        arguments={"ids": ids},
        TMDB_MONITOR_MAX_FAILURE_RATE="0.25",
        TMDB_DATABASE_URL="sqlite:///b.db",
    )
    assert found[FAILURES] == "OK"


@coroutine_test
async def test_coverage(tmdb_sandbox, caplog):
    ids = ",".join(map(str, tmdb_sandbox.movie_ids[:60]))
    found, said = await monitored(
        tmdb_sandbox,
        caplog,
        finish_reason="closespider_itemcount",
        arguments={"ids": ids},
        CLOSESPIDER_ITEMCOUNT=2,
        CONCURRENT_REQUESTS=1,
    )
    assert found[COVERAGE] == "FAIL"
    assert "of 60 records are done" in said


@coroutine_test
async def test_drift(tmdb_sandbox, caplog):
    first, second = tmdb_sandbox.movie_ids[:2]
    body = {"id": first, "title": "A title", "runtime": {"minutes": 90}}
    tmdb_sandbox.fail_next(200, path=f"movie/{first}", body=body)
    found, said = await monitored(tmdb_sandbox, caplog, arguments={"ids": f"{first},{second}"})
    assert found[DRIFT] == "FAIL"
    assert "(MovieDetails.runtime), and TMDB_MONITOR_MAX_DRIFT is 0.01" in said


@coroutine_test
async def test_a_token_that_is_not_accepted(tmdb_sandbox, caplog):
    body = {"status_code": 7, "status_message": "Invalid API key", "success": False}
    tmdb_sandbox.fail_next(401, times=10, body=body)
    arguments = {"ids": tmdb_sandbox.movie_ids[:2]}
    found, said = await monitored(tmdb_sandbox, caplog, MoviesSpider, "tmdb_bad_token", arguments)
    assert found[TOKEN] == "FAIL"
    assert found[COVERAGE] != "FAIL"
    assert "check TMDB_ACCESS_TOKEN or TMDB_API_KEY" in said
