"""How fast TMDB is asked: what the crawl says of it, and a project as ``scrapy startproject`` makes it."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tests.crawling.test_project import TOKEN, environment
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.crawling import Addon

SLOT = 'DOWNLOAD_SLOTS["tmdb"]'


class Delayed(MoviesSpider):
    name = "delayed"
    custom_settings = {"DOWNLOAD_DELAY": 0.5}  # noqa: RUF012


CASES = {
    "defaults": ({}, 35, "TMDB_REQUESTS_PER_SECOND", None),
    "delay of the project": ({"DOWNLOAD_DELAY": 1}, 35, "TMDB_REQUESTS_PER_SECOND", None),
    "one at a time": (
        {"CONCURRENT_REQUESTS_PER_DOMAIN": 1},
        10,
        "CONCURRENT_REQUESTS_PER_DOMAIN = 1",
        'DOWNLOAD_SLOTS = {"tmdb": {"concurrency": 8}}',
    ),
    "one in all": ({"CONCURRENT_REQUESTS": 1}, 10, "CONCURRENT_REQUESTS = 1", "CONCURRENT_REQUESTS = 8"),
    "one connection": (
        {"TMDB_MAX_CONNECTIONS": 1},
        10,
        "TMDB_MAX_CONNECTIONS = 1",
        "TMDB_MAX_CONNECTIONS = 8",
    ),
    "few for a higher rate": (
        {"CONCURRENT_REQUESTS": 16, "CONCURRENT_REQUESTS_PER_DOMAIN": 20, "TMDB_REQUESTS_PER_SECOND": 2000},
        160,
        "CONCURRENT_REQUESTS = 16",
        "CONCURRENT_REQUESTS = 200",
    ),
    "a slot for a higher rate": (
        {
            "CONCURRENT_REQUESTS": 500,
            "CONCURRENT_REQUESTS_PER_DOMAIN": 8,
            "TMDB_REQUESTS_PER_SECOND": 350.5,
        },
        80,
        "CONCURRENT_REQUESTS_PER_DOMAIN = 8",
        'DOWNLOAD_SLOTS = {"tmdb": {"concurrency": 36}}',
    ),
    "two in the slot": (
        {"DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 2}}},
        20,
        f'{SLOT}["concurrency"] = 2',
        None,
    ),
    "one in the slot, as text": (
        {"DOWNLOAD_SLOTS": '{"tmdb": {"concurrency": "1"}}'},
        10,
        f'{SLOT}["concurrency"] = 1',
        "DOWNLOAD_SLOTS",
    ),
    "delay of the slot": (
        {"DOWNLOAD_SLOTS": {"tmdb": {"delay": 2}}, "DOWNLOAD_DELAY": 1},
        0.5,
        f'{SLOT}["delay"] = 2',
        f'leave out {SLOT}["delay"]',
    ),
    "AutoThrottle": (
        {"AUTOTHROTTLE_ENABLED": True},
        10,
        "AUTOTHROTTLE_ENABLED",
        "AUTOTHROTTLE_ENABLED = False",
    ),
    "AutoThrottle with a delay": (
        {"AUTOTHROTTLE_ENABLED": True, "DOWNLOAD_DELAY": 2},
        0.5,
        "DOWNLOAD_DELAY = 2",
        "AUTOTHROTTLE_ENABLED = False",
    ),
    "rate": ({"TMDB_REQUESTS_PER_SECOND": 5}, 5, "TMDB_REQUESTS_PER_SECOND", None),
    "no rate": ({"TMDB_REQUESTS_PER_SECOND": 0, "DOWNLOAD_DELAY": 1}, None, "TMDB_REQUESTS_PER_SECOND", None),
}


@pytest.mark.parametrize("name", CASES)
@coroutine_test
async def test_the_start_says_how_fast_tmdb_is_asked(tmdb_sandbox, caplog, name):
    caplog.set_level("INFO")
    given, rate, limit, fix = CASES[name]
    ended = await crawl(
        MoviesSpider, settings_of(tmdb_sandbox.base_url, **{"TMDB_REQUESTS_PER_SECOND": 35, **given}), ids=[]
    )
    (line,) = [record for record in caplog.records if record.getMessage().startswith("TMDB is asked")]
    assert line.levelname == ("WARNING" if fix else "INFO")
    assert limit in line.getMessage()
    assert (fix or "") in line.getMessage()
    if rate is not None:
        assert re.search(rf"(at|about) {rate:g} requests a second", line.getMessage())
    assert ended.crawler.get_addon(Addon).speed.per_second == rate


@coroutine_test
async def test_a_delay_of_the_spider_is_meant_for_tmdb(tmdb_sandbox, caplog):
    ended = await crawl(Delayed, settings_of(tmdb_sandbox.base_url, TMDB_REQUESTS_PER_SECOND=35), ids=[])
    assert ended.crawler.get_addon(Addon).speed.per_second == 2
    assert "DOWNLOAD_DELAY = 0.5" in caplog.text


class Slots(MoviesSpider):
    """Notes the delays of the slots."""

    name = "slots"

    def parse(self, response):
        self.delays = {name: slot.delay for name, slot in self.crawler.engine.downloader.slots.items()}
        yield from super().parse(response)


@pytest.mark.parametrize(
    ("slots", "delay"), [({}, 0), ({"tmdb": {"delay": 0.01}}, 0.01), ({"tmdb": {"concurrency": 3}}, 0)]
)
@coroutine_test
async def test_the_delay_of_a_project_is_for_web_sites(tmdb_sandbox, slots, delay):
    settings = settings_of(tmdb_sandbox.base_url, DOWNLOAD_DELAY=60, DOWNLOAD_SLOTS=slots)
    ended = await crawl(Slots, settings, ids=[1, 2, 3])
    assert ended.ids == {1, 2, 3}
    assert ended.spider.delays == {"tmdb": delay}


SPIDER = """
from tmdbfusion_scrapy.crawling import TMDBSourceSpider


class Movies(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"
    list_operations = {"popular": "movie-popular-list"}
"""


def scrapy(*arguments, folder):
    finished = subprocess.run(
        [*scrapy_program(), *arguments],
        cwd=folder,
        env=environment(**TOKEN),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    return finished.stdout


def test_a_fresh_project(tmp_path, tmdb_sandbox):
    scrapy("startproject", "fresh", folder=tmp_path)
    project = tmp_path / "fresh"
    settings = project / "fresh" / "settings.py"
    # A name that stands twice in the file: the last one counts.
    settings.write_text(
        settings.read_text("utf-8")
        + 'ADDONS = {"tmdbfusion_scrapy.Addon": 500}\n'
        + f'TMDB_API_URL = "{tmdb_sandbox.base_url}"\n',
        "utf-8",
    )
    (project / "fresh" / "spiders" / "movies.py").write_text(SPIDER, "utf-8")
    said = scrapy("crawl", "movies", "-a", "pages=2", folder=project)
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL", project / "tmdb.db") == [(40,)]
    assert (
        "WARNING: TMDB is asked at about 10 requests a second at most (CONCURRENT_REQUESTS_PER_DOMAIN = 1"
        in said
    )
    assert 'set DOWNLOAD_SLOTS = {"tmdb": {"concurrency": 8}}' in said
    plan = " ".join(scrapy("tmdb-plan", "movies", "-a", "pages=2", folder=project).split())
    assert "Time 5 seconds" in plan
    assert "CONCURRENT_REQUESTS_PER_DOMAIN = 1" in plan
