"""Queries on the database: the ten that the package brings, and those of users. Nothing is written.

The statements are in ``queries.sql``. A value that may be changed has a comment with its name behind it, at the
end of a line: ``WHERE name = 'Tom Hanks' -- name``. In a statement of a user ``:name`` is a value, too, which has
to be given.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, bindparam, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import backend_of, reason_of

_NAMED_VALUE = re.compile(r"'([^'\n]*)' -- (\w+)$", re.MULTILINE)
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class Query:
    """A question in SQL.

    Args:
        name: Short name, such as ``directors``.
        statement: One SELECT, without a semicolon behind it.
        title: What is asked, in a few words; empty for a query of a user.
        about: More of it, in lines of Markdown.
    """

    name: str
    statement: str
    title: str = ""
    about: str = ""

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The values that may be changed, by name."""
        return {name: value for value, name in _NAMED_VALUE.findall(self.statement)}

    def with_parameters(self, form: str = ":{name}") -> str:
        """Return the statement with ``form``, of ``{name}`` and ``{value}``, for values that may be changed."""
        return _NAMED_VALUE.sub(lambda found: form.format(value=found[1], name=found[2]), self.statement)


@dataclass(frozen=True)
class Answer:
    """Answer to a query: the names of its columns, each once, and its rows, as they are read."""

    columns: Sequence[str]
    rows: Iterator[Sequence[Any]]


@cache
def shipped_queries() -> Mapping[str, Query]:
    """Return the queries of the package by name, in the order of ``docs/queries.md``."""
    source = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^-- name: ", source, flags=re.MULTILINE)[1:]:
        head, statement = part.split("\n\n", 1)
        name, title, *about = head.splitlines()
        lines = "\n".join(line.removeprefix("-- ") for line in about)
        found[name] = Query(name, _bare(statement), title.removeprefix("-- "), lines)
    return found


def query_of_text(name: str, statement: str) -> Query:
    """Return a query of a user; the name is for messages.

    Raises:
        ConfigurationError: There is nothing in it.
    """
    bare = _bare(statement)
    if not re.sub(r"--[^\n]*|/\*.*?\*/|\s", "", bare, flags=re.DOTALL):
        raise ConfigurationError(f"{name}: there is no query in it: write one SELECT")
    return Query(name, bare)


@contextmanager
def answered(engine: Engine, query: Query, values: Mapping[str, str]) -> Iterator[Answer]:
    """Yield the answer to a query, with some values in place of those in it; the database does not let it write.

    Raises:
        ConfigurationError: A value is missing or unknown, or the database refuses the statement.
    """
    backend = backend_of(engine)
    # A colon of a statement that begins no value may have a backslash before it, as in SQLAlchemy.
    statement = text(query.with_parameters())
    given = {**query.values, **values}
    # The only public way to the names.
    names = set(statement.compile(engine).params)
    if unknown := sorted(values.keys() - names):
        known = f"it takes {', '.join(sorted(names))}" if names else "it takes none"
        raise ConfigurationError(f"{query.name} has no value {unknown[0]!r} to change: {known}")
    if missing := sorted(names - given.keys()):
        raise ConfigurationError(
            f"{query.name} needs a value for :{missing[0]}: add -p {missing[0]}=..., or write \\: where a colon "
            "begins no name"
        )
    # Without a type PostgreSQL finds out which one is meant.
    bound = [bindparam(name, backend.parameter(given[name]), type_=NullType()) for name in names]
    try:
        with engine.connect() as connection:
            backend.forbid_writing(connection)
            found = connection.execution_options(stream_results=True, max_row_buffer=_ROWS_AT_ONCE).execute(
                statement.bindparams(*bound)
            )
            if not found.returns_rows:
                raise ConfigurationError(f"{query.name} asks for nothing: use one SELECT")
            yield Answer(_each_once(found.keys()), iter(found))
    # Up to Python 3.10 sqlite3 refuses two statements by a warning, which SQLAlchemy lets through.
    except (SQLAlchemyError, sqlite3.Warning) as error:
        reason = reason_of(error).rstrip(".")
        raise ConfigurationError(
            f"{query.name} cannot be answered: {reason}. The database is only read: use one SELECT"
        ) from error


def _bare(statement: str) -> str:
    """Return a statement without what is around it."""
    return statement.lstrip("\ufeff").strip().rstrip(";").rstrip()


def _each_once(names: Sequence[str] | Any) -> list[str]:
    """Return the names of columns, with a number behind one that was there before."""
    found: list[str] = []
    for name in names:
        other, number = name, 1
        while other in found:
            number += 1
            other = f"{name}_{number}"
        found.append(other)
    return found
