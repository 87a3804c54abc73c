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
