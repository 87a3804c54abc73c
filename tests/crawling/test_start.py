"""Start requests in portions."""

from __future__ import annotations

import asyncio

import pytest
import scrapy
from scrapy import signals

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.crawling import TMDBSpider, scheduling

PORTION = 100

TURNS = 20
"""Turns of the event loop after which who has read nothing waits for something else."""

# Scrapy 2.15 does not close the files of empty queues when it opens a job directory again.
OPEN_QUEUES = "ignore:unclosed file .*requests.queue:ResourceWarning"


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch):
    monkeypatch.setattr(scheduling, "REQUESTS_AHEAD", PORTION)


class AfterReading:
    """Holds each response until nothing more is read from start(), however long a busy machine takes for that."""

    def __init__(self, crawler):
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler):
        return cls(crawler)

    async def process_response(self, request, response):
        read = None
        while read != self.crawler.spider.steps:
            read = self.crawler.spider.steps
            for _ in range(TURNS):
                await asyncio.sleep(0)
        return response


class ManySpider(TMDBSpider):
    """Asks for one movie again and again, and notes how far start() was read, and when."""

    name = "many"
    custom_settings = {"DOWNLOADER_MIDDLEWARES": {AfterReading: 999}}  # noqa: RUF012
    steps = 0
    count = PORTION * 4
    duplicates = 0

    def __init__(self, midway=lambda: None, **kwargs):
        super().__init__(**kwargs)
        self.midway = midway

    async def start(self):
        self.read = self.answered = self.furthest = self.empty = 0
        self.retries = self.retries_between = self.most_scheduled = 0
        self.crawler.signals.connect(self.note_answer, signals.response_received)
        self.crawler.signals.connect(self.note_sent, signals.request_reached_downloader)
        self.crawler.signals.connect(self.note_empty, signals.scheduler_empty)
        for number in range(self.count):
            if number == PORTION // 2:
                self.midway()
            self.furthest = max(self.furthest, number - self.answered)
            self.read = number + 1
            self.steps += 1
            yield self.tmdb.movies.details(1, callback=self.parse, dont_filter=True)
            for _ in range(self.duplicates):
                self.steps += 1
                yield self.tmdb.movies.details(1, callback=self.parse)

    def note_answer(self):
        self.answered += 1

    def note_sent(self, request):
        stats = self.crawler.stats
        scheduled = stats.get_value("scheduler/enqueued") - stats.get_value("scheduler/dequeued")
        self.most_scheduled = max(self.most_scheduled, scheduled)
        if "retry_times" in request.meta:
            self.retries += 1
        else:
            self.retries_between = self.retries

    def note_empty(self):
        # While the first requests are sent the scheduler is empty after each of them.
        if PORTION <= self.read < self.count:
            self.empty += 1

    def parse(self, response):
        yield {"id": response.record.id}


