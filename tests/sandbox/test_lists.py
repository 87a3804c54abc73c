"""Lists and discover: every filter is checked against the movies themselves."""

from __future__ import annotations

import pytest

from tests.sandbox.pages import all_ids
from tmdbfusion_scrapy.sandbox.movies import GeneratedMovies

pytestmark = pytest.mark.once

MOVIES = 400


@pytest.fixture
def tmdb_sandbox(tmdb_sandbox_factory):
    """Fewer movies than usual: the tests below fetch all pages."""
    return tmdb_sandbox_factory(movies=MOVIES)


@pytest.fixture(scope="module")
def movies():
    """All movies of that sandbox by id, as ``movie/{id}`` gives them."""
    catalogue = GeneratedMovies(MOVIES, 1, 0.03)
    return {facts.id: catalogue.details(facts.id, "en-US") for facts in catalogue.facts()}


def test_every_filter_gives_exactly_the_movies_that_match(client, movies):
    cases = [
        ({}, lambda movie: True),
        ({"include_adult": "true"}, lambda movie: True),
        ({"primary_release_date.gte": "2001-05-01"}, lambda movie: movie["release_date"] >= "2001-05-01"),
        (
            {"release_date.lte": "2001-05-01"},
            lambda movie: "" < movie["release_date"] <= "2001-05-01",
        ),
        ({"primary_release_year": "2025"}, lambda movie: movie["release_date"][:4] == "2025"),
        (
            {"vote_average.gte": "5.5", "vote_average.lte": "7"},
            lambda movie: 5.5 <= movie["vote_average"] <= 7,
        ),
        ({"vote_count.gte": "10"}, lambda movie: movie["vote_count"] >= 10),
        (
            {"with_runtime.gte": "90", "with_runtime.lte": "120"},
            lambda movie: 90 <= (movie["runtime"] or 0) <= 120,
        ),
        ({"with_original_language": "ja"}, lambda movie: movie["original_language"] == "ja"),
        ({"with_genres": "18"}, lambda movie: 18 in genres(movie)),
        ({"with_genres": "18,99"}, lambda movie: {18, 99} <= genres(movie)),
        ({"with_genres": "18|27"}, lambda movie: genres(movie) & {18, 27}),
        ({"without_genres": "18,27"}, lambda movie: not genres(movie) & {18, 27}),
        ({"with_genres": "424242"}, lambda movie: False),
    ]
    for params, matches in cases:
        adult = params.get("include_adult") == "true"
        expected = {key for key, movie in movies.items() if matches(movie) and (adult or not movie["adult"])}
        # A runtime that details give as null is known to the index: nothing to compare.
        unknown = {
            key for key, movie in movies.items() if movie["runtime"] is None and "with_runtime.gte" in params
        }
        assert set(all_ids(client, "discover/movie", **params)) - unknown == expected - unknown, params


def genres(movie):
    return {genre["id"] for genre in movie["genres"]}


@pytest.mark.parametrize(
    ("sort_by", "field"),
    [
        ("popularity", "popularity"),
        ("primary_release_date", "release_date"),
        ("vote_count", "vote_count"),
        ("vote_average", "vote_average"),
        ("revenue", "revenue"),
        ("title", "title"),
    ],
)
def test_orders(sort_by, field, client, movies):
    for direction in ("asc", "desc"):
        values = [
            movies[item][field]
            for item in all_ids(client, "discover/movie", sort_by=f"{sort_by}.{direction}")
        ]
        assert values == sorted(values, reverse=direction == "desc")


def test_the_pages_hold_every_movie_once(client, movies):
    found = all_ids(client, "discover/movie", include_adult="true")
    assert len(found) == len(set(found))
    assert set(found) == set(movies)


def test_an_item_of_a_list_agrees_with_the_movie(client, movies):
    for item in client.get("movie/popular").json()["results"]:
        movie = movies[item["id"]]
        assert item.pop("genre_ids") == [genre["id"] for genre in movie["genres"]]
        assert item == {name: movie[name] for name in item}
        assert client.get(f"movie/{item['id']}").json() == movie


def test_the_preset_lists(client, movies):
    popular = client.get("movie/popular").json()
    assert popular == client.get("discover/movie").json()
    assert all(movies[item]["vote_count"] >= 200 for item in all_ids(client, "movie/top_rated"))
    for name in ("now_playing", "upcoming"):
        page = client.get(f"movie/{name}").json()
        dates = page["dates"]
        assert page["results"]
        for item in all_ids(client, f"movie/{name}"):
            assert dates["minimum"] <= movies[item]["release_date"] <= dates["maximum"]
    assert client.get("movie/latest").json()["id"] == max(movies)


@pytest.mark.parametrize("path", ["movie/popular", "discover/movie", "movie/1/similar", "movie/1/reviews"])
@pytest.mark.parametrize("page", ["0", "-1", "501", "x", "1.5", ""])
def test_pages_start_at_1_and_end_at_500(path, page, client):
    response = client.get(path, params={"page": page})
    assert (response.status_code, response.json()["status_code"]) == (400, 22)


def test_total_pages_is_not_capped(tmdb_sandbox_factory, connect):
    client = connect(tmdb_sandbox_factory(movies=12_000))
    page = client.get("movie/popular", params={"page": 500}).json()
    assert page["total_pages"] > 500
    assert len(page["results"]) == 20
    assert page["total_pages"] == -(-page["total_results"] // 20)


def test_a_page_beyond_the_last_is_empty(client):
    page = client.get("movie/popular", params={"page": 400}).json()
    assert (page["page"], page["results"]) == (400, [])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"primary_release_date.gte": "20010501"}, 23),
        ({"release_date.lte": "2001-13-01"}, 23),
        ({"vote_count.gte": "many"}, 47),
        ({"with_genres": "drama"}, 47),
        ({"primary_release_year": "0"}, 47),
    ],
)
def test_filters_that_cannot_be_read_are_refused(params, code, client):
    response = client.get("discover/movie", params=params)
    assert (response.status_code, response.json()["status_code"]) == (400, code)
