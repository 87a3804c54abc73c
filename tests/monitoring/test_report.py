"""The report of a crawl: its numbers are those of the stats and of the database."""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path
from typing import ClassVar

import pytest
from lxml import html

from tests.commands.conftest import scrapy_command  # noqa: F401 - a fixture
from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, rows, settings_of
from tests.storage.conftest import (  # noqa: F401 - fixtures
    database_with_tables,
    postgres_with_tables,
    sqlite_database,
    sqlite_with_tables,
)
from tests.storage.database_access import execute_sqlite, select
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.monitoring.series import MOST_SAMPLES

FAULTS = {"503": 0.04, "string-numbers": 0.05}
HOSTILE = "<script>alert(1)</script><img src=x onerror=\"alert('2')\">&amp;\x1b[31m"


class ReportSpider(TMDBSourceSpider):
    name = "reported"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list"}
    discover_operation = "discover-movie"


class Page:
    """A report as a browser sees it."""

    def __init__(self, path="report.html"):
        self.text = Path(path).read_text("utf-8")
        self.tree = html.fromstring(self.text.encode())

    @property
    def tiles(self):
        return {
            tile.findtext("span"): int(re.sub(r"[.].*|[^\d.]", "", tile.findtext("strong")))
            for tile in self.tree.cssselect(".tiles li")
        }

    def section(self, title):
        (found,) = [each for each in self.tree.iter("section") if each.findtext("h2") == title]
        return found

    def table(self, title, number=0):
        """Return the rows of a table of a section: the first cell, and the number in the second."""
        rows = self.section(title).cssselect("table")[number].cssselect("tbody tr")
        cells = [[cell.text_content() for cell in row.iter("td")] for row in rows]
        return {name: int(value.replace(",", "")) for name, value, *_ in cells}

    @property
    def facts(self):
        return {each.findtext("dt"): each.find("dd").text_content() for each in self.tree.cssselect("dl div")}

    @property
    def state(self):
        (state,) = self.tree.cssselect(".state")
        return state.text_content()


def settings(sandbox, **more):
    return settings_of(sandbox.base_url, TMDB_REPORT="report.html", RETRY_TIMES=1, **more)


@pytest.fixture
def database(database_with_tables):  # noqa: F811
    """URL of a database of each kind."""
    return database_with_tables


@coroutine_test
async def test_the_numbers_are_those_of_the_stats_and_of_the_database(tmdb_sandbox_factory, database):
    sandbox = tmdb_sandbox_factory(movies=500, faults=FAULTS, retry_after=0)
    ids = ",".join(map(str, range(1, 301)))
    sandbox.fail_next(503, path="/movie/5", times=2)
    # Near the end: what comes after it is paced.
    sandbox.fail_next(429, path="/movie/290")
    ended = await crawl(ReportSpider, settings(sandbox, TMDB_DATABASE_URL=database), errors=None, ids=ids)
    stats = ended.stats
    page = Page()
    failed = Counter(error for (error,) in select(database, "SELECT error FROM tmdb_failures"))
    stored = select(database, "SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL")[0][0]
    assert failed["NotFoundError"] > 0
    assert failed["ServerError"] + failed["RateLimitError"] > 0
    tiles = page.tiles
    assert tiles["Records done"] == 300 == stored + failed.total()
    assert tiles["Stored"] == stored
    assert tiles["Gone upstream"] == failed["NotFoundError"]
    assert tiles["Failed"] == failed.total() - failed["NotFoundError"]
    assert tiles["Requests"] == stats["tmdb/request_count"]
    assert tiles["Retries"] == stats["tmdb/retry/count"]
    assert tiles["Rate limited"] == stats["tmdb/response_status_count/429"]
    prefix = "tmdb/response_status_count/"
    by_status = {name.removeprefix(prefix): n for name, n in stats.items() if name.startswith(prefix)}
    assert {name[:3]: n for name, n in page.table("Status codes").items()} == by_status
    reasons = page.section("Failures").cssselect("article")
    found = Counter()
    for reason in reasons:
        error, _, number = reason.findtext("h3").partition(": ")
        found[error] += int(number)
        assert reason.cssselect(".examples li code")[0].text.startswith("/movie/")
    assert found == failed
    drift = {name.removeprefix("tmdb/drift_count/"): n for name, n in stats.items() if "drift" in name}
    assert drift
    assert page.table("Drift") == drift
    years = select(
        database, "SELECT release_date FROM movies WHERE fetched_at IS NOT NULL AND release_date IS NOT NULL"
    )
    assert page.table("Data: movies") == Counter(str(day)[:4] for (day,) in years)
    languages = select(
        database,
        "SELECT original_language, count(*) FROM movies WHERE fetched_at IS NOT NULL GROUP BY original_language",
    )
    shown = page.table("Data: movies", 1)
    others = sum(number for name, number in shown.items() if name.endswith(" others"))
    assert sum(shown.values()) == stored
    assert others == sum(sorted((n for _, n in languages), reverse=True)[15:])
    overview = select(
        database, "SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL AND coalesce(overview, '') = ''"
    )
    assert page.table("Data: movies", 2).get("overview", 0) == overview[0][0]
    assert page.state == "Finished"
    assert page.facts["Run"] == "1"
    assert TOKEN not in page.text
    assert "postgres:" not in page.text


