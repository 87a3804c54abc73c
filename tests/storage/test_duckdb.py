"""docs/queries.md: DuckDB reads the SQLite file."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.storage.database_access import select
from tests.storage.library import LIBRARY, store

duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")

PAGE = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")


def load_extension(connection: Any) -> None:
    """Load DuckDB's extension for SQLite: one that is installed, from a package, or from the net."""
    package = importlib.util.find_spec("duckdb_extension_sqlite_scanner")
    folders = package.submodule_search_locations if package is not None else None
    found = [path for folder in folders or () for path in Path(folder).rglob("*.duckdb_extension")]
    for statement in ("LOAD sqlite", *(f"LOAD '{path}'" for path in found), "INSTALL sqlite"):
        try:
            connection.execute(statement)
        except duckdb.Error:
            continue
        return
    pytest.skip("DuckDB's extension for SQLite is not installed and cannot be downloaded")


def test_duckdb_attaches_the_database(sqlite_database: str) -> None:
    store(sqlite_database, LIBRARY)
    (script,) = re.findall(r"^## DuckDB\n.*?```sql\n(ATTACH .*?)```", PAGE, re.DOTALL | re.MULTILINE)
    attach, *queries = [statement for statement in map(str.strip, script.split(";")) if statement]
    with duckdb.connect() as connection:
        load_extension(connection)
        path = make_url(sqlite_database).database
        connection.execute(attach.replace("'tmdb.db'", f"'{path}'"))
        answers = [connection.execute(query).fetchall() for query in queries]
    assert answers == [select(sqlite_database, query.replace("tmdb.", "")) for query in queries]
    assert answers == [[("Science Fiction", 3, 7.67), ("Drama", 2, 7.5)]]
