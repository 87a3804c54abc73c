"""Progress and summary as users see them: in a terminal, in a pipe, and what they leave behind."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import pytest

from tests.commands.spiders import MoviesSpider
from tests.coroutines import coroutine_test
from tests.crawling import crawls
from tests.monitoring.terminal import screen
from tmdbfusion_scrapy.exceptions import ConfigurationError

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no pty"),
]

LEFT = re.compile(r"\d+ of 40 records  \d+%  .*left")


def piped(command, folder, environment, **variables):
    """Run a crawl whose output goes into a pipe."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_terminal_shows_progress_below_the_log_and_a_table_at_the_end(terminal):
    crawl = terminal("-a", "pages=2", "-s", "LOG_LEVEL=DEBUG", "-s", "TMDB_REQUESTS_PER_SECOND=12")
    crawl.read_until(LEFT.search)
    crawl.resize(200)
    lines = crawl.end()

    assert "━" in crawl.output
    assert "\x1b[32m" in crawl.output
    assert "requests/s  limited by the rate limit" in crawl.output
    # The block is gone, no line of the log was lost or cut, and the table comes after all of them.
    assert not any("records  " in line for line in lines)
    assert sum("DEBUG: Crawled (200)" in line for line in lines) == crawl.output.count("DEBUG: Crawled (200)")
    assert [line for line in lines if "Crawled (200)" in line and "movie/" in line]
    (start,) = [number for number, line in enumerate(lines) if line == "tmdb_movies: done"]
    assert not any("] DEBUG: " in line or "] INFO: " in line for line in lines[start:])
    table = "\n".join(lines[start:])
    assert re.search(r"Wanted +40  TMDB's list popular, 2 pages at most", table)
    assert re.search(r"Stored +40  in sqlite:///tmdb.db", table)
    assert re.search(r"Requests +[4-9]\d  [\d.]+ a second, \d+ retr(y|ies), \d+ answers? 429", table)
    assert "Terms: credit TMDB" in table
    assert "token-of-the-tests" not in crawl.output


def test_ctrl_c_says_how_to_go_on_and_leaves_the_terminal_as_it_was(terminal):
    crawl = terminal(
        "-a", "source=export", "-s", "LOG_LEVEL=ERROR", "-s", "LOG_STDOUT=True", LC_ALL="C", NO_COLOR="1"
    )
    crawl.read_until(lambda output: re.search(r"\d+ of \d+ records  \d+%  .*left", output))
    crawl.type("\x03")
    lines = crawl.end()

    # Without UTF-8 and colours, and with a log that shows errors only.
    assert crawl.output.isascii()
    assert "#" in crawl.output
    assert set(re.findall(r"\x1b\[([\d;]*)m", crawl.output)) <= {"0", "1"}
    assert "tmdb_movies: stopped by you" in lines
    assert any(re.search(r"  Left +\d+", line) for line in lines)
    assert any("Go on" in line and "scrapy crawl tmdb_movies -a source=export" in line for line in lines)


def test_a_second_ctrl_c_leaves_the_terminal_as_it_was(terminal):
    # Nobody answers, so the crawl does not end after the first one.
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/3"
        crawl = terminal("-s", f"TMDB_API_URL={url}")
        crawl.read_until(lambda output: "1 of 8 connections busy" in output)
        crawl.type("\x03")
        crawl.read_until(lambda output: "stopping: what is under way is finished" in output)
        crawl.type("\x03")
        lines = crawl.end()
    assert any("forcing unclean shutdown" in line for line in lines)
    assert not any("requests/s" in line for line in lines)


def test_a_notebook_gets_plain_lines(terminal):
    crawl = terminal("-a", "ids=1", JPY_PARENT_PID="1")
    lines = crawl.end()
    assert "\x1b[J" not in crawl.output
    assert "tmdb_movies: done" in lines


def test_two_crawls_share_the_block(terminal, faulty_sandbox):
    program = """
import sys
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.utils.project import get_project_settings

settings = get_project_settings()
settings.set("TMDB_API_URL", sys.argv[1])
process = AsyncCrawlerProcess(settings)
process.crawl("tmdb_movies", pages="2")
process.crawl("tmdb_people", pages="1")
before = sys.stdout, sys.stderr
process.start()
assert (sys.stdout, sys.stderr) == before
print("the end")
"""
    crawl = terminal(program=[sys.executable, "-c", program, faulty_sandbox.base_url])
    both = re.compile(
        r"tmdb_(movies|people)  TMDB's list.*?tmdb_(?!\1)(movies|people)  TMDB's list", re.DOTALL
    )
    crawl.read_until(both.search)
    lines = crawl.end()
    assert {"tmdb_movies: done", "tmdb_people: done"} <= set(lines)
    assert "the end" in lines
    assert not any("requests/s" in line for line in lines)


