"""When the next request may go: decided on a clock that is passed in, without sleeping and without a network."""

from __future__ import annotations

import math
from collections import deque
from weakref import WeakSet

from tmdbfusion_scrapy.pacing.options import DEFAULT_REQUESTS_PER_SECOND, PaceOptions, PaceStatistics

_LOWEST_SHARE = 0.05
"""The rate never falls below this share of the usual one: from zero it would not come back."""

_ENOUGH_ANSWERS = 10
"""Fewer good answers in the second before a 429 do not tell what the server allows."""

_MEASURED_ANSWERS = 1024
"""How many good answers are remembered; at a higher rate their time span stands for the second."""

_NEAR = 0.05
"""Share of the limit that the last 429 told of, within which the rate climbs at a quarter of its speed."""

_REST_SECONDS = 600.0
"""After so long without a 429, what it told is old news."""


class Claim:
    """What one client or crawl asks of a pace, and what became of it.

    Attributes:
        rate: Requests a second that it set; 0 for none.
        lowest_rate: The lowest that it was given.
        waits: Its requests that waited.
        wait_seconds: Seconds that they waited, added up.
        pauses: Pauses after a 429, or a 503 that asked for one, since it came.
    """

    __slots__ = ("__weakref__", "lowest_rate", "pauses", "rate", "wait_seconds", "waits")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.lowest_rate = math.inf
        self.waits = 0
        self.wait_seconds = 0.0
        self.pauses = 0

    def waited(self, seconds: float) -> None:
        """Note how long a request waited."""
        self.waits += 1
        self.wait_seconds += seconds


class _Schedule:
    """Even spacing, the generic cell rate algorithm: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm."""

    __slots__ = ("next",)

    def __init__(self, now: float) -> None:
        self.next = now

    def opens(self, now: float, rate: float, slack: float, ahead: int) -> float:
        """When the next place is to be had by one who lets ``ahead`` others go first.

        Once those are late by their own places they are not waited for.
        """
        return max(self.next + ahead / rate, now - slack)

    def take(self, now: float, rate: float, slack: float) -> None:
        """Take the next place. The schedule advances by whole intervals, so there is no drift."""
        self.next = max(self.next, now - slack) + 1.0 / rate


