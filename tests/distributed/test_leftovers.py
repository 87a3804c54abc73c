"""What is left in the queue by something else than a worker that did its work."""

from __future__ import annotations

import asyncio
import gc

import pytest

from tests.commands.conftest import scrapy_command  # noqa: F401 - a fixture
from tests.coroutines import coroutine_test
from tests.distributed.spiders import Movies
from tests.distributed.test_workers import Forgetful
from tests.patience import until
from tmdbfusion_scrapy.crawling.source_spider import ExitStatus


class Broken(Movies):
    """Makes no request."""

    def details_request(self, record_id):
        raise LookupError(record_id)


@coroutine_test
async def test_jobs_of_a_run_that_one_machine_finished_go_at_once(fleet):
    await fleet.enqueue(Movies, source="export", size=1)
    jobs = (await fleet.status()).runs[0].waiting.jobs
    assert jobs > 120
    await fleet.start(Movies, {}, source="export").end()
    # With a pause after each of them, here of a second, it would not end while it is waited for.
    worker = await fleet.work(Movies, TMDB_JOB_HEARTBEAT=60)
    assert worker.status == ExitStatus.DONE
    assert not (await fleet.status()).runs[0].waiting.jobs


@coroutine_test
async def test_failed_jobs_of_a_run_that_one_machine_finished_are_no_longer_left(fleet):
    await fleet.enqueue(Movies, ids="5,6,7", size=3)
    worker = await fleet.work(Forgetful, TMDB_JOB_TIMEOUT=4)
    assert worker.status == ExitStatus.LEFT
    again = await fleet.enqueue(Movies, ids="5,6,7", size=3)
    assert again.outcome.endswith("1 of its jobs have failed: scrapy tmdb-queue --retry brings them back")
    await fleet.start(Movies, {}, ids="5,6,7").end()
    assert fleet.runs() == [("movies", 3, True)]
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.DONE
    assert not (await fleet.status()).failed


@coroutine_test
async def test_a_worker_that_stays_finishes_what_one_left_that_was_killed(fleet):
    await fleet.enqueue(Movies, ids="1,2")
    await fleet.start(Movies, {}, ids="1,2,3").end()
    # As after its last job, before it has finished the run.
    fleet.change("DELETE FROM tmdb_pgqueuer")
    worker = fleet.worker(Movies, stays=True)
    try:
        await until(lambda: all(finished for *_, finished in fleet.runs()))
    finally:
        await worker.crawler.stop_async()
        await worker.end()


@coroutine_test
async def test_records_without_a_job_are_left(fleet, caplog):
    await fleet.enqueue(Movies, ids="1,2,3,4", size=2)
    # As when it was killed while it added them.
    fleet.change("DELETE FROM tmdb_pgqueuer WHERE id = 1")
    fleet.change("UPDATE tmdb_queued_runs SET enqueued_at = NULL, jobs = 0, ids = 0")
    assert (await fleet.status()).runs[0].done.jobs == 0
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.LEFT
    assert "scrapy tmdb-enqueue adds them" in caplog.text
    await fleet.enqueue(Movies, ids="1,2,3,4", size=2)
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.DONE
    assert fleet.asked() == dict.fromkeys((1, 2, 3, 4), 1)


@coroutine_test
async def test_a_spider_that_raises_is_no_success(fleet):
    await fleet.enqueue(Movies, ids="1,2")
    worker = await fleet.work(Broken)
    assert worker.status == ExitStatus.FAILED
    assert (await fleet.status()).runs[0].waiting.jobs == 1


@coroutine_test
async def test_a_queue_that_cannot_be_asked_is_named(fleet, scrapy_command):  # noqa: F811
    await fleet.enqueue(Movies, ids="1,2")
    fleet.change("DROP TABLE tmdb_pgqueuer")
    ended = await asyncio.to_thread(scrapy_command, "tmdb-queue", TMDB_DATABASE_URL=fleet.url)
    assert ended.status == 1
    assert "the queue cannot be asked" in ended.errors
    assert "Traceback" not in ended.errors


@coroutine_test
async def test_what_is_enqueued_anew_takes_the_place_of_what_was_added_before(fleet):
    await fleet.enqueue(Movies, ids="1,2,3,4", size=2)
    fleet.change("UPDATE tmdb_queued_runs SET enqueued_at = NULL")
    await fleet.enqueue(Movies, ids="1,2,3,4", size=4)
    (run,) = (await fleet.status()).runs
    assert (run.waiting.jobs, run.waiting.records, run.done.jobs) == (1, 4, 0)


@pytest.mark.parametrize("is_shared", [False, True])
@coroutine_test
async def test_a_run_that_cannot_begin_leaves_no_connection_open(fleet, is_shared):
    await fleet.enqueue(Movies, ids="1")
    # Python warns of a connection that is open still when it is collected.
    fleet.change("ALTER TABLE tmdb_runs ADD CONSTRAINT none_more CHECK (id < 2)")
    if is_shared:
        assert not (await fleet.enqueue(Movies, ids="1,2")).has_enqueued
    else:
        await fleet.start(Movies, {}, ids="1,2").end()
    gc.collect()


@coroutine_test
async def test_a_run_that_two_enqueue_at_once_is_cut_once(fleet):
    ids = ",".join(map(str, range(1, 1501)))
    outcomes = await asyncio.gather(*(fleet.enqueue(Movies, ids=ids, size=size) for size in (1, 1, 7)))
    assert [spider.has_enqueued for spider in outcomes] == [True] * 3
    (run,) = (await fleet.status()).runs
    assert run.waiting.records == 1500
    assert run.waiting.jobs in (1500, 215)


@coroutine_test
async def test_records_that_were_gone_and_are_listed_again_are_asked_for(fleet):
    await fleet.start(Movies, {}, ids="1,2,3,4,5,6,7,8,9").end()
    before = fleet.asked()
    fleet.change("UPDATE movies SET deleted_at = fetched_at")
    await fleet.enqueue(Movies, ids="1,2,3,4,5,6,7,8,9")
    # It looks several times while they are on their way.
    await fleet.work(Movies, TMDB_REQUESTS_PER_SECOND=4, CONCURRENT_REQUESTS=1)
    assert fleet.asked() - before == dict.fromkeys(range(1, 10), 1)
    assert fleet.select("SELECT count(*) FROM movies WHERE deleted_at IS NOT NULL") == [(0,)]


@coroutine_test
async def test_a_worker_that_does_not_reach_tmdb_leaves_the_queue_to_others(fleet, unused_tcp_port):
    ids = set(range(1, 401))
    await fleet.enqueue(Movies, ids=",".join(map(str, sorted(ids))), size=20)
    worker = await fleet.work(Movies, TMDB_API_URL=f"http://127.0.0.1:{unused_tcp_port}/3", RETRY_TIMES=0)
    assert worker.status == ExitStatus.FAILED
    failed = {int(key) for (key,) in fleet.select("SELECT id FROM tmdb_failures")}
    assert 0 < len(failed) < 300
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.DONE
    assert fleet.asked() == dict.fromkeys(ids - failed, 1)
    await fleet.start(Movies, {}, source="failed").end()
    assert fleet.asked().keys() == ids