@coroutine_test
async def test_samples_stand_in_the_database(tmdb_sandbox_factory, database):
    sandbox = tmdb_sandbox_factory(movies=500)
    await crawl(ReportSpider, settings_of(sandbox.base_url, TMDB_DATABASE_URL=database), ids="1,2,3")
    await crawl(ReportSpider, settings_of(sandbox.base_url, TMDB_DATABASE_URL=database), ids="4")
    query = "SELECT run_id, process, max(done), max(requests) FROM tmdb_run_samples GROUP BY run_id, process"
    assert sorted(select(database, query)) == [(1, 0, 3, 3), (2, 0, 1, 1)]
    assert select(database, "SELECT kind FROM tmdb_runs") == [("movies",), ("movies",)]


@coroutine_test
async def test_a_run_that_goes_on_has_one_series(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=500)
    quick = settings(sandbox, CLOSESPIDER_ITEMCOUNT=30, CONCURRENT_REQUESTS=4)
    arguments = {"source": "discover", "limit": "100"}
    await crawl(ReportSpider, quick, finish_reason="closespider_itemcount", **arguments)
    page = Page()
    assert page.state == "Not finished: closespider_itemcount"
    first = page.tiles
    assert 30 <= first["Records done"] < 100
    ended = await crawl(ReportSpider, settings(sandbox), **arguments)
    page = Page()
    assert page.state == "Finished"
    assert page.facts["Processes"] == "2"
    assert page.tiles["Records done"] == 100
    assert page.tiles["Requests"] == first["Requests"] + ended.stats["tmdb/request_count"]
    assert rows("SELECT DISTINCT run_id, process FROM tmdb_run_samples") == [(1, 0), (1, 1)]
    assert rows("SELECT count(*) FROM tmdb_run_samples")[0][0] <= MOST_SAMPLES
    assert "another process went on after" in page.section("Course").findtext("p")


@coroutine_test
async def test_a_crawl_without_a_database_has_a_report(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=500)
    sandbox.fail_next(404, path="/movie/7")
    ended = await crawl(
        MoviesSpider,
        settings(sandbox, ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None}),
        ids=[number for number in range(1, 60) if number != 8],
    )
    page = Page()
    assert page.tiles["Records done"] == 58
    assert page.tiles["Requests"] == ended.stats["tmdb/request_count"]
    assert page.tiles["Gone upstream"] == ended.stats["tmdb/failed_count/NotFoundError"]
    years = Counter(
        str(item.release_date.year) for item in ended.items if getattr(item, "release_date", None)
    )
    assert page.table("Data: movies") == years
    assert "/movie/7" in page.section("Failures").text_content()
    assert page.state == "Finished"


@coroutine_test
async def test_a_crawl_without_an_answer_has_a_report():
    await crawl(
        MoviesSpider, settings_of("http://127.0.0.1:9/3", TMDB_REPORT="report.html"), ids=[1], errors=None
    )
    page = Page()
    assert page.tiles["Failed"] == 1
    charts = [each.findtext("h3") for each in page.section("Course").iter("figure")]
    assert "Connections" in charts
    assert "Seconds to an answer" not in charts


@coroutine_test
async def test_texts_of_others_are_texts(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=500)
    sandbox.fail_next(200, path="/movie/1", body={"id": 1, "title": HOSTILE, "original_language": HOSTILE})
    body = {"status_code": 34, "status_message": HOSTILE}
    sandbox.fail_next(404, path="/movie/2", body=body)
    await crawl(ReportSpider, settings(sandbox), ids="1,2", append=f"credits,{HOSTILE}", errors=None)
    page = Page()
    plain = HOSTILE.replace("\x1b", " ")
    assert plain in page.section("Failures").text_content()
    assert plain in page.section("Data: movies").text_content()
    assert plain.partition(",")[0] in page.tree.findtext(".//header/p/code")
    assert not list(page.tree.iter("script", "img", "iframe", "object", "link"))
    assert not [name for each in page.tree.iter() for name in each.attrib if name.startswith("on")]
    assert "\x1b" not in page.text