class Pace:
    """The rate that was set, the rate that was found, and a gate that a 429 closes.

    The lowest rate that is set among those who share the pace holds for all who set one. The rate that was found
    after a 429 holds for everybody. It is a factor below what the server let through in a second before the 429,
    climbs by a constant amount each second, by less of it near that limit, and is given up where it reaches what
    was set.

    Args:
        options: The numbers; ``rate`` is not among them, for each claim has its own.
        now: The time of the start, in seconds of any steady clock.
    """

    def __init__(self, options: PaceOptions, now: float) -> None:
        self._options = options
        # Weak, for a client that nobody closed must not hold the others back.
        self._claims: WeakSet[Claim] = WeakSet()
        self._counted = 0
        self._set_rate = 0.0
        self._all_set = False
        self._set_schedule = _Schedule(now)
        self._found_rate = 0.0
        self._found_schedule = _Schedule(now)
        self._limit = 0.0
        self._climb = 0.0
        self._last_climb = now
        self._closed_until = now
        self._lowered_at = -math.inf
        self._limited_sent_at = -math.inf
        self._rate_before = 0.0
        self._is_measuring = False
        self._pauses_in_a_row = 0
        self._answered: deque[float] = deque(maxlen=_MEASURED_ANSWERS)

    def claim(self, rate: float, now: float) -> Claim:
        """Let one more client or crawl share the pace; ``rate`` is 0 where it sets none."""
        claim = Claim(rate)
        self._claims.add(claim)
        self._count_claims(now)
        return claim

    def release(self, claim: Claim, now: float) -> None:
        """Let a client or crawl go; what it set no longer counts."""
        self._claims.discard(claim)
        self._count_claims(now)

    def wait(self, claim: Claim, now: float, ahead: int = 0) -> float:
        """Seconds until the next request may go; 0 takes the place, more takes nothing.

        Args:
            claim: Whose request it is.
            now: The time.
            ahead: How many others wait for a place since before this one.
        """
        if now < self._closed_until:
            return self._closed_until - now
        if self._is_measuring:
            self._is_measuring = False
            self._lower()
            self._note_lowest()
        if self._found_rate:
            self._raise(now)
        set_rate = 0.0
        if claim.rate:
            if len(self._claims) != self._counted:
                self._count_claims(now)
            set_rate = self._set_rate
        slack = self._options.slack
        opens = now
        if set_rate:
            opens = self._set_schedule.opens(now, set_rate, slack, ahead)
        if self._found_rate:
            opens = max(opens, self._found_schedule.opens(now, self._found_rate, slack, ahead))
        if opens > now:
            return opens - now
        if set_rate:
            self._set_schedule.take(now, set_rate, slack)
        if self._found_rate:
            self._found_schedule.take(now, self._found_rate, slack)
        return 0.0

    def succeeded(self, sent_at: float) -> None:
        """Note an answer that was no 429, to a request sent at ``sent_at``.

        An answer to a request from before the last 429 does not tell that the pause was long enough.
        """
        self._answered.append(sent_at)
        if self._pauses_in_a_row and sent_at > self._lowered_at:
            self._pauses_in_a_row = 0

    def limited(self, now: float, sent_at: float, retry_after: float | None = None) -> float:
        """Note a 429: close the gate for a while and lower the rate.

        Args:
            now: The time of the answer.
            sent_at: When its request was sent. A request from before the last lowering tells nothing new, so
                the rate stays.
            retry_after: Seconds that the server asked for.

        Returns:
            Seconds by which the gate stays closed for longer than it would have.
        """
        is_news = sent_at > self._lowered_at
        if not is_news and retry_after is None:
            return 0.0
        if is_news:
            self._pauses_in_a_row += 1
            self._rate_before = self._found_rate or (self._set_rate if self._all_set else 0.0)
            self._lowered_at = now
            self._limited_sent_at = sent_at
            # Requests in flight may succeed yet: measured again when the gate opens.
            self._is_measuring = True
            self._lower()
            for claim in self._claims:
                claim.pauses += 1
        longest = self._options.max_pause
        pause = min(retry_after or 0.0, longest)
        if is_news:
            # A second at the least: limits are counted by the second, so a shorter pause meets the same one.
            shortest = 2.0 ** min(self._pauses_in_a_row - 1, 16)
            pause = max(pause, min(longest, self._options.jitter(shortest, 1.5 * shortest)))
        return self._close(now, pause)

    def paused(self, now: float, retry_after: float) -> float:
        """Note an answer that asks for a pause and tells nothing of a rate, such as a 503: close the gate.

        Args:
            now: The time of the answer.
            retry_after: Seconds that the server asked for.

        Returns:
            Seconds by which the gate stays closed for longer than it would have.
        """
        if not 0 < retry_after <= self._options.max_pause:
            # For longer, a server that is down is not waited for: its calls fail, and are on record.
            return 0.0
        if now >= self._closed_until:
            for claim in self._claims:
                claim.pauses += 1
        return self._close(now, retry_after)

    def _close(self, now: float, pause: float) -> float:
        """Close the gate for some seconds; return for how much longer than it would have been."""
        before = max(now, self._closed_until)
        self._closed_until = max(self._closed_until, now + pause)
        for schedule in (self._set_schedule, self._found_schedule):
            schedule.next = max(schedule.next, self._closed_until)
        self._last_climb = self._closed_until
        return max(0.0, self._closed_until - before)

    def statistics(self, claim: Claim) -> PaceStatistics:
        """Return what the pace did for a claim so far."""
        rate = self._rate_of(claim)
        lowest = min(claim.lowest_rate, rate)
        shown = [0.0 if value == math.inf else value for value in (rate, lowest)]
        return PaceStatistics(shown[0], shown[1], claim.waits, claim.wait_seconds, claim.pauses)

    def is_at_rest(self, now: float) -> bool:
        """Whether nobody shares the pace, and a new one would do the same from now on."""
        knows = self._found_rate and now - self._lowered_at < _REST_SECONDS
        return not len(self._claims) and now >= self._closed_until and not knows

    def _rate_of(self, claim: Claim) -> float:
        """What a claim is given now, infinity for no limit."""
        rates = [rate for rate in (self._found_rate, self._set_rate if claim.rate else 0.0) if rate]
        return min(rates, default=math.inf)

    def _count_claims(self, now: float) -> None:
        """Find the rate that is set, after claims have come or gone."""
        before = self._set_rate
        rates = [claim.rate for claim in self._claims]
        self._counted = len(rates)
        self._all_set = bool(rates) and all(rates)
        self._set_rate = min((rate for rate in rates if rate), default=0.0)
        if before and self._set_rate > before:
            # The next place of a slow rate may be far away.
            self._set_schedule.next = min(self._set_schedule.next, now + 1.0 / self._set_rate)
        self._note_lowest()

    def _note_lowest(self) -> None:
        """Keep the lowest rate for each claim."""
        for claim in self._claims:
            claim.lowest_rate = min(claim.lowest_rate, self._rate_of(claim))

    def _lower(self) -> None:
        """Lower the rate, from what it was before the 429 or from what the server let through, if that is less."""
        options = self._options
        known = self._rate_before or math.inf
        passed = self._passed()
        if passed >= _ENOUGH_ANSWERS:
            known = min(known, passed)
        elif known == math.inf:
            known = DEFAULT_REQUESTS_PER_SECOND
        usual = min(self._set_rate or math.inf, DEFAULT_REQUESTS_PER_SECOND)
        self._found_rate = max(known * options.decrease, usual * _LOWEST_SHARE)
        self._limit = known
        self._climb = max(known, usual) / 2 / options.recovery

    def _passed(self) -> float:
        """Requests that the server let through in the busiest second before the last 429."""
        sent = sorted(at for at in self._answered if self._limited_sent_at - 1.0 < at <= self._lowered_at)
        if len(sent) == _MEASURED_ANSWERS and sent[-1] - sent[0] < 1.0:
            return len(sent) / max(sent[-1] - sent[0], 1e-3)
        first = most = 0
        for last, at in enumerate(sent):
            while sent[first] <= at - 1.0:
                first += 1
            most = max(most, last - first + 1)
        return most

    def _raise(self, now: float) -> None:
        """Let the rate that was found climb, up to what was set; slowly where the limit is thought to be."""
        left = now - self._last_climb
        near, beyond = self._limit * (1 - _NEAR), self._limit * (1 + _NEAR)
        for end, climb in ((near, self._climb), (beyond, self._climb / 4), (math.inf, self._climb)):
            if self._found_rate < end:
                seconds = min(left, (end - self._found_rate) / climb)
                self._found_rate += seconds * climb
                left -= seconds
        self._last_climb = now
        if self._all_set and self._found_rate >= self._set_rate:
            self._found_rate = 0.0
            self._set_schedule.next = max(self._set_schedule.next, self._found_schedule.next)
