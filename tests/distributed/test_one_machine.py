"""Who crawls on one machine notices nothing of the others: no import, no table; and what is missing is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import scrapy_command  # noqa: F401 - a fixture
from tests.coroutines import coroutine_test
from tests.distributed.spiders import Movies

COMMANDS = [("tmdb-enqueue", "movies", "-a", "ids=1"), ("tmdb-worker",), ("tmdb-queue",)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_sqlite_is_for_one_machine(command, scrapy_command):  # noqa: F811
    ended = scrapy_command(*command)
    assert ended.status == 1
    assert "by a PostgreSQL database" in ended.errors
    assert "scrapy crawl" in ended.errors


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_missing_extra_is_named(command, scrapy_command, monkeypatch):  # noqa: F811
    monkeypatch.setattr("tmdbfusion_scrapy.distributed.queue.find_spec", lambda name: None)
    ended = scrapy_command(*command, TMDB_DATABASE_URL="postgresql://nobody@127.0.0.1/nothing")
    assert ended.status == 1
    assert "pip install 'tmdbfusion-scrapy[distributed]'" in ended.errors


@pytest.mark.parametrize(
    "command",
    [
        ("tmdb-enqueue",),
        ("tmdb-enqueue", "movies", "--size", "0"),
        ("tmdb-queue", "all"),
        ("tmdb-enqueue", "movies", "-a", "ids=1", "--priority", "9999999999"),
        ("tmdb-worker", "--nothing"),
    ],
    ids=" ".join,
)
def test_a_bad_command_line(command, scrapy_command):  # noqa: F811
    assert scrapy_command(*command).status == 2


def test_a_spider_that_is_not_there(scrapy_command):  # noqa: F811
    ended = scrapy_command(
        "tmdb-worker", "nowhere", TMDB_DATABASE_URL="postgresql://nobody@127.0.0.1/nothing"
    )
    assert ended.status == 1
    assert "there is no spider 'nowhere'" in ended.errors


def test_a_crawl_imports_nothing_of_it(tmp_path, tmdb_sandbox):
    program = tmp_path / "crawl.py"
    program.write_text(
        "import sys\n"
        "from scrapy.crawler import AsyncCrawlerProcess\n"
        "from tests.distributed.spiders import Movies\n"
        "import tmdbfusion_scrapy.commands.enqueue, tmdbfusion_scrapy.commands.queue\n"
        "import tmdbfusion_scrapy.commands.worker\n"
        f"settings = {{'TMDB_API_URL': {tmdb_sandbox.base_url!r}, 'TMDB_ACCESS_TOKEN': 'sandbox'}}\n"
        "process = AsyncCrawlerProcess(settings)\n"
        "process.crawl(Movies, ids='1,2')\n"
        "process.start()\n"
        "loaded = [name for name in sys.modules if 'pgqueuer' in name or '.distributed' in name]\n"
        "print([name for name in loaded if not name.startswith('tests.')])\n"
    )
    root = str(Path(__file__).parents[2])
    ended = subprocess.run(
        [sys.executable, str(program)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip() == "[]", ended.stderr


@coroutine_test
async def test_a_crawl_makes_no_table_of_it(fleet):
    await fleet.start(Movies, {}, ids="1,2").end()
    tables = fleet.select("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    names = {name for (name,) in tables}
    assert "movies" in names
    assert not {name for name in names if "queue" in name or "worker" in name}
