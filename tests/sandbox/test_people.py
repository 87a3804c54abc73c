"""People, companies, networks, keywords and collections: what one record names, another one answers."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.once


@pytest.fixture
def tmdb_sandbox(tmdb_sandbox_factory):
    return tmdb_sandbox_factory(movies=400, series=60, people=400, daily_gone=0.01)


def same(named, body):
    """Whether a body says of itself what another record says of it."""
    return {key: body[key] for key in named if key in body} == {
        key: named[key] for key in named if key in body
    }


def test_whom_credits_name_answers_and_never_vanishes(client, tmdb_sandbox):
    for _ in range(2):
        series = tmdb_sandbox.series_ids[0]
        paths = [f"movie/{item}" for item in tmdb_sandbox.movie_ids[:2]]
        for path in (*paths, f"tv/{series}", f"tv/{series}/season/1"):
            body = client.get(f"{path}/credits").json()
            for person in (*body["cast"], *body["crew"]):
                body = client.get(f"person/{person['id']}").json()
                assert body["id"] == person["id"]
                for field in ("name", "gender", "profile_path", "known_for_department", "adult"):
                    assert body[field] == person[field]
        tmdb_sandbox.advance(days=60)
    assert len(tmdb_sandbox.person_ids) < 400


def test_guests_and_creators_answer(client, tmdb_sandbox):
    for item in tmdb_sandbox.series_ids[:8]:
        body = client.get(f"tv/{item}?append_to_response=season/1").json()
        named = [*body["created_by"]]
        for episode in body["season/1"]["episodes"]:
            named += [*episode["crew"], *episode["guest_stars"]]
        assert named
        for person in named:
            assert client.get(f"person/{person['id']}").json()["name"] == person["name"]


def test_companies_networks_and_keywords_answer(client, tmdb_sandbox):
    for item in tmdb_sandbox.movie_ids[:10]:
        body = client.get(f"movie/{item}?append_to_response=keywords").json()
        for company in body["production_companies"]:
            assert same(company, client.get(f"company/{company['id']}").json())
        for keyword in body["keywords"]["keywords"]:
            assert client.get(f"keyword/{keyword['id']}").json() == keyword
    for item in tmdb_sandbox.series_ids[:10]:
        body = client.get(f"tv/{item}").json()
        assert body["networks"]
        for network in body["networks"]:
            assert same(network, client.get(f"network/{network['id']}").json())


def test_a_movie_and_its_collection_name_each_other(client, tmdb_sandbox):
    members = {}
    for item in tmdb_sandbox.movie_ids:
        named = client.get(f"movie/{item}").json()["belongs_to_collection"]
        if named is not None:
            members.setdefault(named["id"], []).append(item)
            assert same(named, client.get(f"collection/{named['id']}").json())
    assert 20 <= sum(map(len, members.values())) <= 80
    for collection, ids in members.items():
        parts = client.get(f"collection/{collection}").json()["parts"]
        assert [part["id"] for part in parts] == ids


@pytest.mark.parametrize("kind", ["company", "network", "keyword", "collection"])
def test_what_is_not_there(kind, client):
    for path in ("0", "9999999", "1/nonsense", "x"):
        response = client.get(f"{kind}/{path}")
        assert (response.status_code, response.json()["status_code"]) == (404, 34)


def test_the_credits_of_a_person_are_works_that_exist(client, tmdb_sandbox):
    seen = set()
    for item in tmdb_sandbox.person_ids[:15]:
        together = client.get(f"person/{item}/combined_credits").json()
        apart = {"movie": client.get(f"person/{item}/movie_credits").json()}
        apart["tv"] = client.get(f"person/{item}/tv_credits").json()
        for role in ("cast", "crew"):
            assert together[role] == [
                {**work, "media_type": kind} for kind in ("movie", "tv") for work in apart[kind][role]
            ]
            for work in together[role]:
                seen.add((work["media_type"], role))
                assert client.get(f"{work['media_type']}/{work['id']}").status_code == 200
    assert len(seen) == 4


def test_popular_people_end_at_page_500(tmdb_sandbox_factory, connect):
    client = connect(tmdb_sandbox_factory(movies=5, series=5, people=11_000))
    first = client.get("person/popular").json()
    assert (first["total_pages"], first["total_results"]) == (500, 10_000)
    values = [item["popularity"] for item in first["results"]]
    assert values == sorted(values, reverse=True)
    for item in first["results"][:3]:
        assert client.get(f"person/{item['id']}").json()["popularity"] == item["popularity"]


@pytest.mark.parametrize("window", ["day", "week"])
def test_trending(window, client):
    together = client.get(f"trending/all/{window}").json()["results"]
    for kind in ("movie", "tv", "person"):
        apart = client.get(f"trending/{kind}/{window}").json()["results"]
        assert {item["media_type"] for item in apart} == {kind}
        mixed = [item for item in together if item["media_type"] == kind]
        assert mixed == apart[: len(mixed)] != []
    assert client.get("trending/movie/year").status_code == 404
    assert client.get("trending/keyword/day").status_code == 404
    assert client.get("trending/movie/day?page=501").json()["status_code"] == 22
