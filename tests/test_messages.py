"""Messages about what a user gave: each names it, and says what to do."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.commands.conftest import scrapy_command  # noqa: F401 - a fixture
from tests.commands.spiders import MoviesSpider as SourceSpider
from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, settings_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import SETTINGS

DOCS = Path(__file__).parents[1] / "docs"

BAD_SETTINGS = {
    "TMDB_ENABLED": "maybe",
    "TMDB_ACCESS_TOKEN": "Bearer token",
    "TMDB_API_KEY": "short",
    "TMDB_API_URL": "api.themoviedb.org",
    "TMDB_API_URLS": "https://api.themoviedb.org/3,ftp://elsewhere",
    "TMDB_EXPORTS_URL": "files.tmdb.org",
    "TMDB_IMAGES_URL": "image.tmdb.org",
    "TMDB_SESSION_ID": 5,
    "TMDB_GUEST_SESSION_ID": 5,
    "TMDB_LANGUAGE": "French",
    "TMDB_LANGUAGES": "fr,English",
    "TMDB_REGION": "France",
    "TMDB_MAX_CONNECTIONS": "many",
    "TMDB_MAX_KEEPALIVE_CONNECTIONS": -1,
    "TMDB_KEEPALIVE_EXPIRY": "long",
    "TMDB_REQUESTS_PER_SECOND": "fast",
    "TMDB_RATE_LIMIT_KEY": "203.0.113.7",
    "TMDB_RATE_LIMIT_STORE": "mysql://host/database",
    "TMDB_PROXY": "socks5://proxy",
    "TMDB_IP_FAMILY": "ipv5",
    "TMDB_VERIFY_TLS": "perhaps",
    "TMDB_RETRY_MAX_DELAY": -1,
    "TMDB_DATABASE_URL": "mysql://host/database",
    "TMDB_DATABASE_BATCH_SIZE": 0,
    "TMDB_DATABASE_FLUSH_INTERVAL": "soon",
    "TMDB_STORE_RAW": "some",
    "TMDB_CONDITIONAL": "on condition",
    "TMDB_CSV_ESCAPE_FORMULAS": "some",
    "TMDB_EXIT_STATUS": "3",
    "TMDB_IMAGES": "posters",
    "TMDB_IMAGES_LANGUAGES": "German",
    "TMDB_IMAGES_SEASONS": "all",
    "TMDB_IMAGES_REQUESTS_PER_SECOND": "fast",
    "TMDB_IMAGES_MAX_CONNECTIONS": "many",
    "TMDB_PROGRESS": "loud",
    "TMDB_PROGRESS_INTERVAL": "often",
    "TMDB_SUMMARY": "some",
    "TMDB_STATS_FILE": "missing/stats.json",
    "TMDB_REPORT": "missing/report.html",
    "TMDB_METRICS_FILE": "missing/tmdb.prom",
    "TMDB_METRICS_INTERVAL": 0,
    "TMDB_METRICS_PORT": 65536,
    "TMDB_METRICS_HOST": "",
    "TMDB_TRACING": "some",
    "TMDB_LOG_JSON": "some",
    "TMDB_JOB_TIMEOUT": 0,
    "TMDB_JOB_HEARTBEAT": "often",
    "TMDB_MONITOR_MIN_COVERAGE": 95,
    "TMDB_MONITOR_MAX_FAILURE_RATE": "few",
    "TMDB_MONITOR_MAX_DRIFT": -1,
}
"""A value of each setting that is of no use."""

WITH = {
    "TMDB_RATE_LIMIT_STORE": {"TMDB_RATE_LIMIT_KEY": "203.0.113.7"},
    "TMDB_IMAGES_LANGUAGES": {"TMDB_IMAGES": "poster", "IMAGES_STORE": "images"},
    "TMDB_IMAGES_SEASONS": {"TMDB_IMAGES": "poster", "IMAGES_STORE": "images"},
}
"""Settings without which another one is not looked at."""

BAD_ARGUMENTS = [
    {"source": "nowhere"},
    {"source": "ids"},
    {"ids": "abc"},
    {"ids": "-5"},
    {"list": "unknown"},
    {"list": "popular", "pages": "0"},
    {"limit": "many"},
    {"list": "popular", "append": "images", "source": "images"},
    {"source": "discover", "nonsense": "5"},
    {"source": "discover", "primary_release_date.gte": "2020"},
    {"source": "stale", "days": "-1"},
    {"source": "changes", "since": "yesterday"},
    {"source": "csv"},
    {"source": "csv", "file": "missing.csv"},
    {"source": "export", "force": "perhaps"},
    {"source": "failed", "language": "Klingon"},
]
"""Arguments of a spider; the last one of each is of no use."""

BAD_OPTIONS = [
    ("tmdb-plan",),
    ("tmdb-plan", "nowhere"),
    ("tmdb-plan", "movies", "-a", "nothing"),
    ("tmdb-plan", "movies", "--nonsense"),
    ("tmdb-failures", "--limit", "0"),
    ("tmdb-failures", "--export", "failures.doc"),
    ("tmdb-failures", "--group", "--limit", "5"),
    ("tmdb-failures", "--nonsense"),
    ("tmdb-sandbox", "--port", "many"),
    ("tmdb-sandbox", "--movies", "none"),
    ("tmdb-sandbox", "--nonsense"),
]
"""Commands; the last option or argument of each is of no use."""

ADVICE = re.compile(
    r"\b(add|check|crawl|create|end|give|go to|goes on|have|install|leave|let|make|names?|"
    r"needs? (to be|a scheme|one)|"
    r"pip|remove|see|set|start|such as|take|unset|upgrade|use|write|should be|must be|start at|"
    r"belongs|are numbered|is 0\.5|pages start|get one|invalid)\b",
    re.IGNORECASE,
)
"""Words of which a message has one that says what to do, or what is right."""

OF_ANOTHER = re.compile(r"<(error|message|fix|problem|reason|advice)>$")
"""End of a message that goes on with another one, which says it."""


async def refused(spider, settings, **arguments):
    with pytest.raises(ConfigurationError) as caught:
        await AsyncCrawlerRunner(Settings(settings)).crawl(spider, **arguments)
    return str(caught.value)


def test_every_setting_is_tried():
    assert BAD_SETTINGS.keys() == SETTINGS.keys()


@pytest.mark.parametrize("name", BAD_SETTINGS)
@coroutine_test
async def test_a_bad_setting_is_named(name, caplog):
    settings = settings_of("https://api.themoviedb.org/3", **WITH.get(name, {}), **{name: BAD_SETTINGS[name]})
    if name == "TMDB_API_KEY":
        del settings["TMDB_ACCESS_TOKEN"]
    if name == "TMDB_API_URLS":
        del settings["TMDB_API_URL"]
    message = await refused(MoviesSpider, settings, ids=[1])
    assert name in message
    assert ADVICE.search(message)
    assert TOKEN not in message


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=str)
@coroutine_test
async def test_a_bad_argument_is_named(arguments, tmdb_sandbox):
    # A source that reads as it goes says so in the log, and the crawl ends.
    message = await refused(SourceSpider, settings_of(tmdb_sandbox.base_url), **arguments)
    named = "append" if "append" in arguments else list(arguments)[-1]
    assert f"-a {named}" in message
    assert ADVICE.search(message)
    assert not tmdb_sandbox.requests


@pytest.mark.parametrize("command", BAD_OPTIONS, ids=" ".join)
def test_a_bad_option_is_named(command, scrapy_command):  # noqa: F811
    ended = scrapy_command(*command)
    assert ended.status != 0
    said = ended.out + ended.errors
    wrong = [part for part in command[1:] if part.startswith("--")] or list(command[1:])
    assert any(part in said for part in wrong) or "-a" in command or not wrong
    assert ADVICE.search(said)


@cache
def messages():
    sys.path.insert(0, str(DOCS))
    try:
        import messages_page
    finally:
        sys.path.remove(str(DOCS))
    return messages_page.messages()


def test_every_message_says_what_to_do():
    said = [one for one in messages() if one.kind not in ("WARNING", "ERROR", "NotConfigured")]
    assert said
    assert [one for one in said if not (ADVICE.search(one.text) or OF_ANOTHER.search(one.text))] == []


def test_the_page_has_many():
    found = messages()
    assert len(found) > 150
    assert not [one for one in found if not re.search(r"[A-Za-z]", re.sub("<.*?>", "", one.text))]
    assert not [one for one in found if one.area == "Other"]
