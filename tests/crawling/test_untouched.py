"""A crawl leaves the process of its host as it was, and reads its settings once."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from typing import ClassVar

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, settings_of
from tmdbfusion_scrapy.exceptions import ConfigurationError

HOST = '''
import asyncio, gc, json, logging, os, signal, sys, threading, warnings
import httpx, pandas, pyarrow, scrapy, sqlalchemy
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings


def process():
    """All that a library may have changed for the whole process."""
    found = {
        "gc": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), len(gc.callbacks), gc.get_debug()),
        "warnings": ([str(each) for each in warnings.filters], warnings.showwarning.__qualname__),
        "environ": dict(os.environ),
        "hooks": [
            repr(each)
            for each in (
                sys.excepthook, sys.unraisablehook, sys.displayhook, sys.stdout, sys.stderr, sys.gettrace(),
                sys.getprofile(), threading.excepthook, asyncio.get_event_loop_policy(), logging.lastResort,
                logging.getLoggerClass(), logging.getLogRecordFactory(),
            )
        ],
        "numbers": (sys.getswitchinterval(), sys.getrecursionlimit(), logging.root.manager.disable),
        "signals": {each.name: id(signal.getsignal(each)) for each in signal.valid_signals()
                    if isinstance(each, signal.Signals)},
        "paths": (list(sys.path), [repr(each) for each in sys.meta_path], os.getcwd(), os.umask(0o22)),
        "threads": sorted(each.name for each in threading.enumerate() if not each.name.startswith("asyncio_")),
        "root": logger(logging.root),
    }
    for name, each in logging.root.manager.loggerDict.items():
        if isinstance(each, logging.Logger):
            found["logger " + name] = logger(each)
    return found


def logger(each):
    return (each.level, each.propagate, each.disabled, len(each.filters),
            [repr(one) for one in each.handlers if not type(one).__module__.startswith("scrapy")])


class Stock(scrapy.Spider):
    name = "stock"

    async def start(self):
        yield scrapy.Request("data:,")

    def parse(self, response):
        yield {"a": 1}


async def crawl(spidercls, settings):
    await AsyncCrawlerRunner(Settings(settings)).crawl(spidercls)


async def main():
    quiet = json.loads(sys.argv[1])
    stock = {name: value for name, value in quiet.items() if not name.startswith("TMDB_")}
    await crawl(Stock, {**stock, "FEEDS": {"stock.jsonl": {"format": "jsonlines"}}})
    await asyncio.to_thread(int)
    before = process()

    from tmdbfusion_scrapy import TMDBSpider
    from tmdbfusion_scrapy.exceptions import ConfigurationError
    from tmdbfusion_scrapy.models import MovieDetails

    class Movies(TMDBSpider):
        name = "movies"

        async def start(self):
            for number in range(1, 6):
                yield self.tmdb.movies.details(number)

        def parse(self, response):
            yield response.record

    feeds = {f"movies.{name}": {"format": name, "item_classes": [MovieDetails]} for name in ("csv", "parquet")}
    await crawl(Movies, {**quiet, "FEEDS": feeds})
    try:
        await crawl(Movies, {**quiet, "CONCURRENT_REQUESTS": -1})
    except ConfigurationError as error:
        caught = str(error)
    # One that nobody catches.
    task = AsyncCrawlerRunner(Settings({**quiet, "CONCURRENT_REQUESTS": -2})).crawl(Movies)
    await asyncio.wait([task])
    del task
    gc.collect()
    after = process()
    changed = {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}
    untouched = [0, True, False, 0, []]
    new = {name for name, (old, value) in changed.items() if name.startswith("logger ") and old is None
           and list(value) == untouched}
    print(json.dumps({
        "changed": {name: value for name, value in changed.items() if name not in new},
        "caught": caught,
        "files": sorted(os.listdir()),
    }, default=repr))


asyncio.run(main())
'''


def test_a_crawl_leaves_the_process_as_it_was(tmdb_sandbox, tmp_path):
    settings = settings_of(tmdb_sandbox.base_url, TWISTED_REACTOR_ENABLED=False)
    finished = subprocess.run(
        [sys.executable, "-c", HOST, json.dumps(settings)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    found = json.loads(finished.stdout.splitlines()[-1])
    assert found["changed"] == {}
    assert found["caught"] == "CONCURRENT_REQUESTS is -1: set it to 0 or more"
    assert found["files"] == ["movies.csv", "movies.parquet", "stock.jsonl", "tmdb.db"]
    # Logging is the host's: what is left without handlers is the last resort, with the message alone.
    assert finished.stderr.splitlines()[-1] == "CONCURRENT_REQUESTS is -2: set it to 0 or more"
    assert "Traceback" not in finished.stderr


class CountingSettings(Settings):
    """Counts how often a setting is asked for by its name."""

    asked: ClassVar[Counter[str]] = Counter()

    def get(self, name, default=None):
        self.asked[name] += 1
        return super().get(name, default)


READ_ONCE = (
    "TMDB_ACCESS_TOKEN",
    "TMDB_DATABASE_BATCH_SIZE",
    "TMDB_DATABASE_FLUSH_INTERVAL",
    "TMDB_DATABASE_URL",
    "TMDB_EXPORTS_URL",
    "TMDB_IMAGES_LANGUAGES",
    "TMDB_IMAGES_SEASONS",
    "TMDB_IMAGES_URL",
    "TMDB_IP_FAMILY",
    "TMDB_KEEPALIVE_EXPIRY",
    "TMDB_LANGUAGE",
    "TMDB_PROXY",
    "TMDB_REGION",
    "TMDB_REQUESTS_PER_SECOND",
    "TMDB_SESSION_ID",
    "TMDB_STORE_RAW",
    "TMDB_VERIFY_TLS",
)


@coroutine_test
async def test_each_setting_is_read_by_the_add_on_and_once_by_the_crawl(tmdb_sandbox):
    CountingSettings.asked.clear()
    settings = settings_of(
        tmdb_sandbox.base_url,
        TMDB_IMAGES=["poster"],
        TMDB_IMAGES_URL=tmdb_sandbox.base_url.removesuffix("/3") + "/t/p",
        IMAGES_STORE="images",
        HTTPCACHE_ENABLED=True,
        JOBDIR="job",
        FEEDS={"movies.csv": {"format": "csv"}},
    )
    crawler = AsyncCrawlerRunner(CountingSettings(settings)).create_crawler(MoviesSpider)
    CountingSettings.asked.clear()
    await crawler.crawl_async(ids=[1, 2, 3])
    assert crawler.stats.get_value("tmdb/stored_count/movies") == 3
    assert {name: CountingSettings.asked[name] for name in READ_ONCE} == dict.fromkeys(READ_ONCE, 2)


class LanguageAddon:
    """Add-on of another package that chooses the language."""

    def update_settings(self, settings):
        settings.set("TMDB_LANGUAGE", "fr-FR", priority="addon")


@coroutine_test
async def test_an_add_on_after_ours_may_change_a_setting(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url, ADDONS={LanguageAddon: 900})
    await AsyncCrawlerRunner(Settings(settings)).crawl(MoviesSpider, ids=[1])
    assert [dict(seen.query)["language"] for seen in tmdb_sandbox.requests] == ["fr-FR"]


@coroutine_test
async def test_two_crawls_of_one_runner_have_settings_of_their_own(tmdb_sandbox):
    class OtherSpider(MoviesSpider):
        name = "other"
        custom_settings: ClassVar = {"TMDB_LANGUAGE": "fr-FR"}

    runner = AsyncCrawlerRunner(Settings(settings_of(tmdb_sandbox.base_url, TMDB_LANGUAGE="de-DE")))
    for spidercls in (MoviesSpider, OtherSpider, MoviesSpider):
        await runner.crawl(spidercls, ids=[1])
    asked = [dict(seen.query)["language"] for seen in tmdb_sandbox.requests if seen.path == "/3/movie/1"]
    assert asked == ["de-DE", "fr-FR", "de-DE"]


@coroutine_test
async def test_a_setting_that_cannot_be_used_is_told_in_one_line(tmdb_sandbox, caplog):
    runner = AsyncCrawlerRunner(Settings(settings_of(tmdb_sandbox.base_url, CONCURRENT_REQUESTS=-1)))
    with pytest.raises(ConfigurationError):
        await runner.crawl(MoviesSpider)
    await asyncio.sleep(0)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.getMessage() == "CONCURRENT_REQUESTS is -1: set it to 0 or more"
    assert record.exc_info is None
