"""Nothing that TMDB sent is lost: what no field holds stands in the extras."""

from __future__ import annotations

import copy
import gzip
import json
import pickle
from typing import Any

import pytest
from itemadapter import ItemAdapter

from tests.models.test_decoding import MOVIE
from tmdbfusion_scrapy.models import DatedPage, Page, decode
from tmdbfusion_scrapy.models.lenient import find_extras
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.reference import Country, WatchProviders
from tmdbfusion_scrapy.models.tv import TVDetails


def body_of(value: Any) -> bytes:
    return json.dumps(value).encode()


def extras_of(value: Any, model: Any) -> Any:
    return decode(body_of(value), model).extras


def with_change(*path: Any, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(MOVIE)
    place: Any = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return changed


def test_a_record_that_fits_has_none():
    movie = decode(body_of(MOVIE), MovieDetails)
    assert movie.drift == ()
    assert movie.extras == {}


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("newest",), {"a": [1, None]}, "newest"),
        (("newest",), None, "newest"),
        (("belongs_to_collection", "parts"), 3, "belongs_to_collection.parts"),
        (("credits", "cast", 0, "stage_name"), "B", "credits.cast[0].stage_name"),
        (("credits", "guests"), [], "credits.guests"),
        (("production_companies", 0, "x"), 1.5, "production_companies[0].x"),
        # Dictionaries of records, below a key that is renamed.
        (
            ("watch/providers", "results", "CA", "flatrate", 0, "price"),
            9,
            "watch/providers.results.CA.flatrate[0].price",
        ),
        # A generic record.
        (("similar", "results", 0, "rank"), 1, "similar.results[0].rank"),
        (("a/b",), {}, "a/b"),
    ],
)
def test_a_key_that_no_field_has(path, value, place):
    movie = decode(body_of(with_change(*path, value=value)), MovieDetails)
    assert movie.drift == ()
    assert movie.extras == {place: value}


@pytest.mark.parametrize(
    ("path", "value", "place", "drift"),
    [
        (("budget",), "unknown", "budget", "MovieDetails.budget"),
        (("budget",), "63000000", "budget", "MovieDetails.budget"),
        (("release_date",), "1999-10-15T00:00:00Z", "release_date", "MovieDetails.release_date"),
        (("genres",), {"id": 1}, "genres", "MovieDetails.genres"),
        (("genres", 1), "Comedy", "genres[1]", "MovieDetails.genres"),
        (("credits", "cast", 0, "id"), "x", "credits.cast[0].id", "CastMember.id"),
        (("credits",), [1], "credits", "MovieDetails.credits"),
        (("origin_country",), [None], "origin_country[0]", "MovieDetails.origin_country"),
        (("watch/providers", "results", "CA"), 5, "watch/providers.results.CA", "WatchProviders.results"),
        (("title",), 7, "title", "MovieDetails.title"),
    ],
)
def test_a_value_of_the_wrong_type_is_kept(path, value, place, drift):
    movie = decode(body_of(with_change(*path, value=value)), MovieDetails)
    assert movie.drift == (drift,)
    assert movie.extras == {place: value[0] if place.endswith("[0]") else value}


@pytest.mark.parametrize("value", [None, ""])
def test_nulls_and_empty_dates_are_nothing_extra(value):
    assert extras_of(with_change("release_date", value=value), MovieDetails) == {}
    assert extras_of({"id": 1, "genres": None, "credits": None}, MovieDetails) == {}


def test_elements_that_were_left_out_keep_their_index():
    cast = [{"id": 1}, "left out", {"id": 2, "x": True}, None, {"id": 3}]
    movie = decode(body_of({"id": 1, "credits": {"cast": cast}}), MovieDetails)
    assert [member.id for member in movie.credits.cast] == [1, 2, 3]
    assert movie.extras == {"credits.cast[1]": "left out", "credits.cast[2].x": True, "credits.cast[3]": None}


def test_one_bad_value_costs_a_dictionary_that_value_only():
    body = {"results": {"CA": {"link": "a"}, "FR": "?", "US": {"link": 5}}}
    providers = decode(body_of(body), WatchProviders)
    assert {country: found.link for country, found in providers.results.items()} == {"CA": "a", "US": "5"}
    assert providers.extras == {"results.FR": "?", "results.US.link": 5}


def test_pages():
    body = {
        "page": 1,
        "results": [{"id": 1}, {"id": 2, "rank": 9}, 3],
        "dates": {"minimum": "", "x": 1},
        "y": 2,
    }
    page = decode(body_of(body), DatedPage[MovieListItem])
    assert page.extras == {"results[1].rank": 9, "results[2]": 3, "dates.x": 1, "y": 2}
    assert page.results[1].extras == {}
    assert page.results[1].raw == b""
    assert extras_of({"page": 1, "results": [{"id": 1, "x": 2}]}, Page[MovieListItem]) == {"results[0].x": 2}


def test_the_elements_of_an_array_have_their_own():
    body = b'[{"iso_3166_1":"FR","x":1}, 5, {"iso_3166_1": 7} , {"y": "\xc3\xa9"}]'
    countries = decode(body, list[Country])
    assert [country.raw for country in countries] == [
        b'{"iso_3166_1":"FR","x":1}',
        b'{"iso_3166_1": 7}',
        b'{"y": "\xc3\xa9"}',
    ]
    assert [country.extras for country in countries] == [{"x": 1}, {"iso_3166_1": 7}, {"y": "é"}]
    assert [country.drift for country in countries] == [(), ("Country.iso_3166_1",), ()]
    assert countries.drift == ("list[Country]", "Country.iso_3166_1")
    assert countries.extras == {"[0].x": 1, "[1]": 5, "[2].iso_3166_1": 7, "[3].y": "é"}
    assert countries.raw == body


