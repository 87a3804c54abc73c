"""The first command of the README, as a shell runs it: it fetches what the ten queries ask for."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from sqlalchemy import create_engine

from tests.crawling.test_project import ROOT, copy_of_the_project, environment
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy.storage.database import open_for_reading
from tmdbfusion_scrapy.storage.queries import answered, shipped_queries


@pytest.mark.slow
def test_each_query_has_an_answer_after_the_first_command(tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(
        r"<!-- command: crawl -->\n```bash\n.*?\(cd example_project && (.*)\)\n```", readme
    )
    assert command.startswith("../.venv/bin/scrapy crawl tmdb_movies && ")
    project = copy_of_the_project(tmp_path / "project")
    finished = subprocess.run(
        ["/bin/sh", "-c", command.replace("../.venv/bin/scrapy", f"{sys.executable} -m scrapy")],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    # It ends with the answer to one of them.
    answer = finished.stdout.splitlines()
    assert answer[0] == "The top grossing movie of each year"
    assert re.fullmatch(r"\d{4} .* \d+", answer[-3])
    assert answer[-1].endswith(" rows.")

    url = f"sqlite:///{project / 'tmdb.db'}"
    engine = open_for_reading(url)
    empty = []
    for query in shipped_queries().values():
        with answered(engine, query, {}) as found:
            if not list(found.rows):
                empty.append(query.name)
    engine.dispose()
    assert empty == []


@pytest.mark.slow
def test_no_parts_are_asked_for_where_none_are_wanted(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    command = [*scrapy_program(), "crawl", "tmdb_movies", "-a", "limit=3", "-a", "append="]
    subprocess.run(command, cwd=project, env=environment(), timeout=300, check=True, capture_output=True)
    engine = create_engine(f"sqlite:///{project / 'tmdb.db'}")
    with engine.connect() as connection:
        counts = {
            table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()  # noqa: S608
            for table in ("movies", "movie_cast", "movie_keywords")
        }
    engine.dispose()
    assert counts == {"movies": 3, "movie_cast": 0, "movie_keywords": 0}
