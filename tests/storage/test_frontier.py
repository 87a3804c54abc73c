"""What a crawl wants, and what of it is done."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from tests.storage.database_access import failed_call, movie, select
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.frontier import Frontier
from tmdbfusion_scrapy.stores import Progress

HOUR = timedelta(hours=1)


def now():
    return datetime.now(timezone.utc)


@pytest.fixture(scope="module")
def opened(shared_engine):
    """A frontier for all tests: to look at the tables takes longer than most of them."""
    with Frontier(open_database(_url(shared_engine)), "movies") as frontier:
        yield frontier


@pytest.fixture
def frontier(opened, engine):
    """A frontier of an empty database."""
    return opened


@pytest.fixture
def url(engine):
    """URL of the same database."""
    return _url(engine)


def _url(engine):
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def store(engine):
    """Stores movies by their ids, and other items."""

    def put(*items, at=None, **fields):
        records = [movie(item, **fields) if isinstance(item, int) else item for item in items]
        store_batch(engine, [(record, at or now()) for record in records])

    return put


def failure(movie_id, *, path="/movie/{}", at=None, **fields):
    """A movie whose call failed for good."""
    fields = {"status_code": 400, "tried_at": at or now()} | fields
    return failed_call(movie_id, path=path.format(movie_id), **fields)


def begin(frontier, *, again=False, **arguments):
    return frontier.begin("tmdb_movies", arguments, again=again)


def planned(frontier, listed, *, again=False, **options):
    """A run that is planned, its progress, and the ids that it wants."""
    run, progress = frontier.plan(begin(frontier, again=again), listed, **options)
    return run, progress, ids(frontier, run)


def ids(frontier, run):
    return [key for _, key in frontier.left(run)]


def entries(*keys):
    return [(key, None) for key in keys]


class TestRuns:
    def test_a_new_one(self, frontier):
        before = now()
        run = begin(frontier, source="export")
        assert (run.is_planned, run.is_resumed, run.since, run.upto) == (False, False, None, None)
        assert before <= run.started_at <= now()

    def test_what_is_fetched_again_counts_from_the_start(self, frontier):
        run = begin(frontier, again=True)
        assert run.since == run.started_at

    @pytest.mark.parametrize("again", [False, True])
    def test_the_same_command_goes_on(self, frontier, url, again):
        run = begin(frontier, again=again, source="export", limit="5")
        found = begin(frontier, again=again, limit="5", source="export")
        assert (found.id, found.started_at, found.since) == (run.id, run.started_at, run.since)
        assert (found.is_resumed, found.is_planned) == (True, False)
        frontier.plan(run, entries(1), upto="2026-06-01")
        with Frontier(open_database(url), "movies") as other:
            found = begin(other, again=again, source="export", limit="5")
        assert (found.id, found.is_planned, found.upto) == (run.id, True, "2026-06-01")

    def test_another_command_does_not(self, frontier):
        run = begin(frontier, source="export")
        others = [
            begin(frontier, source="export", limit="5"),
            begin(frontier),
            frontier.begin("tmdb_tv", {"source": "export"}, again=False),
        ]
        assert len({run.id, *(other.id for other in others)}) == 4
        assert not any(other.is_resumed for other in others)

    def test_a_finished_one_is_over(self, frontier, store):
        run, *_ = planned(frontier, entries(1))
        store(1)
        assert frontier.finish(run) == Progress(1, 0)
        found = begin(frontier)
        assert found.id != run.id
        assert not found.is_resumed

    def test_arguments_in_any_language(self, frontier):
        run = begin(frontier, title="プライド", quote='"')
        assert begin(frontier, quote='"', title="プライド").id == run.id

    def test_two_processes_begin_one_run(self, url):
        found, errors = [], []
        ready = threading.Barrier(4)

        def start():
            try:
                with Frontier(open_database(url), "movies") as frontier:
                    ready.wait(20)
                    found.append(begin(frontier, source="export").id)
            except Exception as error:  # noqa: BLE001 - it is told to the test
                errors.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert errors == []
        assert len(found) == 4
        assert len(set(found)) == 1


class TestPlan:
    def test_the_most_popular_come_first(self, frontier):
        listed = [(1, 0.5), (2, None), (3, 100.0), (9, 7.0), (4, 7.0), (5, 0.0), (6, None), (7, -2.0)]
        assert planned(frontier, listed)[2] == [3, 4, 9, 1, 5, 7, 2, 6]

    def test_what_is_listed_twice_is_wanted_once(self, frontier):
        listed = [(1, 1.0), (2, 5.0), (1, 9.0), (2, None)] * 3
        _run, progress, found = planned(frontier, listed)
        assert progress == Progress(2, 2)
        assert found == [1, 2]

    def test_nothing(self, frontier):
        run, progress, found = planned(frontier, [])
        assert (run.is_planned, progress, found) == (True, Progress(0, 0), [])

    def test_the_limit(self, frontier, store):
        store(1, 2)
        listed = [(key, float(-key)) for key in range(1, 100)]
        _run, progress, found = planned(frontier, listed, limit=10)
        assert found == list(range(3, 13))
        assert progress.left == 10

    def test_what_is_stored_is_not_wanted(self, frontier, store):
        store(1, 2, at=now() - 1000 * HOUR)
        # Known by its name alone.
        store(movie(3, belongs_to_collection={"id": 70, "name": "C"}))
        assert planned(frontier, entries(1, 2, 3, 4))[1:] == (Progress(4, 1), [4])

    def test_what_is_only_named_is_wanted(self, url, engine):
        store_batch(engine, [(movie(3, belongs_to_collection={"id": 70, "name": "C"}), now())])
        with Frontier(open_database(url), "collections") as frontier:
            assert planned(frontier, entries(70))[2] == [70]

    def test_again_wants_what_was_stored_before(self, frontier, store):
        store(1, 2, at=now() - HOUR)
        assert planned(frontier, entries(1, 2, 3), again=True)[2] == [1, 2, 3]

    def test_what_failed_for_good_is_given_up(self, frontier, store):
        store(failure(1), failure(2, retryable=True, status_code=500), failure(3, path="/movie/{}/images"))
        # Neither a part of a record nor its poster is the record.
        store(failure(4, path="w500/x.jpg"), failure(5, kind="people"), at=now())
        assert planned(frontier, entries(1, 2, 3, 4, 5))[2] == [2, 3, 4, 5]

    def test_again_wants_what_failed_before(self, frontier, store):
        store(failure(1, at=now() - HOUR))
        assert planned(frontier, entries(1, 2), again=True)[2] == [1, 2]

    def test_failures_with_ids_that_are_no_numbers(self, frontier, store):
        for key in (None, "", "abc", "1" * 30, "5 ", "-3", "1.5"):
            store(failed_call(0, id=key, path=f"/movie/{key}", status_code=400))
        run, _, found = planned(frontier, entries(1, 3, 5))
        assert found == [1, 3, 5]
        assert frontier.go_on(run).left == 3

    def test_what_is_deleted_and_listed_is_looked_at_again(self, frontier, store):
        store(1, 2)
        store(failed_call(1, tried_at=now()))
        run, _, found = planned(frontier, entries(1, 2))
        assert found == [1]
        store(1)
        assert frontier.finish(run).left == 0

    @pytest.mark.parametrize("key", [2**31 - 1, 2**31, 10**18 - 1])
    def test_large_ids(self, frontier, store, key):
        store(1, failure(2**40, retryable=False))
        run, _, found = planned(frontier, [(key, 1.0), (1, None), (2**40, None)], is_complete=True)
        assert found == [key]
        assert frontier.not_done(run, [key, 1]) == [key, 1]
        assert frontier.go_on(run).left == 1
        store(failure(key))
        assert frontier.not_done(run, [key, 1]) == [1]
        assert frontier.finish(run).left == 0

    def test_more_than_is_written_at_once(self, frontier, store):
        store(*range(1, 1001))
        dice = random.Random(1)
        listed = [(key, dice.random()) for key in range(1, 45_001)]
        run, progress = frontier.plan(begin(frontier), iter(listed))
        assert progress == Progress(45_000, 44_000)
        found, after = [], 0
        while part := frontier.left(run, after=after, limit=10_000):
            after = part[-1][0]
            found += [key for _, key in part]
        assert found == [key for key, _ in sorted(listed, key=lambda entry: -entry[1]) if key > 1000]

    def test_a_second_plan_changes_nothing(self, frontier, url):
        run, _, found = planned(frontier, entries(1, 2, 3), upto="2026-06-01")
        with Frontier(open_database(url), "movies") as other:
            again, progress = other.plan(run, iter(entries(8, 9)), upto="2026-06-02")
        assert (again.is_planned, again.upto, progress) == (True, "2026-06-01", Progress(3, 3))
        assert ids(frontier, run) == found

    def test_runs_do_not_disturb_each_other(self, frontier, store):
        first, *_ = planned(frontier, entries(1, 2, 3))
        second, _ = frontier.plan(begin(frontier, limit="2"), entries(2, 3, 4), limit=2)
        store(2)
        frontier.go_on(second)
        assert ids(frontier, second) == [3]
        assert ids(frontier, first) == [1, 2, 3]


class TestInterruptedPlans:
    def test_an_error_leaves_the_run_unplanned(self, frontier, url):
        def broken():
            yield from entries(*range(1, 30_001))
            raise OSError("the file ends")

        run = begin(frontier)
        with pytest.raises(OSError, match="the file ends"):
            frontier.plan(run, broken())
        assert select(url, "SELECT count(*) FROM tmdb_frontier") == [(0,)]
        found = begin(frontier)
        assert (found.id, found.is_planned) == (run.id, False)
        assert frontier.plan(found, entries(5))[1] == Progress(1, 1)

    def test_a_kill_leaves_the_run_unplanned(self, frontier, url):
        run = begin(frontier)
        code = (
            "import os, sys\n"
            "from tmdbfusion_scrapy.storage.database import open_database\n"
            "from tmdbfusion_scrapy.storage.frontier import Frontier\n"
            "def listed():\n"
            "    for key in range(1, 30_001):\n"
            "        yield key, None\n"
            "    os.kill(os.getpid(), 9)\n"
            "frontier = Frontier(open_database(sys.argv[1]), 'movies')\n"
            "frontier.plan(frontier.begin('tmdb_movies', {}, again=False), listed())\n"
        )
        ended = subprocess.run([sys.executable, "-c", code, url], check=False, timeout=300)
        assert ended.returncode == -9
        found = begin(frontier)
        assert (found.id, found.is_planned) == (run.id, False)
        assert frontier.plan(found, entries(5, 6))[1] == Progress(2, 2)
        assert ids(frontier, found) == [5, 6]


class TestVanished:
    def test_they_come_last(self, frontier, store):
        store(1, 2, 3)
        _, progress, found = planned(frontier, [(3, 1.0), (4, 1.0), (5, None)], is_complete=True)
        assert found == [4, 5, 1, 2]
        assert progress == Progress(3, 4)

    def test_a_list_that_is_not_complete_tells_nothing(self, frontier, store):
        store(1, 2)
        assert planned(frontier, entries(2, 3))[2] == [3]

    def test_what_is_known_to_be_deleted_or_only_named_is_left_alone(self, frontier, store, engine):
        store(1, 2)
        store(failed_call(2, tried_at=now()))
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO movies (id) VALUES (3)"))
        assert planned(frontier, entries(9), is_complete=True)[2] == [9, 1]

    def test_the_limit_holds_for_them_too(self, frontier, store):
        store(1, 2, 3)
        assert planned(frontier, entries(8, 9), is_complete=True, limit=2)[2] == [8, 9]
        again = frontier.plan(begin(frontier, limit="3"), entries(8, 9), is_complete=True, limit=3)[0]
        assert ids(frontier, again) == [8, 9, 1]

    def test_one_is_done_when_it_was_looked_at(self, frontier, store):
        store(1, 2, 3, at=now() - HOUR)
        run, *_ = planned(frontier, entries(9), is_complete=True)
        assert frontier.go_on(run).left == 4
        store(9, 1, failed_call(2, tried_at=now()), failure(3))
        assert frontier.finish(run).left == 0
        assert frontier.watermark("x") is None


class TestGoingOn:
    def test_what_was_stored_since_is_done(self, frontier, store):
        run, *_ = planned(frontier, entries(1, 2, 3))
        store(2)
        assert frontier.go_on(run) == Progress(3, 2)
        assert frontier.left(run) == [(1, 1), (3, 3)]
        assert frontier.left(run, after=1) == [(3, 3)]
        assert frontier.left(run, limit=1) == [(1, 1)]

    def test_what_was_stored_before_counts_once_only(self, frontier, store):
        store(1, at=now() - HOUR)
        run, *_ = planned(frontier, entries(1, 2), again=True)
        assert frontier.go_on(run).left == 2
        store(1)
        assert frontier.go_on(run).left == 1

    @pytest.mark.parametrize(
        ("again", "retryable", "left"),
        [(False, False, 0), (False, True, 1), (True, False, 0), (True, True, 0)],
    )
    def test_failures(self, frontier, store, again, retryable, left):
        run, *_ = planned(frontier, entries(1), again=again)
        store(failure(1, retryable=retryable))
        assert frontier.go_on(run).left == left
        assert frontier.finish(run).left == left

    def test_a_part_that_failed_is_not_the_record(self, frontier, store):
        run, *_ = planned(frontier, entries(1), again=True)
        store(failure(1, path="/movie/{}/images"), failure(1, path="w500/{}.jpg"))
        assert frontier.finish(run).left == 1

    def test_what_is_gone_for_the_second_time_is_done(self, frontier, store):
        store(1, at=now() - HOUR)
        store(failed_call(1, tried_at=now() - HOUR))
        run, _, found = planned(frontier, entries(1), again=True)
        assert found == [1]
        store(failed_call(1, tried_at=now()))
        assert frontier.finish(run, watermark="movies/changes").left == 0

    def test_which_of_many_are_not_done(self, frontier, store):
        store(1, at=now() - HOUR)
        run = begin(frontier)
        store(*range(2, 1300, 2), failure(7), failure(9, retryable=True))
        store(failed_call(4), failure(11, path="/movie/{}/images"))
        keys = list(range(1500, 0, -1))
        expected = [key for key in keys if (key % 2 or key >= 1300) and key not in (7, 9)]
        assert frontier.not_done(run, keys) == expected
        assert frontier.not_done(run, []) == []


class TestFinish:
    def test_the_watermark_moves_with_the_last_record(self, frontier, store, url):
        run, *_ = planned(frontier, entries(1, 2), again=True, upto="2026-06-01")
        store(1)
        assert frontier.finish(run, watermark="movies/changes", coverage="{}") == Progress(2, 1)
        assert frontier.watermark("movies/changes") is None
        assert select(url, "SELECT finished_at, coverage FROM tmdb_runs") == [(None, None)]
        store(2)
        assert frontier.finish(run, watermark="movies/changes", coverage="{}") == Progress(2, 0)
        assert frontier.watermark("movies/changes") == "2026-06-01"
        ((finished_at, coverage),) = select(url, "SELECT finished_at, coverage FROM tmdb_runs")
        assert finished_at is not None
        assert coverage == "{}"

    def test_the_watermark_goes_on(self, frontier):
        for day in ("2026-06-01", "2026-06-02"):
            run, *_ = planned(frontier, [], upto=day)
            frontier.finish(run, watermark="movies/changes")
            assert frontier.watermark("movies/changes") == day
        assert frontier.watermark("tv_shows/changes") is None

    def test_without_a_watermark_none_is_set(self, frontier, url):
        run, *_ = planned(frontier, [])
        frontier.finish(run, watermark="movies/changes")
        assert select(url, "SELECT count(*) FROM tmdb_watermarks") == [(0,)]

    def test_two_processes_finish_one_run(self, frontier, store, url):
        run, *_ = planned(frontier, entries(1), upto="2026-06-01")
        with Frontier(open_database(url), "movies") as other:
            same = begin(other)
            assert ids(other, same) == [1]
            store(1)
            assert other.finish(same, watermark="movies/changes").left == 0
            assert frontier.finish(run, watermark="movies/changes").left == 0
        assert frontier.watermark("movies/changes") == "2026-06-01"


class TestKnown:
    def test_what_is_stale(self, frontier, store):
        days = timedelta(days=1)
        store(1, at=now() - 31 * days, popularity=0.1)
        store(2, at=now() - 29 * days, popularity=2.9)
        store(3, at=now() - 16 * days, popularity=3.0)
        store(4, at=now() - 14 * days, popularity=9.9)
        store(5, at=now() - 8 * days, popularity=10.0)
        store(6, at=now() - 7 * days, popularity=500.0)
        store(7, at=now() - 31 * days)
        store(8, at=now() - 99 * days)
        store(failed_call(8, tried_at=now()))
        assert sorted(frontier.stale(30, now()), key=lambda entry: entry[0]) == [
            (1, 0.1), (3, 3.0), (5, 10.0), (7, None),
        ]  # fmt: skip

    def test_a_run_is_planned_from_what_is_stale(self, frontier, store):
        store(1, 2, at=now() - timedelta(days=40), popularity=1.0)
        _run, _, found = planned(frontier, frontier.stale(30, now()), again=True)
        assert found == [1, 2]

    def test_kinds_without_popularity(self, url, engine):
        with engine.begin() as connection:
            connection.execute(
                text("INSERT INTO keywords (id, fetched_at) VALUES (1, :at)"),
                {"at": "2026-01-01 00:00:00+00:00"},
            )
        with Frontier(open_database(url), "keywords") as frontier:
            assert list(frontier.stale(30, now())) == [(1, None)]

    def test_what_failed(self, frontier, store):
        store(failure(1, at=now() - HOUR), failure(2, at=now() - 2 * HOUR), failure(3, kind="people"))
        store(failed_call(0, id="abc", path="/movie/abc"), failure(1, path="w500/{}.jpg"))
        found = list(frontier.failed())
        assert found[:2] == [(2, None), (1, None)]
        _run, _, wanted = planned(frontier, frontier.failed(), again=True)
        assert wanted == [1, 2]


def test_a_database_is_opened_again(sqlite_database):
    open_database(sqlite_database).dispose()
    with Frontier(open_database(sqlite_database), "movies") as frontier:
        run = begin(frontier)
    with Frontier(open_database(sqlite_database), "movies") as frontier:
        assert begin(frontier).id == run.id


class TestRenewal:
    """A run of changes that was cut short, some days later."""

    def test_what_changed_since_is_wanted_even_if_it_was_stored(self, frontier, store):
        run, _, _ = planned(frontier, entries(1, 2, 3, 4), again=True, upto="2026-06-01")
        store(1, 2)
        run, progress = frontier.renew(run, [(2, 1.0), (4, 9.0), (7, 5.0)], upto="2026-06-05")
        assert (progress.listed, progress.left) == (4, 4)
        # The most popular first; 1 did not change again, 3 is left.
        assert ids(frontier, run) == [4, 7, 2, 3]
        assert run.upto == "2026-06-05"
        store(2, 3, 4, 7)
        assert frontier.finish(run, watermark="movies/changes").left == 0
        assert frontier.watermark("movies/changes") == "2026-06-05"

    def test_two_processes_do_it_once(self, frontier, store):
        run, _, _ = planned(frontier, entries(1, 2), again=True, upto="2026-06-01")
        first, _ = frontier.renew(run, entries(3), upto="2026-06-05")
        second, progress = frontier.renew(run, entries(3), upto="2026-06-05")
        assert (second.since, second.upto) == (first.since, first.upto)
        assert progress.left == 3


class TestRecordsForAdults:
    def test_they_are_not_in_the_list_of_all_others(self, frontier, store):
        store(1, 2, adult=False)
        store(8, 9, adult=True)
        _, _, wanted = planned(frontier, entries(1), is_complete=True)
        assert wanted == [2]

    def test_with_both_lists_all_that_vanished_is_wanted(self, frontier, store):
        store(1, 2, adult=False)
        store(8, 9, adult=True)
        _, progress, wanted = planned(frontier, entries(1), is_complete=True, adult=[8, 8, 1])
        assert wanted == [2, 9]
        assert progress.listed == 1

    def test_their_own_list_says_nothing_of_others(self, frontier, store):
        store(1, 2, adult=False)
        store(8, 9, adult=True)
        _, _, wanted = planned(frontier, entries(8), is_complete=True, is_adult=True)
        assert wanted == [9]

    def test_whether_there_are_some(self, frontier, store):
        store(1, adult=False)
        assert not frontier.has_adult()
        store(8, adult=True)
        assert frontier.has_adult()


class TestFetchedOtherwise:
    def test_by_the_run_that_was_the_newest(self, frontier, store):
        frontier.begin("tmdb_movies", {"append": "credits"}, again=False, language="fr")
        store(1, 2, 3)
        frontier.begin("tmdb_movies", {"append": "credits, images", "limit": "1"}, again=False, language="fr")
        store(3, 4)
        frontier.begin("tmdb_people", {}, again=False, language="de")
        run = frontier.begin("tmdb_movies", {"append": "images"}, again=False, language="en")
        found = frontier.fetched_otherwise(run, ["images"], "en")
        assert [(other.missing, other.language, other.count) for other in found] == [
            (("images",), "fr", 2),
            ((), "fr", 2),
        ]
        assert frontier.fetched_otherwise(run, [], "fr") == []
        store(1, 2, 3, 4)
        assert frontier.fetched_otherwise(run, ["images"], "en") == []

    def test_the_size_of_the_last_export(self, frontier):
        assert frontier.export_size("movie_ids") is None
        frontier.plan(begin(frontier, limit="1"), entries(1), export=("movie_ids", 100))
        frontier.plan(begin(frontier, limit="2"), entries(1), export=("adult_movie_ids", 7))
        frontier.plan(begin(frontier, limit="3"), entries(1), export=("movie_ids", 99))
        begin(frontier)
        assert frontier.export_size("movie_ids") == 99
