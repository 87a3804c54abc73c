"""The filter of duplicates: Scrapy's decisions in a fraction of its memory."""

from __future__ import annotations

import random
import sys

import pytest
from scrapy import Request
from scrapy.dupefilters import RFPDupeFilter
from scrapy.utils.request import RequestFingerprinter
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.crawling.scheduling import SEEN_FILE, TMDBDupeFilter, TMDBRequestFingerprinter

API = "https://api.themoviedb.org/3"


@pytest.fixture
def fingerprinter():
    return TMDBRequestFingerprinter(get_crawler(settings_dict={"TMDB_ACCESS_TOKEN": TOKEN}))


URLS = [
    *(f"{API}/movie/{number}" for number in (0, 1, 2, 255, 256, 257, 10**11, 10**12)),
    f"{API}/movie/01",
    f"{API}/movie/1/",
    f"{API}/movie/1#here",
    f"{API}/movie/1?language=de",
    f"{API}/movie/2?language=de",
    f"{API}/movie/1?a=1&b=2",
    f"{API}/movie/1?b=2&a=1",
    f"{API}/movie/1/credits",
    f"{API}/movie/2/credits",
    f"{API}/movie//credits",
    f"{API}/tv/1",
    f"{API}/tv/1/season/1",
    f"{API}/tv/1/season/2",
    f"{API}/tv/2/season/1",
    f"{API}/tv/2/season/1/episode/1",
    f"{API}/movie/550abc",
    f"{API}/search/movie?query=/550",
    f"{API}/search/movie?query=/551",
    f"{API}/genre/movie/list",
    API,
    "HTTPS://api.themoviedb.org:443/3/movie/1",
    "https://api.themoviedb.org/33/movie/1",
    "https://example.org/3/movie/1",
    "https://example.org/3/movie/2",
]


def requests(count: int) -> list[Request]:
    """Requests in an order drawn at random, many of them more than once."""
    drawn = random.Random(1)
    found = []
    for _ in range(count):
        method = drawn.choice(["GET", "GET", "GET", "POST"])
        unseen = drawn.choice([{}, {"languages": ["de", "en"]}, {"secrets": [["session_id", "query", "x"]]}])
        body = drawn.choice(["", "{}"]) if method == "POST" else ""
        request = Request(drawn.choice(URLS), method=method, body=body)
        if drawn.choice([True, False]):
            request.meta["tmdb_call"] = {"method": method, "path": "", "url": request.url, **unseen}
        found.append(request)
    return found


def test_it_decides_as_scrapys(fingerprinter):
    ours, scrapys = (cls(fingerprinter=fingerprinter) for cls in (TMDBDupeFilter, RFPDupeFilter))
    asked = requests(2000)
    decisions = [(ours.request_seen(request), scrapys.request_seen(request)) for request in asked]
    assert [pair for pair in zip(decisions, asked, strict=True) if pair[0][0] != pair[0][1]] == []
    assert {one for one, _ in decisions} == {True, False}


def test_with_another_fingerprinter_it_is_scrapys():
    other = RequestFingerprinter(get_crawler())
    ours, scrapys = (cls(fingerprinter=other) for cls in (TMDBDupeFilter, RFPDupeFilter))
    for request in requests(500):
        assert ours.request_seen(request) == scrapys.request_seen(request)


def test_ids_take_bits(fingerprinter):
    ours = TMDBDupeFilter(fingerprinter=fingerprinter)
    for number in range(1, 20_001):
        assert not ours.request_seen(Request(f"{API}/movie/{number}?append_to_response=credits"))
    (masks,) = ours._seen.values()
    size = sys.getsizeof(masks) + sum(sys.getsizeof(key) + sys.getsizeof(mask) for key, mask in masks.items())
    assert size < 20_000


@pytest.mark.parametrize("cut", [0, 1, 7], ids=["whole", "no-end", "cut"])
def test_the_next_run_of_a_job_knows(fingerprinter, tmp_path, cut):
    first = TMDBDupeFilter(str(tmp_path), fingerprinter=fingerprinter)
    asked = requests(300)
    for request in asked:
        first.request_seen(request)
    last = Request(f"{API}/person/7")
    assert not first.request_seen(last)
    first.close("shutdown")
    path = tmp_path / SEEN_FILE
    content = path.read_bytes()
    path.write_bytes(content[: len(content) - cut])
    for _ in range(2):
        # What a crash cut off is asked for once more, and then known.
        following = TMDBDupeFilter(str(tmp_path), fingerprinter=fingerprinter)
        assert all(following.request_seen(request) for request in asked)
        assert following.request_seen(last) is (cut == 0)
        following.close("finished")
        cut = 0


def test_there_is_no_file_without_a_job(fingerprinter, tmp_path):
    ours = TMDBDupeFilter(fingerprinter=fingerprinter)
    ours.request_seen(Request(f"{API}/movie/1"))
    ours.close("finished")
    assert not list(tmp_path.iterdir())


@coroutine_test
async def test_a_job_in_two_runs(tmdb_sandbox, tmp_path):
    settings = settings_of(tmdb_sandbox.base_url, JOBDIR=str(tmp_path / "job"), DUPEFILTER_DEBUG=True)
    first = await crawl(MoviesSpider, settings, ids=[1, 2, 2])
    assert len(first.items) == 2
    assert first.stats["dupefilter/filtered"] == 1
    second = await crawl(MoviesSpider, settings, ids=[1, 2, 3])
    assert second.ids == {3}
    assert second.stats["dupefilter/filtered"] == 2
    assert TOKEN not in (tmp_path / "job" / SEEN_FILE).read_text()
