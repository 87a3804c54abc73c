"""The reference page of the database's tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markup import anchor, code, table
from meanings import OWNERS, TABLES, check_meanings, column_meaning, split_name, table_meaning
from sqlalchemy import Boolean, Date, Float, Integer, Text

from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.declaration import Document, UTCDateTime

if TYPE_CHECKING:
    from sqlalchemy import Column, Table

HEAD = """\
# Tables

The {count} tables of the [database](../storage.md), drawn in [the schema](../queries.md). Columns have TMDB's
field names. All may be NULL but those of the key and those marked with *not NULL*.

In SQLite a date is text such as `1999-10-15`, a time text such as `2026-11-22 12:00:00.000000` in UTC, a boolean
0 or 1. In PostgreSQL `raw` is `jsonb`, a time is `timestamp with time zone`, a float is `double precision`.

"""

MAIN = {
    "movies": "Of movies",
    "tv_shows": "Of series",
    "seasons": "Of seasons",
    "episodes": "Of episodes",
    "people": "Of people",
    "collections": "Of collections",
    "companies": "Of companies",
    "networks": "Of networks",
}
"""Headings of the tables that others belong to."""

SHARED = [
    "keywords",
    "genres",
    "countries",
    "languages",
    "watch_providers",
]


def groups() -> dict[str, list[Table]]:
    """The tables in the order of the page, by heading.

    Raises:
        LookupError: A table is in no group.
    """
    found = {heading: [metadata.tables[name]] for name, heading in MAIN.items()}
    for each in metadata.tables.values():
        if each.name not in TABLES:
            found[MAIN[OWNERS[split_name(each)[0]][0]]].append(each)
    found["What they share"] = [metadata.tables[name] for name in SHARED]
    found["The crawl's own"] = [each for each in metadata.tables.values() if each.name.startswith("tmdb_")]
    if missing := set(metadata.tables.values()).difference(*found.values()):
        raise LookupError(f"no group has the tables {sorted(each.name for each in missing)}")
    return found


def table_page() -> str:
    """All tables, their columns, types, keys and meanings.

    Raises:
        LookupError: A table or a column has no meaning, or a meaning has no column.
    """
    found = groups()
    check_meanings(metadata.tables.values())
    listed = [
        (
            f"[{heading}]({anchor(heading.replace(' ', '-'))})",
            ", ".join(f"[{t.name}]({anchor(t.name)})" for t in tables),
        )
        for heading, tables in found.items()
    ]
    text = HEAD.format(count=len(metadata.tables)) + table(("Group", "Tables"), listed)
    for heading, tables in found.items():
        text += f"\n## {heading}\n" + "".join(_section(t) for t in tables)
    return text


def _section(of: Table) -> str:
    """One table."""
    rows = [
        (code(column.name), type_name(column), _key(column), column_meaning(column)) for column in of.columns
    ]
    indexed = ", ".join(
        f"`{', '.join(column.name for column in index.columns)}`"
        for index in sorted(of.indexes, key=lambda index: str(index.name))
    )
    text = f"\n### {of.name}\n\n{table_meaning(of)}\n\n" + table(("Column", "Type", "Key", "Meaning"), rows)
    return text + (f"\nIndexes: {indexed}.\n" if indexed else "")


def type_name(column: Column[Any]) -> str:
    """The type in a word."""
    for kind, name in (
        (UTCDateTime, "time"),
        (Document, "JSON"),
        (Date, "date"),
        (Boolean, "boolean"),
        (Float, "float"),
        (Text, "text"),
    ):
        if isinstance(column.type, kind):
            return name
    if isinstance(column.type, Integer):
        return "big integer" if column.type.__visit_name__ == "big_integer" else "integer"
    raise TypeError(f"no word for the type of {column}")


def _key(column: Column[Any]) -> str:
    """What a column is to its row: part of its key, another table's key, or required."""
    words = ["key"] if column.primary_key else []
    for foreign in column.foreign_keys:
        target = foreign.column.table.name
        words.append(f"of [{target}]({anchor(target)})")
    if not column.primary_key and not column.nullable:
        words.append("not NULL")
    return ", ".join(words)
