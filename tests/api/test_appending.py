"""Appended parts: portions of twenty, merged; what stays away is asked for once more, then named."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tmdbfusion_scrapy.api.appending import (
    MAX_APPENDS,
    Assembly,
    find_missing,
    has_session,
    merge_bodies,
    parts_to_ask_again,
    split_parts,
)
from tmdbfusion_scrapy.api.movies import Movies
from tmdbfusion_scrapy.api.tv import TV
from tmdbfusion_scrapy.exceptions import (
    AuthenticationError,
    NotFoundError,
    ResponseError,
    ServerError,
    TMDBError,
)
from tmdbfusion_scrapy.models import decode
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.tv import TVDetails

NOTICE = {"success": False, "status_code": 34, "status_message": "The resource could not be found."}
SEASONS = [f"season/{number}" for number in range(45)]


class Service:
    """Answers calls for one record; its parts are there, or not, as a test says."""

    def __init__(self, base: dict[str, Any], parts: dict[str, Any]) -> None:
        self.base = base
        self.parts = parts
        self.asked: list[tuple[str, ...]] = []
        self.left_out: dict[int, set[str]] = {}
        self.failures: dict[int, TMDBError] = {}

    def send(self, call: Any) -> Any:
        number = len(self.asked)
        self.asked.append(call.appends)
        if number in self.failures:
            raise self.failures[number]
        left_out = self.left_out.get(number, set())
        parts = {
            part: self.parts[part] for part in call.appends if part in self.parts and part not in left_out
        }
        return decode(json.dumps({**self.base, **parts, "asked": number}).encode(), call.model)

    def get(self, call: Any) -> Any:
        assembly = Assembly.begin(call)
        while assembly.record is None:
            # A job directory may keep it in between.
            kept = json.loads(json.dumps(assembly.to_json()))
            assert Assembly.from_json(call, kept) == assembly
            try:
                assembly = assembly.take(self.send(assembly.next_call))
            except TMDBError as error:
                without = assembly.go_without(error)
                if without is None:
                    raise
                assembly = without
        return assembly.record


def movie_call(*parts: str, **arguments: Any) -> Any:
    return Movies.details.call({}, 1, append_to_response=parts, **arguments)


def tv_call(parts: Any) -> Any:
    return TV.details.call({}, 1, append_to_response=parts)


@pytest.fixture
def movies() -> Service:
    parts = {
        "credits": {"cast": [{"id": 7}]},
        "images": {"posters": []},
        "videos": {"results": []},
        "watch/providers": {"results": {"FR": {"link": "x"}}},
        "translations": {"translations": [{"iso_639_1": "fr", "iso_3166_1": "FR", "data": {"title": "Fil"}}]},
    }
    return Service({"id": 1, "title": "Thread", "original_language": "en"}, parts)


@pytest.fixture
def series() -> Service:
    seasons = [{"season_number": number} for number in range(45)]
    return Service(
        {"id": 1, "name": "Thread", "seasons": seasons},
        {part: {"_id": part, "season_number": int(part[7:])} for part in SEASONS},
    )


def test_a_whole_answer_is_taken_as_it_is(movies):
    assembly = Assembly.begin(movie_call("credits", "watch/providers"))
    answer = movies.send(assembly.next_call)
    assert assembly.take(answer).record is answer
    assert answer.missing_parts == ()
    assert answer.watch_providers.results["FR"].link == "x"


def test_a_part_that_was_left_out_is_asked_for_again(movies):
    movies.left_out[0] = {"images", "watch/providers"}
    movie = movies.get(movie_call("credits", "images", "videos", "watch/providers"))
    assert movies.asked == [("credits", "images", "videos", "watch/providers"), ("images", "watch/providers")]
    assert movie.credits.cast[0].id == 7
    assert movie.images is not None
    assert movie.watch_providers is not None
    assert movie.missing_parts == ()
    # What both answers have is the first one's.
    assert json.loads(movie.raw)["asked"] == 0


def test_a_null_is_a_part_that_was_left_out(movies):
    images = movies.parts.pop("images")
    movies.base["images"] = None
    assembly = Assembly.begin(movie_call("images"))
    again = assembly.take(movies.send(assembly.next_call))
    assert again.next_call.appends == ("images",)
    movies.parts["images"] = images
    movie = again.take(movies.send(again.next_call)).record
    assert movie.images is not None
    assert movie.missing_parts == ()


def test_a_part_that_stays_away_is_named_and_not_asked_for_a_third_time(movies):
    del movies.parts["images"], movies.parts["videos"]
    movie = movies.get(movie_call("videos", "credits", "images"))
    assert movies.asked == [("videos", "credits", "images"), ("videos", "images")]
    assert movie.missing_parts == ("videos", "images")
    assert movie.images is None


def test_a_part_of_the_wrong_type_is_there(movies):
    movies.parts["images"] = "soon"
    movie = movies.get(movie_call("images"))
    assert len(movies.asked) == 1
    assert (movie.missing_parts, movie.drift) == ((), ("MovieDetails.images",))


def test_a_part_that_nobody_knows_is_named_at_once(movies):
    movies.parts["trailers2"] = {"new": 1}
    movie = movies.get(movie_call("creditz", "trailers2"))
    assert len(movies.asked) == 1
    assert movie.missing_parts == ("creditz",)
    assert movie.extras["trailers2"] == {"new": 1}


def test_more_than_twenty_parts(series):
    record = series.get(tv_call(SEASONS))
    assert series.asked == [tuple(SEASONS[:20]), tuple(SEASONS[20:40]), tuple(SEASONS[40:])]
    assert [season.season_number for season in record.appended_seasons] == list(range(45))
    assert record.appended_seasons[44]._id == "season/44"
    assert record.missing_parts == ()
    assert list(json.loads(record.raw)) == ["id", "name", "seasons", *SEASONS[:20], "asked", *SEASONS[20:]]


def test_more_than_twenty_parts_of_which_some_were_left_out(series):
    series.left_out = {0: {"season/3"}, 1: {"season/30"}, 2: {"season/41"}}
    record = series.get(tv_call(SEASONS))
    assert series.asked[3:] == [("season/3", "season/30", "season/41")]
    assert [season.season_number for season in record.appended_seasons] == list(range(45))


def test_more_than_twenty_parts_that_were_left_out(series):
    series.left_out = {0: set(SEASONS), 1: set(SEASONS)}
    record = series.get(tv_call(SEASONS[:40]))
    assert series.asked[2:] == [tuple(SEASONS[:20]), tuple(SEASONS[20:40])]
    assert record.missing_parts == ()


def test_a_season_that_the_series_does_not_have_is_not_asked_for_again(series):
    series.base["seasons"] = [{"season_number": 0}, {"season_number": 1}]
    series.parts = {"season/0": {"season_number": 0}}
    parts = ["season/0", "season/1", "season/2", "season/2/credits", "season/1/credits"]
    record = series.get(tv_call(parts))
    assert series.asked[1:] == [("season/1", "season/1/credits")]
    assert record.missing_parts == tuple(parts[1:])


@pytest.mark.parametrize("error", [ServerError("no"), NotFoundError("no"), ResponseError("no")])
def test_a_failure_of_the_extra_call_does_not_cost_the_record(movies, error):
    movies.left_out[0] = {"images"}
    movies.failures[1] = error
    movie = movies.get(movie_call("credits", "images"))
    assert movie.credits.cast[0].id == 7
    assert movie.missing_parts == ("images",)


def test_a_token_that_is_not_accepted_does(movies):
    movies.left_out[0] = {"images"}
    movies.failures[1] = AuthenticationError("no")
    with pytest.raises(AuthenticationError):
        movies.get(movie_call("credits", "images"))


@pytest.mark.parametrize("number", [0, 1])
def test_a_failure_of_another_call_is_one_of_the_record(series, number):
    series.failures[number] = ServerError("no")
    with pytest.raises(ServerError):
        series.get(tv_call(SEASONS))
    assert len(series.asked) == number + 1


def test_the_languages_of_the_call(movies):
    movie = movies.get(movie_call("credits", languages=["fr", "de"]))
    assert movies.asked == [("credits", "translations")]
    assert (movie.title, movie.field_languages) == ("Fil", {"title": "fr-FR"})


def test_languages_when_the_translations_come_late(movies):
    movies.left_out[0] = {"translations"}
    movie = movies.get(movie_call(languages=["fr"]))
    assert movie.title == "Fil"


def test_without_languages_the_texts_stay(movies):
    movie = movies.get(movie_call("translations"))
    assert (movie.title, movie.field_languages) == ("Thread", {})


def test_drift_of_a_merged_record_is_named(series):
    series.parts["season/30"] = {"season_number": "30"}
    record = series.get(tv_call(SEASONS))
    assert record.drift == ("SeasonDetails.season_number",)
    assert record.appended_seasons[30].season_number == 30
    assert record.extras["season/30.season_number"] == "30"


def test_split_parts():
    assert split_parts(()) == ()
    assert [len(part) for part in split_parts(tuple("abcde" * 8 + "f"))] == [MAX_APPENDS, MAX_APPENDS, 1]


@pytest.mark.parametrize(
    ("bodies", "merged"),
    [
        ([b'{"a": 1}'], {"a": 1}),
        ([b'{"id": 1}', b'{"id": 1, "a": 2}', b'{"id": null}'], {"id": 1, "a": 2}),
        ([json.dumps({"a": NOTICE}).encode(), b'{"a": {}}'], {"a": {}}),
        ([b'{"a": 1, "b": null}', b'{"a": 2, "b": [3], "c": null}'], {"a": 1, "b": [3], "c": None}),
        # What only Python's own reader takes.
        ([b'\xef\xbb\xbf{"a": "\\ud800"}', b'{"b": 1}'], {"a": "\ud800", "b": 1}),
    ],
)
def test_merge_bodies(bodies, merged):
    assert json.loads(merge_bodies(bodies)) == merged


@pytest.mark.parametrize("body", [b"[]", b"", b"null", b"<html>"])
def test_only_objects_are_merged(body):
    with pytest.raises(ResponseError):
        merge_bodies([b"{}", body])


def test_find_missing():
    record = decode(b'{"id": 1, "credits": {}, "images": null, "x": 1, "watch/providers": {}}', MovieDetails)
    parts = ("credits", "images", "x", "y", "watch/providers", "videos")
    assert find_missing(record, parts) == ("images", "y", "videos")
    assert parts_to_ask_again(record, MovieDetails, parts, has_session=False) == ("images", "videos")
    assert find_missing(record, ()) == ()


def test_without_a_list_of_seasons_each_may_exist():
    record = decode(b'{"id": 1}', TVDetails)
    parts = ("season/5", "season/5/credits")
    assert parts_to_ask_again(record, TVDetails, parts, has_session=False) == parts
    movie = decode(b'{"id": 1}', MovieDetails)
    assert parts_to_ask_again(movie, MovieDetails, ("season/5",), has_session=False) == ()


@pytest.mark.parametrize("name", ["session_id", "guest_session_id"])
def test_account_states_are_asked_for_again_with_a_session_only(name):
    assert has_session([name])
    assert not has_session(["password"])
    record = decode(b'{"id": 1}', TVDetails)
    parts = ("account_states", "season/1/account_states")
    assert parts_to_ask_again(record, TVDetails, parts, has_session=True) == parts
    assert parts_to_ask_again(record, TVDetails, parts, has_session=False) == ()


def test_parts_of_old_are_not_asked_for_again(movies):
    movie = movies.get(movie_call("releases", "trailers", "credits"))
    assert len(movies.asked) == 1
    assert movie.missing_parts == ("releases", "trailers")


def test_an_error_in_the_place_of_a_part_is_a_part_that_was_left_out(movies):
    images = movies.parts["images"]
    movies.parts["images"] = NOTICE
    assembly = Assembly.begin(movie_call("images", "credits"))
    again = assembly.take(movies.send(assembly.next_call))
    assert again.next_call.appends == ("images",)
    movies.parts["images"] = images
    movie = again.take(movies.send(again.next_call)).record
    assert movie.images is not None
    assert movie.missing_parts == ()


def test_an_error_that_stays_in_the_place_of_a_part_is_named(movies, series):
    movies.parts["images"] = NOTICE
    movie = movies.get(movie_call("images"))
    assert (movie.images, movie.missing_parts, movie.extras["images"]) == (None, ("images",), NOTICE)
    series.parts["season/3"] = NOTICE
    record = series.get(tv_call(SEASONS[:5]))
    assert series.asked[1:] == [("season/3",)]
    assert [season.season_number for season in record.appended_seasons] == [0, 1, 2, 4]
    assert record.missing_parts == ("season/3",)


def test_portions_of_seasons_that_do_not_exist_are_not_asked_for(series):
    series.base["seasons"] = [{"season_number": number} for number in range(3)]
    series.parts = {part: series.parts[part] for part in SEASONS[:3]}
    record = series.get(tv_call(SEASONS))
    assert series.asked == [tuple(SEASONS[:20])]
    assert record.missing_parts == tuple(SEASONS[3:])
    series.asked.clear()
    series.parts["images"] = {}
    record = series.get(tv_call([*SEASONS, "images"]))
    assert series.asked == [tuple(SEASONS[:20]), (*SEASONS[40:], "images")]
    assert record.images is not None


def test_answers_of_different_records_are_not_merged(series):
    assembly = Assembly.begin(tv_call(SEASONS[:30]))
    second = assembly.take(series.send(assembly.next_call))
    series.base["id"] = 2
    with pytest.raises(ResponseError, match=r"GET /tv/1: .*different ids"):
        second.take(series.send(second.next_call))


def test_nor_does_the_extra_call_cost_the_record_then(movies):
    movies.left_out[0] = {"images"}
    assembly = Assembly.begin(movie_call("images", "credits"))
    again = assembly.take(movies.send(assembly.next_call))
    movies.base["id"] = 2
    with pytest.raises(ResponseError, match="different ids") as caught:
        again.take(movies.send(again.next_call))
    movie = again.go_without(caught.value).record
    assert (movie.id, movie.missing_parts) == (1, ("images",))


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("credits, images,,credits", ("credits", "images")),
        (["credits,images", "videos"], ("credits", "images", "videos")),
        (["watch_providers", "watch/providers"], ("watch/providers",)),
        ({"watch_providers", "credits"}, ("credits", "watch/providers")),
    ],
)
def test_how_parts_may_be_given(given, parts):
    assert Movies.details.call({}, 1, append_to_response=given).appends == parts