@coroutine_test
async def test_start_is_read_in_portions_before_the_scheduler_is_empty(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()
    ended = await crawl(ManySpider, settings_of(sandbox.base_url))
    assert len(ended.items) == ManySpider.count
    assert ended.spider.furthest < PORTION * 1.5
    assert ended.spider.empty == 0


class DuplicatesSpider(ManySpider):
    name = "duplicates"
    count = PORTION * 2
    duplicates = 2


@coroutine_test
async def test_duplicates_are_not_counted(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()
    ended = await crawl(DuplicatesSpider, settings_of(sandbox.base_url))
    assert len(ended.items) == DuplicatesSpider.count + 1
    assert ended.spider.furthest < PORTION * 1.5
    assert ended.spider.empty == 0


@coroutine_test
async def test_without_the_middleware_it_is_read_at_once(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()
    off = {"SPIDER_MIDDLEWARES": {"tmdbfusion_scrapy.crawling.scheduling.LazyStartMiddleware": None}}
    ended = await crawl(ManySpider, settings_of(sandbox.base_url, **off))
    assert ended.spider.furthest > PORTION * 2


@coroutine_test
async def test_retries_come_after_all_that_start_yields(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()

    def fail():
        sandbox.fail_next(503, times=30)

    # Not the first ones: while these are sent there is nothing in the scheduler that a retry could come after.
    ended = await crawl(ManySpider, settings_of(sandbox.base_url), midway=fail)
    assert len(ended.items) == ManySpider.count
    assert ended.stats["tmdb/retry/count"] == 30
    assert ended.spider.retries == 30
    assert ended.spider.retries_between == 0


@pytest.mark.parametrize("many", [True, False])
@coroutine_test
async def test_no_more_is_read_while_too_many_retries_are_scheduled(tmdb_sandbox_factory, monkeypatch, many):
    if not many:
        monkeypatch.setattr(scheduling, "MOST_SCHEDULED", PORTION // 2)
    sandbox = tmdb_sandbox_factory()
    sandbox.fail_next(503, times=ManySpider.count)
    ended = await crawl(ManySpider, settings_of(sandbox.base_url, RETRY_TIMES=20))
    assert len(ended.items) == ManySpider.count
    assert ended.stats["tmdb/retry/count"] == ManySpider.count
    assert (ended.spider.most_scheduled > PORTION * 2.5) is many


@coroutine_test
async def test_answers_from_a_cache_do_not_stop_it(tmdb_sandbox, tmp_path):
    # They never reach the downloader.
    cached = settings_of(tmdb_sandbox.base_url, HTTPCACHE_ENABLED=True, HTTPCACHE_DIR=str(tmp_path))
    ended = await crawl(ManySpider, cached)
    assert len(ended.items) == ManySpider.count
    assert ended.stats["httpcache/hit"] > PORTION * 2


class RepeatingSpider(MoviesSpider):
    """Asks for its ids many times, and notes whether anything else was done meanwhile."""

    name = "repeating"
    times = PORTION * 2

    async def start(self):
        turns = []
        for number in range(self.times):
            for movie_id in self.ids:
                yield self.movie(movie_id)
            if number == 1:
                asyncio.get_running_loop().call_soon(turns.append, number)
        self.event_loop_had_its_turn = bool(turns)


@coroutine_test
async def test_the_event_loop_has_its_turn_while_duplicates_are_dropped(tmdb_sandbox_factory):
    # While the downloader is busy Scrapy takes one after the other.
    sandbox = tmdb_sandbox_factory(latency=0.2)
    settings = settings_of(sandbox.base_url, CONCURRENT_REQUESTS=1)
    ended = await crawl(RepeatingSpider, settings, ids=[1, 2])
    assert ended.ids == {1, 2}
    assert ended.stats["dupefilter/filtered"] == 2 * RepeatingSpider.times - 2
    assert ended.spider.event_loop_had_its_turn


class HaltingSpider(MoviesSpider):
    """Stops when it has read one portion and half of the second."""

    name = "halting"

    def parse(self, response):
        yield from super().parse(response)
        if len(self.responses) == PORTION * 1.5 and self.crawler.settings.getbool("HALT"):
            self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_job_that_was_stopped_goes_on(tmdb_sandbox, tmp_path):
    ids = tmdb_sandbox.movie_ids[: PORTION * 4]
    settings = settings_of(tmdb_sandbox.base_url, JOBDIR=str(tmp_path / "job"))
    first = await crawl(HaltingSpider, {**settings, "HALT": True}, finish_reason="stopped", ids=ids)
    assert PORTION <= len(first.ids) < PORTION * 3
    second = await crawl(HaltingSpider, settings, ids=ids)
    assert first.ids | second.ids == set(ids)
    assert not first.ids & second.ids


class MetaSpider(MoviesSpider):
    name = "meta"

    def movie(self, movie_id, **arguments):
        request = super().movie(movie_id, **arguments)
        self.meta_before = dict(request.meta)
        return request


@coroutine_test
async def test_a_response_has_nothing_more_in_its_meta(tmdb_sandbox):
    ended = await crawl(MetaSpider, settings_of(tmdb_sandbox.base_url), ids=[1])
    (response,) = ended.spider.responses
    added = response.meta.keys() - ended.spider.meta_before.keys()
    assert not {key for key in added if key.startswith("tmdb_")}


class ItemsSpider(scrapy.Spider):
    name = "items"

    async def start(self):
        for number in range(5):
            yield {"number": number}


@coroutine_test
async def test_items_pass(tmdb_sandbox):
    ended = await crawl(
        ItemsSpider, settings_of(tmdb_sandbox.base_url, ADDONS={"tmdbfusion_scrapy.Addon": 500})
    )
    assert [item["number"] for item in ended.items] == [0, 1, 2, 3, 4]
