"""Series with seasons and episodes, as TMDB's own peculiarities have them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.sandbox.pages import all_ids
from tmdbfusion_scrapy.sandbox import SandboxOptions
from tmdbfusion_scrapy.sandbox.population import EPOCH, Clock
from tmdbfusion_scrapy.sandbox.series import Schedule
from tmdbfusion_scrapy.sandbox.service import World

pytestmark = pytest.mark.once

SERIES = 500


@pytest.fixture(scope="module")
def series():
    """The bodies of all series of the sandbox below, by id."""
    world = World(SandboxOptions(series=SERIES, today=EPOCH), Clock(EPOCH))
    return {facts.id: world.series.details(facts.id, "en-US") for facts in world.series.facts()}


@pytest.fixture
def tmdb_sandbox(tmdb_sandbox_factory):
    return tmdb_sandbox_factory(series=SERIES)


def test_series_vary(series):
    bodies = series.values()
    seasons = [body["number_of_seasons"] for body in bodies]
    assert seasons.count(1) > SERIES // 3
    assert max(seasons) > 20
    assert any(body["seasons"][0]["season_number"] == 0 for body in bodies)
    assert {body["status"] for body in bodies} == {"Returning Series", "Ended", "Canceled"}
    assert any(body["first_air_date"] == "" for body in bodies)
    for body in bodies:
        assert (body["next_episode_to_air"] is not None) == body["in_production"]
        regular = [season for season in body["seasons"] if season["season_number"]]
        assert body["number_of_seasons"] == len(regular)
        assert body["number_of_episodes"] == sum(season["episode_count"] for season in regular)


def test_ids_of_seasons_and_episodes_are_unique(series, client):
    seasons = [season["id"] for body in series.values() for season in body["seasons"]]
    assert len(set(seasons)) == len(seasons)
    episodes = []
    for item in list(series)[:20]:
        for season in series[item]["seasons"]:
            body = client.get(f"tv/{item}/season/{season['season_number']}").json()
            episodes += [episode["id"] for episode in body["episodes"]]
    assert len(set(episodes)) == len(episodes) > 200


def test_the_episodes_that_a_series_names_are_those_of_its_seasons(series, client):
    compared = 0
    for item, body in list(series.items())[:40]:
        for name in ("last_episode_to_air", "next_episode_to_air"):
            named = body[name]
            if named is None:
                continue
            compared += 1
            season = client.get(f"tv/{item}/season/{named['season_number']}").json()
            listed = season["episodes"][named["episode_number"] - 1]
            assert named == {key: listed[key] for key in named}
            path = f"tv/{item}/season/{named['season_number']}/episode/{named['episode_number']}"
            alone = client.get(path).json()
            assert listed == {**alone, "episode_type": listed["episode_type"], "show_id": item}
        if body["last_episode_to_air"]:
            assert body["last_episode_to_air"]["air_date"] == body["last_air_date"] <= "2026-06-01"
        if body["next_episode_to_air"]:
            assert body["next_episode_to_air"]["air_date"] > "2026-06-01"
    assert compared > 25


def test_appended_seasons_have_no_integer_id(series, client):
    item = next(item for item, body in series.items() if body["number_of_seasons"] > 2)
    names = [f"season/{season['season_number']}" for season in series[item]["seasons"]]
    asked = ",".join([*names[:15], "season/77", "season/x", "season/", "nonsense", "credits"])
    body = client.get(f"tv/{item}", params={"append_to_response": asked}).json()
    assert body.keys() - series[item].keys() == {*names[:15], "credits"}
    for name in names[:15]:
        alone = client.get(f"tv/{item}/{name}").json()
        assert isinstance(alone.pop("id"), int)
        assert body[name] == alone
        assert len(body[name]["_id"]) == 24


def test_parts_of_episodes_can_be_appended_to_the_series(client, series):
    item = next(iter(series))
    name = "season/1/episode/1/external_ids"
    body = client.get(f"tv/{item}?append_to_response={name}").json()
    alone = client.get(f"tv/{item}/{name}").json()
    alone.pop("id")
    assert body[name] == alone


def test_more_than_20_seasons_in_a_call_are_refused(client, series):
    item, body = max(series.items(), key=lambda pair: pair[1]["number_of_seasons"])
    names = [f"season/{season['season_number']}" for season in body["seasons"]]
    assert len(names) > 20
    full = client.get(f"tv/{item}", params={"append_to_response": ",".join(names[:20])})
    assert full.status_code == 200
    assert set(names[:20]) <= full.json().keys()
    refused = client.get(f"tv/{item}", params={"append_to_response": ",".join(names[:21])})
    assert (refused.status_code, refused.json()["status_code"]) == (400, 27)


@pytest.mark.parametrize(
    "path",
    [
        "season/99",
        "season/x",
        "season/-1",
        "season/" + "9" * 30,
        "season/1/episode/99",
        "season/1/episode/0",
        "season/1/episode/x",
        "season/1/episode",
        "season/1/nonsense",
        "season/1/episode/1/nonsense",
        "season/1/episode/1/watch/providers",
    ],
)
def test_what_a_series_does_not_have(path, client, series):
    response = client.get(f"tv/{next(iter(series))}/{path}")
    assert (response.status_code, response.json()["status_code"]) == (404, 34)


def test_a_series_that_is_not_there(client, series):
    missing = next(item for item in range(1, SERIES) if item not in series)
    for path in (f"tv/{missing}", f"tv/{missing}/season/1", f"tv/{missing}/credits", "tv/99999999"):
        assert client.get(path).json()["status_code"] == 34


def test_air_dates_are_a_week_apart(series, client):
    item = next(item for item, body in series.items() if body["first_air_date"])
    episodes = client.get(f"tv/{item}/season/1").json()["episodes"]
    days = [date.fromisoformat(episode["air_date"]) for episode in episodes]
    assert days == [days[0] + timedelta(days=7 * number) for number in range(len(days))]
    assert days[0].isoformat() == series[item]["first_air_date"]
    assert [episode["episode_type"] for episode in episodes][-2:] == ["standard", "finale"]


def test_the_schedule_of_a_series():
    first = date(2026, 1, 5).toordinal()
    schedule = Schedule(1, first, 3, 7)
    aired = {
        schedule.airs(season, number): (season, number)
        for season in (1, 2, 3)
        for number in range(1, schedule.episodes(season) + 1)
    }
    for day in range(first - 10, first + 3 * 364):
        coming = min((moment for moment in aired if moment >= day), default=None)
        past = max((moment for moment in aired if moment < day), default=None)
        assert schedule.next_episode(day) == aired.get(coming)
        assert schedule.next_air(day) == (coming or 0)
        assert schedule.last_episode(day) == aired.get(past)
    assert Schedule(1, 0, 3, 7).next_episode(first) is Schedule(1, 0, 3, 7).last_episode(first) is None


def test_discover(series, client):
    cases = [
        ({}, lambda body: True),
        ({"first_air_date.gte": "2015-05-01"}, lambda body: body["first_air_date"] >= "2015-05-01"),
        ({"first_air_date.lte": "2015-05-01"}, lambda body: "" < body["first_air_date"] <= "2015-05-01"),
        ({"first_air_date_year": "2025"}, lambda body: body["first_air_date"][:4] == "2025"),
        ({"vote_count.gte": "5", "vote_count.lte": "90"}, lambda body: 5 <= body["vote_count"] <= 90),
        ({"with_original_language": "ja|ko"}, lambda body: body["original_language"] in {"ja", "ko"}),
        ({"with_genres": "18"}, lambda body: 18 in [genre["id"] for genre in body["genres"]]),
    ]
    for params, matches in cases:
        expected = {item for item, body in series.items() if matches(body) and not body["adult"]}
        assert set(all_ids(client, "discover/tv", **params)) == expected, params


@pytest.mark.parametrize(
    ("sort_by", "field"),
    [("first_air_date", "first_air_date"), ("popularity", "popularity"), ("name", "name")],
)
def test_orders(sort_by, field, series, client):
    for direction in ("asc", "desc"):
        ids = all_ids(client, "discover/tv", sort_by=f"{sort_by}.{direction}")
        values = [series[item][field] for item in ids]
        assert values == sorted(values, reverse=direction == "desc")


def test_what_is_on_the_air(series, client):
    airing = set(all_ids(client, "tv/airing_today"))
    soon = set(all_ids(client, "tv/on_the_air"))
    assert airing
    assert airing < soon
    week = {(EPOCH + timedelta(days=number)).isoformat() for number in range(7)}
    for item in soon:
        days = set()
        for season in series[item]["seasons"]:
            if season["season_number"]:
                body = client.get(f"tv/{item}/season/{season['season_number']}").json()
                days |= {episode["air_date"] for episode in body["episodes"]}
        assert days & week
        assert ("2026-06-01" in days) == (item in airing)


def test_an_item_of_a_list_agrees_with_the_series(series, client):
    for item in client.get("tv/popular").json()["results"]:
        body = series[item["id"]]
        assert item.pop("genre_ids") == [genre["id"] for genre in body["genres"]]
        assert item == {name: body[name] for name in item}


def test_another_language(client, series):
    for item in list(series)[:10]:
        german = client.get(f"tv/{item}?language=de-DE").json()
        translations = client.get(f"tv/{item}/translations").json()["translations"]
        assert bool(german["name"]) == any(entry["iso_639_1"] == "de" for entry in translations)
        season = client.get(f"tv/{item}/season/1?language=de-DE").json()
        assert season["episodes"][0]["name"] == "Episode 1"
