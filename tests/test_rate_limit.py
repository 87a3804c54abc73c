"""The state of a rate limit on a clock of the test's, and the limiters on the real one."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import threading
import time
from bisect import bisect_left

import pytest

from tests.coroutines import coroutine_test
from tests.rate_simulation import Simulation, result_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.rate_limit import (
    InProcessState,
    RateLimit,
    RateLimiter,
    RateLimiterClosed,
    RateLimitMember,
    forget_shared_states,
    shared_state,
)


def longest(low: float, high: float) -> float:
    assert low <= high
    return high


def joined(state: InProcessState, rate: float, now: float = 0.0) -> RateLimitMember:
    """A new member of a state."""
    member = RateLimitMember(rate)
    state.join(member, now)
    return member


def wait(state: InProcessState, member: RateLimitMember, now: float) -> float:
    """Ask for a token: the seconds to wait, 0 with the token."""
    return result_of(state.acquire(member, now))


class Clock:
    """Sends one request after the other and notes when; wakes up late by up to ``lateness`` seconds."""

    def __init__(self, options: RateLimit, lateness: float = 0.0) -> None:
        self.now = 1000.0
        self.state = InProcessState(options, self.now)
        self.member = joined(self.state, options.requests_per_second, self.now)
        self.sent: list[float] = []
        self._lateness = lateness
        self._random = random.Random(5)

    def send(self, count: int = 1) -> float:
        for _ in range(count):
            while (delay := self.wait()) > 0:
                self.now += delay + self._random.uniform(0, self._lateness)
            self.sent.append(self.now)
        return self.now

    def wait(self) -> float:
        return wait(self.state, self.member, self.now)

    def succeeded(self, sent_at: float) -> None:
        """A good answer."""
        assert result_of(self.state.answered(self.now, sent_at, 200, None)) == 0.0

    def limited(self, retry_after: float | None = None, sent_at: float | None = None) -> float:
        """A 429, by default to the request sent last."""
        sent_at = self.now if sent_at is None else sent_at
        return result_of(self.state.answered(self.now, sent_at, 429, retry_after))

    def rate(self) -> float:
        return self.member.rate

    def busiest_second(self) -> int:
        return max(bisect_left(self.sent, at + 1.0 - 1e-9) - i for i, at in enumerate(self.sent))


@pytest.mark.parametrize("rate", [0.5, 4.0, 35.0, 38.0, 333.0])
@pytest.mark.parametrize("late", [0.0, 0.009])
def test_long_run_rate(rate, late):
    clock = Clock(RateLimit(requests_per_second=rate), lateness=late)
    clock.send(10_000)
    seconds = clock.sent[-1] - clock.sent[0]
    assert 0.97 * rate <= 9_999 / seconds <= rate * 1.001
    assert clock.busiest_second() <= rate + 1 + rate * 0.01


def test_no_drift():
    clock = Clock(RateLimit(requests_per_second=40.0, burst=0.0))
    clock.send(10_000)
    assert clock.sent[-1] - clock.sent[0] == pytest.approx(9_999 / 40, abs=1e-6)


def test_late_wake_ups_are_made_good():
    clock = Clock(RateLimit(requests_per_second=40.0, burst=0.1), lateness=0.09)
    clock.send(4_000)
    assert clock.sent[-1] - clock.sent[0] == pytest.approx(3_999 / 40, abs=0.2)


def test_who_is_late_by_more_than_the_burst_does_not_make_it_good_in_a_burst():
    clock = Clock(RateLimit(requests_per_second=40.0), lateness=0.5)
    clock.send(1_000)
    assert clock.busiest_second() <= 40 + 1 + 1


def test_hardly_a_burst_after_a_rest():
    clock = Clock(RateLimit(requests_per_second=100.0, burst=0.025))
    clock.send(10)
    clock.now += 3600
    clock.send(6)
    rested = [at - clock.sent[10] for at in clock.sent[10:]]
    assert rested == pytest.approx([0, 0, 0, 0.005, 0.015, 0.025], abs=1e-6)


def test_asking_takes_no_token():
    clock = Clock(RateLimit(requests_per_second=10.0, burst=0.0))
    clock.send()
    delays = [clock.wait() for _ in range(5)]
    assert delays == [pytest.approx(0.1)] * 5


def test_no_limit():
    clock = Clock(RateLimit(requests_per_second=0))
    clock.send(10_000)
    assert clock.now == clock.sent[0]


@pytest.mark.parametrize("rate", [0, 35.0])
def test_pause_of_retry_after(rate):
    clock = Clock(RateLimit(requests_per_second=rate))
    before = clock.send(20)
    assert clock.limited(retry_after=7.0) == pytest.approx(7.0)
    assert clock.send() == pytest.approx(before + 7.0)
    assert clock.member.pauses == 1


@pytest.mark.parametrize("rate", [0, 35.0])
def test_pause_without_retry_after_doubles_and_is_bounded(rate):
    clock = Clock(RateLimit(requests_per_second=rate, longest_pause=10.0, jitter=longest))
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

    clock = Clock(RateLimit(jitter=draw))
    for _ in range(3):
        clock.send()
        clock.limited()
    assert draws == [(1.0, 1.5), (2.0, 3.0), (4.0, 6.0)]


def test_pause_of_retry_after_is_bounded():
    clock = Clock(RateLimit(longest_pause=120.0))
    before = clock.send()
    clock.limited(retry_after=86_400.0)
    assert clock.send() == pytest.approx(before + 120.0)


def test_success_ends_the_doubling():
    clock = Clock(RateLimit(jitter=longest))
    for _ in range(3):
        clock.send()
        clock.limited()
    sent_at = clock.send()
    clock.succeeded(sent_at)
    clock.limited()
    assert clock.send() == pytest.approx(sent_at + 1.5)


def test_success_of_a_request_from_before_the_429_proves_nothing():
    clock = Clock(RateLimit(jitter=longest))
    early = clock.send()
    clock.now += 0.5
    clock.limited()
    clock.succeeded(early)
    again = clock.send()
    clock.limited()
    assert clock.send() == pytest.approx(again + 3.0)


def test_429s_of_one_event_lower_the_rate_once():
    clock = Clock(RateLimit(requests_per_second=40.0, decrease=0.5))
    sent = [clock.send() for _ in range(10)]
    for number, sent_at in enumerate(sent):
        result_of(clock.state.answered(clock.now + number * 0.01, sent_at, 429, 1.0))
    assert clock.rate() == pytest.approx(20.0)
    assert clock.member.pauses == 1
    clock.now += 2
    clock.send()
    clock.limited(1.0)
    assert clock.rate() == pytest.approx(10.0, abs=0.5)
    assert clock.member.pauses == 2


def test_a_later_answer_of_the_event_may_lengthen_the_pause_but_not_shorten_it():
    clock = Clock(RateLimit(requests_per_second=40.0))
    sent_at = clock.send(3)
    assert clock.limited(5.0, sent_at) == pytest.approx(5.0)
    assert clock.limited(1.0, sent_at) == 0
    assert clock.limited(None, sent_at) == 0
    assert clock.wait() == pytest.approx(5.0)
    assert clock.limited(9.0, sent_at) == pytest.approx(4.0)
    assert clock.wait() == pytest.approx(9.0)


def test_rate_climbs_back_and_never_above_what_was_set():
    clock = Clock(RateLimit(requests_per_second=40.0, decrease=0.5, recovery=60.0))
    clock.send()
    clock.limited(0.0)
    rates = []
    # A second and more after it, though the server asks for none.
    start = clock.wait() + clock.now
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
    assert clock.member.lowest_rate == pytest.approx(20.0)


def test_rate_does_not_climb_during_the_pause():
    clock = Clock(RateLimit(requests_per_second=40.0, decrease=0.5, recovery=60.0, longest_pause=120.0))
    clock.send()
    clock.limited(100.0)
    clock.send()
    assert clock.rate() == pytest.approx(20.0, abs=0.1)


def test_an_hour_of_429s_does_not_stop_the_crawl_for_good():
    clock = Clock(RateLimit(requests_per_second=40.0, longest_pause=10.0, jitter=longest))
    while clock.now < 1000.0 + 3600:
        clock.send()
        clock.limited()
    assert 1.5 < clock.rate() < 5
    end = clock.now
    clock.send()
    assert clock.now <= end + 10.0 + 1 / 1.5
    while clock.now < end + 200:
        clock.succeeded(clock.send())
    assert clock.rate() == 40.0


@pytest.mark.parametrize("rate", [0, 40.0])
def test_after_a_pause_requests_are_spaced(rate):
    clock = Clock(RateLimit(requests_per_second=rate))
    clock.send(10)
    clock.limited(3.0)
    resumed = clock.send()
    clock.send(10)
    assert clock.sent[-1] - resumed >= 10 / 40.0 - 0.011


@pytest.mark.parametrize("rate", [0, 38.0, 200.0])
def test_what_the_server_lets_through_is_what_counts(rate):
    clock = Clock(RateLimit(requests_per_second=rate, decrease=0.5))
    for number in range(20):
        clock.succeeded(clock.now + number * 0.04)
    clock.now += 0.8
    clock.limited(1.0)
    # One that was under way then.
    clock.succeeded(clock.now - 0.01)
    clock.send()
    assert clock.rate() == pytest.approx(10.5, abs=0.01)


def test_a_429_of_which_nothing_is_known_is_taken_for_tmdbs_limit():
    clock = Clock(RateLimit(requests_per_second=0, decrease=0.8))
    assert (clock.rate(), clock.member.lowest_rate) == (0, 0)
    clock.send()
    clock.limited(1.0)
    assert clock.rate() == 28.0
    assert clock.member.lowest_rate == 28.0


def test_more_answers_than_are_remembered():
    clock = Clock(RateLimit(requests_per_second=0, decrease=0.5))
    for number in range(3000):
        clock.succeeded(clock.now + number / 3000)
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
    member = joined(InProcessState(now=0.0), 10.0)
    assert (member.rate, member.lowest_rate) == (10.0, 10.0)
    assert (member.waits, member.wait_seconds, member.pauses) == (0, 0.0, 0)


@pytest.mark.parametrize(
    ("bad", "name"),
    [
        ({"requests_per_second": -1}, "requests per second"),
        ({"requests_per_second": float("nan")}, "requests per second"),
        ({"requests_per_second": float("inf")}, "requests per second"),
        ({"burst": -0.1}, "burst"),
        ({"burst": float("inf")}, "burst"),
        ({"decrease": 0}, "decrease"),
        ({"decrease": 1.1}, "decrease"),
        ({"recovery": 0}, "recovery"),
        ({"recovery": float("nan")}, "recovery"),
        ({"longest_pause": -1}, "longest_pause"),
        ({"longest_pause": float("inf")}, "longest_pause"),
    ],
)
def test_bad_options(bad, name):
    with pytest.raises(ConfigurationError, match=name):
        RateLimit(**bad)


def test_the_lowest_rate_of_those_who_set_one_holds():
    state = InProcessState(now=0.0)
    fast, slow, free = joined(state, 40.0), joined(state, 10.0), joined(state, 0)
    assert [member.rate for member in (fast, slow, free)] == [10.0, 10.0, 0]
    assert wait(state, fast, 0.0) == 0
    assert wait(state, slow, 0.0) == pytest.approx(0.1 - 0.0)
    assert [wait(state, free, 0.0) for _ in range(100)] == [0] * 100
    state.leave(slow, 0.0)
    assert fast.rate == 40.0
    assert fast.lowest_rate == 10.0
    # What was put off for the slow one's sake is not any longer.
    assert wait(state, fast, 0.0) == pytest.approx(1 / 40)


@pytest.mark.parametrize("meanwhile", [0.0, 1000.0])
def test_who_comes_after_a_slow_one_has_left_does_not_wait_for_its_token(meanwhile):
    state = InProcessState(RateLimit(burst=0), 0.0)
    slow = joined(state, 0.001)
    assert wait(state, slow, 0.0) == 0
    assert wait(state, slow, 0.0) == 1000
    state.leave(slow, 0.0)
    fast = joined(state, 10, meanwhile)
    assert wait(state, fast, meanwhile) <= 0.1
    assert wait(state, fast, meanwhile + 0.1) == 0
    assert wait(state, fast, meanwhile + 0.1) == pytest.approx(0.1)


def test_who_was_not_closed_but_forgotten_holds_nobody_back():
    state = InProcessState(now=0.0)
    fast = joined(state, 40.0)
    slow = joined(state, 1.0)
    assert wait(state, fast, 0.0) == 0
    del slow
    gc.collect()
    assert wait(state, fast, 0.0) == pytest.approx(1 / 40)


def test_a_429_of_one_holds_all_back_also_who_set_no_rate():
    state = InProcessState(RateLimit(decrease=0.5), 0.0)
    spaced, free = joined(state, 20.0), joined(state, 0)
    assert wait(state, spaced, 0.0) == 0
    result_of(state.answered(0.5, 0.0, 429, 3.0))
    assert wait(state, spaced, 1.0) == wait(state, free, 1.0) == pytest.approx(2.5)
    assert wait(state, free, 3.5) == 0
    assert wait(state, free, 3.5) == pytest.approx(1 / 17.5)
    # In one line with the other one, and no faster than that one set.
    assert wait(state, spaced, 3.5 + 1 / 17.5) == 0
    assert wait(state, spaced, 3.5 + 1.9 / 17.5) > 0
    assert [member.pauses for member in (spaced, free)] == [1, 1]


def test_tokens_are_kept_for_who_came_first_but_not_for_ever():
    state = InProcessState(RateLimit(burst=0.0), 0.0)
    first, second, third = (joined(state, 10.0) for _ in range(3))
    assert wait(state, third, 0.0) == 0
    first.waiting_since, second.waiting_since, third.waiting_since = 0.01, 0.02, 0.03
    assert wait(state, third, 0.1) == pytest.approx(0.2)
    assert wait(state, second, 0.1) == pytest.approx(0.1)
    assert wait(state, first, 0.1) == 0
    # Both others do not come for theirs at 0.2 and 0.3.
    assert wait(state, third, 0.4) == 0


def test_one_state_for_each_host_and_kind():
    api = shared_state("https://api.example/3")
    assert shared_state("https://api.example/4/x") is api
    assert shared_state("https://api.example") is api
    others = ["https://api.example:8443/3", "http://api.example/3", "https://b.example/3"]
    assert all(shared_state(url) is not api for url in others)
    assert shared_state("https://api.example/3", "images") is not api
    forget_shared_states()
    assert shared_state("https://api.example/3") is not api


@coroutine_test
async def test_a_long_pause_is_logged_once(caplog):
    limiter = RateLimiter(RateLimit(requests_per_second=0), InProcessState())
    sent = [await limiter.acquire() for _ in range(3)]
    for sent_at in sent:
        await limiter.answered(sent_at, 429, 60.0)
    assert [(seen.levelno, seen.getMessage()) for seen in caplog.records] == [
        (logging.WARNING, "TMDB asks to wait 60 s (429); all requests wait")
    ]


@coroutine_test
async def test_a_short_pause_is_not_logged(caplog):
    limiter = RateLimiter(RateLimit(requests_per_second=0))
    await limiter.answered(await limiter.acquire(), 429, 1.0)
    assert not caplog.records


@coroutine_test
async def test_coroutines_go_in_the_order_they_came():
    limiter = RateLimiter(RateLimit(requests_per_second=500.0))
    order: list[int] = []

    async def go(number: int) -> None:
        await limiter.acquire()
        order.append(number)
        if number < 20:
            late.append(asyncio.ensure_future(go(number + 20)))

    late: list[asyncio.Future[None]] = []
    await asyncio.gather(*(go(number) for number in range(20)))
    await asyncio.gather(*late)
    assert order == list(range(40))
    assert limiter.member.waits == limiter.member.waits >= 20


@coroutine_test
async def test_coroutines_keep_the_rate():
    limiter = RateLimiter(RateLimit(requests_per_second=200.0))
    places = sorted(await asyncio.gather(*(limiter.acquire() for _ in range(45))))
    assert places[-1] - places[0] >= 44 / 200.0 - 0.011
    assert limiter.member.wait_seconds >= 40 / 200.0 - 0.011


@coroutine_test
async def test_a_cancelled_waiter_does_not_block_the_others():
    limiter = RateLimiter(RateLimit(requests_per_second=20.0))
    await limiter.acquire()
    waiters = [asyncio.ensure_future(limiter.acquire()) for _ in range(6)]
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
    assert not limiter.is_waited_for
    before = time.monotonic()
    assert await limiter.acquire() >= before


@pytest.mark.parametrize("rate", [0, 100.0])
@coroutine_test
async def test_waiters_of_a_pause_do_not_go_all_at_once(rate):
    limiter = RateLimiter(RateLimit(requests_per_second=rate, decrease=1.0))
    sent_at = await limiter.acquire()
    await limiter.answered(sent_at, 429, 0.2)
    limited_at = time.monotonic()
    places = sorted(await asyncio.gather(*(limiter.acquire() for _ in range(20))))
    assert places[0] - limited_at >= 0.19
    assert places[-1] - places[0] >= 19 / 100.0 - 0.011


@coroutine_test
async def test_a_429_meanwhile_lengthens_the_wait():
    limiter = RateLimiter(RateLimit(requests_per_second=20.0))
    sent_at = await limiter.acquire()
    waiter = asyncio.ensure_future(limiter.acquire())
    await asyncio.sleep(0)
    await limiter.answered(sent_at, 429, 0.2)
    assert await waiter - sent_at >= 0.19


@coroutine_test
async def test_no_limit_does_not_suspend():
    limiter = RateLimiter(RateLimit(requests_per_second=0))
    for _ in range(1000):
        await limiter.answered(await limiter.acquire(), 200, None)
    assert limiter.member.waits == 0


@coroutine_test
async def test_closing_ends_the_waiting():
    limiter = RateLimiter(RateLimit(requests_per_second=0))
    await limiter.answered(await limiter.acquire(), 429, 100.0)
    waiters = [
        asyncio.ensure_future(wait) for wait in (limiter.acquire(), limiter.acquire(), limiter.sleep(100.0))
    ]
    await asyncio.sleep(0.01)
    limiter.close()
    done = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(error) for error in done] == [RateLimiterClosed] * 3


@coroutine_test
async def test_a_crawl_that_is_stopping_waits_no_longer():
    stopping = False
    limiter = RateLimiter(RateLimit(requests_per_second=0), is_stopping=lambda: stopping)
    await limiter.answered(await limiter.acquire(), 429, 100.0)
    waiters = [asyncio.ensure_future(limiter.acquire()) for _ in range(3)]
    await asyncio.sleep(0.01)
    stopping = True
    done = await asyncio.gather(*waiters, return_exceptions=True)
    assert [type(error) for error in done] == [RateLimiterClosed] * 3


@coroutine_test
async def test_sleep():
    limiter = RateLimiter(RateLimit())
    start = time.monotonic()
    await limiter.sleep(0.05)
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


def test_event_loops_keep_one_rate():
    shared = InProcessState()
    places: list[float] = []
    turns: list[int] = []
    together = threading.Barrier(4)

    def work(number: int) -> None:
        asyncio.run(in_loop(number))

    async def in_loop(number: int) -> None:
        limiter = RateLimiter(RateLimit(requests_per_second=100.0 if number < 2 else 200.0), shared)
        together.wait()

        async def call() -> None:
            places.append(await limiter.acquire())
            turns.append(number)

        await asyncio.gather(*(call() for _ in range(20)))
        limiter.close()

    assert run_threads(4, work) == []
    places.sort()
    assert len(places) == 80
    # As long as one of the loops is there 100 a second hold, and then 200.
    assert places[-1] - places[0] >= 40 / 100.0 + 39 / 200.0 - 0.05
    # Nobody starves.
    assert {0, 1, 2, 3} <= set(turns[:50])
    assert joined(shared, 0).rate == 0
