"""The example project, run as its users run it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.crawling.crawls import rows
from tests.scrapy_program import REAL, scrapy_program

ROOT = Path(__file__).parents[2]
CRAWL = ["crawl", "tmdb_movies"]
TOKEN = {"TMDB_ACCESS_TOKEN": "token-of-the-tests"}

NO_REACTOR = ["-s", "TWISTED_REACTOR_ENABLED=False"]
TWISTED_PROCESS = ["-s", "FORCE_CRAWLER_PROCESS=True"]
UNPACED = ["-s", "TMDB_REQUESTS_PER_SECOND=0"]


def environment(**variables):
    """The environment without TMDB settings, this checkout first among the packages."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TMDB_")}
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), **variables}


def copy_of_the_project(folder, *, demo=True):
    """Copy the example project, with or without the add-on for those who have no token."""
    shutil.copytree(ROOT / "example_project", folder, ignore=shutil.ignore_patterns("*.db*", "__pycache__"))
    settings = folder / "example_project" / "settings.py"
    lines = settings.read_text("utf-8").splitlines(keepends=True)
    assert any("SandboxWithoutToken" in line for line in lines)
    if not demo:
        settings.write_text("".join(line for line in lines if "SandboxWithoutToken" not in line), "utf-8")
    return folder


def run(project, *arguments, real=False, **variables):
    """Run the spider; returns the finished process with all that it said in ``stdout``."""
    return subprocess.run(
        [*(REAL if real else scrapy_program()), *CRAWL, *arguments],
        cwd=project,
        env=environment(**variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def lines_of(output, level):
    return [line for line in output.splitlines() if re.search(rf"\] {level}: ", line)]


def address_of_the_sandbox(output):
    (warning,) = lines_of(output, "WARNING")
    assert "sandbox" in warning
    assert "TMDB_ACCESS_TOKEN" in warning
    match = re.search(r"http://[\d.:]+/3", warning)
    assert match is not None
    parts = urlsplit(match[0])
    return parts.hostname, parts.port


def assert_gone(address):
    """See that nobody listens any more; a process that was told to end may take a moment."""
    deadline = time.monotonic() + 300
    while True:
        try:
            socket.create_connection(address, timeout=10).close()
        except ConnectionRefusedError:
            return
        assert time.monotonic() < deadline, f"the sandbox at {address} is still there"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [[], [*UNPACED, *NO_REACTOR], [*UNPACED, *TWISTED_PROCESS]],
    ids=["as-it-is", "reactorless", "crawler-process"],
)
def test_the_main_job_without_a_token(tmp_path, arguments):
    project = copy_of_the_project(tmp_path / "project")
    finished = run(project, *arguments, real=True)
    assert finished.returncode == 0, finished.stdout
    address = address_of_the_sandbox(finished.stdout)
    assert not lines_of(finished.stdout, "(ERROR|CRITICAL)")
    assert "Traceback" not in finished.stdout
    assert "Spider closed (finished)" in finished.stdout
    ((stored,),) = rows("SELECT count(*) FROM movies", project / "tmdb.db")
    assert stored >= 100
    assert rows("SELECT count(*) FROM tmdb_failures", project / "tmdb.db") == [(0,)]
    assert f"Stored {stored} movies in sqlite:///tmdb.db" in finished.stdout
    assert_gone(address)


def test_the_sandbox_is_asked_past_a_proxy(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"), "http://127.0.0.1:1")
    finished = run(project, *UNPACED, "-a", "limit=3", no_proxy="", **proxies)
    assert finished.returncode == 0, finished.stdout
    assert rows("SELECT count(*) FROM movies", project / "tmdb.db") == [(3,)]
    assert " 0 retries, " in finished.stdout


NO_UTF8 = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii", "PYTHONCOERCECLOCALE": "0"}


def test_a_database_with_letters_that_the_locale_does_not_have(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    setting = ["-s", "TMDB_DATABASE_URL=sqlite:///dätä.db"]
    finished = run(project, *UNPACED, "-a", "limit=3", *setting, real=True, **NO_UTF8)
    assert finished.returncode == 0, finished.stdout
    assert "Traceback" not in finished.stdout
    # Newer versions of SQLAlchemy escape such letters; with older ones the stream does.
    assert re.search(r"Stored 3 movies in sqlite:///d(%C3%A4t%C3%A4|\\xe4t\\xe4)\.db", finished.stdout)
    assert rows("SELECT count(*) FROM movies", project / "dätä.db") == [(3,)]
    for command in ("tmdb-plan tmdb_movies -a ids=1", "tmdb-failures"):
        finished = subprocess.run(
            [*REAL, *command.split(), *setting],
            cwd=project,
            env=environment(**TOKEN, **NO_UTF8),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout
        assert "Traceback" not in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "stored", "path", "query"),
    [
        (
            ["-a", "source=discover", "-a", "pages=1", "-a", "primary_release_date.gte=1990-01-01"],
            20,
            "/3/discover/movie",
            {"primary_release_date.gte": "1990-01-01", "page": "1"},
        ),
        (
            ["-a", "ids=1,2,3", "-a", "append=credits,images"],
            3,
            "/3/movie/1",
            {"append_to_response": "credits,images"},
        ),
        (["-a", "list=top_rated", "-a", "limit=5"], 5, "/3/movie/top_rated", {"page": "1"}),
    ],
    ids=["discover", "ids", "list"],
)
def test_the_other_sources(tmp_path, tmdb_sandbox, arguments, stored, path, query):
    project = copy_of_the_project(tmp_path / "project")
    finished = run(project, *arguments, "-s", f"TMDB_API_URL={tmdb_sandbox.base_url}", *UNPACED, **TOKEN)
    assert finished.returncode == 0, finished.stdout
    assert not lines_of(finished.stdout, "(WARNING|ERROR)")
    assert rows("SELECT count(*) FROM movies", project / "tmdb.db") == [(stored,)]
    assert query in [dict(seen.query) for seen in tmdb_sandbox.requests if seen.path == path]


def test_ctrl_c_stops_the_crawl_cleanly(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    # Ctrl-C goes to all processes of the terminal, the sandbox too.
    with subprocess.Popen(
        [*REAL, *CRAWL, "-s", "TMDB_REQUESTS_PER_SECOND=15", "-s", "TMDB_DATABASE_FLUSH_INTERVAL=0.2"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + 300
        while not stored_so_far(project):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=300)
    # Records are left, and the same command goes on.
    assert process.returncode == 3, output
    assert "Spider closed (shutdown)" in output
    assert "Traceback" not in output
    assert not lines_of(output, "(ERROR|CRITICAL)")
    assert rows("PRAGMA integrity_check", project / "tmdb.db") == [("ok",)]
    ((stored,),) = rows("SELECT count(*) FROM movies", project / "tmdb.db")
    assert f"Stored {stored} movies in sqlite:///tmdb.db" in output
    assert 0 < stored < 100
    assert_gone(address_of_the_sandbox(output))


def stored_so_far(project):
    if not (project / "tmdb.db").exists() or (project / "tmdb.db").stat().st_size == 0:
        return 0
    try:
        ((number,),) = rows("SELECT count(*) FROM movies", project / "tmdb.db")
    except sqlite3.OperationalError:
        # There is no table yet, or it is just being made.
        return 0
    return number


def test_a_setting_that_cannot_be_used_leaves_no_sandbox_behind(tmp_path):
    project = copy_of_the_project(tmp_path / "project")
    finished = run(project, "-s", "CONCURRENT_REQUESTS=-1")
    assert finished.returncode != 0
    assert "CONCURRENT_REQUESTS is -1" in finished.stdout
    assert "Traceback" not in finished.stdout
    assert_gone(address_of_the_sandbox(finished.stdout))


BAD_INPUT = {
    "no-token": ([], {}, ["TMDB_ACCESS_TOKEN", "themoviedb.org/settings/api"]),
    "empty-token": ([], {"TMDB_ACCESS_TOKEN": ""}, ["TMDB_ACCESS_TOKEN is empty"]),
    "malformed-token": ([], {"TMDB_ACCESS_TOKEN": "two words"}, ["TMDB_ACCESS_TOKEN is malformed"]),
    "ids-of-letters": (["-a", "ids=abc"], TOKEN, ["-a ids=abc", "-a ids=550,551"]),
    "no-ids": (["-a", "ids="], TOKEN, ["-a ids=", "-a ids=550,551"]),
    "unknown-source": (
        ["-a", "source=magic"],
        TOKEN,
        ["-a source=magic", "changes, csv, discover, export, failed, ids"],
    ),
    "unknown-list": (["-a", "list=worst"], TOKEN, ["-a list=worst", "popular, top_rated"]),
    "no-pages": (["-a", "pages=0"], TOKEN, ["-a pages=0", "from 1 to 500"]),
    "unknown-argument": (["-a", "foo=bar"], TOKEN, ["-a foo="]),
    "unknown-database": (
        ["-s", "TMDB_DATABASE_URL=oracle://host/x"],
        TOKEN,
        ["TMDB_DATABASE_URL", "oracle", "sqlite:///"],
    ),
    "no-directory": (
        ["-s", "TMDB_DATABASE_URL=sqlite:///missing/tmdb.db"],
        TOKEN,
        ["TMDB_DATABASE_URL", "there is no directory", "create it"],
    ),
    "negative-concurrency": (
        ["-s", "CONCURRENT_REQUESTS=-1"],
        TOKEN,
        ["CONCURRENT_REQUESTS is -1", "0 or more"],
    ),
    "no-scheme": (["-s", "TMDB_API_URL=api.themoviedb.org/3"], TOKEN, ["TMDB_API_URL", "needs a scheme"]),
    "plain-http": (["-s", "TMDB_API_URL=http://api.themoviedb.org/3"], TOKEN, ["TMDB_API_URL", "use https"]),
    "argument-reactorless": (["-a", "ids=abc", *NO_REACTOR], TOKEN, ["-a ids=abc"]),
    "setting-reactorless": (["-s", "CONCURRENT_REQUESTS=-1", *NO_REACTOR], TOKEN, ["CONCURRENT_REQUESTS"]),
    "argument-crawler-process": (["-a", "ids=abc", *TWISTED_PROCESS], TOKEN, ["-a ids=abc"]),
    "setting-crawler-process": (
        ["-s", "CONCURRENT_REQUESTS=-1", *TWISTED_PROCESS],
        TOKEN,
        ["CONCURRENT_REQUESTS"],
    ),
}
"""Arguments, environment, and what the message must say."""


@pytest.fixture(scope="module")
def bad_runs(tmp_path_factory):
    """All runs of `BAD_INPUT`, some at a time: starting an interpreter is what takes the time."""
    folder = tmp_path_factory.mktemp("bad")
    project = copy_of_the_project(folder / "project", demo=False)
    with ThreadPoolExecutor(4) as pool:
        started = {
            name: pool.submit(run, project, *arguments, **variables)
            for name, (arguments, variables, _) in BAD_INPUT.items()
        }
    return {name: future.result() for name, future in started.items()}, project


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_ends_with_a_message(bad_runs, name):
    finished, project = bad_runs[0][name], bad_runs[1]
    wanted = BAD_INPUT[name][2]
    assert finished.returncode != 0
    (line,) = lines_of(finished.stdout, "(ERROR|CRITICAL)")
    for words in wanted:
        assert words in line
    assert "Traceback" not in finished.stdout
    assert "Unhandled" not in finished.stdout
    assert "two words" not in finished.stdout
    assert not list(project.glob("tmdb.db*"))
