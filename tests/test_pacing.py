"""The pace on a clock of the test's, and the pacers on the real one."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from bisect import bisect_left

import pytest

from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.pacing import AsyncPacer, BlockingPacer, Pace, PaceOptions


def longest(low: float, high: float) -> float:
    assert low <= high
    return high


class Clock:
    """Sends one request after the other and notes when; wakes up late by up to ``lateness`` seconds."""

    def __init__(self, options: PaceOptions, lateness: float = 0.0) -> None:
        self.now = 1000.0
        self.pace = Pace(options, self.now)
        self.sent: list[float] = []
        self._lateness = lateness
        self._random = random.Random(5)

    def send(self, count: int = 1) -> float:
        for _ in range(count):
            while (delay := self.pace.wait(self.now)) > 0:
                self.now += delay + self._random.uniform(0, self._lateness)
            self.sent.append(self.now)
        return self.now

    def limited(self, retry_after: float | None = None) -> None:
        """A 429 to the request sent last."""
        self.pace.limited(self.now, self.now, retry_after)

    def rate(self) -> float:
        return self.pace.statistics().rate

    def busiest_second(self) -> int:
        return max(bisect_left(self.sent, at + 1.0 - 1e-9) - i for i, at in enumerate(self.sent))


@pytest.mark.parametrize("rate", [0.5, 4.0, 35.0, 40.0, 333.0])
@pytest.mark.parametrize("late", [0.0, 0.9])
def test_long_run_rate(rate, late):
    clock = Clock(PaceOptions(rate=rate), lateness=late / rate)
    clock.send(10_000)
    seconds = clock.sent[-1] - clock.sent[0]
    assert 0.97 * rate <= 9_999 / seconds <= rate * 10_004 / 9_999
    assert clock.busiest_second() <= rate + 5


def test_no_drift():
    clock = Clock(PaceOptions(rate=40.0, burst=1))
    clock.send(10_000)
    assert clock.sent[-1] - clock.sent[0] == pytest.approx(9_999 / 40, abs=1e-6)


def test_late_wake_ups_are_made_good():
    clock = Clock(PaceOptions(rate=40.0, burst=5), lateness=0.09)
    clock.send(4_000)
    assert clock.sent[-1] - clock.sent[0] == pytest.approx(3_999 / 40, abs=0.2)


def test_burst_after_a_rest():
    clock = Clock(PaceOptions(rate=10.0, burst=3))
    clock.send(10)
    clock.now += 3600
    clock.send(6)
    rested = [at - clock.sent[10] for at in clock.sent[10:]]
    assert rested == pytest.approx([0, 0, 0, 0.1, 0.2, 0.3], abs=1e-6)


def test_asking_takes_no_place():
    clock = Clock(PaceOptions(rate=10.0, burst=1))
    clock.send()
    delays = [clock.pace.wait(clock.now) for _ in range(5)]
    assert delays == [pytest.approx(0.1)] * 5


def test_no_limit():
    clock = Clock(PaceOptions(rate=0))
    clock.send(10_000)
    assert clock.now == clock.sent[0]


@pytest.mark.parametrize("rate", [0, 35.0])
def test_pause_of_retry_after(rate):
    clock = Clock(PaceOptions(rate=rate))
    before = clock.send(20)
    clock.limited(retry_after=7.0)
    assert clock.send() == pytest.approx(before + 7.0)
    assert clock.pace.statistics().pauses == 1


@pytest.mark.parametrize("rate", [0, 35.0])
def test_pause_without_retry_after_doubles_and_is_bounded(rate):
    clock = Clock(PaceOptions(rate=rate, max_pause=10.0, jitter=longest))
    pauses = []
    for _ in range(7):
        at = clock.send()
        clock.limited()
        pauses.append(clock.send() - at)
        clock.now += 1e-3
    assert pauses == pytest.approx([1, 2, 4, 8, 10, 10, 10], abs=1e-6)


def test_pause_without_retry_after_is_drawn_from_the_upper_half():
    draws: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        draws.append((low, high))
        return high

    clock = Clock(PaceOptions(jitter=draw))
    for _ in range(3):
        clock.send()
        clock.limited()
    assert draws == [(0.5, 1.0), (1.0, 2.0), (2.0, 4.0)]


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
    assert clock.send() == pytest.approx(sent_at + 1.0)


def test_success_of_a_request_from_before_the_429_proves_nothing():
    clock = Clock(PaceOptions(jitter=longest))
    early = clock.send()
    clock.now += 0.5
    clock.limited()
    clock.pace.succeeded(early)
    again = clock.send()
    clock.limited()
    assert clock.send() == pytest.approx(again + 2.0)


def test_429s_of_one_event_lower_the_rate_once():
    clock = Clock(PaceOptions(rate=40.0, decrease=0.5))
    sent = [clock.send() for _ in range(10)]
    for number, sent_at in enumerate(sent):
        clock.pace.limited(clock.now + number * 0.01, sent_at, 1.0)
    assert clock.rate() == pytest.approx(20.0)
    assert clock.pace.statistics().pauses == 1
    clock.now += 2
    clock.send()
    clock.limited(1.0)
    assert clock.rate() == pytest.approx(10.0, abs=0.5)
    assert clock.pace.statistics().pauses == 2


def test_a_later_answer_of_the_event_may_lengthen_the_pause_but_not_shorten_it():
    clock = Clock(PaceOptions(rate=40.0))
    sent_at = clock.send(3)
    clock.pace.limited(clock.now, sent_at, 5.0)
    clock.pace.limited(clock.now, sent_at, 1.0)
    clock.pace.limited(clock.now, sent_at, None)
    assert clock.pace.wait(clock.now) == pytest.approx(5.0)
    clock.pace.limited(clock.now, sent_at, 9.0)
    assert clock.pace.wait(clock.now) == pytest.approx(9.0)


def test_rate_climbs_back_and_never_above_what_was_set():
    clock = Clock(PaceOptions(rate=40.0, decrease=0.5, recovery=60.0))
    clock.send()
    clock.limited(0.0)
    rates = []
    start = clock.now
    while clock.now < start + 90:
        clock.send()
        rates.append(clock.rate())
    assert rates[0] == pytest.approx(20.0, abs=0.1)
    assert rates == sorted(rates)
    assert rates[-1] == 40.0
    thirty_seconds = next(rate for rate, at in zip(rates, clock.sent[1:], strict=True) if at > start + 30)
    assert thirty_seconds == pytest.approx(30.0, abs=0.5)
    assert clock.pace.statistics().lowest_rate == pytest.approx(20.0)


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
    assert clock.rate() >= 2.0
    end = clock.now
    clock.send()
    assert clock.now <= end + 10.0 + 1 / 2.0
    clock.send(40 * 240)
    assert clock.rate() == 40.0


def test_after_a_pause_requests_are_spaced():
    clock = Clock(PaceOptions(rate=40.0, burst=5))
    clock.send(10)
    clock.limited(3.0)
    resumed = clock.send()
    clock.send(10)
    assert clock.sent[-1] - resumed >= 10 / 40.0


def test_statistics():
    pace = Pace(PaceOptions(rate=10.0), 0.0)
    pace.waited(0.25)
    pace.waited(0.5)
    done = pace.statistics()
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
        ({"burst": 0}, "burst"),
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


@coroutine_test
async def test_coroutines_go_in_the_order_they_came():
    pacer = AsyncPacer(PaceOptions(rate=500.0, burst=1))
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
    assert pacer.statistics().waits >= 38


@coroutine_test
async def test_coroutines_keep_the_pace():
    pacer = AsyncPacer(PaceOptions(rate=200.0, burst=5))
    places = sorted(await asyncio.gather(*(pacer.acquire() for _ in range(45))))
    assert places[-1] - places[0] >= 40 / 200.0 - 0.01
    assert pacer.statistics().wait_seconds >= 40 / 200.0 - 0.01


@coroutine_test
async def test_a_cancelled_waiter_does_not_block_the_others():
    pacer = AsyncPacer(PaceOptions(rate=100.0, burst=1))
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
    before = time.monotonic()
    assert await pacer.acquire() >= before


@coroutine_test
async def test_waiters_of_a_pause_do_not_go_all_at_once():
    pacer = AsyncPacer(PaceOptions(rate=100.0, burst=1, decrease=1.0))
    sent_at = await pacer.acquire()
    pacer.limited(sent_at, 0.2)
    limited_at = time.monotonic()
    places = sorted(await asyncio.gather(*(pacer.acquire() for _ in range(20))))
    assert places[0] - limited_at >= 0.19
    assert places[-1] - places[0] >= 19 / 100.0 - 0.01


@coroutine_test
async def test_a_429_meanwhile_lengthens_the_wait():
    pacer = AsyncPacer(PaceOptions(rate=20.0, burst=1))
    sent_at = await pacer.acquire()
    waiter = asyncio.ensure_future(pacer.acquire())
    await asyncio.sleep(0)
    pacer.limited(sent_at, 0.2)
    assert await waiter - sent_at >= 0.19


@coroutine_test
async def test_no_limit_does_not_suspend():
    pacer = AsyncPacer(PaceOptions(rate=0))
    for _ in range(1000):
        await pacer.acquire()
    assert pacer.statistics().waits == 0
    pacer.succeeded()


def test_threads_keep_the_pace_together():
    pacer = BlockingPacer(PaceOptions(rate=200.0, burst=5))
    places: list[float] = []

    def work() -> None:
        for _ in range(9):
            places.append(pacer.acquire())  # noqa: PERF401 - each acquire waits

    threads = [threading.Thread(target=work) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places.sort()
    assert len(places) == 45
    assert places[-1] - places[0] >= 40 / 200.0 - 0.001
    assert pacer.statistics().waits > 0


def test_threads_wait_for_the_end_of_a_pause():
    pacer = BlockingPacer(PaceOptions(rate=100.0, burst=1, decrease=1.0))
    sent_at = pacer.acquire()
    pacer.limited(sent_at, 0.2)
    places: list[float] = []
    threads = [threading.Thread(target=lambda: places.append(pacer.acquire())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places.sort()
    assert places[0] - sent_at >= 0.2
    assert places[-1] - places[0] >= 4 / 100.0 - 0.001
    pacer.succeeded(places[0])
    assert pacer.statistics().pauses == 1