def test_a_pipe_gets_lines_in_the_log_and_the_stats_a_file(project, environment, command):
    crawl = piped(
        command("-a", "pages=3", "-s", "TMDB_PROGRESS_INTERVAL=1", "-s", "TMDB_STATS_FILE=%(spider)s.json"),
        project,
        environment,
        TERM="xterm-256color",
    )
    assert crawl.returncode == 0
    assert "\x1b" not in crawl.stdout
    found = re.findall(
        r"INFO: tmdb_movies: (\d+) of 60 records \(([\d.]+)%\), (?:.* left|time left not known), [\d.]+ of "
        r"[\d.]+ requests/s, limited by .*, \d+ stored, 0 unchanged, 0 gone, 0 failed, \d+ retries waiting, "
        r"\d+ times 429, \d+ pauses, paused for \d+ s, \d+ MB\n",
        crawl.stdout,
    )
    assert found
    assert crawl.stdout.rstrip().endswith("unless it agrees")
    assert "INFO: tmdb_movies: done\n  Wanted" in crawl.stdout
    # TMDB_LOG_JSON is off by default.
    assert " INFO: Spider opened" in crawl.stdout
    # Scrapy's own lists are for LOG_LEVEL = "DEBUG".
    assert "Enabled " not in crawl.stdout
    assert "Dumping Scrapy stats" not in crawl.stdout
    stats = json.loads((project / "tmdb_movies.json").read_text("utf-8"))
    assert stats["tmdb/item_count/movies"] == 60
    assert stats["finish_time"].startswith("20")


@coroutine_test
async def test_failures_are_named_with_what_to_do_about_them(tmdb_sandbox, caplog):
    settings = crawls.settings_of(tmdb_sandbox.base_url, RETRY_TIMES=0, DOWNLOAD_MAXSIZE=10)
    with caplog.at_level("INFO"):
        await crawls.crawl(MoviesSpider, settings, errors=None, ids="1,99999901,99999902")
    assert re.search(r"  Failed +3  3 ResponseError\n", caplog.text)
    assert "scrapy tmdb-failures" in caplog.text


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("TMDB_PROGRESS", "loud", "TMDB_PROGRESS is 'loud': set it to one of off, auto, plain, live"),
        (
            "TMDB_PROGRESS_INTERVAL",
            "0",
            "TMDB_PROGRESS_INTERVAL is '0': set it to a number of seconds from 1",
        ),
        ("TMDB_SUMMARY", "maybe", "TMDB_SUMMARY is 'maybe': set it to True or False"),
        ("TMDB_STATS_FILE", "nowhere/stats.json", "there is no such folder: make it, or name another"),
    ],
)
@coroutine_test
async def test_a_setting_that_cannot_be_used_is_refused(tmdb_sandbox, setting, value, message):
    # tests/crawling/test_project.py has what a process says of such a setting.
    settings = crawls.settings_of(tmdb_sandbox.base_url, **{setting: value})
    with pytest.raises(ConfigurationError) as caught:
        await crawls.crawl(crawls.MoviesSpider, settings, ids=[1])
    assert message in str(caught.value)


def test_who_wants_no_log_gets_none_of_it(project, environment, command):
    crawl = piped(command("-a", "ids=1", "--nolog"), project, environment)
    assert crawl.returncode == 0
    assert "Wanted" not in crawl.stdout
    assert "Traceback" not in crawl.stdout


@coroutine_test
async def test_without_a_status_there_is_none_of_it(tmdb_sandbox, caplog, capfd):
    extensions = {"tmdbfusion_scrapy.monitoring.status.CrawlStatus": None}
    settings = crawls.settings_of(tmdb_sandbox.base_url, EXTENSIONS=extensions)
    with caplog.at_level("INFO"):
        await crawls.crawl(MoviesSpider, settings, ids="1")
    said = caplog.text + "".join(capfd.readouterr())
    assert "Spider closed (finished)" in said
    assert "Wanted" not in said
    assert "Traceback" not in said


def test_the_screen_of_the_tests():
    assert screen("a\r\nlog\rL\x1b[K\r\n\r\x1b[1Ax\x1b[J") == ["a", "x"]
