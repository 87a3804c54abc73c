"""The pace on a clock of the test's, and the pacers on the real one."""

from __future__ import annotations

import asyncio
import gc
import logging
import math
import random
import threading
import time
from bisect import bisect_left

import pytest

from tests.coroutines import coroutine_test
from tests.pace_simulation import Simulation
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.pacing import (
    AsyncPacer,
    Pace,
    PaceOptions,
    PacerClosed,
    SharedPace,
    forget_paces,
    shared_pace,
)


def longest(low: float, high: float) -> float:
    assert low <= high
    return high


class Clock:
    """Sends one request after the other and notes when; wakes up late by up to ``lateness`` seconds."""

    def __init__(self, options: PaceOptions, lateness: float = 0.0) -> None:
        self.now = 1000.0
        self.pace = Pace(options, self.now)
        self.claim = self.pace.claim(options.rate, self.now)
        self.sent: list[float] = []
        self._lateness = lateness
        self._random = random.Random(5)

    def send(self, count: int = 1) -> float:
        for _ in range(count):
            while (delay := self.pace.wait(self.claim, self.now)) > 0:
                self.now += delay + self._random.uniform(0, self._lateness)
            self.sent.append(self.now)
        return self.now

    def limited(self, retry_after: float | None = None) -> float:
        """A 429 to the request sent last."""
        return self.pace.limited(self.now, self.now, retry_after)

    def rate(self) -> float:
        return self.pace.statistics(self.claim).rate

    def statistics(self):
        return self.pace.statistics(self.claim)

    def busiest_second(self) -> int:
        return max(bisect_left(self.sent, at + 1.0 - 1e-9) - i for i, at in enumerate(self.sent))


@pytest.mark.parametrize("rate", [0.5, 4.0, 35.0, 38.0, 333.0])
@pytest.mark.parametrize("late", [0.0, 0.009])
def test_long_run_rate(rate, late):
    clock = Clock(PaceOptions(rate=rate), lateness=late)
    clock.send(10_000)
    seconds = clock.sent[-1] - clock.sent[0]
    assert 0.97 * rate <= 9_999 / seconds <= rate * 1.001
    assert clock.busiest_second() <= rate + 1 + rate * 0.01


def test_no_drift():
    clock = Clock(PaceOptions(rate=40.0, slack=0.0))
    clock.send(10_000)
    assert clock.sent[-1] - clock.sent[0] == pytest.approx(9_999 / 40, abs=1e-6)


def test_late_wake_ups_are_made_good():
    clock = Clock(PaceOptions(rate=40.0, slack=0.1), lateness=0.09)
    clock.send(4_000)
    assert clock.sent[-1] - clock.sent[0] == pytest.approx(3_999 / 40, abs=0.2)


def test_who_is_late_by_more_than_the_slack_does_not_make_it_good_in_a_burst():
    clock = Clock(PaceOptions(rate=40.0), lateness=0.5)
    clock.send(1_000)
    assert clock.busiest_second() <= 40 + 1 + 1


def test_hardly_a_burst_after_a_rest():
    clock = Clock(PaceOptions(rate=100.0, slack=0.025))
    clock.send(10)
    clock.now += 3600
    clock.send(6)
    rested = [at - clock.sent[10] for at in clock.sent[10:]]
    assert rested == pytest.approx([0, 0, 0, 0.005, 0.015, 0.025], abs=1e-6)


def test_asking_takes_no_place():
    clock = Clock(PaceOptions(rate=10.0, slack=0.0))
    clock.send()
    delays = [clock.pace.wait(clock.claim, clock.now) for _ in range(5)]
    assert delays == [pytest.approx(0.1)] * 5


def test_no_limit():
    clock = Clock(PaceOptions(rate=0))
    clock.send(10_000)
    assert clock.now == clock.sent[0]


@pytest.mark.parametrize("rate", [0, 35.0])
def test_pause_of_retry_after(rate):
    clock = Clock(PaceOptions(rate=rate))
    before = clock.send(20)
    assert clock.limited(retry_after=7.0) == pytest.approx(7.0)
    assert clock.send() == pytest.approx(before + 7.0)
    assert clock.statistics().pauses == 1


@pytest.mark.parametrize("rate", [0, 35.0])
def test_pause_without_retry_after_doubles_and_is_bounded(rate):
    clock = Clock(PaceOptions(rate=rate, max_pause=10.0, jitter=longest))
    pauses = []
    for _ in range(7):
        at = clock.send()
        clock.limited()
        pauses.append(clock.send() - at)
        clock.now += 1e-3
    assert pauses == pytest.approx([1.5, 3, 6, 10, 10, 10, 10], abs=1e-6)


