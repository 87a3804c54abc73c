"""From day to day: what changes, vanishes and appears, and that the change lists and exports agree with it."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import httpx
import pytest

from tmdbfusion_scrapy.sandbox import SandboxOptions
from tmdbfusion_scrapy.sandbox.lists import Lists
from tmdbfusion_scrapy.sandbox.population import EPOCH, Churn, Clock, Population
from tmdbfusion_scrapy.sandbox.service import World

pytestmark = pytest.mark.once

KINDS = ("movie", "tv", "person")
LIVELY = {"daily_changed": 0.02, "daily_new": 0.004, "daily_gone": 0.004}


def bodies(client, kind, ids):
    """The bodies of ids by id, None for those that do not exist."""
    found = {}
    for item in ids:
        response = client.get(f"{kind}/{item}")
        assert response.status_code in {200, 404}
        if response.status_code == 404:
            assert response.json()["status_code"] == 34
        found[item] = response.json() if response.status_code == 200 else None
    return found


def changed(client, kind, **params):
    """The items of all pages of a change list by id."""
    found = {}
    page = pages = 1
    while page <= pages:
        body = client.get(f"{kind}/changes", params={**params, "page": page}).json()
        pages = body["total_pages"]
        assert len(body["results"]) <= 100
        found |= {item["id"]: item["adult"] for item in body["results"]}
        page += 1
    assert len(found) == body["total_results"]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_exactly_the_ids_of_the_change_list_change(kind, tmdb_sandbox_factory, connect):
    lively = {"daily_changed": 0.03, "daily_new": 0.02, "daily_gone": 0.05}
    sandbox = tmdb_sandbox_factory(movies=90, series=90, people=90, **lively)
    client = connect(sandbox)
    everything = range(1, 110)
    before = bodies(client, kind, everything)
    seen = {"changed": 0, "vanished": 0, "appeared": 0}
    for _ in range(3):
        sandbox.advance(days=1)
        today = sandbox.today.isoformat()
        after = bodies(client, kind, everything)
        told = changed(client, kind, start_date=today, end_date=today)
        vanished = {item for item in everything if before[item] and not after[item]}
        differing = {item for item in everything if before[item] != after[item]}
        assert set(told) == differing - vanished
        seen["vanished"] += len(vanished)
        seen["appeared"] += sum(1 for item in told if before[item] is None)
        seen["changed"] += len(told)
        before = after
    assert all(seen.values()), seen


def test_what_moves_in_a_movie(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(movies=100, daily_changed=0.5, daily_gone=0.0)
    client = connect(sandbox)
    first = bodies(client, "movie", sandbox.movie_ids)
    sandbox.advance(days=20)
    moved = set()
    for item, body in bodies(client, "movie", first).items():
        moved |= {name for name in body if body[name] != first[item][name]}
    assert {"popularity", "vote_count", "overview"} <= moved
    assert not moved & {"id", "title", "original_title", "release_date", "imdb_id"}


def test_a_series_gets_more_seasons_as_years_pass(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(series=60, daily_gone=0.0)
    client = connect(sandbox)
    first = bodies(client, "tv", sandbox.series_ids)
    sandbox.advance(days=3 * 365)
    grown = [
        item
        for item, body in bodies(client, "tv", first).items()
        if body["number_of_seasons"] > first[item]["number_of_seasons"]
    ]
    assert grown


def test_the_same_day_is_the_same_however_it_was_reached(tmdb_sandbox_factory, connect):
    moved = tmdb_sandbox_factory(movies=200)
    moved.advance(days=9)
    moved.advance(hours=24)
    fixed = tmdb_sandbox_factory(movies=200, today=EPOCH + timedelta(days=10))
    assert moved.today == fixed.today == date(2026, 6, 11)
    for path in (
        "movie/17",
        "movie/changes",
        "movie/popular",
        "tv/3?append_to_response=season/1",
        "person/4",
    ):
        assert connect(moved).get(path).content == connect(fixed).get(path).content
    assert moved.movie_ids == fixed.movie_ids


def test_lists_follow_the_day(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(movies=100, **LIVELY)
    client = connect(sandbox)
    for _ in range(2):
        found = set()
        pages = client.get("discover/movie?include_adult=true").json()["total_pages"]
        for page in range(1, pages + 1):
            for item in client.get(f"discover/movie?include_adult=true&page={page}").json()["results"]:
                found.add(item["id"])
                assert item["popularity"] == client.get(f"movie/{item['id']}").json()["popularity"]
        assert found == set(sandbox.movie_ids)
        sandbox.advance(days=5)


def test_without_churn_nothing_moves():
    options = SandboxOptions(
        movies=300, series=30, people=30, daily_changed=0, daily_new=0, daily_gone=0, today=EPOCH
    )
    clock = Clock(EPOCH)
    world = World(options, clock)

    def everything():
        return [
            catalogue.details(facts.id, "en-US")
            for catalogue in world.catalogues.values()
            for facts in catalogue.facts()
        ]

    before = everything()
    clock.advance(days=500)
    assert everything() == before
    query = {"start_date": "2027-10-01", "end_date": "2027-10-14"}
    assert Lists(world.catalogues).answer("movie/changes", query)["total_results"] == 0


@pytest.mark.parametrize("perishable", [1, 8])
@pytest.mark.parametrize("churn", [Churn(0.01, 0.001, 0.0005), Churn(0.5, 0.0, 0.1), Churn(0.0, 0.01, 0.0)])
def test_a_population_counted_whole_and_one_by_one(perishable, churn):
    population = Population("movie", 1, 2_000, 0.03, churn, perishable=perishable)
    epoch = EPOCH.toordinal()
    for day in (epoch - 90, epoch - 1, epoch, epoch + 1, epoch + 30, epoch + 700):
        rows = list(population.rows(day))
        one_by_one = (population.row(item, day) for item in range(-1, population.last_id(day) + 3))
        assert rows == [row for row in one_by_one if row is not None]
        assert population.latest(day) == (rows[-1].id if rows else None)
        before = {row.id: row for row in population.rows(day - 1)}
        expected = {row.id for row in rows if row.id not in before or before[row.id].revision != row.revision}
        assert set(population.changed(day, day)) == expected


def test_shares_are_about_those_asked_for():
    population = Population("movie", 1, 50_000, 0.0, Churn(changed=0.01, new=0.001, gone=0.002))
    day = EPOCH.toordinal() + 10
    before, after = ({row.id for row in population.rows(moment)} for moment in (day - 1, day))
    assert len(after - before) == 50
    assert 75 <= len(before - after) <= 125
    assert 450 <= len(set(population.changed(day, day)) - (after - before)) <= 550


def test_an_id_that_vanished_stays_away():
    population = Population("movie", 1, 1_000, 0.0, Churn(changed=0.0, new=0.0, gone=0.02))
    ids = set(range(1, 1_001))
    for day in range(EPOCH.toordinal(), EPOCH.toordinal() + 51):
        left = {row.id for row in population.rows(day)}
        assert left <= ids
        ids = left
    assert not ids


def test_change_lists_without_dates_are_of_yesterday_and_today(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(**LIVELY)
    client = connect(sandbox)
    sandbox.advance(days=30)
    today, yesterday = sandbox.today, sandbox.today - timedelta(days=1)
    assert changed(client, "movie") == changed(client, "movie", start_date=yesterday, end_date=today)
    assert changed(client, "movie", start_date=yesterday) == changed(client, "movie")
    ahead = today + timedelta(days=5)
    assert changed(client, "movie", start_date=yesterday, end_date=ahead) == changed(client, "movie")
    assert changed(client, "movie", start_date=today + timedelta(days=1), end_date=ahead) == {}


def test_a_window_is_the_sum_of_its_days(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(**LIVELY)
    client = connect(sandbox)
    sandbox.advance(days=30)
    first = date(2026, 6, 10)
    days = [first + timedelta(days=number) for number in range(15)]
    each = [changed(client, "movie", start_date=day, end_date=day) for day in days]
    together = changed(client, "movie", start_date=days[0], end_date=days[-1])
    assert set(together) == set().union(*each)
    assert len(together) > 100
    assert None in together.values()
    assert False in together.values()


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"start_date": "2026-06-01", "end_date": "2026-06-15"}, 200, None),
        ({"start_date": "2026-06-01", "end_date": "2026-06-16"}, 422, 20),
        ({"start_date": "2026-06-02", "end_date": "2026-06-01"}, 422, 20),
        ({"start_date": "20260601"}, 400, 23),
        ({"end_date": "2026-02-30"}, 400, 23),
        ({"page": "501"}, 400, 22),
        ({"page": "0"}, 400, 22),
        ({"page": "500"}, 200, None),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_what_change_lists_refuse(kind, params, status, code, client):
    response = client.get(f"{kind}/changes", params=params)
    assert (response.status_code, response.json().get("status_code")) == (status, code)


def test_a_clock():
    clock = Clock(datetime(2026, 7, 1, 23, 30, tzinfo=timezone(timedelta(hours=-2))))
    assert clock.now() == datetime(2026, 7, 2, 1, 30, tzinfo=timezone.utc)
    clock.advance(hours=23)
    assert clock.today() == date(2026, 7, 3)
    with pytest.raises(ValueError, match="goes forward only"):
        clock.advance(days=-1)
    real = Clock()
    real.advance(days=2)
    assert real.now() - datetime.now(timezone.utc) > timedelta(days=1, hours=23)


def test_the_day_of_a_process_is_moved_over_http(tmdb_sandbox, client):
    address = tmdb_sandbox.base_url.removesuffix("/3") + "/_sandbox/advance"
    state = client.post(address, params={"days": "1", "hours": "2"}).json()
    assert state["now"] == "2026-06-02T14:00:00+00:00"
    assert tmdb_sandbox.today == date(2026, 6, 2)
    assert client.post(address, params={"days": "-1"}).status_code == 400
    assert client.post(address, params={"days": "x"}).status_code == 400
    assert client.post(address, params={"days": "1e400"}).status_code == 400
    assert client.get(address).status_code == 404
    assert tmdb_sandbox.today == date(2026, 6, 2)


@pytest.mark.parametrize("days", [999_999_999, 1e300, float("inf"), float("nan"), 36_526, -1])
def test_a_step_that_the_clock_cannot_go(days):
    clock = Clock(date(2026, 6, 1))
    with pytest.raises(ValueError, match=r"days|NaN"):
        clock.advance(days=days)
    assert clock.today() == date(2026, 6, 1)
    clock.advance(days=36_525)
    with pytest.raises(ValueError, match="at most"):
        clock.advance(hours=1)


@pytest.mark.parametrize(
    "query", ["days=999999999", "hours=1e99", "days=inf", "days=nan", "days=x", "days=-1"]
)
def test_a_step_that_is_refused_over_http(tmdb_sandbox_factory, query):
    sandbox = tmdb_sandbox_factory(movies=5)
    root = sandbox.base_url.removesuffix("/3")
    assert httpx.post(f"{root}/_sandbox/advance?{query}").status_code == 400
    assert httpx.get(f"{root}/_sandbox/state").status_code == 200
    assert httpx.get(f"{sandbox.base_url}/movie/{sandbox.movie_ids[0]}").status_code in (200, 401)
