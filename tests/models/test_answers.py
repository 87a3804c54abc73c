"""What an answer must have, though it could be decoded."""

from __future__ import annotations

from typing import Any

import pytest

from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.api.call import check_answer
from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.models import Page, Record, decode
from tmdbfusion_scrapy.models.account import ListDetails, Status
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.reference import Country


def refused(body: bytes, model: Any, page: str | None = None) -> str:
    """What is said against an answer; empty where nothing is."""
    try:
        check_answer(decode(body, model), page)
    except ResponseError as error:
        return error.message
    return ""


def test_it_may_be_another_next_time():
    with pytest.raises(ResponseError) as caught:
        check_answer(decode(b'{"id": null}', MovieDetails))
    assert caught.value.retryable


@pytest.mark.parametrize("body", [b"{}", b'{"id": null}', b'{"id": "x", "title": "T"}'])
def test_details_without_an_id(body):
    assert refused(body, MovieDetails) == "the record has no id"
    assert refused(b'{"id": 1}', MovieDetails) == ""


def test_every_details_endpoint_is_among_them():
    for endpoint in OPERATIONS.values():
        model: Any = endpoint.model
        if isinstance(model, type) and issubclass(model, Record) and endpoint.is_details:
            assert refused(b'{"id": null}', model) == "the record has no id", endpoint
    assert refused(b'{"page": 1}', Page[MovieListItem]) == ""


@pytest.mark.parametrize("body", [b"{}", b" {\n} "])
@pytest.mark.parametrize("model", [Page[MovieListItem], Status])
def test_an_object_without_any_field(body, model):
    assert refused(body, model) == "the body is a JSON object without any field"


@pytest.mark.parametrize(
    ("number", "asked", "words"),
    [
        ("2", "2", ""),
        ("2", None, ""),
        ("null", "2", ""),
        ("0", "1", ""),
        ("0", "2", ""),
        ('"0"', "1", ""),
        ("-1", "1", "page 1 was asked for, and page -1 came"),
        ("1", "2", "page 2 was asked for, and page 1 came"),
        ('"2"', "2", ""),
    ],
)
def test_the_page_that_was_asked_for(number, asked, words):
    body = f'{{"page": {number}, "total_pages": 3}}'.encode()
    assert refused(body, Page[MovieListItem], asked) == words
    assert refused(body, ListDetails, asked) == words


def test_what_is_no_record_is_left_alone():
    assert refused(b"{}", dict) == ""
    assert refused(b"[]", list[Country], "2") == ""
    assert refused(b"null", Any) == ""
