"""The generated catalogue as a client sees it."""

from __future__ import annotations

import copy
import functools
import json
from collections import Counter

import pytest

from tmdbfusion_scrapy.sandbox.movies import MOVIE_PARTS

pytestmark = pytest.mark.once

ALL_PARTS = ",".join(MOVIE_PARTS)
KNOWN_MOVIE = ("The Faded Inheritance", "1999-01-23", 0)
RESULT_LISTS = ("recommendations", "similar", "reviews", "lists")


@functools.cache
def examples_of(recorded_dir):
    """Path below /3 to the example of TMDB's OpenAPI document."""
    document = json.loads((recorded_dir / "openapi.json").read_text("utf-8"))
    found = {}
    for path, operations in document["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        for example in content.get("application/json", {}).get("examples", {}).values():
            value = example["value"]
            found[path.removeprefix("/3/")] = json.loads(value) if isinstance(value, str) else value
    return found


def shape_errors(expected, actual, at="body"):
    """Where a body lacks a key of the example, or has another kind of value; null and empty lists tell nothing."""
    if expected is None or actual is None:
        return []
    if isinstance(expected, dict):
        if not isinstance(actual, dict):
            return [f"{at}: {type(actual).__name__} instead of an object"]
        errors = [f"{at}: no {key}" for key in expected if key not in actual]
        for key in expected.keys() & actual.keys():
            errors += shape_errors(expected[key], actual[key], f"{at}.{key}")
        return errors
    if isinstance(expected, list):
        if not isinstance(actual, list):
            return [f"{at}: {type(actual).__name__} instead of a list"]
        return [e for item in actual if expected for e in shape_errors(expected[0], item, f"{at}[]")]
    numbers = (int, float)
    both_numbers = isinstance(expected, numbers) and isinstance(actual, numbers)
    if type(expected) is not type(actual) and not both_numbers:
        return [f"{at}: {type(actual).__name__} instead of {type(expected).__name__}"]
    return []


FIXED_PATHS = (
    "authentication",
    "configuration",
    "configuration/countries",
    "configuration/jobs",
    "configuration/languages",
    "configuration/primary_translations",
    "configuration/timezones",
    "discover/movie",
    "genre/movie/list",
    "genre/tv/list",
    "movie/latest",
    "movie/now_playing",
    "movie/popular",
    "movie/top_rated",
    "movie/upcoming",
)


@pytest.mark.parametrize("path", FIXED_PATHS)
def test_a_list_has_the_shape_of_the_openapi_example(path, client, recorded_dir):
    response = client.get(path)
    assert response.status_code == 200
    assert shape_errors(examples_of(recorded_dir)[path], response.json()) == []


@pytest.mark.parametrize("part", ["", *MOVIE_PARTS])
def test_movies_have_the_shape_of_the_openapi_example(part, client, recorded_dir, tmdb_sandbox):
    path = f"movie/{{movie_id}}/{part}".rstrip("/")
    example = copy.deepcopy(examples_of(recorded_dir)[path])
    if part == "watch/providers":
        example = {**example, "results": {}}
    if part == "account_states":
        example = {**example, "rated": None}
    for movie_id in tmdb_sandbox.movie_ids[:30]:
        response = client.get(path.format(movie_id=movie_id))
        assert response.status_code == 200
        body = response.json()
        if part == "changes":
            for change in body["changes"]:
                for item in change["items"]:
                    item.pop("value")
            for change in example["changes"]:
                for item in change["items"]:
                    item.pop("value", None)
        assert shape_errors(example, body) == []


def test_every_field_of_a_movie_is_in_the_openapi_example_or_known_from_the_live_api(client, recorded_dir):
    example = examples_of(recorded_dir)["movie/{movie_id}"]
    assert client.get("movie/1").json().keys() - example.keys() == {"softcore"}


def test_appended_parts_are_those_of_the_part_endpoints_without_the_id(client):
    body = client.get("movie/1", params={"append_to_response": ALL_PARTS}).json()
    for part in MOVIE_PARTS:
        alone = client.get(f"movie/1/{part}").json()
        # TMDB sends changes without the id.
        assert alone.pop("id", None) == (None if part == "changes" else 1)
        assert body[part] == alone


def test_unknown_parts_are_left_out_without_a_word(client):
    body = client.get("movie/1", params={"append_to_response": "nonsense,keywords"}).json()
    assert "keywords" in body
    assert "nonsense" not in body


def test_more_than_20_parts_are_refused(client):
    assert client.get("movie/1", params={"append_to_response": ",".join(["videos"] * 20)}).status_code == 200
    response = client.get("movie/1", params={"append_to_response": ",".join(["videos"] * 21)})
    assert (response.status_code, response.json()["status_code"]) == (400, 27)


def test_the_same_seed_gives_the_same_bytes_and_another_one_other_movies(tmdb_sandbox_factory, connect):
    first, second, third = (
        connect(tmdb_sandbox_factory(**options)) for options in ({}, {"movies": 5_000}, {"seed": 2})
    )
    url = "movie/7?append_to_response=keywords,credits,images"
    assert first.get(url).content == second.get(url).content
    assert first.get(url).content != third.get(url).content


def test_a_known_movie_stays_as_it_is(client):
    # Other Python versions and machines must give the same catalogue.
    body = client.get("movie/1").json()
    assert (body["title"], body["release_date"], body["vote_count"]) == KNOWN_MOVIE


def test_gaps_answer_404_and_are_about_three_in_a_hundred(client, tmdb_sandbox):
    missing = set(range(1, 1001)) - set(tmdb_sandbox.movie_ids)
    assert 15 <= len(missing) <= 50
    for movie_id in [*sorted(missing)[:5], 0, 1001, 10**30]:
        response = client.get(f"movie/{movie_id}")
        assert response.status_code == 404
        assert response.json() == {
            "success": False,
            "status_code": 34,
            "status_message": "The resource you requested could not be found.",
        }
        assert client.get(f"movie/{movie_id}/credits").status_code == 404


def test_no_gaps_when_asked_for_none(tmdb_sandbox_factory):
    assert tmdb_sandbox_factory(movies=300, gaps=0.0).movie_ids == list(range(1, 301))


def test_movies_vary_as_tmdb_s_do(client, tmdb_sandbox):
    seen: Counter[str] = Counter()
    sizes = []
    ids = tmdb_sandbox.movie_ids[:400]
    for movie_id in ids:
        response = client.get(f"movie/{movie_id}?append_to_response=credits,keywords")
        sizes.append(len(response.content))
        movie = response.json()
        seen["no date"] += movie["release_date"] == ""
        seen["null overview"] += movie["overview"] is None
        seen["empty overview"] += movie["overview"] == ""
        seen["null poster"] += movie["poster_path"] is None
        seen["null homepage"] += movie["homepage"] is None
        seen["collection"] += movie["belongs_to_collection"] is not None
        seen["budget"] += movie["budget"] > 0
        seen["not English"] += movie["original_language"] != "en"
        seen["no runtime"] += not movie["runtime"]
        seen["companies"] += len(movie["production_companies"]) > 1
    assert all(0 < count < len(ids) for count in seen.values()), seen
    assert 16_000 <= sum(sizes) / len(sizes) <= 20_000


def test_another_language_is_a_translation_or_empty(client, tmdb_sandbox):
    titles = []
    for movie_id in tmdb_sandbox.movie_ids[:20]:
        english, german = (
            client.get(f"movie/{movie_id}?language={code}").json() for code in ("en-US", "de-DE")
        )
        assert english["title"]
        assert english["original_title"] == german["original_title"]
        translations = client.get(f"movie/{movie_id}/translations").json()["translations"]
        has_german = any(item["iso_639_1"] == "de" for item in translations)
        assert bool(german["title"]) == has_german
        titles.append(german["title"])
    assert any(titles)
    assert not all(titles)


def test_a_language_that_nobody_translates_to_is_empty(client):
    movie = client.get("movie/1?language=xq").json()
    assert movie["title"] == movie["overview"] == ""


def test_images_are_filtered_by_language(client):
    everything = client.get("movie/1/images").json()["posters"]
    english = client.get("movie/1/images?language=en").json()["posters"]
    with_null = client.get("movie/1/images?language=en&include_image_language=en,null").json()["posters"]
    assert english == [image for image in everything if image["iso_639_1"] == "en"]
    assert with_null == [image for image in everything if image["iso_639_1"] in {"en", None}]


def test_a_rating_is_taken_and_other_methods_are_refused(client):
    assert client.post("movie/1/rating", json={"value": 8.5}).status_code == 201
    assert client.delete("movie/1/rating").json()["status_code"] == 13
    response = client.post("movie/1")
    assert (response.status_code, response.json()["status_code"]) == (405, 42)


@pytest.mark.parametrize(
    "path", ["nothing/here", "movie/abc", "movie/1/nonsense", "movie", "tv", "tv/1/season", "list/1"]
)
def test_anything_else_is_404(path, client):
    response = client.get(path)
    assert (response.status_code, response.json()["status_code"]) == (404, 34)


def test_outside_of_3_is_404(client, tmdb_sandbox):
    assert client.get(tmdb_sandbox.base_url.removesuffix("/3") + "/4/movie/1").status_code == 404
