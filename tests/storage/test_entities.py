"""That every field of a record has its place, and that what is declared is there."""

from __future__ import annotations

import dataclasses
import datetime
import types
import typing
from typing import TYPE_CHECKING, Any

import pytest

from tests.storage.expected_rows import LEFT_TO_RAW
from tmdbfusion_scrapy.items import FailedCall, Watermark
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.storage.entities import STORED, metadata
from tmdbfusion_scrapy.storage.entities.crawl import tmdb_failures, tmdb_watermarks
from tmdbfusion_scrapy.storage.entities.declaration import Stored, StoredList

if TYPE_CHECKING:
    from collections.abc import Iterator

SCALARS = (int, float, str, bool, datetime.date, datetime.datetime)

RENAMED = {"show_id": "tv_show_id"}

CRAWL_COLUMNS = {"raw", "fetched_at", "deleted_at", "etag"}

ONLY_LISTED = {"people": {"original_name"}, "seasons": {"episode_count"}, "episodes": {"season_id"}}
"""Columns that a record's own answer does not tell."""

RECORDS = [stored for stored in STORED if isinstance(stored, Stored)]


def hints(record: Any) -> Iterator[tuple[str, Any]]:
    """The fields of a record, with what they hold if they hold anything."""
    found = typing.get_type_hints(record)
    for field in dataclasses.fields(record):
        hint = found[field.name]
        if typing.get_origin(hint) in (typing.Union, types.UnionType):
            hint = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
        yield field.name, hint


@pytest.mark.parametrize("stored", RECORDS, ids=lambda stored: stored.record.__name__)
def test_every_scalar_is_a_column_and_every_column_is_written(stored: Stored) -> None:
    scalars = {
        RENAMED.get(name, name) for name, hint in hints(stored.record) if hint in SCALARS
    } - LEFT_TO_RAW.keys()
    columns = {column.name for column in stored.table.columns}
    assert scalars - columns == set()
    assert columns - set(stored.columns) == ONLY_LISTED.get(stored.table.name, set())
    assert set(stored.columns) - scalars - set(stored.computed) == CRAWL_COLUMNS


@pytest.mark.parametrize("stored", RECORDS, ids=lambda stored: stored.record.__name__)
def test_every_list_and_part_has_a_table_or_a_reason(stored: Stored) -> None:
    read = {path.partition(".")[0] for relation in stored.relations for path in relation.paths}
    read |= {addition.path.partition(".")[0] for addition in stored.additions}
    read |= {children.path for children in stored.children}
    # These are read from the record itself.
    read |= {"belongs_to_collection", "parent_company", "last_episode_to_air", "next_episode_to_air"}
    read |= {"appended_seasons"}
    parts = {name for name, hint in hints(stored.record) if hint not in SCALARS}
    assert parts - read - LEFT_TO_RAW.keys() == set()


@pytest.mark.parametrize("stored", RECORDS, ids=lambda stored: stored.record.__name__)
def test_what_is_declared_is_there(stored: Stored) -> None:
    assert stored.keeps <= set(stored.columns)
    for declared in (*stored.relations, *stored.additions):
        assert set(declared.columns) <= {column.name for column in declared.table.columns}
        for stub, _ in declared.stubs:
            assert stub.fills < set(stub.columns)
    for relation in stored.relations:
        keys = {column.name for column in relation.table.primary_key}
        assert keys == {relation.owner, *(relation.columns[index] for index in relation.key)}
        (owner,) = relation.table.columns[relation.owner].foreign_keys
        assert owner.column.table is stored.table
    for addition in stored.additions:
        # Their key is what a batch tells them apart by.
        keys = {column.name for column in addition.table.primary_key}
        assert keys == set(addition.columns[:2])
    for children in stored.children:
        assert children.stub.table is children.table
        assert children.parent in children.stub.columns


def test_declarations_of_one_table_write_the_same_columns() -> None:
    """A batch joins two rows of an episode that came alone and with its season."""
    by_table: dict[str, set[tuple[str, ...]]] = {}
    for stored in RECORDS:
        by_table.setdefault(stored.table.name, set()).add(stored.columns)
    assert {name: len(columns) for name, columns in by_table.items()} == dict.fromkeys(by_table, 1)


def test_every_table_is_written_by_some_declaration() -> None:
    written = {stored.table.name for stored in STORED}
    for stored in STORED:
        if isinstance(stored, StoredList):
            continue
        stubs = [stub for stub, _ in stored.stubs]
        for declared in (*stored.relations, *stored.additions):
            written.add(declared.table.name)
            stubs += [stub for stub, _ in declared.stubs]
        written.update(stub.table.name for stub in stubs)
    assert {name for name in metadata.tables if not name.startswith("tmdb_")} == written


@pytest.mark.parametrize(("item", "table"), [(FailedCall, tmdb_failures), (Watermark, tmdb_watermarks)])
def test_every_field_of_an_item_is_a_column(item: Any, table: Any) -> None:
    assert {field.name for field in dataclasses.fields(item)} == {column.name for column in table.columns}


def test_the_kinds_are_the_tables() -> None:
    kinds = {"movies", "tv_shows", "seasons", "episodes", "people", "collections", "companies", "networks"}
    assert {stored.table.name for stored in STORED} == kinds | {"keywords", "genres"}
    assert all(issubclass(stored.record, Record) for stored in STORED)
