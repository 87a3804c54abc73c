"""docs/datasette.md: what a browser shows of a database, during a crawl and after it."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from parsel import Selector
from scrapy import Spider
from scrapy.utils.test import get_crawler

from tests.coroutines import coroutine_test
from tests.storage.database_access import select
from tests.storage.library import FAILURES, LIBRARY, VALE, movie
from tmdbfusion_scrapy.storage import SQLPipeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

DOCS = Path(__file__).parents[2] / "docs"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("datasette") is None, reason="datasette is not installed: nothing to look at"
    ),
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium on this machine to look with"),
]


class LibrarySpider(Spider):
    """Yields the library, lets somebody look, and yields one movie more."""

    name = "library"
    look: Callable[[], Awaitable[None]]

    async def start(self) -> AsyncIterator[Any]:
        for item in LIBRARY:
            yield item
        await self.look()
        yield movie(106, "Late Arrival", VALE, popularity=99.0)


@contextmanager
def datasette(database: Path) -> Iterator[str]:
    """Run the command of the page; gives the address of the server."""
    page = (DOCS / "datasette.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^datasette (tmdb\.db .+)$", page, re.MULTILINE)
    arguments = [
        str(database if argument == "tmdb.db" else DOCS.parent / argument)
        if (DOCS.parent / argument).exists() or argument == "tmdb.db"
        else argument
        for argument in shlex.split(command)
    ]
    server = subprocess.Popen(
        [sys.executable, "-m", "datasette", *arguments, "--port", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert server.stderr is not None
        log = ""
        for line in server.stderr:
            log += line
            if found := re.search(r"running on (http://\S+)", line):
                yield found[1]
                break
        else:
            pytest.fail(f"datasette did not start: {log}")
    finally:
        server.terminate()
        server.communicate()


class Browser:
    """A real browser without a window."""

    def __init__(self, address: str, profile: Path) -> None:
        self._address = address
        self._profile = profile

    def open(self, path: str) -> Selector:
        """The document as it stands in the browser once its scripts ran."""
        command = [
            str(BROWSER),
            "--headless",
            # Chromium's own sandbox does not work for root, nor in most containers.
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            f"--user-data-dir={self._profile}",
            "--dump-dom",
            self._address + path,
        ]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return Selector(shown.stdout)

    def rows(self, path: str, *columns: str) -> list[tuple[str, ...]]:
        """Texts of the table on a page, of these columns."""
        return [
            tuple(" ".join("".join(row.css(f"td.col-{name} ::text").getall()).split()) for name in columns)
            for row in self.open(path).css(".rows-and-columns tbody tr")
        ]


def facets(page: Selector) -> dict[str, str]:
    """The counted values of a page, and how often they occur."""
    return {
        item.css("a::text").get(""): item.xpath("normalize-space(text()[last()])").get("")
        for item in page.css(".facet-results li")
    }


@coroutine_test
async def test_a_browser_shows_a_database_during_a_crawl_and_after_it(tmp_path):
    database = tmp_path / "tmdb.db"
    url = f"sqlite:///{database}"
    profile = tmp_path / "profile"
    seen_during_the_crawl = []

    async def look() -> None:
        seen_during_the_crawl.extend(await asyncio.to_thread(titles))

    def titles() -> list[tuple[str, ...]]:
        # The failures came last.
        while select(url, "SELECT count(*) FROM tmdb_failures") != [(len(FAILURES),)]:
            time.sleep(0.05)
        with datasette(database) as address:
            return Browser(address, profile).rows("/tmdb/movies", "title", "runtime")

    crawler = get_crawler(
        LibrarySpider,
        {
            "ITEM_PIPELINES": {SQLPipeline: 500},
            "TELNETCONSOLE_ENABLED": False,
            "TMDB_DATABASE_URL": url,
            "TMDB_DATABASE_FLUSH_INTERVAL": 0.05,
            "DOWNLOAD_HANDLERS": dict.fromkeys(("http", "https", "ftp", "s3")),
        },
    )
    await crawler.crawl_async(look=look)
    assert seen_during_the_crawl[0] == ("The Tin Orbit", "129 min")
    with datasette(database) as address:
        await asyncio.to_thread(check_pages, Browser(address, profile))


def check_pages(browser: Browser) -> None:
    home = browser.open("/tmdb")
    assert home.css("#queries + ul a::text").getall()[:2] == [
        "The top grossing movie of each year",
        "An actor's career",
    ]
    assert len(home.css("#queries + ul a")) == 10

    movies = browser.open("/tmdb/movies")
    shown = movies.css("td.col-title::text").getall()
    # By popularity, with the movie that came last.
    assert shown[:3] == ["Late Arrival", "The Tin Orbit", "Der Sprung"]
    assert facets(movies)["de"] == "1"
    # A script puts the menu there, which has the meaning of the column.
    assert movies.css("th.col-revenue svg.dropdown-menu-icon")
    assert movies.css("th.col-revenue::attr(data-column-description)").get("").startswith("US dollars")

    # Keys are shown with what they stand for.
    cast = browser.rows("/tmdb/movie_cast", "movie_id", "person_id", "character")
    assert ("The Tin Orbit 101", "Tom Hanks 31", "Captain Roe") in cast
    services = browser.open("/tmdb/movie_watch_providers")
    assert {"Streamly": "2", "Flixo": "3", "US": "4", "DE": "1"}.items() <= facets(services).items()

    # What stands on the page of questions is the answer to an empty field.
    career = browser.rows("/tmdb/an_actor_s_career", "year", "title", "character")
    assert ("2015", "Harbour Lights", "The Keeper") in career
    assert len(career) == 6
    german = browser.rows("/tmdb/what_streams_where?country=DE", "provider", "kind", "title")
    assert german == [("Flixo", "movie", "The Tin Orbit")]
    found = browser.rows("/tmdb/whose_id_is_this?external_id=nm0000158", "kind", "name")
    assert found == [("person", "Tom Hanks")]
