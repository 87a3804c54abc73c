"""A crawl of a server with a limit, on a clock of its own: no network, no waiting, the same each time."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tmdbfusion_scrapy.rate_limit import InProcessState, RateLimit, RateLimitMember

T = TypeVar("T")


def result_of(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that never suspends."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it suspends")


@dataclass
class Simulation:
    """Sends as many requests as the rate limit lets through.

    The server counts what it lets through in any one second, as TMDB's "around 40 a second" is best read, and
    answers a 429 above. Requests arrive in another order than they left.

    Args:
        rate: Requests a second that the client sets.
        limit: Requests a second that the server allows, at a time.
        latency: Seconds to an answer, give or take a third.
        concurrency: Most requests under way.
        retry_after: Seconds that a 429 announces.
        seconds: How long.
        seed: Of all that is drawn.
    """

    rate: float
    limit: Callable[[float], int] = lambda _: 40
    latency: float = 0.05
    concurrency: int = 64
    retry_after: float | None = None
    seconds: float = 120.0
    seed: int = 1
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def run(self) -> Simulation:
        """Run to the end."""
        draw = random.Random(self.seed)
        state = InProcessState(RateLimit(jitter=draw.uniform), 0.0)
        member = RateLimitMember(self.rate)
        state.join(member, 0.0)
        window: deque[float] = deque()
        events: list[tuple[float, int, str, Any]] = [(0.0, 0, "turn", None)]
        under_way, number = 0, 0
        while events and events[0][0] < self.seconds:
            now, _, kind, given = heapq.heappop(events)
            then: list[tuple[float, str, Any]] = []
            if kind == "turn":
                if under_way == self.concurrency:
                    then.append((now + 0.001, "turn", None))
                elif (delay := result_of(state.acquire(member, now))) > 0:
                    # Timers are late by a millisecond or two.
                    then.append((now + delay + draw.uniform(0, 0.002), "turn", None))
                else:
                    under_way += 1
                    there = min(self.latency / 2, 0.05) * draw.uniform(0.7, 1.3)
                    then += [(now + there, "arrival", now), (now + 1e-4, "turn", None)]
            elif kind == "arrival":
                while window and window[0] <= now - 1.0:
                    window.popleft()
                passes = len(window) < self.limit(now)
                if passes:
                    window.append(now)
                rest = max(0.0, self.latency * draw.uniform(0.7, 1.3) - (now - given))
                then.append((now + rest, "answer", (given, passes)))
            else:
                under_way -= 1
                sent_at, passes = given
                (self.answered if passes else self.refused).append(now)
                status, retry_after = (200, None) if passes else (429, self.retry_after)
                result_of(state.answered(now, sent_at, status, retry_after))
            for at, what, with_what in then:
                number += 1
                heapq.heappush(events, (at, number, what, with_what))
        return self

    def per_second(self, start: float = 0.0) -> float:
        """Good answers a second, from a time on."""
        return sum(at >= start for at in self.answered) / (self.seconds - start)

    def refused_share(self) -> float:
        """What part of all answers was a 429."""
        return len(self.refused) / (len(self.refused) + len(self.answered))
