"""The exit status of a crawl, and what is said of how to go on."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest
from scrapy.core import engine
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling import crawls
from tests.crawling.crawls import MoviesSpider, rows, settings_of
from tests.crawling.test_project import TOKEN, UNPACED, copy_of_the_project, environment
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.crawling.source_spider import ExitStatus, exit_status

crawl = functools.partial(crawls.crawl, errors=None)

GOES_ON = "the same command goes on from here"


class Movies(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list"}
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"


class Halting(Movies):
    """Is closed by its first record, as by Ctrl-C."""

    def parse_details(self, response):
        yield from super().parse_details(response)
        self.halt = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="shutdown"))


class Broken(Movies):
    """Cannot read its second record."""

    def details_request(self, record_id):
        if record_id == 2:
            raise ZeroDivisionError
        return super().details_request(record_id)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")
    caplog.set_level(logging.INFO)


@pytest.fixture
def settings(tmdb_sandbox):
    return settings_of(
        tmdb_sandbox.base_url, TMDB_EXPORTS_URL=tmdb_sandbox.exports_url, CONCURRENT_REQUESTS=2, RETRY_TIMES=1
    )


def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@coroutine_test
async def test_all_is_stored_or_on_record(tmdb_sandbox, settings, caplog):
    # 99999999 was never there.
    tmdb_sandbox.fail_next(500, times=2, path="/3/movie/2")
    ended = await crawl(Movies, settings, ids="1,2,3,99999999")
    assert exit_status(ended.crawler) == ExitStatus.DONE == 0
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL") == [(2,)]
    assert rows("SELECT id FROM tmdb_failures ORDER BY id") == [("2",), ("99999999",)]
    assert GOES_ON not in caplog.text.lower()


@coroutine_test
async def test_nothing_to_do(settings):
    ended = await crawl(Movies, settings, source="failed")
    assert exit_status(ended.crawler) == 0


@coroutine_test
async def test_records_are_left(settings, caplog):
    ended = await crawl(Halting, settings, finish_reason="shutdown", ids="1,2,3,4,5,6,7,8")
    assert exit_status(ended.crawler) == ExitStatus.LEFT == 3
    assert GOES_ON in caplog.text.lower()
    ended = await crawl(Movies, settings, ids="1,2,3,4,5,6,7,8")
    assert exit_status(ended.crawler) == 0
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL") == [(8,)]


@coroutine_test
async def test_an_export_with_calls_that_may_work_later(tmdb_sandbox, settings, caplog):
    tmdb_sandbox.fail_next(500, times=2, path="/3/movie/2")
    day = {"source": "export", "day": tmdb_sandbox.today.isoformat()}
    ended = await crawl(Movies, settings, **day)
    assert exit_status(ended.crawler) == 3
    assert "1 records are left" in caplog.text
    ended = await crawl(Movies, settings, **day)
    assert exit_status(ended.crawler) == 0


@coroutine_test
async def test_stopped_without_a_database(settings):
    off = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}
    ended = await crawl(Halting, {**settings, **off}, finish_reason="shutdown", ids="1,2,3,4,5,6,7,8")
    assert exit_status(ended.crawler) == ExitStatus.FAILED == 1
    ended = await crawl(Movies, {**settings, **off}, ids="1,2")
    assert exit_status(ended.crawler) == 0


@coroutine_test
async def test_a_refused_token(tmdb_sandbox_factory, caplog):
    sandbox = tmdb_sandbox_factory()
    sandbox.fail_next(401, times=1000)
    ended = await crawl(Movies, settings_of(sandbox.base_url), ids="1,2", finish_reason="tmdb_bad_token")
    assert exit_status(ended.crawler) == 1
    assert f"With a token that TMDB accepts, in TMDB_ACCESS_TOKEN or TMDB_API_KEY, {GOES_ON}" in caplog.text
    assert "The same command goes on" not in caplog.text


@pytest.mark.parametrize("spider", [Movies, MoviesSpider])
@pytest.mark.parametrize("stores", [True, False])
@coroutine_test
async def test_nobody_answers(spider, stores, caplog):
    settings = settings_of(f"http://127.0.0.1:{closed_port()}/3", RETRY_TIMES=1)
    if not stores:
        settings["ITEM_PIPELINES"] = {"tmdbfusion_scrapy.storage.SQLPipeline": None}
    ended = await crawl(spider, settings, ids="1,2" if spider is Movies else [1, 2])
    assert exit_status(ended.crawler) == 1
    assert "The same command goes on" not in caplog.text


@pytest.mark.parametrize("status", [500, 403])
@coroutine_test
async def test_nothing_but_errors(tmdb_sandbox, settings, status):
    tmdb_sandbox.fail_next(status, times=100)
    ended = await crawl(Movies, settings, ids="1,2,3")
    assert exit_status(ended.crawler) == 1


@coroutine_test
async def test_most_calls_fail(tmdb_sandbox, settings):
    tmdb_sandbox.fail_next(503, times=8, path="/3/movie/2")
    tmdb_sandbox.fail_next(503, times=8, path="/3/movie/3")
    ended = await crawl(Movies, settings, ids="1,2,3")
    assert exit_status(ended.crawler) == 1


@pytest.mark.parametrize(
    "arguments", [{"list": "popular"}, {"source": "discover"}, {"source": "discover", "limit": "5"}]
)
@coroutine_test
async def test_the_list_of_records_is_refused(tmdb_sandbox, settings, arguments):
    tmdb_sandbox.fail_next(422)
    ended = await crawl(Movies, settings, **arguments)
    assert exit_status(ended.crawler) == 1
    ended = await crawl(Movies, settings, list="popular", pages="2")
    assert exit_status(ended.crawler) == 0


@coroutine_test
async def test_no_export_can_be_had(tmdb_sandbox, settings, caplog):
    day = (tmdb_sandbox.today.replace(year=2020)).isoformat()
    ended = await crawl(Movies, settings, source="export", day=day, finish_reason="tmdb_source_failed")
    assert exit_status(ended.crawler) == 1
    # It will not come.
    assert "give another -a day=" in caplog.text
    assert "same command" not in caplog.text


@coroutine_test
async def test_changes_without_an_export(settings, caplog):
    ended = await crawl(Movies, settings, source="changes", finish_reason="tmdb_source_failed")
    assert exit_status(ended.crawler) == 1
    assert "crawl -a source=export first, or add -a since=" in caplog.text
    assert "same command" not in caplog.text


@coroutine_test
async def test_start_fails(settings, caplog):
    # Older Scrapy calls that finished.
    reason = "start_error" if "start_error" in inspect.getsource(engine) else "finished"
    runner = AsyncCrawlerRunner(Settings(settings))
    crawler = runner.create_crawler(Broken)
    await runner.crawl(crawler, ids="1,2,3")
    assert crawler.stats.get_value("finish_reason") == reason
    assert exit_status(crawler) == 1
    assert f"Once what the error above names is mended, {GOES_ON}" in caplog.text


@coroutine_test
async def test_the_database_is_lost(settings, caplog, monkeypatch):
    # A table is gone while the crawl runs: nothing that passes.
    class Dropping(Movies):
        def parse_details(self, response):
            import sqlite3

            with sqlite3.connect("tmdb.db") as database:
                database.execute("DROP TABLE IF EXISTS movie_genres")
            database.close()
            yield from super().parse_details(response)

    ended = await crawl(Dropping, settings, ids="1,2,3,4", finish_reason="tmdb_database_failed")
    assert exit_status(ended.crawler) == 1
    assert f"Once the database can be written to again, {GOES_ON}" in caplog.text


IDS = ["-a", "ids=1,2,4,5,6"]
STOP = ["-s", "CLOSESPIDER_ITEMCOUNT=1", "-s", "CONCURRENT_REQUESTS=1"]
# Nobody listens on port 9, "discard", of loopback.
NOWHERE = ["-s", "TMDB_API_URL=http://127.0.0.1:9/3", "-s", "RETRY_TIMES=0"]


def command_status(project, *arguments, command="crawl", **variables):
    """Run the spider of a project as cron does; return its exit status and what it said."""
    finished = subprocess.run(
        [*scrapy_program(), command, *arguments],
        cwd=project,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    return finished.returncode, finished.stdout


CASES = {
    "nowhere": (["crawl", "tmdb_movies", *IDS, *NOWHERE], 1),
    "left": (["crawl", "tmdb_movies", *IDS, *STOP], 3),
    "left-process": (["tmdb-crawl", "tmdb_movies", *IDS, *STOP, "-s", "FORCE_CRAWLER_PROCESS=True"], 3),
}
MORE_CASES = {
    "done": (["crawl", "tmdb_movies", *IDS], 0),
    "left-reactorless": (["crawl", "tmdb_movies", *IDS, *STOP, "-s", "TWISTED_REACTOR_ENABLED=False"], 3),
    "scrapys": (["crawl", "tmdb_movies", *IDS, *NOWHERE, "-s", "TMDB_EXIT_STATUS=False"], 0),
    "argument": (["crawl", "tmdb_movies", "-a", "ids=x"], 1),
    "spider": (["crawl", "no_such_spider"], 2),
}


@pytest.mark.parametrize("cases", [CASES, pytest.param(MORE_CASES, marks=pytest.mark.slow)])
def test_the_commands(tmp_path, tmdb_sandbox, cases):
    way = ["-s", f"TMDB_API_URL={tmdb_sandbox.base_url}", *UNPACED]
    projects = {name: copy_of_the_project(tmp_path / name, demo=False) for name in cases}
    with ThreadPoolExecutor(4) as pool:
        found = {
            name: pool.submit(command_status, projects[name], *way, *rest, command=command, **TOKEN)
            for name, ([command, *rest], _) in cases.items()
        }
    said = {name: future.result() for name, future in found.items()}
    assert {name: status for name, (status, _) in said.items()} == {
        name: status for name, (_, status) in cases.items()
    }, said
    assert not any("Traceback" in output for _, output in said.values())
