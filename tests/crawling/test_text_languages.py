"""The column that says which language a text is of."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tests.crawling.test_appending import Parts
from tests.crawling.test_series import LANGUAGES, Series, texts
from tmdbfusion_scrapy import TMDBSpider

__all__ = ["texts"]


def languages_of(table: str) -> list[Any]:
    found = rows(f"SELECT text_languages FROM {table} WHERE fetched_at IS NOT NULL ORDER BY id")  # noqa: S608
    return [value and json.loads(value) for (value,) in found]


@pytest.fixture
def movie(raw_server):
    french = {"iso_639_1": "fr", "iso_3166_1": "FR", "data": {"title": "Fil", "overview": ""}}
    english = {"iso_639_1": "en", "iso_3166_1": "US", "data": {"title": "Thread", "overview": "It holds."}}
    base = {"id": 1, "title": "Fil", "overview": "", "tagline": "La", "homepage": "h", "runtime": 3}
    script = Parts(base, {"translations": {"translations": [french, english]}})
    raw_server.scripts["/3/movie/1"] = script
    return script


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {"title": "en-US", "tagline": "en-US"}),
        ({"TMDB_LANGUAGE": "fr-CA"}, {"title": "fr-CA", "tagline": "fr-CA"}),
        ({"TMDB_LANGUAGES": "fr,en"}, {"title": "fr-FR", "overview": "en-US", "tagline": "fr"}),
    ],
    ids=["default", "one", "chain"],
)
@coroutine_test
async def test_the_language_of_each_text(raw_server, movie, settings, expected):
    await crawl(MoviesSpider, settings_of(raw_server.url + "/3", **settings), ids=[1])
    assert languages_of("movies") == [expected]


@coroutine_test
async def test_a_language_of_the_call_itself(raw_server, movie):
    settings = settings_of(raw_server.url + "/3", TMDB_LANGUAGE="fr")
    await crawl(MoviesSpider, settings, ids=[1], arguments={"language": "de"})
    assert languages_of("movies") == [{"title": "de", "tagline": "de"}]


@coroutine_test
async def test_seasons_and_episodes_have_theirs(raw_server, texts):
    await crawl(Series, settings_of(raw_server.url + "/3", TMDB_LANGUAGES=LANGUAGES), ids="1")
    assert languages_of("tv_shows") == [{"name": "en", "overview": "fr-FR"}]
    assert languages_of("seasons") == [{"name": "en", "overview": "en"}, {"name": "en", "overview": "fr"}]
    assert languages_of("episodes") == [
        {"name": "en", "overview": "en"},
        {"name": "fr", "overview": "fr"},
        {"name": "fr", "overview": "fr"},
    ]


@coroutine_test
async def test_people_have_no_language_for_their_name(raw_server):
    class People(TMDBSpider):
        name = "people"

        async def start(self):
            yield self.tmdb.people.details(1, callback=self.parse)

        def parse(self, response):
            yield response.record

    raw_server.scripts["/3/person/1"] = Parts({"id": 1, "name": "A. Person", "biography": "Born."}, {})
    await crawl(People, settings_of(raw_server.url + "/3", TMDB_LANGUAGE="fr"))
    assert languages_of("people") == [{"biography": "fr"}]