def test_pause_without_retry_after_is_drawn():
    draws: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        draws.append((low, high))
        return high

    clock = Clock(PaceOptions(jitter=draw))
    for _ in range(3):
        clock.send()
        clock.limited()
    assert draws == [(1.0, 1.5), (2.0, 3.0), (4.0, 6.0)]


def test_pause_of_retry_after_is_bounded():
    clock = Clock(PaceOptions(max_pause=120.0))
    before = clock.send()
    clock.limited(retry_after=86_400.0)
    assert clock.send() == pytest.approx(before + 120.0)


def test_success_ends_the_doubling():
    clock = Clock(PaceOptions(jitter=longest))
    for _ in range(3):
        clock.send()
        clock.limited()
    sent_at = clock.send()
    clock.pace.succeeded(sent_at)
    clock.limited()
    assert clock.send() == pytest.approx(sent_at + 1.5)


def test_success_of_a_request_from_before_the_429_proves_nothing():
    clock = Clock(PaceOptions(jitter=longest))
    early = clock.send()
    clock.now += 0.5
    clock.limited()
    clock.pace.succeeded(early)
    again = clock.send()
    clock.limited()
    assert clock.send() == pytest.approx(again + 3.0)


def test_429s_of_one_event_lower_the_rate_once():
    clock = Clock(PaceOptions(rate=40.0, decrease=0.5))
    sent = [clock.send() for _ in range(10)]
    for number, sent_at in enumerate(sent):
        clock.pace.limited(clock.now + number * 0.01, sent_at, 1.0)
    assert clock.rate() == pytest.approx(20.0)
    assert clock.statistics().pauses == 1
    clock.now += 2
    clock.send()
    clock.limited(1.0)
    assert clock.rate() == pytest.approx(10.0, abs=0.5)
    assert clock.statistics().pauses == 2


def test_a_later_answer_of_the_event_may_lengthen_the_pause_but_not_shorten_it():
    clock = Clock(PaceOptions(rate=40.0))
    sent_at = clock.send(3)
    assert clock.pace.limited(clock.now, sent_at, 5.0) == pytest.approx(5.0)
    assert clock.pace.limited(clock.now, sent_at, 1.0) == 0
    assert clock.pace.limited(clock.now, sent_at, None) == 0
    assert clock.pace.wait(clock.claim, clock.now) == pytest.approx(5.0)
    assert clock.pace.limited(clock.now, sent_at, 9.0) == pytest.approx(4.0)
    assert clock.pace.wait(clock.claim, clock.now) == pytest.approx(9.0)


def test_rate_climbs_back_and_never_above_what_was_set():
    clock = Clock(PaceOptions(rate=40.0, decrease=0.5, recovery=60.0))
    clock.send()
    clock.limited(0.0)
    rates = []
    # A second and more after it, though the server asks for none.
    start = clock.pace.wait(clock.claim, clock.now) + clock.now
    assert start >= clock.now + 1
    while clock.now < start + 90:
        clock.send()
        rates.append(clock.rate())
    assert rates[0] == pytest.approx(20.0, abs=0.1)
    assert rates == sorted(rates)
    assert rates[-1] == 40.0
    half_way = next(rate for rate, at in zip(rates, clock.sent[1:], strict=True) if at > start + 30)
    assert half_way == pytest.approx(30.0, abs=0.5)
    # From 38 on at a quarter of the speed: 54 seconds to there and 24 more.
    almost = next(rate for rate, at in zip(rates, clock.sent[1:], strict=True) if at > start + 66)
    assert almost == pytest.approx(39.0, abs=0.1)
    assert clock.statistics().lowest_rate == pytest.approx(20.0)


def test_rate_does_not_climb_during_the_pause():
    clock = Clock(PaceOptions(rate=40.0, decrease=0.5, recovery=60.0, max_pause=120.0))
    clock.send()
    clock.limited(100.0)
    clock.send()
    assert clock.rate() == pytest.approx(20.0, abs=0.1)


def test_an_hour_of_429s_does_not_stop_the_crawl_for_good():
    clock = Clock(PaceOptions(rate=40.0, max_pause=10.0, jitter=longest))
    while clock.now < 1000.0 + 3600:
        clock.send()
        clock.limited()
    assert 1.5 < clock.rate() < 5
    end = clock.now
    clock.send()
    assert clock.now <= end + 10.0 + 1 / 1.5
    while clock.now < end + 200:
        clock.pace.succeeded(clock.send())
    assert clock.rate() == 40.0


