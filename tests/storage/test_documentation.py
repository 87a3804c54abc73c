"""docs/storage.md and the pages made of the tables: they say what is there."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests.storage.database_access import select
from tests.storage.library import LIBRARY, store
from tmdbfusion_scrapy import stats
from tmdbfusion_scrapy.settings import SETTINGS
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.rows import STORABLE

pytestmark = pytest.mark.once

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "storage.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_the_query_of_failures_answers_what_it_promises(database: str) -> None:
    store(database, LIBRARY)
    (query,) = re.findall(r"```sql\n(.*?);\n```", PAGE, re.DOTALL)
    assert [row[:5] for row in select(database, query)] == [
        ("movies", "NotFoundError", 404, 0, 2),
        ("movies", "ServerError", 503, 1, 1),
    ]


def test_the_settings_are_on_the_page_with_their_defaults() -> None:
    found = dict(re.findall(r"^\| `(TMDB_\w+)` \| `([^`]+)` \|", section("Settings"), re.MULTILINE))
    names = [name for name in SETTINGS if name.startswith(("TMDB_DATABASE", "TMDB_STORE_RAW"))]
    assert found == {name: str(SETTINGS[name].default) for name in names}


def test_every_item_that_is_stored_is_on_the_page() -> None:
    found = re.findall(r"^\| (`[A-Z].*?) \|", section("What is stored where"), re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(found))) == {item.__name__ for item in STORABLE}


def test_every_table_that_the_pages_name_exists() -> None:
    text = section("What is stored where") + section("What becomes of a row")
    named = set(re.findall(r"`((?:movie|tv_show|season|episode|person|tmdb)_\w+)`", text))
    parts = {"movie_credits", "tv_credits"}
    assert named - parts <= metadata.tables.keys()
    kinds = {name.partition("_")[2].removeprefix("show_") for name in metadata.tables}
    assert set(re.findall(r"`\.\.\._(\w+)`", text)) <= kinds


def test_the_stats_are_on_the_page() -> None:
    found = set(re.findall(r"^\| `(tmdb/[^`]+)` \|", section("Stats"), re.MULTILINE))
    assert found <= stats.STATS.keys()
    assert {name for name in stats.STATS if name.startswith(("tmdb/stor", "tmdb/deleted"))} <= found


def test_the_copy_is_whole_while_the_database_is_open(tmp_path: Path) -> None:
    program = shutil.which("sqlite3")
    (command,) = re.findall(r'^sqlite3 tmdb\.db "(.+)"$', PAGE, re.MULTILINE)
    store(f"sqlite:///{tmp_path}/tmdb.db", LIBRARY)
    with closing(sqlite3.connect(tmp_path / "tmdb.db")) as connection:
        connection.execute("DELETE FROM movies WHERE id = 105")
        connection.commit()
        # It is in the file beside it, not in the file.
        assert (tmp_path / "tmdb.db-wal").stat().st_size
        if program is None:
            pytest.skip("the program sqlite3 is not installed")
        subprocess.run([program, "tmdb.db", command], cwd=tmp_path, check=True)
    assert select(f"sqlite:///{tmp_path}/copy.db", "SELECT count(*) FROM movies") == [(5,)]
