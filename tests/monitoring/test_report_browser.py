"""The report in a real browser: on a phone and on a screen, light and dark, without a network."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from tests.monitoring.browser import BROWSER, Tab, browser_tab
from tmdbfusion_scrapy.monitoring.report_page import write_report
from tmdbfusion_scrapy.monitoring.run_report import (
    FailureExample,
    FailureReason,
    RecordFigures,
    RunReport,
)
from tmdbfusion_scrapy.monitoring.series import Sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine to look with"),
    pytest.mark.skipif(find_spec("aiohttp") is None, reason="aiohttp is not installed"),
]

BEGAN = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
LONG = "an_unusually_long_name_without_any_place_to_break_it_" * 4
HOSTILE = f"<script>document.title = 'taken over'</script><img src=x onerror=alert(1)>{LONG}"

LOOK = """({
  width: document.documentElement.clientWidth,
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  background: getComputedStyle(document.body).backgroundColor,
  text: getComputedStyle(document.querySelector('.chart text')).fill,
  line: getComputedStyle(document.querySelector('.chart .series path')).color,
  title: document.title,
  figures: document.querySelectorAll('figure').length,
  shown: [...document.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().width > 0).length,
  smallest: Math.min(...[...document.querySelectorAll('svg')]
    .filter(svg => svg.getBoundingClientRect().width > 0)
    .map(svg => 11 * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)),
})"""


def long_report() -> RunReport:
    """Return a report that has everything, with texts as long and as hostile as they get."""
    samples = [
        Sample(
            process=number // 200,
            number=number,
            at=BEGAN + timedelta(seconds=110 * number),
            elapsed=110.0 * number,
            wanted=1_239_462,
            done=4100 * number,
            stored=4000 * number,
            requests=4300 * number,
            bytes=9_000_000 * number,
            retries=number * 7,
            rate_limited=number // 60,
            pauses=number // 60,
            responses={"200": 4200 * number, "429": number // 60, "503": number * 7},
            rate_limit=40.0,
            rate_now=40.0 if number % 60 > 20 else 31.5,
            connections_active=number % 9,
            connections_open=8,
            connections_most=8,
            waiting=number % 13,
            latency_p50=0.031 + number / 9000,
            latency_p95=0.09 + number / 4000,
            latency_p99=0.3 + number / 700,
            memory=180_000_000 + number * 10_000,
            limited_by="rate" if number % 60 > 20 else "server",
            drift={f"MovieDetails.{LONG}": 17, HOSTILE: 3},
        )
        for number in range(300)
    ]
    return RunReport(
        spider=f"spider_{LONG}",
        arguments={"source": "export", "append": HOSTILE},
        source=HOSTILE,
        run_id=3,
        database=f"postgresql://crawler:***@database.example.org/{LONG}",
        started_at=BEGAN,
        finished_at=None,
        reason="shutdown",
        listed=1_239_462,
        samples=samples,
        failures=[
            FailureReason("NotFoundError", 404, "movies", False, 1203, [FailureExample("/movie/7", HOSTILE)]),
            FailureReason("ServerError", None, "", True, 2, [FailureExample(f"/movie/8?{LONG}", LONG)]),
        ],
        failure_count=1205,
        records=[
            RecordFigures(
                "movies",
                1_200_000,
                100_000,
                "release_date",
                [(1, 1), *((year, (year - 1900) ** 2) for year in range(1901, 2031)), (9999, 2)],
                "original_language",
                [(HOSTILE, 5000), ("", 400), *((f"l{number}", 300 - number) for number in range(40))],
                [("overview", 20_000), (LONG, 3)],
            )
        ],
    )


def test_a_report_in_a_browser(tmp_path):
    write_report(long_report(), tmp_path / "report.html")
    # The test run has an event loop of its own in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, look_at(tmp_path)).result()


async def look_at(folder: Path) -> None:
    url = (folder / "report.html").as_uri()
    async with browser_tab(folder / "profile") as tab:
        seen = {}
        for width in (320, 390, 1280):
            for dark in (False, True):
                await tab.show(url, width=width, dark=dark)
                looks = seen[width, dark] = await tab.value(LOOK)
                assert looks["width"] == width
                assert looks["overflow"] == 0
                assert looks["title"].startswith("spider_")
                # Each chart is shown once, and its texts are large enough to be read.
                assert looks["shown"] == looks["figures"] == 8
                assert looks["smallest"] >= 8
                await open_all(tab)
        for part in ("background", "text", "line"):
            assert seen[390, False][part] == seen[1280, False][part] != seen[390, True][part]
        assert set(tab.requests) == {url}
        assert tab.complaints == []


async def open_all(tab: Tab) -> None:
    """Open all tables; they stay within the page."""
    await tab.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert (await tab.value(LOOK))["overflow"] == 0
    assert await tab.value("document.querySelectorAll('details tbody tr').length") > 1000
