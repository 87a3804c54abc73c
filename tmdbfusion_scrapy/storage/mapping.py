"""Which record goes to which table.

A record type is stored by declaring it in :data:`STORED`. A column takes the field of its own name; what has
another name or shape is in ``computed``; a list of the record that becomes a link table is a :class:`Link`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

from sqlalchemy import Table

from tmdbfusion_scrapy.models.genres import Genre, GenreList
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.storage.schema import genres, movie_genres, movies


@dataclass(frozen=True)
class Link:
    """A list of a record whose elements are rows of another table.

    Columns of the link table that are fields of the element are filled from it; ``position``, where the table
    has it, is the place in the list, from 0. An element without an id cannot be linked and is left out.

    Args:
        table: The link table.
        field: The record's field that holds the list.
        element: Type of the list's elements.
        owner: Column for the id of the record.
        target: Table of what is linked; a row of it is stored before the link.
        target_column: Column for the id of what is linked.
    """

    table: Table
    field: str
    element: type[Record]
    owner: str
    target: Table
    target_column: str

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of the link table that are fields of the element."""
        return _shared_names(self.table, self.element)

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Columns that tell the links of one record apart."""
        return tuple(column.name for column in self.table.primary_key if column.name != self.owner)

    @cached_property
    def target_columns(self) -> tuple[str, ...]:
        """Columns of the target that are fields of the element."""
        return _shared_names(self.target, self.element)


@dataclass(frozen=True)
class Stored:
    """How a record type is stored.

    Args:
        record: The record type.
        table: Its table; the table's name is also its kind in ``tmdb_failures``.
        path: Path of its call at TMDB, without the id.
        computed: Columns that are no field of the record, with the function that makes them.
        links: The record's links.
    """

    record: type[Record]
    table: Table
    path: str
    computed: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    links: tuple[Link, ...] = ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns that are fields of the record."""
        return _shared_names(self.table, self.record)


@dataclass(frozen=True)
class StoredList:
    """How a record that is but the envelope of others is stored.

    Args:
        record: The record type.
        field: Its field with the records to store; those without an id are left out.
        element: Their type.
        table: Their table.
        path: Path of the call at TMDB.
    """

    record: type[Record]
    field: str
    element: type[Record]
    table: Table
    path: str

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns that are fields of the element."""
        return _shared_names(self.table, self.element)


def _shared_names(table: Table, record: type[Record]) -> tuple[str, ...]:
    """The columns of a table that are fields of a record type."""
    names = {part.name for part in dataclasses.fields(cast("Any", record))}
    return tuple(column.name for column in table.columns if column.name in names)


STORED: tuple[Stored | StoredList, ...] = (
    Stored(
        MovieDetails,
        movies,
        "/movie",
        computed={"belongs_to_collection_id": lambda movie: getattr(movie.belongs_to_collection, "id", None)},
        links=(Link(movie_genres, "genres", Genre, "movie_id", genres, "genre_id"),),
    ),
    StoredList(GenreList, "genres", Genre, genres, "/genre"),
)
"""Every record type that is stored."""
