"""A call as JSON and as a URL, and the way back, for every operation."""

from __future__ import annotations

import json
import pickle
import typing
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tmdbfusion_scrapy.api import OPERATIONS, Call, Endpoint
from tmdbfusion_scrapy.api.appending import MAX_APPENDS
from tmdbfusion_scrapy.api.call import Secret
from tmdbfusion_scrapy.api.catalogue import call_from_json, call_from_url
from tmdbfusion_scrapy.api.parameters import SECRET_PARAMETERS
from tmdbfusion_scrapy.api.plain import plain_call
from tmdbfusion_scrapy.exceptions import ValidationError

BASE = "https://api.example/3"
SESSION = "5e55104a0000000000000000000000000000ab1e"
VALUES = {int: 7, str: "ä/ b?&+", float: 8.5, bool: True}


def a_value(endpoint: Endpoint[..., Any], name: str, hint: Any) -> Any:
    """Something that TMDB would take for a parameter."""
    parameter = endpoint.parameters[name]
    if parameter.choices:
        return parameter.choices[-1]
    if name in SECRET_PARAMETERS:
        return SESSION
    known = {"append_to_response": ["credits", "watch/providers"], "language": "fr-CA", "region": "CA"}
    if name in known or name.endswith(("_date", "_date_gte", "_date_lte", "_day_gte", "_day_lte")):
        return known.get(name, "2026-01-02")
    for candidate in (*VALUES.values(), "en", "2026-01-02", ["en"]):
        if type(candidate) in (typing.get_args(hint) or (hint,)):
            try:
                parameter.check(candidate)
            except ValidationError:
                continue
            return candidate
    return ["en"]


def a_call(endpoint: Endpoint[..., Any], *, is_full: bool) -> Call[Any]:
    """A call of an endpoint with all of its parameters, or with those alone that it needs."""
    hints = typing.get_type_hints(endpoint.function)
    left_out = {"languages", "guest_session_id"} if "session_id" in endpoint.parameters else {"languages"}
    arguments = {
        name: a_value(endpoint, name, hints[name])
        for name, parameter in endpoint.parameters.items()
        if parameter.required or (is_full and name not in left_out)
    }
    if is_full and "append_to_response" in arguments and "session_id" in arguments:
        arguments["append_to_response"] = ["account_states"]
    return endpoint.call({"session_id": SESSION, "guest_session_id": SESSION}, **arguments)


@pytest.mark.parametrize("is_full", [False, True], ids=["least", "full"])
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_way_back_from_json(operation, is_full):
    call = a_call(OPERATIONS[operation], is_full=is_full)
    labelled = replace(call, secrets=tuple(replace(one, value="", label="L") for one in call.secrets))
    kept = call.to_json()
    assert SESSION not in repr(kept)
    kept = labelled.to_json()
    for written in (
        json.loads(json.dumps(kept)),
        msgspec.msgpack.decode(msgspec.msgpack.encode(kept)),
        pickle.loads(pickle.dumps(kept)),  # noqa: S301
    ):
        assert call_from_json(written) == labelled
    assert labelled.url(BASE) == call.url(BASE)


@pytest.mark.parametrize("is_full", [False, True], ids=["least", "full"])
@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_the_way_back_from_a_url(operation, is_full):
    call = a_call(OPERATIONS[operation], is_full=is_full)
    told = call_from_url(call.method, call.url(BASE), BASE)
    if any(secret.place == "path" for secret in call.secrets):
        assert told.operation_id == operation
        return
    # A URL has neither a body nor secrets.
    assert told == replace(call, body=None, secrets=())
    assert told.url(BASE) == call.url(BASE)


def test_what_no_url_shows():
    call = OPERATIONS["tv-series-details"].call(
        {}, 1, languages=["fr", "en"], append_to_response=[f"season/{number}" for number in range(25)]
    )
    call = replace(call, has_all_seasons=True)
    kept = call.to_json()
    assert kept["languages"] == ["fr", "en"]
    assert len(kept["appends"]) > MAX_APPENDS
    assert call_from_json(json.loads(json.dumps(kept))) == call


def test_what_is_not_in_the_catalogue():
    call = plain_call(
        {"language": "fr"},
        "post",
        "thing/Amélie",
        {"page": 2, "session_id": SESSION},
        {"a": [1], "password": "p"},
    )
    kept = json.loads(json.dumps(call.to_json()))
    assert kept == {
        "method": "POST",
        "path": "/thing/Am%C3%A9lie",
        "query": {"language": "fr", "page": "2"},
        "body": {"a": [1]},
        "secrets": [["session_id", "query", ""], ["password", "body", ""]],
    }
    assert call_from_json(kept) == replace(
        call, secrets=tuple(replace(one, value="") for one in call.secrets)
    )
    assert call_from_url("POST", call.url(BASE), BASE) == replace(call, body=None, secrets=())


def test_an_operation_that_is_not_known_here():
    assert call_from_json({"method": "GET", "operation": "movie-smell", "values": {"movie_id": "1"}}) is None


def test_what_is_left_out_is_empty():
    assert OPERATIONS["configuration-details"].call({}).to_json() == {
        "method": "GET",
        "operation": "configuration-details",
    }


@pytest.mark.parametrize(
    ("page", "told"), [("2", "2"), ("", None), ("x", None), ("-1", None), ("²", None), (None, None)]
)
def test_the_page_of_a_url_may_be_anything(page, told):
    query = "" if page is None else f"?page={page}"
    assert call_from_url("GET", f"{BASE}/movie/popular{query}", BASE).page == told


def test_a_value_that_leads_elsewhere_is_in_no_call():
    assert call_from_url("GET", f"{BASE}/find/%2E%2E", BASE).operation_id is None
    with pytest.raises(ValidationError):
        call_from_json({"method": "GET", "operation": "find-by-id", "values": {"external_id": ".."}})


def test_no_repr_shows_a_secret():
    assert SESSION not in repr(Secret("session_id", "query", SESSION, "label"))
