"""``scrapy tmdb-sandbox``, and the commands as ``scrapy`` finds them."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from urllib.request import ProxyHandler, build_opener

from tests.crawling.test_project import environment
from tests.storage.database_access import TRIED_AT, failed_call, sqlite_url
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database

SCRAPY = [sys.executable, "-m", "scrapy"]


def test_scrapy_lists_the_commands(tmp_path):
    finished = subprocess.run(
        SCRAPY, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True, timeout=60
    )
    for name in ("tmdb-doctor", "tmdb-failures", "tmdb-init", "tmdb-plan", "tmdb-sandbox"):
        assert f"  {name} " in finished.stdout


def test_the_sandbox_serves_until_its_parent_is_gone(tmp_path):
    command = [*SCRAPY, "tmdb-sandbox", "--port", "0", "--movies", "50", "--gaps", "0", "--exit-with-parent"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        with build_opener(ProxyHandler({})).open(f"{url}/movie/50?api_key=any", timeout=300) as response:
            assert json.load(response)["id"] == 50
        child.stdin.close()
        assert child.wait(60) == 0


def test_letters_that_a_terminal_does_not_have_and_a_reader_that_has_had_enough(tmp_path):
    engine = open_database(sqlite_url(tmp_path / "tmdb.db"))
    # More than a pipe holds.
    store_batch(engine, [(failed_call(key), TRIED_AT) for key in range(2, 2_000)])
    newest = TRIED_AT + timedelta(hours=1)
    store_batch(engine, [(failed_call(message="\u0418\u0434\u0438 \u0438 smotri", tried_at=newest), newest)])
    engine.dispose()
    with subprocess.Popen(
        [*SCRAPY, "tmdb-failures", "--limit", "5000"],
        cwd=tmp_path,
        env=environment(PYTHONIOENCODING="ascii"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline().startswith("TRIED")
        assert "/movie/1: ??? ? smotri" in child.stdout.readline() + child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(60) == 0


def test_options_of_the_sandbox_are_checked(scrapy_command):
    finished = scrapy_command("tmdb-sandbox", "--gaps", "2")
    assert finished.status == 2
    assert "gaps" in finished.errors
    assert scrapy_command("tmdb-sandbox", "50").status == 2
