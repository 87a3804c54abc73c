"""docs/queries.md: its ten questions, and what they answer on both databases."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.storage.database_access import select
from tests.storage.library import LIBRARY, store

DOCS = Path(__file__).parents[2] / "docs"
METADATA = DOCS.parent / "tmdbfusion_scrapy" / "browse" / "metadata.yaml"
PAGE = (DOCS / "queries.md").read_text(encoding="utf-8").partition("\n## DuckDB\n")[0]
QUESTIONS = dict(
    re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?```sql\n(.*?);\n```", PAGE, re.DOTALL | re.MULTILINE)
)

ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    # Both of 2021 grossed the same.
    "The top grossing movie of each year": [
        ("2021", "Der Sprung", 40_000_000),
        ("2021", "Second Jump", 40_000_000),
        ("2019", "The Tin Orbit", 900_000_000),
    ],
    "An actor's career": [
        (None, "movie", "Untitled", None),
        ("2019", "movie", "Salt Road", "Old Sailor"),
        ("2019", "movie", "The Tin Orbit", "Captain Roe"),
        ("2015", "series", "Harbour Lights", "His Brother"),
        ("2015", "series", "Harbour Lights", "The Keeper"),
        ("1999", "movie", "Early Bird", "Young Man"),
    ],
    "What streams where": [
        ("Flixo", "movie", "The Tin Orbit"),
        ("Streamly", "series", "Harbour Lights"),
        ("Streamly", "movie", "The Tin Orbit"),
    ],
    "Who may see it": [
        ("Salt Road", "R", None, "6"),
        ("The Tin Orbit", "PG-13", "12A", None),
    ],
    "Directors with the best ratings": [
        ("Ana Vale", 2, 7.5, 10_500),
        ("Otto Brook", 2, 7.5, 1_400),
    ],
    "Directors and actors who work together most": [
        ("Ana Vale", "Mia Lindt", 2),
        ("Ana Vale", "Tom Hanks", 2),
    ],
    "Season by season": [
        ("Harbour Lights", 1, 3, 7.75, "Ebb"),
        ("Harbour Lights", 2, 1, 9.0, "Return"),
    ],
    "What a genre is about": [("space", 2), ("robot", 1)],
    "Titles in another language": [
        ("The Tin Orbit", "DE", "Blechmond"),
        ("Der Sprung", "DE", "Der Sprung ins Blaue"),
        ("Salt Road", "AT", "Salzstraße"),
        ("Salt Road", "DE", "Salt Road"),
    ],
    "Whose id is this": [("movie", 101, "The Tin Orbit", "imdb")],
}


def test_the_page_asks_ten_questions() -> None:
    assert list(QUESTIONS) == list(ANSWERS)
    assert len(QUESTIONS) == PAGE.count("```sql") == 10


@pytest.fixture
def library(database: str) -> str:
    """A database with the library in it."""
    store(database, LIBRARY)
    return database


def test_the_questions_are_answered(library: str) -> None:
    answers = {title: select(library, query) for title, query in QUESTIONS.items()}
    assert {title: [_plain(row) for row in rows] for title, rows in answers.items()} == ANSWERS


def test_datasette_answers_the_same_to_an_empty_field(sqlite_database: str) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML, which comes with datasette, is not installed")
    store(sqlite_database, LIBRARY)
    told = yaml.safe_load(METADATA.read_text(encoding="utf-8"))
    queries = told["databases"]["tmdb"]["queries"].values()
    assert [query["title"] for query in queries] == list(QUESTIONS)
    with closing(sqlite3.connect(make_url(sqlite_database).database)) as connection:
        for query in queries:
            names = re.findall(r":(\w+)", query["sql"])
            answer = connection.execute(query["sql"], dict.fromkeys(names, "")).fetchall()
            assert answer == ANSWERS[query["title"]]


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """A row with PostgreSQL's exact numbers as SQLite gives them."""
    return tuple(float(value) if isinstance(value, Decimal) else value for value in row)
