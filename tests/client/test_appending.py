"""Records with appended parts and in a chain of languages, in both clients."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.client.driving import answer, serve
from tmdbfusion_scrapy.exceptions import ResponseError


def details(client: Any) -> Any:
    return client.movies.details(550)


def test_parts_are_asked_for_with_the_record(server, driver):
    serve(server, answer(b'{"id":550,"keywords":{"keywords":[]},"watch/providers":{"results":{}}}'))
    movie = driver().do(
        lambda client: client.movies.details(550, append_to_response=["keywords", "watch/providers"])
    )
    assert [seen.target for seen in server.requests] == [
        "/3/movie/550?append_to_response=keywords,watch/providers"
    ]
    assert movie.keywords.keywords == []
    assert movie.watch_providers.results == {}
    assert movie.missing_parts == ()


def test_a_part_that_comes_unasked_is_in_its_field(server, driver):
    serve(
        server, answer(b'{"id":550,"watch/providers":{"results":{"DE":{"link":"l"}}},"other/part":{"a":1}}')
    )
    movie = driver().do(details)
    assert movie.watch_providers.results["DE"].link == "l"
    assert movie.extras == {"other/part": {"a": 1}}


def test_parts_that_were_left_out_are_asked_for_again_and_named(server, driver, caplog):
    bodies = [
        b'{"id":550,"title":"Loop","images":null}',
        b'{"id":550,"title":"Other","keywords":{"keywords":[]}}',
    ]
    serve(server, *map(answer, bodies))
    movie = driver().do(
        lambda client: client.movies.details(550, append_to_response=["images", "keywords", "videos"])
    )
    assert [seen.target for seen in server.requests] == [
        "/3/movie/550?append_to_response=images,keywords,videos",
        "/3/movie/550?append_to_response=images,keywords,videos",
    ]
    assert (movie.title, movie.keywords.keywords) == ("Loop", [])
    assert movie.missing_parts == ("images", "videos")
    (record,) = caplog.records
    assert record.getMessage() == "TMDB left images, videos out of its answer to GET /movie/550"


def test_the_second_call_for_parts_may_fail(server, driver):
    serve(server, answer(), answer(b"", "404 Not Found"))
    movie = driver().do(lambda client: client.movies.details(550, append_to_response="credits"))
    assert (movie.id, movie.credits, movie.missing_parts) == (550, None, ("credits",))


def test_account_states_are_asked_for_again_with_a_session_only(server, driver):
    serve(server, answer(b'{"id":550,"title":"Loop"}'))
    movie = driver().do(lambda client: client.movies.details(550, append_to_response="account_states"))
    assert (len(server.requests), movie.missing_parts) == (1, ("account_states",))


def test_answers_of_different_records_are_not_merged(server, driver):
    parts = [f"season/{number}" for number in range(25)]
    serve(server, answer(b'{"id":1}'), answer(b'{"id":2}'))
    server.scripts["/3/tv/1"] = server.scripts.pop("/3/movie/550")
    with pytest.raises(ResponseError, match=r"GET /tv/1: .*series_id 1 was asked for, and id 2 came"):
        driver().do(lambda client: client.tv.details(1, append_to_response=parts))


def test_more_than_twenty_parts_are_several_calls(server, driver):
    parts = [f"season/{number}" for number in range(25)]
    bodies = [
        json.dumps({"id": 1, "name": "Long", **{part: {"name": part} for part in asked}}).encode()
        for asked in (parts[:20], parts[20:])
    ]
    serve(server, *map(answer, bodies))
    server.scripts["/3/tv/1"] = server.scripts.pop("/3/movie/550")
    show = driver().do(lambda client: client.tv.details(1, append_to_response=parts))
    assert [seen.target.count("season/") for seen in server.requests] == [20, 5]
    assert [(season.season_number, season.name) for season in show.appended_seasons] == [
        (number, f"season/{number}") for number in range(25)
    ]
    assert (show.name, show.missing_parts, dict(show.extras)) == ("Long", (), {})


def test_languages(server, driver):
    body = {
        "id": 550,
        "title": "Fight Club",
        "original_language": "en",
        "original_title": "Fight Club",
        "overview": "",
        "tagline": "",
        "translations": {
            "translations": [
                {
                    "iso_639_1": "fr",
                    "iso_3166_1": "CA",
                    "data": {"title": "Loup", "overview": "", "tagline": ""},
                },
                {
                    "iso_639_1": "fr",
                    "iso_3166_1": "FR",
                    "data": {"title": "", "overview": "Un.", "tagline": ""},
                },
                {
                    "iso_639_1": "en",
                    "iso_3166_1": "US",
                    "data": {"title": "", "overview": "A.", "tagline": "T"},
                },
            ]
        },
    }
    serve(server, answer(json.dumps(body).encode()))
    driven = driver(languages=["fr-CA", "fr", "en"])
    movie = driven.do(details)
    assert server.requests[0].target == "/3/movie/550?language=fr-CA&append_to_response=translations"
    assert (movie.title, movie.overview, movie.tagline) == ("Loup", "Un.", "T")
    assert movie.field_languages == {"title": "fr-CA", "overview": "fr-FR", "tagline": "en-US"}
    driven.do(lambda client: client.movies.details(550, language="de"))
    assert server.requests[1].target == "/3/movie/550?language=de"
