"""What goes wrong in the nearest peer (the package tmdbfusion 0.2.0 on PyPI) does not go wrong here.

`ELSEWHERE` names the tests of what other modules test; what nothing else covers is tested below.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.resources
import json
import pkgutil
import re
import typing
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

import tmdbfusion_scrapy
from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy import models
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.models import Record, decode
from tmdbfusion_scrapy.models.fields import NUMBERED_KEYS, part_key
from tmdbfusion_scrapy.models.list_items import MediaItem
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.people import TaggedImage
from tmdbfusion_scrapy.models.tv import SeasonDetails, TVDetails

ROOT = Path(__file__).parent.parent

ELSEWHERE = {
    "a time-out is passed on and counts": (
        "client/test_options.py::test_defaults",
        "client/test_options.py::test_time_outs_reach_each_request",
        "client/test_calls.py::test_time_out",
    ),
    "a v3 key goes out as api_key=, a v4 token as a bearer": (
        "client/test_calls.py::test_a_v3_key_goes_into_the_query",
        "test_credentials.py::test_a_v4_token_goes_into_the_header",
    ),
    "without a key the environment is read, and none at all is an error before any request": (
        "test_credentials.py::test_order",
        "client/test_options.py::test_no_token",
    ),
    "appended parts are in the record": (
        "api/test_executors.py::test_blocking_client",
        "client/test_appending.py::test_parts_are_asked_for_with_the_record",
        "client/test_appending.py::test_more_than_twenty_parts_are_several_calls",
    ),
    "addresses of images are built from the configuration": ("client/test_images.py::test_sizes",),
    "every example and recorded body decodes, and no value of it is lost": (
        "models/test_recorded.py::test_nothing_is_lost",
        "models/test_recorded.py::test_nothing_drifts",
    ),
    "Retry-After may be a date, and is found in whatever case": (
        "test_exceptions.py::test_retry_after",
        "test_exceptions.py::test_retry_after_date_is_reckoned_from_the_clock",
        "client/test_calls.py::test_retry_after_is_waited_for",
    ),
    "retries have jitter and a cap": (
        "test_retrying.py::test_waits_double_up_to_the_cap",
        "test_retrying.py::test_full_jitter_is_drawn_from_zero_to_the_bound",
        "test_retrying.py::test_retry_after_is_kept_to_or_ends_the_retries",
    ),
    "retries do not multiply": (
        "client/test_calls.py::test_number_of_retries",
        "crawling/test_retries.py::test_how_often_a_503_is_tried",
    ),
    "there is a limiter, and a 429 pauses all calls, which then do not leave at once": (
        "test_rate_limit.py::test_long_run_rate",
        "test_rate_limit.py::test_waiters_of_a_pause_do_not_go_all_at_once",
        "client/test_calls.py::test_a_429_pauses_the_calls_behind_it",
    ),
    "what writes is not sent twice": (
        "client/test_calls.py::test_a_post_that_may_have_worked_is_not_sent_again",
        "crawling/test_sessions.py::test_what_writes_is_sent_once_where_nobody_knows_whether_it_worked",
    ),
    "an argument that does nothing is refused": ("client/test_options.py::test_unknown_argument",),
    "all that goes wrong is a TMDBError: connections, HTML, odd bodies": (
        "client/test_calls.py::test_errors",
        "client/test_calls.py::test_connection_refused",
        "test_exceptions.py::test_every_transport_error_is_a_server_error",
        "models/test_decoding.py::test_no_body_of_any_shape_raises_anything_else",
    ),
    "gzip without its header is read": ("client/test_calls.py::test_compressed_bodies",),
    "paging ends at page 500, not at an empty page, and asks for what is wanted only": (
        "client/test_paging.py::test_it_ends_at_page_500_and_says_that_it_was_cut",
        "client/test_paging.py::test_an_empty_page_is_not_the_end",
        "client/test_paging.py::test_pages_are_asked_for_as_items_are_wanted",
        "client/test_paging.py::test_it_begins_where_it_is_told",
    ),
    "threads work side by side on one client": (
        "client/test_lifecycle.py::test_threads_share_a_client_within_its_limits",
    ),
    "calls start as places come free, not in waves": ("client/test_gathering.py::test_order_and_bound",),
    "an id cannot lead to another endpoint": (
        "api/test_endpoints.py::test_no_endpoint_can_be_led_to_another_one",
        "api/test_endpoints.py::test_text_stays_one_segment_of_the_path",
    ),
    "discover takes every filter of the document, and so does every operation its parameters": (
        "api/test_openapi.py::test_nothing_differs_but_what_is_intended",
        "api/test_endpoints.py::test_filters_have_tmdbs_dotted_names",
    ),
    "type checkers see the types": (
        "typing/test_typing.py::test_executors_under_mypy",
        "typing/test_typing.py::test_executors_under_pyright",
    ),
    "cookies are not kept": ("client/test_calls.py::test_cookies_are_not_kept",),
    "a second event loop is a clear error": ("client/test_lifecycle.py::test_a_second_event_loop",),
    "a redirect is no data": (
        "client/test_calls.py::test_redirects_are_not_followed_and_take_no_token_along",
    ),
    "idle connections are kept as told": (
        "client/test_lifecycle.py::test_idle_connections",
        "transport/test_limits.py::test_idle_connections_beyond_the_limit_are_closed",
    ),
}


@pytest.mark.parametrize("fault", ELSEWHERE)
def test_the_tests_elsewhere_are_there(fault):
    for named in ELSEWHERE[fault]:
        path, name = named.split("::")
        text = (ROOT / "tests" / path).read_text()
        assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE)


def find_records() -> dict[str, Any]:
    return {
        name: value
        for info in pkgutil.iter_modules(models.__path__)
        for name, value in vars(import_module(f"{models.__name__}.{info.name}")).items()
        if isinstance(value, type) and issubclass(value, Record) and dataclasses.is_dataclass(value)
    }


RECORDS = find_records()


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_null_in_any_field_costs_nothing(name):
    model = RECORDS[name]
    keys = {part_key(field.name) for field in dataclasses.fields(model)} - set(NUMBERED_KEYS.values())
    record = decode(json.dumps(dict.fromkeys(keys)).encode(), model)
    assert record == model()
    assert record.drift == ()
    assert record.extras == {}


LOOSE = {
    ("AccountStates", "rated"),  # false, or {"value": 8.5}
    ("EpisodeRating", "rated"),  # likewise
    ("ChangeItem", "value"),  # whatever was changed: text, a number, an image, a credit
    ("ChangeItem", "original_value"),  # likewise
    ("ListDetails", "id"),  # text in the document, a number in answers
    ("Trailers", "quicktime"),  # nothing but empty lists was ever seen
}


def test_no_field_is_a_loose_dictionary():
    found = set()
    for name, model in RECORDS.items():
        hints = typing.get_type_hints(model)
        for field in dataclasses.fields(model):
            text = str(hints[field.name])
            if "Any" in text or re.search(r"\b(dict|list)\b(?!\[)", text):
                found.add((name, field.name))
    assert found == LOOSE


def test_seasons_have_episodes_with_their_crew_and_series_the_next_one():
    body = (
        b'{"episodes":[{"id":1,"crew":[{"id":2,"job":"Director"}],"guest_stars":[{"id":3,"character":"A"}]}]}'
    )
    (episode,) = decode(body, SeasonDetails).episodes
    assert (episode.crew[0].job, episode.guest_stars[0].character) == ("Director", "A")
    series = decode(b'{"id":1,"next_episode_to_air":{"id":2,"air_date":"2026-01-31"}}', TVDetails)
    assert series.next_episode_to_air is not None
    assert str(series.next_episode_to_air.air_date) == "2026-01-31"


def test_a_mixed_list_has_all_kinds():
    rows = [
        {"media_type": "movie", "id": 1, "title": "A", "release_date": ""},
        {"media_type": "tv", "id": 2, "name": "B", "first_air_date": "2026-01-31"},
        {"media_type": "person", "id": 3, "name": "C", "known_for": [{"media_type": "tv", "name": "B"}]},
    ]
    page = decode(json.dumps({"page": 1, "results": rows}).encode(), Page[MediaItem])
    movie, series, person = page.results
    assert (movie.title, movie.release_date) == ("A", None)
    assert (series.name, str(series.first_air_date)) == ("B", "2026-01-31")
    assert (person.name, person.known_for[0].name) == ("C", "B")
    assert page.drift == ()
    assert page.extras == {}


def test_tagged_images_are_images_of_movies_and_series():
    rows = [
        {"file_path": "/a.jpg", "media_type": "movie", "media": {"id": 1, "title": "A"}},
        {"file_path": "/b.jpg", "media_type": "tv", "media": {"id": 2, "name": "B"}},
    ]
    page = decode(json.dumps({"results": rows}).encode(), Page[TaggedImage])
    first, second = page.results
    assert first.media is not None
    assert second.media is not None
    assert (first.file_path, first.media.title, second.media.name) == ("/a.jpg", "A", "B")
    assert page.drift == ()
    assert page.extras == {}


def answering(body: bytes) -> TMDBClient:
    return TMDBClient(
        "token", transport=httpx.MockTransport(lambda request: httpx.Response(200, content=body))
    )


def test_the_end_of_a_session_has_no_message():
    with answering(b'{"success":true}') as client:
        ended = client.authentication.delete_session(session_id="s")
    assert (ended.success, ended.status_code, ended.status_message) == (True, None, None)


def test_a_list_that_was_made_has_its_id():
    answer = b'{"status_message":"The item/record was created successfully.","success":true,"list_id":5861}'
    with answering(answer) as client:
        assert client.lists.create(name="mine", description="", language="en", session_id="s").list_id == 5861


@coroutine_test
async def test_headers_of_a_request_leave(tmdb_sandbox):
    await crawl(
        MoviesSpider,
        settings_of(tmdb_sandbox.base_url),
        ids=tmdb_sandbox.movie_ids[:1],
        arguments={"headers": {"X-Trace": "abc"}},
    )
    assert [seen.headers.get("x-trace") for seen in tmdb_sandbox.requests] == ["abc"]


def documented_calls() -> set[tuple[str, str, str]]:
    """Page, namespace (empty for the client itself) and name of each call that the README and the docs show."""
    return {
        (page.name, space or "", name)
        for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
        for space, name in re.findall(
            r"\b(?<!crawler\.)(?:client|tmdb)\.(?:(\w+)\.)?(\w+)\(", page.read_text()
        )
    }


def test_what_the_documentation_calls_is_there():
    calls = documented_calls()
    assert len(calls) > 152
    transport = httpx.MockTransport(lambda request: httpx.Response(500))
    clients = (TMDBClient("token", transport=transport), AsyncTMDBClient("token", transport=transport))
    missing = [
        f"{page}: {space}.{name}()"
        for page, space, name in sorted(calls)
        if not any(hasattr(getattr(client, space, None) if space else client, name) for client in clients)
    ]
    assert missing == []


def test_the_package_is_typed_and_knows_its_version():
    assert importlib.resources.files("tmdbfusion_scrapy").joinpath("py.typed").is_file()
    try:
        installed = importlib.metadata.version("tmdbfusion-scrapy")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("the package is not installed, only on the path")
    assert tmdbfusion_scrapy.__version__ == installed