@pytest.mark.parametrize("rate", [0, 40.0])
def test_after_a_pause_requests_are_spaced(rate):
    clock = Clock(PaceOptions(rate=rate))
    clock.send(10)
    clock.limited(3.0)
    resumed = clock.send()
    clock.send(10)
    assert clock.sent[-1] - resumed >= 10 / 40.0 - 0.011


@pytest.mark.parametrize("rate", [0, 38.0, 200.0])
def test_what_the_server_lets_through_is_what_counts(rate):
    clock = Clock(PaceOptions(rate=rate, decrease=0.5))
    for number in range(20):
        clock.pace.succeeded(clock.now + number * 0.04)
    clock.now += 0.8
    clock.limited(1.0)
    # One that was under way then.
    clock.pace.succeeded(clock.now - 0.01)
    clock.send()
    assert clock.rate() == pytest.approx(10.5, abs=0.01)


def test_a_429_of_which_nothing_is_known_is_taken_for_tmdbs_limit():
    clock = Clock(PaceOptions(rate=0, decrease=0.8))
    assert (clock.rate(), clock.statistics().lowest_rate) == (0, 0)
    clock.send()
    clock.limited(1.0)
    assert clock.rate() == 28.0
    assert clock.statistics().lowest_rate == 28.0


def test_more_answers_than_are_remembered():
    clock = Clock(PaceOptions(rate=0, decrease=0.5))
    for number in range(3000):
        clock.pace.succeeded(clock.now + number / 3000)
    clock.now += 1.0
    clock.limited(1.0)
    assert clock.rate() == pytest.approx(1500, rel=0.01)


@pytest.mark.parametrize(("latency", "concurrency"), [(0.01, 200), (0.1, 16), (0.5, 64)])
def test_set_below_the_limit_there_is_no_429(latency, concurrency):
    ended = Simulation(38, latency=latency, concurrency=concurrency).run()
    assert ended.refused == []
    assert ended.per_second(start=1.0) >= 0.95 * 38


@pytest.mark.parametrize("rate", [0, 45, 200])
@pytest.mark.parametrize(("latency", "concurrency"), [(0.01, 200), (0.1, 16), (0.5, 64)])
@pytest.mark.parametrize("retry_after", [None, 1])
def test_set_above_the_limit_the_limit_is_found(rate, latency, concurrency, retry_after):
    ended = Simulation(rate, latency=latency, concurrency=concurrency, retry_after=retry_after).run()
    assert ended.per_second() >= 0.8 * 40
    assert 0 < ended.refused_share() <= 0.1


def test_a_limit_that_drops_and_comes_back():
    ended = Simulation(38, limit=lambda now: 20 if 100 < now < 200 else 40, seconds=400).run()
    assert ended.refused_share() < 0.01
    assert sum(100 < at < 200 for at in ended.answered) >= 0.8 * 20 * 100
    assert sum(at > 300 for at in ended.answered) >= 0.95 * 38 * 100


def test_statistics():
    pace = Pace(PaceOptions(), 0.0)
    claim = pace.claim(10.0, 0.0)
    claim.waited(0.25)
    claim.waited(0.5)
    done = pace.statistics(claim)
    assert (done.rate, done.lowest_rate, done.waits, done.wait_seconds, done.pauses) == (
        10.0,
        10.0,
        2,
        0.75,
        0,
    )


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ({"rate": -1}, "requests per second"),
        ({"rate": float("nan")}, "requests per second"),
        ({"rate": float("inf")}, "requests per second"),
        ({"slack": -0.1}, "slack"),
        ({"slack": float("inf")}, "slack"),
        ({"decrease": 0}, "decrease"),
        ({"decrease": 1.1}, "decrease"),
        ({"recovery": 0}, "recovery"),
        ({"recovery": float("nan")}, "recovery"),
        ({"max_pause": -1}, "max_pause"),
        ({"max_pause": float("inf")}, "max_pause"),
    ],
)
def test_bad_options(bad, name):
    with pytest.raises(ConfigurationError, match=name):
        PaceOptions(**bad)