def test_an_array_of_text_has_its_own_too():
    tags = decode(b'["en-US", 5, null]', list[str])
    assert tags == ["en-US", "5"]
    assert tags.drift == ("list[str]", "list[str]")
    assert tags.extras == {"[1]": 5, "[2]": None}
    for twin in (copy.deepcopy(tags), pickle.loads(pickle.dumps(tags))):  # noqa: S301 - our own
        assert (twin, twin.drift, twin.raw) == (tags, tags.drift, tags.raw)
    whole = decode(b'["en-US"]', list[str])
    assert (whole, whole.drift, whole.extras) == (["en-US"], (), {})


@pytest.mark.parametrize("budget", [1, "1"], ids=["strict", "lenient"])
def test_fields_that_no_key_has_the_name_of(budget):
    """The keys are ``season/1`` and ``watch/providers``."""
    body = {
        "id": 1,
        "number_of_seasons": budget,
        "appended_seasons": [{"id": 3}],
        "watch_providers": {"id": 4},
    }
    series = decode(body_of(body), TVDetails)
    assert (series.appended_seasons, series.watch_providers) == ([], None)
    assert series.extras["appended_seasons"] == [{"id": 3}]
    assert series.extras["watch_providers"] == {"id": 4}
    both = decode(body_of({**body, "watch/providers": {"id": 5}, "season/1": {"id": 6}}), TVDetails)
    assert (both.watch_providers, both.appended_seasons[0].id) == (WatchProviders(5), 6)
    assert both.extras["watch_providers"] == {"id": 4}


@pytest.mark.parametrize("budget", [1, "1"], ids=["strict", "lenient"])
def test_an_error_in_the_place_of_a_part_is_none(budget):
    notice = {"success": False, "status_code": 34, "status_message": "Not found."}
    movie = decode(
        body_of({**MOVIE, "budget": budget, "credits": notice, "watch/providers": notice}), MovieDetails
    )
    assert (movie.credits, movie.watch_providers, movie.videos is None) == (None, None, False)
    assert (movie.extras["credits"], movie.extras["watch/providers"]) == (notice, notice)
    assert "MovieDetails.credits" not in movie.drift
    series = decode(
        body_of({"id": 1, "number_of_seasons": budget, "season/1": notice, "season/2": {"name": "B"}}),
        TVDetails,
    )
    assert [season.name for season in series.appended_seasons] == ["B"]
    assert series.extras["season/1"] == notice


def test_appended_seasons_and_what_else_has_a_slash():
    season = {"_id": "a", "name": "One", "episodes": [{"id": 9, "new": 1}], "season_number": 1}
    body = {"id": 1, "season/1": season, "season/2": None, "season/1/credits": {"cast": []}, "season/x": 1}
    series = decode(body_of(body), TVDetails)
    assert [season.season_number for season in series.appended_seasons] == [1]
    assert series.extras == {
        "season/1.episodes[0].new": 1,
        "season/1/credits": {"cast": []},
        "season/x": 1,
    }
    assert series.appended_seasons[0].extras == {}


def test_they_are_found_once_and_only_when_asked_for():
    movie = decode(body_of({**MOVIE, "x": 1}), MovieDetails)
    assert "_extras" not in vars(movie)
    assert movie.extras is movie.extras


def test_they_are_no_field():
    movie = decode(body_of({**MOVIE, "x": 1}), MovieDetails)
    assert movie.extras == {"x": 1}
    assert movie == decode(body_of(MOVIE), MovieDetails)
    assert "extras" not in ItemAdapter(movie).asdict()
    copied = pickle.loads(pickle.dumps(movie))  # noqa: S301 - our own
    assert copied.extras == copy.deepcopy(movie).extras == {"x": 1}


def test_a_record_made_by_hand_has_none():
    movie = MovieDetails(id=1)
    assert movie.extras == {}
    assert movie.missing_parts == ()
    assert movie.field_languages == {}


@pytest.mark.parametrize(
    ("body", "extras"),
    [
        (b'{"id": 1, "x": "\xff"}', {"x": "\N{REPLACEMENT CHARACTER}"}),
        (b'{"id": 1, "x": 1e999}', {"x": float("inf")}),
        (b'\xef\xbb\xbf{"id": 1, "x": "\\ud800"}', {"x": "\ud800"}),
    ],
)
def test_odd_json(body, extras):
    assert decode(body, MovieDetails).extras == extras


def test_the_function_alone():
    assert find_extras(b'{"id": "1", "results": [{"x": 0}]}', Page[MovieListItem]) == {
        "id": "1",
        "results[0].x": 0,
    }


def test_a_value_that_is_not_taken_as_it_is_stands_in_the_extras(recorded_dir):
    """Each value of a real movie is made one of another type."""
    with gzip.open(recorded_dir / "movies-3000.jsonl.gz") as lines:
        source = json.loads(next(iter(lines)))
    for key in source:
        for odd in (True, 7, 7.5, "seven", [7], {"seven": 7}, [{"seven": 7}], [[7]]):
            movie = decode(body_of({**source, key: odd}), MovieDetails)
            if not movie.extras:
                assert movie.drift == ()
                assert getattr(movie, key) == odd
            else:
                ((place, kept),) = movie.extras.items()
                inside = odd[0] if place.startswith(f"{key}[0]") else odd
                assert place in (key, f"{key}[0]", f"{key}.seven", f"{key}[0].seven")
                assert kept == (inside["seven"] if place.endswith(".seven") else inside)
