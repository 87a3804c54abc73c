"""What the sandbox answers decodes into the package's records, with nothing odd and nothing left over."""

from __future__ import annotations

import json
import re

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.models.decoding import decode
from tmdbfusion_scrapy.models.lenient import find_extras
from tmdbfusion_scrapy.sandbox import Sandbox, SandboxOptions
from tmdbfusion_scrapy.sandbox.movies import MOVIE_PARTS
from tmdbfusion_scrapy.sandbox.people import PERSON_PARTS
from tmdbfusion_scrapy.sandbox.population import EPOCH, Clock
from tmdbfusion_scrapy.sandbox.series import TV_PARTS
from tmdbfusion_scrapy.sandbox.service import Service

pytestmark = pytest.mark.once

SEASON_PARTS = (
    "account_states",
    "aggregate_credits",
    "credits",
    "external_ids",
    "images",
    "translations",
    "videos",
    "watch/providers",
)
EPISODE_PARTS = ("account_states", "credits", "external_ids", "images", "translations", "videos")
NAMED_PARTS = {
    "collection": ("", "images", "translations"),
    "company": ("", "images", "alternative_names"),
    "keyword": ("",),
    "network": ("", "images", "alternative_names"),
}
LISTS = (
    "discover/movie",
    "discover/tv",
    "genre/movie/list",
    "genre/tv/list",
    "movie/changes",
    "movie/now_playing",
    "movie/popular",
    "movie/top_rated",
    "movie/upcoming",
    "person/changes",
    "person/popular",
    "trending/all/day",
    "trending/movie/week",
    "trending/person/day",
    "trending/tv/day",
    "tv/airing_today",
    "tv/changes",
    "tv/on_the_air",
    "tv/popular",
    "tv/top_rated",
)
TEMPLATES = [
    (re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(operation.path))), operation)
    for operation in OPERATIONS.values()
    if operation.method == "GET"
]


@pytest.fixture(scope="module")
def service():
    options = SandboxOptions(movies=600, series=200, people=900, today=EPOCH)
    return Service(options, Clock(EPOCH))


def operation_of(path):
    """The operation that a path is of; one without placeholders goes before one with them."""
    found = [operation for pattern, operation in TEMPLATES if pattern.fullmatch(path)]
    assert found, path
    return min(found, key=lambda operation: operation.path.count("{"))


def check(service, path, **query):
    """Decode one answer, and say what is wrong with it."""
    reply = service.answer("GET", path, query)
    assert reply.status == 200, (path, reply)
    model = operation_of(path).model
    record = decode(reply.body, model)
    assert record.drift == (), path
    assert find_extras(reply.body, model) == {}, path
    return record


@pytest.mark.parametrize("path", LISTS)
def test_lists(path, service):
    page = check(service, path)
    if not path.startswith("genre/"):
        assert page.results


@pytest.mark.parametrize(
    ("kind", "parts"), [("movie", MOVIE_PARTS), ("tv", TV_PARTS), ("person", PERSON_PARTS)]
)
def test_records_with_all_their_parts(kind, parts, service):
    for item in service.ids(kind)[:15]:
        check(service, f"{kind}/{item}")
        record = check(service, f"{kind}/{item}", append_to_response=",".join(parts))
        assert json.loads(record.raw).keys() >= set(parts)
        for part in parts:
            check(service, f"{kind}/{item}/{part}")


def test_seasons_and_episodes(service):
    for item in service.ids("tv")[:8]:
        for season in check(service, f"tv/{item}").seasons[:3]:
            path = f"tv/{item}/season/{season.season_number}"
            record = check(service, path, append_to_response=",".join(SEASON_PARTS))
            assert json.loads(record.raw).keys() >= set(SEASON_PARTS)
            assert (record.id, len(record.episodes)) == (season.id, season.episode_count)
            for part in SEASON_PARTS:
                check(service, f"{path}/{part}")
            episode = record.episodes[-1]
            path = f"{path}/episode/{episode.episode_number}"
            record = check(service, path, append_to_response=",".join(EPISODE_PARTS))
            assert json.loads(record.raw).keys() >= set(EPISODE_PARTS)
            assert (record.id, record.name) == (episode.id, episode.name)
            for part in EPISODE_PARTS:
                check(service, f"{path}/{part}")


def test_appended_seasons(service):
    for item in service.ids("tv")[:15]:
        numbers = [season.season_number for season in check(service, f"tv/{item}").seasons][:20]
        record = check(
            service, f"tv/{item}", append_to_response=",".join(f"season/{number}" for number in numbers)
        )
        assert [season.season_number for season in record.appended_seasons] == numbers


@pytest.mark.parametrize("kind", NAMED_PARTS)
def test_what_records_name(kind, service):
    for item in range(1, 15):
        for part in NAMED_PARTS[kind]:
            check(service, f"{kind}/{item}/{part}".rstrip("/"))


@pytest.mark.parametrize("kind", ["movie", "tv", "person"])
def test_records_are_found_by_their_id_of_imdb(kind, service):
    known = [(item, check(service, f"{kind}/{item}/external_ids").imdb_id) for item in service.ids(kind)]
    known = [(item, imdb_id) for item, imdb_id in known if imdb_id][:15]
    assert known
    for item, imdb_id in known:
        found = check(service, f"find/{imdb_id}", external_source="imdb_id")
        assert [record.id for record in getattr(found, f"{kind}_results")] == [item]
    for imdb_id, source in [(known[0][1], "wikidata_id"), ("tt1", "imdb_id"), ("Q42", "imdb_id")]:
        assert getattr(check(service, f"find/{imdb_id}", external_source=source), f"{kind}_results") == []


@pytest.mark.parametrize("kind", ["movie", "tv", "person"])
def test_the_latest_of_a_kind(kind, service):
    assert check(service, f"{kind}/latest").id == service.ids(kind)[-1]


def test_the_sandbox_serves_what_the_service_answers(tmdb_sandbox_factory, connect):
    client = connect(tmdb_sandbox_factory(movies=50, series=20, people=20))
    for path in ("movie/1", "tv/popular", "person/1", "company/7"):
        expected = Service(SandboxOptions(movies=50, series=20, people=20), Clock(EPOCH)).answer(
            "GET", path, {}
        )
        assert client.get(path).content == expected.body
    assert Sandbox(SandboxOptions(movies=50)).series_ids
