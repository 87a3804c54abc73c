"""A job directory beside a run in the database: what was not stored is asked for again."""

from __future__ import annotations

import asyncio
import datetime
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from typing import ClassVar

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, crawl, rows, settings_of
from tests.crawling.test_killed import listed, stored
from tests.crawling.test_project import copy_of_the_project, environment
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider, TMDBSourceSpider
from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox

# Scrapy 2.15 does not close the files of empty queues when it opens a job directory again.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file .*requests.queue:ResourceWarning")


class Halting:
    """Is stopped by its tenth record, where it is told so."""

    after = 10

    def parse_details(self, response):
        yield from super().parse_details(response)
        self.after -= 1
        if self.after == 0 and self.crawler.settings.getbool("HALT"):
            self.halt = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))


class Movies(Halting, TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    list_operations: ClassVar = {"popular": "movie-popular-list"}
    discover_operation = "discover-movie"
    changes_operation = "changes-movie-list"


class Series(Halting, TMDBSeriesSpider):
    name = "series"
    list_operations: ClassVar = {"popular": "tv-series-popular-list"}


def asked(sandbox, kind="movie"):
    paths = (seen.path.removeprefix(f"/3/{kind}/") for seen in sandbox.requests)
    return Counter(int(path) for path in paths if path.isdecimal())


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scrapy.cfg").write_text("[settings]\n")


ARGUMENTS = {
    "ids": {"ids": ",".join(map(str, range(1, 61)))},
    "list": {"list": "popular", "pages": "3"},
    "discover": {"source": "discover", "pages": "3"},
    "export": {"source": "export", "limit": "60"},
}


@pytest.mark.parametrize("source", ARGUMENTS)
@coroutine_test
async def test_a_stop_loses_nothing_and_asks_for_nothing_twice(tmdb_sandbox_factory, source):
    sandbox = tmdb_sandbox_factory(latency=0.01, gaps=0)
    settings = settings_of(
        sandbox.base_url, TMDB_EXPORTS_URL=sandbox.exports_url, JOBDIR="job", CONCURRENT_REQUESTS=4
    )
    given = {**ARGUMENTS[source], **({"day": sandbox.today.isoformat()} if source == "export" else {})}
    await crawl(Movies, {**settings, "HALT": True}, finish_reason="stopped", **given)
    assert 10 <= rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL")[0][0] < 60
    ended = await crawl(Movies, settings, **given)
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL") == [(60,)]
    assert max(asked(sandbox).values()) == 1
    assert "dupefilter/filtered" not in ended.stats
    assert rows("SELECT count(*) FROM tmdb_failures") == [(0,)]
    assert rows("SELECT count(*) FROM tmdb_runs WHERE finished_at IS NULL") == [(0,)]


@coroutine_test
async def test_long_series_after_a_stop(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(latency=0.01)
    settings = settings_of(sandbox.base_url, JOBDIR="job", CONCURRENT_REQUESTS=4)
    given = {"list": "popular", "pages": "2", "append": "credits,images,videos,keywords,external_ids"}
    await crawl(Series, {**settings, "HALT": True}, finish_reason="stopped", **given)
    await crawl(Series, settings, **given)
    assert rows("SELECT count(*) FROM tv_shows WHERE fetched_at IS NOT NULL") == [(40,)]
    assert rows("SELECT count(*) FROM tmdb_failures") == [(0,)]


def ask(project, query):
    """Rows of the project's database; none while it has no tables."""
    if not (project / "tmdb.db").exists():
        return []
    with closing(sqlite3.connect(project / "tmdb.db")) as connection:
        try:
            return connection.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []


def fetched(project):
    return len(ask(project, "SELECT id FROM tv_shows WHERE fetched_at IS NOT NULL"))


def start(command, project, variables):
    return subprocess.Popen(
        [*scrapy_program(), *command],
        cwd=project,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def finish(command, project, variables):
    return subprocess.run(
        [*scrapy_program(), *command],
        cwd=project,
        env=variables,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize(
    "ends",
    [
        [signal.SIGKILL],
        pytest.param([signal.SIGKILL, signal.SIGKILL], marks=pytest.mark.slow),
        pytest.param([signal.SIGINT, signal.SIGKILL], marks=pytest.mark.slow),
    ],
)
def test_what_a_killed_process_left_in_the_queue_costs_nothing(tmp_path, ends):
    # Slow enough for requests to wait in the queue when the process ends.
    options = SandboxOptions(
        series=40, today=datetime.date(2026, 6, 1), latency=0.15, faults={"500": 0.1, "truncate": 0.05}
    )
    project = copy_of_the_project(tmp_path / "project", demo=False)
    variables = environment(TMDB_ACCESS_TOKEN=TOKEN)
    # With the seasons more parts than one request has room for.
    parts = (
        "aggregate_credits,alternative_titles,content_ratings,credits,episode_groups,external_ids,images,"
        "keywords,recommendations,reviews,screened_theatrically,similar,translations,videos,watch/providers"
    )
    with ThreadedSandbox(options) as sandbox:
        command = [
            "crawl", "tmdb_tv", "-a", "source=export", "-a", "day=2026-06-01",
            "-a", f"append={parts}", "-s", f"TMDB_API_URL={sandbox.base_url}",
            "-s", f"TMDB_EXPORTS_URL={sandbox.exports_url}", "-s", "JOBDIR=job",
            "-s", "TMDB_DATABASE_BATCH_SIZE=5", "-s", "TMDB_REQUESTS_PER_SECOND=0",
            "-s", "TMDB_RETRY_MAX_DELAY=1", "-s", "RETRY_TIMES=12",
        ]  # fmt: skip
        before = 0
        for end in ends:
            with start(command, project, variables) as process:
                deadline = time.monotonic() + 300
                while fetched(project) <= before:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                process.send_signal(end)
                process.communicate()
            before = fetched(project)
        last = finish(command, project, variables)
    assert last.returncode == 0, last.stderr
    assert ask(project, "SELECT id FROM tmdb_failures") == []
    [(wanted,)] = ask(project, "SELECT listed FROM tmdb_runs WHERE finished_at IS NOT NULL")
    assert before < fetched(project) == wanted


class Others(Movies):
    """Asks another part of the API beside the run, for each movie."""

    def parse_details(self, response):
        yield from super().parse_details(response)
        yield self.tmdb.movies.keywords(response.record.id, callback=self.parse_keywords, priority=-1)

    def parse_keywords(self, response):
        self.crawler.stats.inc_value("keywords")


@coroutine_test
async def test_requests_beside_the_run_are_kept(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(latency=0.01, gaps=0)
    settings = settings_of(sandbox.base_url, JOBDIR="job", CONCURRENT_REQUESTS=4)
    given = {"ids": ",".join(map(str, range(1, 61)))}
    first = await crawl(Others, {**settings, "HALT": True}, finish_reason="stopped", **given)
    assert first.stats["scheduler/enqueued"] > first.stats["scheduler/dequeued"]
    second = await crawl(Others, settings, **given)
    assert first.stats.get("keywords", 0) + second.stats["keywords"] == 60
    assert max(asked(sandbox).values()) == 1


# Requests of a list come of callbacks, and are in other queues than those of the start.
@pytest.mark.parametrize(
    "source", [["source=export", "-a", "day=2026-06-01"], ["list=popular", "-a", "pages=20"]]
)
def test_kill_9(tmp_path, source):
    options = SandboxOptions(movies=500, today=datetime.date(2026, 6, 1), latency=0.04, keep_requests=10**6)
    with ThreadedSandbox(options) as sandbox:
        project = copy_of_the_project(tmp_path / "project", demo=False)
        command = [
            "crawl", "tmdb_movies", "-a", *source, "-s", f"TMDB_API_URL={sandbox.base_url}",
            "-s", f"TMDB_EXPORTS_URL={sandbox.exports_url}", "-s", "JOBDIR=job",
            "-s", "TMDB_DATABASE_FLUSH_INTERVAL=0.1", "-s", "TMDB_REQUESTS_PER_SECOND=0",
        ]  # fmt: skip
        variables = environment(TMDB_ACCESS_TOKEN=TOKEN)
        with start(command, project, variables) as process:
            deadline = time.monotonic() + 300
            while not stored(project):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.communicate()
        seen = stored(project)
        wanted = listed(sandbox)
        assert seen < wanted
        last = finish(command, project, variables)
        assert last.returncode == 0, last.stderr
        assert stored(project) == wanted if "source=export" in source else len(stored(project)) == 400
        assert "dupefilter/filtered" not in last.stderr
