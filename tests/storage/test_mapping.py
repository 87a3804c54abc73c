"""That every field of a record has its place."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from typing import TYPE_CHECKING

import pytest

from tmdbfusion_scrapy.crawling.items import FailedCall
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.mapping import STORED, Stored
from tmdbfusion_scrapy.storage.schema import movie_genres, movies, tmdb_failures

if TYPE_CHECKING:
    from tmdbfusion_scrapy.models.record import Record

SCALARS = (int, float, str, bool, datetime.date, datetime.datetime)


def scalar_fields(record: type[Record]) -> set[str]:
    names = set()
    for name, hint in typing.get_type_hints(record).items():
        arms = [arm for arm in typing.get_args(hint) or (hint,) if arm is not types.NoneType]
        if arms[0] in SCALARS and typing.get_origin(hint) is not list:
            names.add(name)
    return names


def test_every_scalar_field_of_a_movie_is_a_column() -> None:
    own = {"belongs_to_collection_id", "raw", "fetched_at"}
    assert scalar_fields(MovieDetails) == {column.name for column in movies.columns} - own


def test_every_field_of_a_failed_call_is_a_column() -> None:
    fields = {field.name for field in dataclasses.fields(FailedCall)}
    assert fields == {column.name for column in tmdb_failures.columns}


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: stored.record.__name__)
def test_every_declared_name_exists(stored: Stored) -> None:
    assert stored.columns
    for name in getattr(stored, "computed", {}):
        assert name in stored.table.columns
    for link in getattr(stored, "links", ()):
        assert hasattr(stored.record(), link.field)
        assert {link.owner, link.target_column} <= {column.name for column in link.table.columns}
        assert "id" in link.target_columns


def test_columns_of_a_link_come_from_owner_target_and_element() -> None:
    (movie,) = (stored for stored in STORED if stored.record is MovieDetails)
    assert isinstance(movie, Stored)
    (link,) = movie.links
    assert (link.table, link.key, link.columns) == (movie_genres, ("genre_id",), ())
