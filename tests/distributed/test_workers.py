"""One crawl shared by workers: each record is fetched once, and the run ends once."""

from __future__ import annotations

import asyncio
import datetime
import json

import pytest

from tests.coroutines import coroutine_test
from tests.distributed.conftest import TODAY, Fleet
from tests.distributed.spiders import ALL, Collections, Companies, Keywords, Movies, Networks, People, Series
from tests.patience import until
from tmdbfusion_scrapy.crawling.source_spider import ExitStatus
from tmdbfusion_scrapy.exceptions import ConfigurationError


class Forgetful(Movies):
    """Loses two records."""

    def parse_details(self, response):
        if response.record.id not in (7, 8):
            yield from super().parse_details(response)


class Hanging:
    """A downloader middleware that lets ten requests through, and then nothing until it is told to."""

    go_on: asyncio.Event

    def __init__(self):
        self.number = 0

    async def process_request(self, request):
        self.number += 1
        if self.number > 10:
            await self.go_on.wait()


@coroutine_test
async def test_two_workers_fetch_each_record_once(fleet):
    planner = await fleet.enqueue(Movies, source="export")
    assert planner.has_enqueued
    assert not fleet.asked()
    two = await asyncio.gather(fleet.work(Movies), fleet.work(Movies))
    listed = fleet.stored()
    assert fleet.asked() == dict.fromkeys(listed, 1)
    assert fleet.runs() == [("movies", len(listed), True)]
    assert fleet.select("SELECT count(*) FROM tmdb_watermarks WHERE name = 'movies/changes'") == [(1,)]
    assert [worker.status for worker in two] == [ExitStatus.DONE] * 2
    (run,) = (await fleet.status()).runs
    assert run.is_finished
    assert (run.done.records, run.waiting.jobs, run.running.jobs) == (len(listed), 0, 0)
    done = [worker.crawler.stats.get_value("tmdb/jobs/done_count", 0) for worker in two]
    assert sum(done) == run.done.jobs


@coroutine_test
async def test_what_is_in_the_queue_is_not_added_again(fleet):
    first = await fleet.enqueue(Movies, ids="1,2,3,4,5", size=2)
    again = await fleet.enqueue(Movies, ids="1,2,3,4,5", size=2)
    assert first.outcome == "Run 1: 5 records in 3 jobs, 3 of them added"
    assert again.outcome == "Run 1 is in the queue already: nothing is added"
    assert (await fleet.status()).runs[0].waiting.jobs == 3
    await asyncio.gather(fleet.enqueue(Movies, ids="6,7"), fleet.enqueue(Movies, ids="6,7"))
    assert [run.waiting.jobs for run in (await fleet.status()).runs] == [3, 1]


@coroutine_test
async def test_a_worker_that_comes_late_fetches_nothing(fleet, caplog):
    await fleet.work(Movies)
    assert "Nothing was ever enqueued" in caplog.text
    await fleet.enqueue(Movies, ids="1,2,3")
    await fleet.work(Movies)
    before = fleet.asked()
    caplog.clear()
    late = await fleet.work(Movies)
    assert fleet.asked() == before == {1: 1, 2: 1, 3: 1}
    assert "There is nothing to do" in caplog.text
    assert late.status == ExitStatus.DONE


@coroutine_test
async def test_what_fails_is_on_record(fleet):
    await fleet.enqueue(Movies, ids="1,2,99999999")
    worker = await fleet.work(Movies)
    assert fleet.stored() == {1, 2}
    assert fleet.select("SELECT id FROM tmdb_failures") == [("99999999",)]
    assert fleet.runs() == [("movies", 3, True)]
    assert worker.status == ExitStatus.DONE


@coroutine_test
async def test_discover_is_read_by_the_planner_with_its_proof(fleet):
    planner = await fleet.enqueue(Movies, source="discover")
    pages = len(fleet.sandbox.requests)
    assert pages > 1
    ((coverage,),) = fleet.select("SELECT coverage FROM tmdb_runs")
    found = json.loads(coverage)
    assert found["found"] == found["expected"] > 100
    await fleet.work(Movies)
    assert len(fleet.asked()) == found["found"] == len(fleet.sandbox.requests) - pages
    assert fleet.select("SELECT coverage FROM tmdb_runs WHERE finished_at IS NOT NULL") == [(coverage,)]
    assert planner.has_enqueued


