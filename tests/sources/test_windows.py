"""The windows of a change feed."""

from __future__ import annotations

import itertools
import random
from datetime import date, timedelta

import pytest

from tmdbfusion_scrapy.sources.changes import Window, is_too_long, windows

TODAY = date(2026, 6, 1)
DAY = timedelta(days=1)


def days_of(window):
    return {window.start + DAY * number for number in range((window.end - window.start).days + 1)}


def test_every_day_is_covered():
    dice = random.Random(6)
    for _ in range(300):
        today = TODAY + DAY * dice.randrange(1000)
        since = today - DAY * dice.choice([0, 1, 12, 13, 14, dice.randrange(400)])
        found = list(windows(since, today))
        assert set().union(*map(days_of, found)) >= {
            since + DAY * number for number in range((today - since).days + 1)
        }
        assert all(1 <= len(days_of(window)) <= 14 for window in found)
        assert found[0].start == since - DAY
        assert found[-1].end == today
        for earlier, later in itertools.pairwise(found):
            # Each goes back into the one before it, and further on than it.
            assert earlier.start < later.start == earlier.end
            assert later.end > earlier.end


def test_a_day_after_the_last_time():
    assert list(windows(TODAY - DAY, TODAY)) == [Window(TODAY - 2 * DAY, TODAY)]


def test_tmdb_takes_no_window_of_more_than_14_days():
    assert list(windows(TODAY - 12 * DAY, TODAY)) == [Window(TODAY - 13 * DAY, TODAY)]
    assert list(windows(TODAY - 13 * DAY, TODAY)) == [
        Window(TODAY - 14 * DAY, TODAY - DAY),
        Window(TODAY - DAY, TODAY),
    ]


def test_a_clock_that_was_wrong():
    assert list(windows(TODAY + 400 * DAY, TODAY)) == [Window(TODAY - DAY, TODAY)]


def test_halves_are_the_whole():
    for length in range(1, 15):
        window = Window(TODAY, TODAY + DAY * (length - 1))
        halves = window.halves()
        if length == 1:
            assert halves is None
        else:
            first, second = halves
            assert days_of(first) | days_of(second) == days_of(window)
            assert not days_of(first) & days_of(second)


@pytest.mark.parametrize(("days", "too_long"), [(0, False), (84, False), (85, True), (-3, False)])
def test_a_gap_too_long_for_the_feed(days, too_long):
    assert is_too_long(TODAY - DAY * days, TODAY) is too_long