def test_the_lowest_rate_of_those_who_set_one_holds():
    pace = Pace(PaceOptions(), 0.0)
    fast, slow, free = pace.claim(40.0, 0.0), pace.claim(10.0, 0.0), pace.claim(0, 0.0)
    assert [pace.statistics(claim).rate for claim in (fast, slow, free)] == [10.0, 10.0, 0]
    assert pace.wait(fast, 0.0) == 0
    assert pace.wait(slow, 0.0) == pytest.approx(0.1 - 0.0)
    assert [pace.wait(free, 0.0) for _ in range(100)] == [0] * 100
    pace.release(slow, 0.0)
    assert pace.statistics(fast).rate == 40.0
    assert pace.statistics(fast).lowest_rate == 10.0
    # What was put off for the slow one's sake is not any longer.
    assert pace.wait(fast, 0.0) == pytest.approx(1 / 40)


def test_who_was_not_closed_but_forgotten_holds_nobody_back():
    pace = Pace(PaceOptions(), 0.0)
    fast = pace.claim(40.0, 0.0)
    slow = pace.claim(1.0, 0.0)
    assert pace.wait(fast, 0.0) == 0
    del slow
    gc.collect()
    assert pace.wait(fast, 0.0) == pytest.approx(1 / 40)


def test_a_429_of_one_holds_all_back_also_who_set_no_rate():
    pace = Pace(PaceOptions(decrease=0.5), 0.0)
    paced, free = pace.claim(20.0, 0.0), pace.claim(0, 0.0)
    assert pace.wait(paced, 0.0) == 0
    pace.limited(0.5, 0.0, 3.0)
    assert pace.wait(paced, 1.0) == pace.wait(free, 1.0) == pytest.approx(2.5)
    assert pace.wait(free, 3.5) == 0
    assert pace.wait(free, 3.5) == pytest.approx(1 / 17.5)
    # In one line with the other one, and no faster than that one set.
    assert pace.wait(paced, 3.5 + 1 / 17.5) == 0
    assert pace.wait(paced, 3.5 + 1.9 / 17.5) > 0
    assert [pace.statistics(claim).pauses for claim in (paced, free)] == [1, 1]


def test_places_are_kept_for_who_came_first_but_not_for_ever():
    pace = Pace(PaceOptions(slack=0.0), 0.0)
    claim = pace.claim(10.0, 0.0)
    assert pace.wait(claim, 0.0) == 0
    assert pace.wait(claim, 0.1, ahead=2) == pytest.approx(0.2)
    assert pace.wait(claim, 0.1, ahead=1) == pytest.approx(0.1)
    assert pace.wait(claim, 0.1) == 0
    # Both others do not come for theirs at 0.2 and 0.3.
    assert pace.wait(claim, 0.4, ahead=2) == 0


def test_at_rest():
    pace = Pace(PaceOptions(), 0.0)
    claim = pace.claim(0, 0.0)
    assert not pace.is_at_rest(0.0)
    pace.limited(0.0, 0.0, 5.0)
    pace.release(claim, 1.0)
    assert not pace.is_at_rest(1.0)
    assert not pace.is_at_rest(60.0)
    assert pace.is_at_rest(3600.0)


def test_one_pace_for_each_host_and_kind():
    api = shared_pace("https://api.example/3")
    assert shared_pace("https://api.example/4/x") is api
    assert shared_pace("https://api.example") is api
    others = ["https://api.example:8443/3", "http://api.example/3", "https://b.example/3"]
    assert all(shared_pace(url) is not api for url in others)
    assert shared_pace("https://api.example/3", "images") is not api
    forget_paces()
    assert shared_pace("https://api.example/3") is not api


@coroutine_test
async def test_a_long_pause_is_logged_once(caplog):
    pacer = AsyncPacer(PaceOptions(rate=0), SharedPace())
    sent = [await pacer.acquire() for _ in range(3)]
    for sent_at in sent:
        pacer.limited(sent_at, 60.0)
    assert [(seen.levelno, seen.getMessage()) for seen in caplog.records] == [
        (logging.WARNING, "TMDB asks to wait 60 s (429); all requests wait")
    ]


@coroutine_test
async def test_a_short_pause_is_not_logged(caplog):
    pacer = AsyncPacer(PaceOptions(rate=0))
    pacer.limited(await pacer.acquire(), 1.0)
    assert not caplog.records


@coroutine_test
async def test_coroutines_go_in_the_order_they_came():
    pacer = AsyncPacer(PaceOptions(rate=500.0))
    order: list[int] = []

    async def go(number: int) -> None:
        await pacer.acquire()
        order.append(number)
        if number < 20:
            late.append(asyncio.ensure_future(go(number + 20)))

    late: list[asyncio.Future[None]] = []
    await asyncio.gather(*(go(number) for number in range(20)))
    await asyncio.gather(*late)
    assert order == list(range(40))
    assert pacer.statistics().waits == pacer.waits >= 20