@coroutine_test
async def test_a_list_and_its_limit(fleet):
    await fleet.enqueue(Movies, source="list", pages="3", limit="50")
    await fleet.work(Movies)
    assert len(fleet.stored()) == 50
    assert fleet.runs() == [("movies", 50, True)]


@coroutine_test
async def test_changes_set_the_watermark_at_the_end(postgres_with_tables, tmdb_sandbox_factory):
    days = {"today": TODAY, "daily_changed": 0.05}
    fleet = Fleet(tmdb_sandbox_factory(movies=150, keep_requests=10**5, **days), postgres_with_tables)
    since = (TODAY - datetime.timedelta(days=3)).isoformat()
    await fleet.enqueue(Movies, source="changes", since=since)
    assert fleet.select("SELECT count(*) FROM tmdb_watermarks") == [(0,)]
    await fleet.work(Movies)
    assert fleet.select("SELECT name, value FROM tmdb_watermarks") == [("movies/changes", TODAY.isoformat())]
    assert set(fleet.asked().values()) == {1}


@coroutine_test
async def test_a_source_that_cannot_be_read_adds_nothing(fleet):
    planner = await fleet.enqueue(Movies, source="changes")
    assert not planner.has_enqueued
    fleet.sandbox.fail_next(500, times=20, path="/3/movie/popular")
    planner = await fleet.enqueue(Movies, source="list", changed={"RETRY_TIMES": 0})
    assert not planner.has_enqueued
    assert not any(finished for *_, finished in fleet.runs())
    assert not (await fleet.status()).runs


@coroutine_test
async def test_images_of_what_is_stored_are_for_one_machine(fleet):
    with pytest.raises(ConfigurationError, match="use scrapy crawl"):
        await fleet.enqueue(Movies, source="images")


@coroutine_test
async def test_every_kind_of_record(fleet):
    for spidercls in (Series, People, Collections, Companies, Networks, Keywords):
        planner = await fleet.enqueue(spidercls, source="export", limit="8")
        assert planner.has_enqueued, spidercls.name
    worker = await fleet.work(*ALL)
    assert worker.status == ExitStatus.DONE
    assert all(finished for *_, finished in fleet.runs())
    for table in ("tv_shows", "seasons", "episodes", "people", "collections", "companies", "keywords"):
        assert fleet.stored(table), table
    ((parts,),) = fleet.select(
        "SELECT count(*) FROM people WHERE fetched_at IS NOT NULL AND raw ? 'external_ids'"
    )
    assert parts == len(fleet.stored("people"))


@coroutine_test
async def test_records_that_never_come_end_as_failed_and_are_brought_back(fleet, caplog):
    await fleet.enqueue(Movies, ids="5,6,7,8,9,10", size=3)
    patient = fleet.worker(Forgetful)
    await until(lambda: fleet.stored() == {5, 6, 9, 10})
    await patient.crawler.stop_async()
    await patient.end()
    worker = await fleet.work(Forgetful, TMDB_JOB_TIMEOUT=4)
    assert worker.status == ExitStatus.LEFT
    status = await fleet.status()
    # 5, 6 and 7 are one job, 8, 9 and 10 the other one.
    assert [failed.reason for failed in status.failed] == [
        "1 of 3 records did not come within 4 s: 7",
        "1 of 3 records did not come within 4 s: 8",
    ]
    assert status.runs[0].failed.jobs == 2
    assert fleet.runs() == [("movies", 6, False)]
    assert "scrapy tmdb-queue --retry" in caplog.text
    before = fleet.asked()
    again = await fleet.status("retry")
    assert (again.runs[0].failed.jobs, again.runs[0].waiting.jobs) == (0, 2)
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.DONE
    assert fleet.asked() - before == {7: 1, 8: 1}
    assert fleet.runs() == [("movies", 6, True)]


@coroutine_test
async def test_images_of_all_records_also_of_those_that_another_worker_stored(fleet, tmp_path):
    await fleet.enqueue(Movies, ids="5,6,7", size=3)
    # It stores two of three records, and none of their images.
    await fleet.work(Forgetful, TMDB_JOB_TIMEOUT=4)
    await fleet.status("retry")
    images = {"TMDB_IMAGES": "poster", "IMAGES_STORE": "images", "TMDB_IMAGES_REQUESTS_PER_SECOND": 0}
    worker = await fleet.work(Movies, TMDB_IMAGES_URL=fleet.sandbox.images_url, **images)
    assert worker.status == ExitStatus.DONE
    with_poster = fleet.select(
        "SELECT id FROM movies WHERE poster_path IS NOT NULL AND fetched_at IS NOT NULL"
    )
    assert with_poster
    stored = {path.parent.name for path in (tmp_path / "images").rglob("w500.jpg")}
    assert stored == {str(key) for (key,) in with_poster}


