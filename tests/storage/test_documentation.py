"""docs/storage.md: its queries run, its tables and settings are the real ones."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.storage.database_access import failed_call, movie, select
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.options import DatabaseOptions
from tmdbfusion_scrapy.storage.schema import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "storage.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL)

DRAMA = {"id": 18, "name": "Drama"}
ACTION = {"id": 28, "name": "Action"}
ITEMS = [
    movie(
        1,
        genres=[DRAMA],
        budget=2_000_000,
        revenue=9_000_000,
        vote_average=8.0,
        vote_count=300,
        release_date="1999-10-15",
    ),
    movie(2, genres=[ACTION, DRAMA], budget=9_000_000, revenue=90_000_000, vote_average=6.0, vote_count=100),
    movie(3, genres=[ACTION], budget=0, revenue=5, vote_average=0.0, vote_count=0),
    failed_call(4),
    failed_call(5, status_code=503, error="ServerError", retryable=True),
    failed_call(6),
]


@pytest.fixture
def answers(database: str) -> list[list[tuple[Any, ...]]]:
    """What each query of the page answers."""
    engine = open_database(database)
    now = datetime(2026, 11, 22, tzinfo=timezone.utc)
    store_batch(engine, [(item, now) for item in ITEMS])
    engine.dispose()
    return [select(database, query) for query in QUERIES]


def test_the_queries_answer_what_they_promise(answers: list[list[tuple[Any, ...]]]) -> None:
    dramas, genres, returns, failures = answers
    assert [(title, str(date), revenue) for title, date, revenue in dramas] == [
        ("Movie 2", "None", 90_000_000),
        ("Movie 1", "1999-10-15", 9_000_000),
    ]
    assert genres == [("Action", 2, 6.0), ("Drama", 2, 7.5)]
    assert [(title, float(times)) for title, _, _, times in returns] == [("Movie 2", 10.0), ("Movie 1", 4.5)]
    assert [row[:5] for row in failures] == [
        ("movies", "NotFoundError", 404, 0, 2),
        ("movies", "ServerError", 503, 1, 1),
    ]


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_is_on_the_page(table: Any) -> None:
    section = PAGE.split(f"### {table.name}\n")[1].split("\n#")[0]
    names: set[str] = set()
    for line in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE):
        names.update(re.findall(r"`(\w+)`", line))
    assert names == {column.name for column in table.columns}


def test_the_defaults_are_on_the_page() -> None:
    defaults = dict(re.findall(r"^\| `(TMDB_DATABASE_\w+)` \| `([^`]+)` \|", PAGE, re.MULTILINE))
    options = DatabaseOptions()
    assert defaults == {
        "TMDB_DATABASE_URL": options.url,
        "TMDB_DATABASE_BATCH_SIZE": str(options.batch_size),
        "TMDB_DATABASE_FLUSH_INTERVAL": str(options.flush_interval),
    }
