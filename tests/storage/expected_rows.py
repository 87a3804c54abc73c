"""What must stand in the tables after a document, read from its JSON alone.

Nothing here is of the code under test but the types of the columns. A scalar of a record is a column of the same
name, unless it is listed here as one that has another name, or as left to ``raw``.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, select

from tests.storage.database_access import tables_with_rows
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.declaration import UTCDateTime

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.engine import Engine

Row = dict[str, Any]

ODD = object()
"""Stands in a list for an element that cannot be read."""


def placed(elements: Iterable[Any] | None) -> list[tuple[int, Any]]:
    """The elements of a list that can be read, with their places in it."""
    return [(place, element) for place, element in enumerate(elements or ()) if element is not ODD]


def readable(elements: Iterable[Any] | None) -> list[Any]:
    """The elements of a list that can be read."""
    return [element for _, element in placed(elements)]


LEFT_TO_RAW = {
    "_id": "TMDB's internal key beside the id",
    "media_type": "says which list an element is of, which its table says",
    "genre_ids": "of a movie or series that is only named; its own answer has the genres",
    "origin_country of a list": "of a series that is only named; its own answer has it",
    "link": "the page at TMDB, which follows from id and country",
    "descriptors": "empty in every answer seen",
    "total_episode_count": "the sum of the episode counts of the roles or jobs",
    "alternative_names": "other ways to write a company or network, seldom there",
    "account_states": "the user's, not the title's",
    "changes": "a log, not the title",
    "episode_groups": "lists of their own, by their own ids",
    "first_credit_air_date": "the air date of the first episode of a credit",
    "lists": "users' lists",
    "movies": "of a company: a page of a list that is long",
    "recommendations": "a page of a list that is long, and changes all the time",
    "releases": "the part before release_dates",
    "reviews": "users' texts",
    "screened_theatrically": "episodes by their own ids",
    "similar": "as recommendations",
    "tagged_images": "a page of a list that is long",
    "trailers": "the part before videos",
    "name of a translation": "the language's own name",
}


class Expected:
    """Rows by table and key; what is NULL is not in a row."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Any, Row]] = defaultdict(dict)
        self.unknown: set[str] = set()

    def record(self, kind: str, document: Row, **more: Any) -> None:
        """The row of a whole record, in place of what was known of it."""
        row = {**self._scalars(kind, document), "raw": document, "fetched_at": "now", **more}
        known = self.tables[kind].get(document["id"], {})
        kept = {name: known[name] for name in _NOT_OF_THE_RECORD.get(kind, ()) if name in known}
        self.tables[kind][document["id"]] = without_nulls({**kept, **row})

    def mention(self, kind: str, element: Row, *, key: str = "id", **more: Any) -> None:
        """The row of what is only named: what is known of it stays where nothing is said."""
        if element.get(key) is None:
            return
        row = without_nulls({**self._scalars(kind, element), **more})
        known = self.tables[kind].setdefault(row[key], {})
        is_whole = "fetched_at" in known
        only = _NOT_OF_THE_RECORD.get(kind, set())
        known.update({name: value for name, value in row.items() if not is_whole or name in only})

    def links(self, table: str, rows: Iterable[Row]) -> None:
        """All rows of a link table that belong to one record; of two with one key the first.

        Those that lack what must not be NULL cannot be there.
        """
        rows = [
            row
            for row in rows
            if all(
                row.get(column.name) is not None
                for column in metadata.tables[table].columns
                if not column.nullable
            )
        ]
        # A kind without the table has no such part.
        keys = [column.name for column in metadata.tables[table].primary_key] if rows else []
        for row in rows:
            key = tuple(row.get(name) for name in keys)
            self.tables[table].setdefault(
                key, without_nulls({name: fit(table, name, row[name]) for name in row})
            )

    def _scalars(self, kind: str, element: Row) -> Row:
        """The scalars of an element, which are columns unless it is known why not."""
        columns = metadata.tables[kind].columns
        row = {}
        for name, value in element.items():
            if value is None or isinstance(value, dict | list):
                continue
            if name in columns:
                row[name] = fit(kind, name, value)
            elif name not in LEFT_TO_RAW and name not in _OF_THE_LINK:
                self.unknown.add(f"{kind}: {name}")
        return row


_NOT_OF_THE_RECORD = {
    "people": {"original_name"},
    "seasons": {"tv_show_id", "episode_count"},
    "episodes": {"tv_show_id", "season_id"},
}
"""Columns that only lists tell."""

_OF_THE_LINK = {
    *("credit_id", "cast_id", "character", "order", "department", "job", "episode_count"),
    *("provider_id", "provider_name", "display_priority", "show_id", "character_name"),
}
"""What an element says of the link, and not of what it names; the tests of the links have it."""


def fit(table: str, column: str, value: Any) -> Any:
    """A value of the JSON as the column has it."""
    kind = metadata.tables[table].columns[column].type
    if isinstance(value, str) and isinstance(kind, Date | UTCDateTime):
        if not value:
            return None
        if isinstance(kind, Date):
            return datetime.date.fromisoformat(value)
        return datetime.datetime.fromisoformat(value.replace(" UTC", "+00:00").replace("Z", "+00:00"))
    return value


def without_nulls(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def dump(engine: Engine) -> dict[str, dict[Any, Row]]:
    """All rows of the tables of records and links, in the form of :class:`Expected`."""
    found: dict[str, dict[Any, Row]] = {}
    with engine.connect() as connection:
        for table in tables_with_rows(connection):
            name = table.name
            if name.startswith("tmdb_"):
                continue
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            keys = [column.name for column in table.primary_key]
            found[name] = {}
            for row in rows:
                key = tuple(row[part] for part in keys)
                if row.get("fetched_at") is not None:
                    row["fetched_at"] = "now"
                found[name][key if len(key) > 1 else key[0]] = without_nulls(row)
    return found


def differences(expected: dict[str, dict[Any, Row]], found: dict[str, dict[Any, Row]]) -> list[str]:
    """What is not as it should be, value by value."""
    wrong = []
    for table in sorted({*expected, *found}):
        rows, there = expected.get(table, {}), found.get(table, {})
        wrong += [f"{table}: {key} is not there" for key in rows.keys() - there.keys()]
        wrong += [f"{table}: {key} is too much" for key in there.keys() - rows.keys()]
        for key in rows.keys() & there.keys():
            if rows[key] == there[key] and not _has_other_types(rows[key], there[key]):
                continue
            names = rows[key].keys() | there[key].keys()
            pairs = {name: (rows[key].get(name), there[key].get(name)) for name in names}
            wrong += [
                f"{table} {key}: {name} is {stored!r:.60}, not {value!r:.60}"
                for name, (value, stored) in pairs.items()
                if value != stored or isinstance(value, bool) != isinstance(stored, bool)
            ]
    return wrong


def _has_other_types(row: Row, stored: Row) -> bool:
    """Whether one has a number where the other has true or false, which are equal in Python."""
    return any(isinstance(row[name], bool) != isinstance(stored[name], bool) for name in row)