@coroutine_test
async def test_what_a_worker_holds_that_hangs_is_taken_by_others(fleet):
    Hanging.go_on = asyncio.Event()
    await fleet.enqueue(Movies, source="export", size=10)
    hanging = fleet.worker(
        Movies, TMDB_JOB_TIMEOUT=6, CONCURRENT_REQUESTS=4, DOWNLOADER_MIDDLEWARES={Hanging: 1}
    )
    await until(lambda: len(fleet.asked()) >= 10)
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.DONE
    assert fleet.runs()[0][2]
    assert set(fleet.asked().values()) == {1}
    # What hung is asked for after all once it wakes up, and nothing else.
    Hanging.go_on.set()
    await hanging.end()
    assert fleet.asked().total() <= len(fleet.stored()) + 4
    assert fleet.select("SELECT count(*) FROM tmdb_failures") == [(0,)]


@coroutine_test
async def test_a_paused_run_waits_and_a_cancelled_one_is_gone(fleet):
    await fleet.enqueue(Movies, source="export", size=10)
    status = await fleet.status("pause")
    assert status.runs[0].is_paused
    # It does not come to the end before it is cancelled.
    Hanging.go_on = asyncio.Event()
    worker = fleet.worker(Movies, DOWNLOADER_MIDDLEWARES={Hanging: 1})
    await until(lambda: fleet.select("SELECT count(*) FROM tmdb_workers") == [(1,)])
    await asyncio.sleep(1)
    assert not fleet.asked()
    assert not worker.task.done()
    await fleet.status("resume")
    await until(lambda: len(fleet.asked()) >= 10)
    status = await fleet.status("cancel")
    assert not status.runs
    Hanging.go_on.set()
    await worker.end()
    assert fleet.runs()[0][2] is False
    # What is left of it can be enqueued again.
    before = fleet.stored()
    await fleet.enqueue(Movies, source="export", size=10)
    await fleet.work(Movies)
    assert fleet.runs()[0][2] is True
    assert len(fleet.stored()) > len(before)


@coroutine_test
async def test_one_machine_goes_on_with_what_was_enqueued(fleet):
    await fleet.enqueue(Movies, source="export")
    await fleet.start(Movies, {}, source="export").end()
    assert fleet.runs()[0][2] is True
    before = fleet.asked()
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.DONE
    assert fleet.asked() == before
    assert not any(run.waiting.jobs for run in (await fleet.status()).runs)


@coroutine_test
async def test_a_worker_with_other_languages_is_refused(fleet, caplog):
    await fleet.enqueue(Movies, ids="1,2", changed={"TMDB_LANGUAGE": "de"})
    worker = await fleet.work(Movies)
    assert worker.status == ExitStatus.FAILED
    assert "set TMDB_LANGUAGE" in caplog.text
    assert (await fleet.status()).runs[0].waiting.jobs == 1
    assert not fleet.asked()


@coroutine_test
async def test_runs_in_two_languages_have_workers_of_their_own(fleet):
    german = {"TMDB_LANGUAGE": "de"}
    await fleet.enqueue(Movies, ids="1,2", changed=german)
    await fleet.enqueue(Movies, ids="3,4")
    assert (await fleet.work(Movies)).status == ExitStatus.DONE
    assert fleet.asked() == {3: 1, 4: 1}
    assert (await fleet.work(Movies, **german)).status == ExitStatus.DONE
    assert fleet.asked() == dict.fromkeys([1, 2, 3, 4], 1)
    assert [finished for *_, finished in fleet.runs()] == [True, True]


@pytest.mark.parametrize("spiders", [(), (Movies,)], ids=["all", "one"])
@coroutine_test
async def test_a_worker_stays_for_more(fleet, spiders):
    worker = fleet.worker(*spiders, stays=True)
    await fleet.enqueue(Movies, ids="1,2")
    await until(lambda: fleet.runs() == [("movies", 2, True)])
    await fleet.enqueue(Movies, ids="3")
    await until(lambda: len(fleet.stored()) == 3)
    await worker.crawler.stop_async()
    await worker.end()
    assert fleet.select("SELECT count(*) FROM tmdb_workers") == [(0,)]
