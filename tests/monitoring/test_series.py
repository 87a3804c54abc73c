"""Time series of a run: few samples, however long it lasts, and no count lost."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

import pytest

from tmdbfusion_scrapy.monitoring.series import (
    COUNTS,
    FIRST_INTERVAL,
    MOST_SAMPLES,
    Sample,
    Series,
    joined,
    last_of_each,
    thinned,
)

BEGAN = datetime(2026, 11, 1, tzinfo=timezone.utc)


def sample(process: int, number: int, elapsed: float) -> Sample:
    """Return a sample of a process that does ten records a second."""
    counts = dict.fromkeys(COUNTS, round(elapsed * 10))
    return Sample(
        process,
        number,
        BEGAN + timedelta(seconds=elapsed),
        elapsed,
        wanted=1_000_000,
        responses={"200": round(elapsed * 10), "429": number},
        **counts,
    )


def crawled(seconds: float, process: int = 0, series: Series | None = None) -> Series:
    """Return the series of a process that lasted for so long."""
    series = series or Series()
    elapsed = 0.0
    number = 0
    while elapsed < seconds:
        series.add(sample(process, number, elapsed))
        number += 1
        elapsed += series.interval
    series.add(sample(process, number, seconds))
    return series


@pytest.mark.parametrize("seconds", [0.2, 10, 149.9, 150, 3600, 9 * 3600, 30 * 24 * 3600])
def test_there_are_few_samples_however_long_a_crawl_lasts(seconds):
    samples = crawled(seconds).samples
    assert len(samples) <= MOST_SAMPLES
    assert samples[0].elapsed == 0
    assert samples[-1] == sample(0, samples[-1].number, seconds)
    assert [each.number for each in samples] == sorted({each.number for each in samples})


def test_they_are_evenly_spaced_and_not_fewer_than_need_be():
    series = crawled(3600)
    assert len(series.samples) > MOST_SAMPLES // 3
    samples = series.samples[:-1]
    gaps = {after.elapsed - before.elapsed for before, after in pairwise(samples)}
    assert gaps == {series.interval}
    assert series.interval / FIRST_INTERVAL in {2**power for power in range(12)}


def test_room_is_left_for_earlier_processes():
    series = crawled(100)
    before = len(series.samples)
    series.leave_room(MOST_SAMPLES - 50)
    assert len(series.samples) <= 50 < before
    assert series.samples[-1].elapsed == 100
    assert len(crawled(9 * 3600, series=series).samples) <= 50


def test_the_counts_of_processes_go_on_from_each_other():
    runs = [*crawled(10, 0).samples, *crawled(20, 1).samples, *crawled(5, 2).samples]
    one = joined(runs)
    assert len(one) == len(runs)
    assert [each.elapsed for each in one] == sorted(each.elapsed for each in one)
    assert one[-1].elapsed == 35
    assert one[-1].done == 350
    assert one[-1].responses["200"] == 350
    assert one[-1].responses["429"] == sum(each.number for each in last_of_each(runs))
    # What is left when a process begins, and what was done by then.
    assert one[-1].wanted == 1_000_000 + 300
    assert joined([]) == []


@pytest.mark.parametrize("processes", [1, 7, 149, 400])
def test_earlier_processes_are_thinned_out_and_add_up_to_the_same(processes):
    samples = [each for process in range(processes) for each in crawled(90 / processes, process).samples]
    fewer = thinned(samples, 150)
    assert len(fewer) <= 150
    assert joined(fewer)[-1].done == joined(samples)[-1].done
    assert joined(fewer)[-1].elapsed == pytest.approx(joined(samples)[-1].elapsed)
    assert thinned(fewer, 150) == fewer
