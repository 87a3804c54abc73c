"""JSON logs of Scrapy's own process, and of a handler of one's own."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
import textwrap
from datetime import datetime

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.monitoring.json_log import JSONFormatter

SCRIPT = textwrap.dedent(
    """
    import json, logging, sys
    from scrapy import signals
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.utils.log import get_scrapy_root_handler
    from tmdbfusion_scrapy import TMDBSpider

    class Movies(TMDBSpider):
        name = "movies"
        custom_settings = {"ADDONS": {"tmdbfusion_scrapy.Addon": 500}}

        async def start(self):
            for number in IDS:
                yield self.tmdb.movies.details(number, callback=self.parse_movie)

        def parse_movie(self, response):
            self.logger.info('with "quotes" and\\nlines', extra={"film": response.record.id})
            raise ValueError("a fault of the spider's")

    SETTINGS, IDS = json.loads(sys.argv[1])
    process = AsyncCrawlerProcess(SETTINGS)
    process.crawl(Movies)
    process.start()
    formatter = get_scrapy_root_handler().formatter
    print(type(formatter).__module__, type(formatter).__name__, json.dumps(logging.getLogRecordFactory().__name__))
    """
)


def run(settings, ids):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TMDB_")}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([settings, ids])],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=True,
    )


def settings_for(sandbox, **more):
    settings = settings_of(sandbox.base_url, TMDB_LOG_JSON=True, **more)
    return settings | {"ADDONS": {"tmdbfusion_scrapy.Addon": 500}, "TWISTED_REACTOR_ENABLED": True}


def test_every_line_is_an_object(tmdb_sandbox):
    number = tmdb_sandbox.movie_ids[0]
    tmdb_sandbox.fail_next(503, path=f"movie/{number}")
    ended = run(settings_for(tmdb_sandbox, LOG_FORMAT="%(message)s!"), [number])
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert len(lines) > 10
    for line in lines:
        assert {"time", "level", "logger", "message"} <= line.keys()
        assert datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
    # From the very first one.
    assert lines[0]["message"].startswith("Scrapy 2.")
    opened = next(line for line in lines if line["message"] == "Spider opened")
    assert opened["spider"] == "movies"
    crawled = next(line for line in lines if line["message"].startswith("Crawled (200)"))
    assert crawled["url"] == f"{tmdb_sandbox.base_url}/movie/{number}"
    assert (crawled["method"], crawled["status"], crawled["operation"]) == ("GET", 200, "movie-details")
    assert crawled["retries"] == 1
    own = next(line for line in lines if line["logger"] == "movies")
    assert (own["message"], own["film"], own["spider"]) == ('with "quotes" and\nlines', number, "movies")
    failed = next(line for line in lines if "exception" in line)
    assert failed["level"] == "ERROR"
    assert "Traceback" in failed["exception"]
    assert "a fault of the spider's" in failed["exception"]
    assert TOKEN not in ended.stderr
    # The formatter is the one that was there before the crawl.
    assert ended.stdout.split()[:2] == ["logging", "Formatter"]


def test_a_log_file(tmdb_sandbox, tmp_path):
    path = tmp_path / "crawl.log"
    run(settings_for(tmdb_sandbox, LOG_FILE=str(path)), tmdb_sandbox.movie_ids[:1])
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [line for line in lines if line["message"].startswith("Spider closed")]


@coroutine_test
async def test_a_process_with_handlers_of_its_own_is_told_what_to_do(tmdb_sandbox, caplog):
    formatters = [handler.formatter for handler in logging.root.handlers]
    settings = settings_of(tmdb_sandbox.base_url, TMDB_LOG_JSON=True)
    await crawl(MoviesSpider, settings, ids=tmdb_sandbox.movie_ids[:1])
    assert "tmdbfusion_scrapy.monitoring.json_log.JSONFormatter()" in caplog.text
    assert [handler.formatter for handler in logging.root.handlers] == formatters


def test_a_handler_of_ones_own():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter())
    logger = logging.Logger("own")  # noqa: LOG001 - one that nobody else has
    logger.addHandler(handler)
    logger.info("%s and \ud800", "é", extra={"count": 3, "thing": object()})
    logger.warning("stack", stack_info=True)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["message"].startswith("é and ")
    assert first["count"] == 3
    assert "thing" not in first
    assert "test_a_handler_of_ones_own" in second["stack"]