@coroutine_test
async def test_nothing_of_a_page_is_elsewhere(tmdb_sandbox, scrapy_command):  # noqa: F811
    await crawl(ReportSpider, settings_of(tmdb_sandbox.base_url), pages="3")
    finished = scrapy_command("tmdb-report", TMDB_DATABASE_URL="sqlite:///tmdb.db")
    assert (finished.status, finished.errors) == (0, "")
    assert not [finder for finder in sys.meta_path if "pygal" in type(finder).__module__]
    page = Page()
    assert not [name for each in page.tree.iter() for name in each.attrib if name in ("src", "href", "data")]
    assert not re.findall(r"@import|url\(", page.text)
    assert page.tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content") == [
        "default-src 'none'; style-src 'unsafe-inline'"
    ]
    charts = page.tree.xpath("//*[local-name()='svg']")
    assert len(charts) >= 10
    ids = page.tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    for chart in charts:
        title, description = (
            page.tree.get_element_by_id(key) for key in chart.get("aria-labelledby").split()
        )
        assert title.text
        assert description.text
    for figure in page.tree.iter("figure"):
        assert figure.cssselect("details table tbody tr")


@coroutine_test
async def test_the_command_lists_runs_and_takes_any(tmdb_sandbox, scrapy_command):  # noqa: F811
    await crawl(ReportSpider, settings_of(tmdb_sandbox.base_url), ids="1,2")
    await crawl(ReportSpider, settings_of(tmdb_sandbox.base_url), ids="3")
    execute_sqlite("tmdb.db", "UPDATE tmdb_runs SET finished_at = NULL WHERE id = 1")
    finished = scrapy_command("tmdb-report", "--list")
    assert finished.status == 0
    assert [
        line.split()[:1] + line.split()[3:7] for line in finished.lines[1:] if line.split()[0].isdigit()
    ] == [
        ["2", "reported", "finished", "1", "0"],
        ["1", "reported", "open", "2", "0"],
    ]
    assert all(len(line) <= 80 for line in finished.lines)
    finished = scrapy_command("tmdb-report", "-o", "latest.html")
    assert finished.out == "Wrote the report of run 2 (reported) to latest.html\n"
    assert Page("latest.html").tiles["Records done"] == 1
    finished = scrapy_command("tmdb-report", "--run", "1")
    assert finished.out == "Wrote the report of run 1 (reported) to report.html\n"
    assert Page().tiles["Records done"] == 2
    assert Page().state == "Not finished"


@coroutine_test
async def test_the_command_says_what_is_wrong(tmdb_sandbox, scrapy_command, tmp_path):  # noqa: F811
    finished = scrapy_command("tmdb-report")
    assert finished.status == 1
    assert "there is no such file: nothing was crawled into it yet" in finished.errors
    await crawl(ReportSpider, settings_of(tmdb_sandbox.base_url), ids="1")
    finished = scrapy_command("tmdb-report", "--run", "9")
    assert (finished.status, finished.errors) == (
        1,
        "scrapy tmdb-report: there is no run 9: --list names them\n",
    )
    finished = scrapy_command("tmdb-report", "-o", "missing/report.html")
    assert (finished.status, finished.errors) == (
        1,
        "scrapy tmdb-report: cannot write missing/report.html: No such file or directory\n",
    )
    assert scrapy_command("tmdb-report", "--list", "--run", "1").status == 2
    execute_sqlite("tmdb.db", "DELETE FROM tmdb_run_samples")
    finished = scrapy_command("tmdb-report")
    assert finished.status == 0
    assert "too few samples" in Page().section("Course").findtext("p")
    execute_sqlite("tmdb.db", "DELETE FROM tmdb_runs")
    assert (
        scrapy_command("tmdb-report").errors
        == "scrapy tmdb-report: there is no run yet: crawl first, with a spider that takes -a source=\n"
    )
    assert scrapy_command("tmdb-report", "--list").out == "No runs.\n"
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("missing/report.html", "TMDB_REPORT is 'missing/report.html', and 'missing' is no folder"),
        (".", "TMDB_REPORT is '.', a folder: name a file in it, such as report.html"),
    ],
)
@coroutine_test
async def test_a_report_that_cannot_be_written_is_refused_at_the_start(value, message):
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        await crawl(ReportSpider, settings_of("http://127.0.0.1:1/3", TMDB_REPORT=value))


@coroutine_test
async def test_a_report_that_cannot_be_written_at_the_end_is_named(tmdb_sandbox, tmp_path, caplog):
    folder = tmp_path / "reports"
    folder.mkdir()

    class RemovingSpider(ReportSpider):
        def closed(self, reason):
            folder.rmdir()

    ended = await crawl(
        RemovingSpider,
        settings_of(tmdb_sandbox.base_url, TMDB_REPORT=str(folder / "report.html")),
        errors=None,
        ids="1",
    )
    assert ended.stats["finish_reason"] == "finished"
    assert [r.getMessage() for r in caplog.records if "Cannot write the report" in r.getMessage()]