@coroutine_test
async def test_coroutines_keep_the_pace():
    pacer = AsyncPacer(PaceOptions(rate=200.0))
    places = sorted(await asyncio.gather(*(pacer.acquire() for _ in range(45))))
    assert places[-1] - places[0] >= 44 / 200.0 - 0.011
    assert pacer.statistics().wait_seconds >= 40 / 200.0 - 0.011


@coroutine_test
async def test_a_cancelled_waiter_does_not_block_the_others():
    pacer = AsyncPacer(PaceOptions(rate=20.0))
    await pacer.acquire()
    waiters = [asyncio.ensure_future(pacer.acquire()) for _ in range(6)]
    await asyncio.sleep(0)
    # The one that has the turn, and one in the queue behind it.
    waiters[0].cancel()
    waiters[3].cancel()
    done = await asyncio.gather(*waiters, return_exceptions=True)
    assert [isinstance(place, asyncio.CancelledError) for place in done] == [
        True,
        False,
        False,
        True,
        False,
        False,
    ]
    assert not pacer.is_waited_for
    before = time.monotonic()
    assert await pacer.acquire() >= before


@pytest.mark.parametrize("rate", [0, 100.0])
@coroutine_test
async def test_waiters_of_a_pause_do_not_go_all_at_once(rate):
    pacer = AsyncPacer(PaceOptions(rate=rate, decrease=1.0))
    sent_at = await pacer.acquire()
    pacer.limited(sent_at, 0.2)
    limited_at = time.monotonic()
    places = sorted(await asyncio.gather(*(pacer.acquire() for _ in range(20))))
    assert places[0] - limited_at >= 0.19
    assert places[-1] - places[0] >= 19 / 100.0 - 0.011


@coroutine_test
async def test_a_429_meanwhile_lengthens_the_wait():
    pacer = AsyncPacer(PaceOptions(rate=20.0))
    sent_at = await pacer.acquire()
    waiter = asyncio.ensure_future(pacer.acquire())
    await asyncio.sleep(0)
    pacer.limited(sent_at, 0.2)
    assert await waiter - sent_at >= 0.19


@coroutine_test
async def test_no_limit_does_not_suspend():
    pacer = AsyncPacer(PaceOptions(rate=0))
    for _ in range(1000):
        pacer.succeeded(await pacer.acquire())
    assert pacer.statistics().waits == 0


@coroutine_test
async def test_closing_ends_the_waiting():
    pacer = AsyncPacer(PaceOptions(rate=0))
    pacer.limited(await pacer.acquire(), 100.0)
    waiters = [asyncio.ensure_future(wait) for wait in (pacer.acquire(), pacer.acquire(), pacer.sleep(100.0))]
    await asyncio.sleep(0.01)
    pacer.close()
    done = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(error) for error in done] == [PacerClosed] * 3


@coroutine_test
async def test_a_crawl_that_is_stopping_waits_no_longer():
    stopping = False
    pacer = AsyncPacer(PaceOptions(rate=0), is_stopping=lambda: stopping)
    pacer.limited(await pacer.acquire(), 100.0)
    waiters = [asyncio.ensure_future(pacer.acquire()) for _ in range(3)]
    await asyncio.sleep(0.01)
    stopping = True
    done = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(error) for error in done] == [PacerClosed] * 3


@coroutine_test
async def test_sleep():
    pacer = AsyncPacer(PaceOptions())
    start = time.monotonic()
    await pacer.sleep(0.05)
    assert time.monotonic() - start >= 0.04


def run_threads(count, work):
    """Run `work(number)` in threads, and return what they raised."""
    problems: list[BaseException] = []

    def run(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            problems.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_event_loops_keep_one_pace():
    shared = SharedPace()
    places: list[float] = []
    turns: list[int] = []

    def work(number: int) -> None:
        asyncio.run(in_loop(number))

    async def in_loop(number: int) -> None:
        pacer = AsyncPacer(PaceOptions(rate=100.0 if number < 2 else 200.0), shared)

        async def call() -> None:
            places.append(await pacer.acquire())
            turns.append(number)

        await asyncio.gather(*(call() for _ in range(20)))
        pacer.close()

    assert run_threads(4, work) == []
    places.sort()
    assert len(places) == 80
    # As long as one of the loops is there 100 a second hold, and then 200.
    assert places[-1] - places[0] >= 40 / 100.0 + 39 / 200.0 - 0.05
    # Nobody starves.
    assert {0, 1, 2, 3} <= set(turns[:30])
    assert math.isclose(shared.statistics(shared.claim(0)).rate, 0)
