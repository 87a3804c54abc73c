"""Each public way in works as the first import of a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "statement",
    [
        "from tmdbfusion_scrapy.storage import SQLPipeline",
        "from tmdbfusion_scrapy.storage import check_database",
        "from tmdbfusion_scrapy import Addon; from tmdbfusion_scrapy.storage import SQLPipeline",
    ],
)
def test_first_import(statement: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", statement], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_room_itself_loads_neither_sqlalchemy_nor_scrapy() -> None:
    check = "import sys, tmdbfusion_scrapy.storage; print({'sqlalchemy', 'scrapy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


COMMANDS = (
    "from importlib.metadata import entry_points; [c.load() for c in entry_points(group='scrapy.commands')]"
)
DATABASE = "from tmdbfusion_scrapy.storage import check_database; check_database('sqlite:///{}')"


@pytest.mark.parametrize(
    ("statement", "unused"),
    [
        # Scrapy loads every command and makes every add-on for each of its own.
        (COMMANDS, {"httpx", "sqlalchemy", "tmdbfusion_scrapy.api", "tmdbfusion_scrapy.models"}),
        ("from tmdbfusion_scrapy import Addon", {"httpx", "sqlalchemy", "tmdbfusion_scrapy.models.movies"}),
        ("from tmdbfusion_scrapy import TMDBSpider", {"sqlalchemy", "tmdbfusion_scrapy.models.movies"}),
        (DATABASE, {"psycopg", "sqlalchemy.dialects.postgresql", "httpx"}),
    ],
)
def test_nothing_is_loaded_that_is_not_used(statement: str, unused: set[str], tmp_path: Path) -> None:
    check = f"import sys; {statement.format(tmp_path / 'tmdb.db')}; print({unused!r} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
