"""Series with all of their seasons: one whole record, one failure, one language."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, crawl, failure_rows, rows, settings_of
from tests.crawling.test_appending import Parts, status
from tests.crawling.test_retries import OPEN_QUEUES
from tmdbfusion_scrapy import TMDBClient
from tmdbfusion_scrapy.crawling import TMDBSeriesSpider
from tmdbfusion_scrapy.models import TVDetails, decode

pytestmark = pytest.mark.once

NO_DATABASE = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}
TEN_PARTS = [
    *("aggregate_credits", "alternative_titles", "content_ratings", "credits", "external_ids"),
    *("images", "keywords", "reviews", "similar", "videos"),
]


class Series(TMDBSeriesSpider):
    """Crawls series as the example project does."""

    name = "series"


def season(number: int, **texts: Any) -> dict[str, Any]:
    """A season with one episode, as it is appended to its series."""
    episode = {"id": 1000 + number, "episode_number": 1, "season_number": number, "show_id": 1, **texts}
    return {"_id": f"key{number}", "season_number": number, "episodes": [episode], **texts}


@pytest.fixture
def long_series(raw_server):
    """A series of the seasons 0 to 44."""
    listed = [{"id": 100 + number, "season_number": number} for number in range(45)]
    parts = {f"season/{number}": season(number, name="N", overview="O") for number in range(45)}
    script = Parts({"id": 1, "name": "Long", "seasons": listed}, parts)
    raw_server.scripts["/3/tv/1"] = script
    return script


def lines(name: str) -> list[Any]:
    return list(map(json.loads, Path(name).read_text().splitlines()))


def seasons_in(record: Any) -> list[int]:
    return [inner.season_number for inner in record.appended_seasons]


@coroutine_test
async def test_a_series_is_one_record_with_all_seasons(raw_server, long_series):
    ended = await crawl(
        Series, settings_of(raw_server.url + "/3", FEEDS={"all.jsonl": {"format": "jsonl"}}), ids="1"
    )
    (record,) = ended.items
    assert type(record) is TVDetails
    assert seasons_in(record) == list(range(45))
    assert [len(asked) for asked in long_series.asked] == [20, 20, 5]
    assert json.loads(record.raw) == {**long_series.base, **long_series.parts}
    (line,) = lines("all.jsonl")
    assert [inner["season_number"] for inner in line["appended_seasons"]] == list(range(45))
    assert rows("SELECT count(*) FROM seasons WHERE fetched_at IS NOT NULL") == [(45,)]
    assert rows("SELECT count(*) FROM episodes WHERE fetched_at IS NOT NULL") == [(45,)]
    assert json.loads(rows("SELECT raw FROM tv_shows")[0][0]) == json.loads(record.raw)


@coroutine_test
async def test_no_other_requests_than_seasons_that_are_listed(raw_server, long_series):
    """Years for numbers, holes, numbers twice and none."""
    numbers = [0, 2, 1999, 2024, 2024, None]
    long_series.base["seasons"] = [{"id": 7, "season_number": number} for number in numbers]
    long_series.parts = {
        f"season/{number}": season(number, name="N", overview="O") for number in (0, 2, 1999, 2024)
    }
    ended = await crawl(Series, settings_of(raw_server.url + "/3", **NO_DATABASE), ids="1")
    (record,) = ended.items
    assert seasons_in(record) == [0, 2, 1999, 2024]
    assert long_series.asked[1:] == [["season/1999", "season/2024"]]


@coroutine_test
async def test_a_crawl_has_what_the_client_has(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(series=60)
    ids = list(sandbox.series_ids)
    settings = settings_of(sandbox.base_url, **NO_DATABASE)
    ended = await crawl(Series, settings, ids=",".join(map(str, ids)), append=",".join(TEN_PARTS))
    assert Counter(type(item) for item in ended.items) == {TVDetails: len(ids)}
    assert max(len(item.appended_seasons) for item in ended.items) > 10
    with TMDBClient(TOKEN, base_url=sandbox.base_url, requests_per_second=0) as client:
        for item in ended.items:
            numbers = [listed.season_number for listed in item.seasons]
            parts = [*TEN_PARTS, *(f"season/{number}" for number in numbers)]
            whole = client.tv.details(item.id, append_to_response=parts)
            assert seasons_in(item) == numbers
            assert item == whole
            assert json.loads(item.raw) == json.loads(whole.raw)
            assert decode(item.raw, TVDetails) == whole


@pytest.mark.parametrize("failure", [status(503), status(200, b"<html>")], ids=["503", "no JSON"])
@coroutine_test
async def test_a_series_without_its_later_seasons_is_not_stored(raw_server, long_series, failure):
    """It is on record, and tried again as a whole."""
    long_series.failures = {2: failure, 3: failure}
    settings = settings_of(raw_server.url + "/3", RETRY_TIMES=1, FEEDS={"all.jsonl": {"format": "jsonl"}})
    ended = await crawl(Series, settings, errors=None, ids="1")
    assert [type(item).__name__ for item in ended.items] == ["FailedCall"]
    assert [row[:3] for row in failure_rows()] == [("tv_shows", "1", "/tv/1")]
    for table in ("tv_shows", "seasons", "episodes"):
        assert rows(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608
    ended = await crawl(Series, settings, source="failed")
    assert seasons_in(ended.items[0]) == list(range(45))
    assert failure_rows() == []
    assert rows("SELECT count(*) FROM seasons WHERE fetched_at IS NOT NULL") == [(45,)]


@coroutine_test
async def test_a_stored_series_stays_as_it_was(raw_server, long_series):
    settings = settings_of(raw_server.url + "/3", RETRY_TIMES=0)
    await crawl(Series, settings, ids="1")
    before = rows("SELECT name, fetched_at FROM tv_shows")
    long_series.base["name"] = "Longer"
    long_series.failures = {len(long_series.asked) + 2: status(503)}
    await crawl(Series, settings, errors=None, ids="1")
    assert rows("SELECT name, fetched_at FROM tv_shows") == before
    assert len(failure_rows()) == 1


@coroutine_test
async def test_a_season_that_was_left_out_and_then_failed_fails_the_series(raw_server, long_series):
    long_series.left_out = {0: {"season/3"}}
    long_series.failures = {3: status(500)}
    settings = settings_of(raw_server.url + "/3", RETRY_TIMES=0)
    await crawl(Series, settings, errors=None, ids="1")
    assert long_series.asked[3] == ["season/3"]
    assert [row[:3] for row in failure_rows()] == [("tv_shows", "1", "/tv/1")]
    assert rows("SELECT count(*) FROM tv_shows") == [(0,)]


@pytest.mark.filterwarnings(OPEN_QUEUES)
@coroutine_test
async def test_a_job_directory_keeps_what_came_of_a_series(raw_server, long_series, tmp_path):
    class Stopped(Series):
        """Stops, as Ctrl-C does, while the first request is under way."""

        name = "stopped"

        async def start(self):
            if not long_series.asked:
                async for request in super().start():
                    yield request
                await raw_server.received(1)
                self.closing = asyncio.ensure_future(self.crawler.engine.close_spider_async(reason="stopped"))
                # When that has begun.
                asyncio.get_running_loop().call_later(0.05, raw_server.open_gate)

    async def late(connection, seen):
        await raw_server.gate.wait()
        await long_series(connection, seen)

    raw_server.scripts["/3/tv/1"] = late
    settings = settings_of(raw_server.url + "/3", JOBDIR=str(tmp_path / "job"), **NO_DATABASE)
    await crawl(Stopped, settings, finish_reason="stopped", ids="1")
    assert len(long_series.asked) == 1
    ended = await crawl(Stopped, settings, ids="1")
    assert len(long_series.asked) == 3
    assert seasons_in(ended.items[0]) == list(range(45))
    assert json.loads(ended.items[0].raw) == {**long_series.base, **long_series.parts}


@pytest.fixture
def texts(raw_server):
    """A series whose second season, and an episode of the first, have texts in French only."""
    english = {
        "season/1": season(1, name="Beginnings", overview="All."),
        "season/2": season(2, name="Season 2", overview=""),
    }
    english["season/1"]["episodes"].append(
        {
            "id": 1500,
            "episode_number": 2,
            "season_number": 1,
            "show_id": 1,
            "name": "Episode 2",
            "overview": "",
        }
    )
    english["season/2"]["episodes"][0]["name"] = "Episode 1"
    french = json.loads(json.dumps(english))
    french["season/1"] |= {"name": "Débuts", "overview": "Tout."}
    french["season/1"]["episodes"][1] |= {"name": "Deux", "overview": "Le second."}
    french["season/2"] |= {"name": "Saison 2", "overview": "La suite."}
    french["season/2"]["episodes"][0] |= {"name": "Retour", "overview": "Il revient."}
    translation = {"iso_639_1": "fr", "iso_3166_1": "FR", "data": {"overview": "Une série."}}
    base = {"id": 1, "name": "Thread", "overview": "", "original_language": "en"}
    overviews = {"en": ("All.", ""), "fr": ("Tout.", "La suite."), "de": ("", "")}
    scripts = {}
    for language, parts in (("en", english), ("fr", french), ("de", {})):
        listed = [
            {"id": 100 + number, "season_number": number, "overview": overview}
            for number, overview in enumerate(overviews[language], 1)
        ]
        parts["translations"] = {"translations": [translation]}
        script = scripts[language] = Parts({**base, "seasons": listed}, parts)
        script.headers = 'ETag: W/"1"\r\n'

    async def answer(connection, seen):
        await scripts[seen.query["language"]](connection, seen)

    raw_server.scripts["/3/tv/1"] = answer
    return scripts


def check_texts(record: TVDetails) -> None:
    first, second = record.appended_seasons
    assert (first.name, first.overview) == ("Beginnings", "All.")
    assert [(episode.name, episode.overview) for episode in first.episodes] == [
        ("Beginnings", "All."),
        ("Deux", "Le second."),
    ]
    # French has no name of its own for it.
    assert (second.name, second.overview) == ("Season 2", "La suite.")
    assert second.field_languages == {"overview": "fr"}
    assert (second.episodes[0].name, second.episodes[0].overview) == ("Retour", "Il revient.")
    assert second.episodes[0].field_languages == {"name": "fr", "overview": "fr"}
    assert first.field_languages == {}
    assert record.overview == "Une série."
    assert [listed.overview for listed in record.seasons] == ["All.", "La suite."]


LANGUAGES = ["en", "de", "fr"]


@coroutine_test
async def test_seasons_and_episodes_have_texts_of_the_chain(raw_server, texts):
    settings = settings_of(raw_server.url + "/3", TMDB_LANGUAGES=LANGUAGES)
    ended = await crawl(Series, settings, ids="1")
    check_texts(ended.items[0])
    assert len(texts["en"].asked) == 1
    # There is no German translation, and of French only what is missing is asked for.
    assert (texts["de"].asked, texts["fr"].asked) == ([], [["season/1", "season/2"]])
    assert rows("SELECT overview FROM seasons ORDER BY season_number") == [("All.",), ("La suite.",)]
    assert ("Le second.",) in rows("SELECT overview FROM episodes")
    # What came in French is kept, and the record has no ETag: it is of two answers.
    (raw, etag) = rows("SELECT raw, etag FROM tv_shows")[0]
    assert json.loads(raw)["?language=fr"]["season/2"]["overview"] == "La suite."
    assert etag is None
    url = ended.crawler.stats.get_value("tmdb/request_count")
    assert url == 2


def test_the_client_has_the_same_texts(raw_server, texts):
    with TMDBClient(TOKEN, base_url=raw_server.url + "/3", languages=LANGUAGES) as client:
        check_texts(client.tv.details(1, append_to_response=["season/1", "season/2"]))


@coroutine_test
async def test_a_series_with_all_texts_is_one_request_with_an_etag(raw_server, texts):
    texts["en"].parts |= {key: texts["fr"].parts[key] for key in ("season/1", "season/2")}
    settings = settings_of(raw_server.url + "/3", TMDB_LANGUAGES=LANGUAGES)
    await crawl(Series, settings, ids="1")
    (asked,) = texts["en"].asked
    assert len(asked) == 20
    assert asked[0] == "translations"
    assert texts["fr"].asked == []
    assert rows("SELECT etag IS NOT NULL FROM tv_shows") == [(1,)]


@coroutine_test
async def test_texts_that_cannot_be_had_fail_the_series(raw_server, texts):
    texts["fr"].failures = {0: status(503)}
    settings = settings_of(raw_server.url + "/3", TMDB_LANGUAGES=LANGUAGES, RETRY_TIMES=0)
    await crawl(Series, settings, errors=None, ids="1")
    assert [row[:3] for row in failure_rows()] == [("tv_shows", "1", "/tv/1")]
    await crawl(Series, settings, source="failed")
    assert rows("SELECT count(*) FROM tv_shows WHERE fetched_at IS NOT NULL") == [(1,)]


@pytest.mark.parametrize("count", [0, 5, 19, 20, 25])
@coroutine_test
async def test_translations_take_no_request_of_their_own(raw_server, texts, count):
    """Whatever is appended: the seasons fill what is left of the last request."""
    texts["en"].parts |= {key: texts["fr"].parts[key] for key in ("season/1", "season/2")}
    named = [f"part{number}" for number in range(count)]
    texts["en"].parts |= {name: {"id": 1} for name in named}
    settings = settings_of(raw_server.url + "/3", TMDB_LANGUAGES=LANGUAGES, **NO_DATABASE)
    await crawl(Series, settings, ids="1", append=",".join(named))
    # The last one is for the seasons, where there was no room for them.
    assert len(texts["en"].asked) == {0: 1, 5: 1, 19: 2, 20: 2, 25: 2}[count]


@coroutine_test
async def test_the_language_request_is_the_call_but_for_language_and_parts(raw_server, texts):
    settings = settings_of(raw_server.url + "/3", TMDB_LANGUAGES=LANGUAGES, **NO_DATABASE)
    ended = await crawl(Series, settings, ids="1")
    first, second = (parse_qs(urlsplit(seen.target).query) for seen in raw_server.requests)
    assert first.keys() == second.keys()
    assert (first["language"], second["language"]) == (["en"], ["fr"])
    assert ended.items[0].etag is None


@coroutine_test
async def test_texts_of_the_sandbox_are_those_of_the_first_language_that_has_them(tmdb_sandbox_factory):
    """Compared with the seasons as each language has them by itself."""
    sandbox = tmdb_sandbox_factory(series=12)
    languages = ["fr", "de", "en"]
    ids = list(sandbox.series_ids)
    settings = settings_of(sandbox.base_url, TMDB_LANGUAGES=languages, **NO_DATABASE)
    ended = await crawl(Series, settings, ids=",".join(map(str, ids)))
    filled = 0
    with TMDBClient(TOKEN, base_url=sandbox.base_url, requests_per_second=0) as client:
        for show in ended.items:
            for inner in show.appended_seasons:
                alone = [
                    client.tv_seasons.details(show.id, inner.season_number, language=language)
                    for language in languages
                ]
                overviews = [season.overview for season in alone]
                assert inner.overview == next(filter(None, overviews), "")
                filled += not overviews[0] and any(overviews)
                for number, episode in enumerate(inner.episodes):
                    overviews = [season.episodes[number].overview for season in alone]
                    assert episode.overview == next(filter(None, overviews), "")
    assert filled > 0
