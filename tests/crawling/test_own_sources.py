"""Ids from a CSV file, and sources of a user's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, rows, settings_of
from tests.crawling.test_sources import SourceSpider, paths
from tmdbfusion_scrapy.exceptions import ConfigurationError

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")

LINKS = "movieId,imdbId,tmdbId\r\n1,0114709,3\r\n2,0113497,\r\n3,0113228,1\r\n4,0114885,3\r\n5,0113041,2\r\n"
"""In the form of MovieLens' links.csv: some movies have no id at TMDB."""


def write(text, name="links.csv", encoding="utf-8"):
    Path(name).write_bytes(text.encode(encoding))
    return {"source": "csv", "file": name, "column": "tmdbId"}


@pytest.fixture
def documented():
    """The module that the page shows."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    module = ModuleType("documented_source")
    # Dataclasses look their module up.
    sys.modules[module.__name__] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 - our own page
        yield module
    finally:
        del sys.modules[module.__name__]


@coroutine_test
async def test_ids_of_a_column(tmdb_sandbox):
    ended = await crawl(SourceSpider, settings_of(tmdb_sandbox.base_url), **write(LINKS))
    assert ended.ids == {1, 2, 3}
    assert len(tmdb_sandbox.requests) == 3


@coroutine_test
async def test_what_goes_with_every_source_goes_with_a_file(tmdb_sandbox):
    arguments = {**write(LINKS), "limit": "2", "append": "credits"}
    settings = settings_of(
        tmdb_sandbox.base_url, ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None}
    )
    ended = await crawl(SourceSpider, settings, **arguments)
    assert ended.ids == {3, 1}
    assert all(item.credits is not None for item in ended.items)


@coroutine_test
async def test_with_other_ids_in_the_file_it_is_another_run(tmdb_sandbox):
    settings = settings_of(tmdb_sandbox.base_url)
    for text in (LINKS, LINKS, LINKS + "6,0,4\r\n"):
        await crawl(SourceSpider, settings, **write(text))
    found = [arguments for (arguments,) in rows("SELECT arguments FROM tmdb_runs ORDER BY id")]
    assert found[0] == found[1] != found[2]
    assert rows("SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL") == [(4,)]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (LINKS, "utf-8-sig"),
        (LINKS.replace(",", ";"), "utf-8"),
        (LINKS.replace(",", "\t"), "utf-8"),
        ("tmdbId\n3\n\n1\n2\n", "utf-8"),
        ('title,tmdbId\n"a, ""b""\nc",3\n"",1.0\nd,2.0\n', "utf-8"),
        ("tmdbId,title\n3,a\n001,b\n2\n", "utf-8"),
        ('"a\nb",tmdbId\n"x",3\n"",1\n"",2\n', "utf-8"),
    ],
)
def test_forms_of_a_file(text, encoding):
    plan = SourceSpider.plan_of(write(text, encoding=encoding))
    assert plan.source.ids == (3, 1, 2)
    assert plan.source.describe(None) == "3 ids in column tmdbId of links.csv"


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        (LINKS, {"file": None}, "-a source=csv needs the file: add -a file="),
        (LINKS, {"column": None}, "needs the column: use one of movieId, imdbId, tmdbId"),
        (
            LINKS,
            {"column": "id"},
            "-a column=id is no column of links.csv: use one of movieId, imdbId, tmdbId",
        ),
        (LINKS, {"file": "no.csv"}, "-a file=no.csv cannot be read: "),
        (LINKS, {"file": "a\0b"}, "cannot be read: "),
        (LINKS, {"pages": "2"}, "-a pages=... does not go with source=csv"),
        (LINKS + "7,0,x\n", {}, "'x' in line 7, column tmdbId, is no TMDB id"),
        (LINKS + "7,0,0\n", {}, "'0' in line 7"),
        (LINKS + "7,0,1.5\n", {}, "'1.5' in line 7"),
        ("movieId,tmdbId\n1,\n", {}, "column tmdbId is empty"),
        ("", {}, "-a column=tmdbId is no column of links.csv"),
        ("\n1\n", {}, "its first line is empty, and should name the columns"),
        # Of which the last two rows would be lost.
        ('title,tmdbId\na,1\n"b,2\nc,3\n', {}, "cannot be read: unexpected end of data"),
        ('title,tmdbId\na,1\n"b" c,2\nd,3\n', {}, "cannot be read: "),
    ],
)
def test_what_is_wrong_is_named_with_the_fix(text, given, message):
    arguments = {name: value for name, value in {**write(text), **given}.items() if value is not None}
    with pytest.raises(ConfigurationError) as caught:
        SourceSpider.plan_of(arguments)
    assert message in str(caught.value)


def test_a_file_that_is_no_text():
    arguments = write(LINKS)
    Path("links.csv").write_bytes(b"tmdbId\n\xff\xfe\n")
    with pytest.raises(ConfigurationError, match="name a CSV file in UTF-8 with a header"):
        SourceSpider.plan_of(arguments)


@coroutine_test
async def test_the_source_of_the_page(tmdb_sandbox, documented):
    write("title,tmdb_id\na,3\nb,1\n", "mine.csv")
    spider = documented.WatchlistSpider
    arguments = {"source": "watchlist", "file": "mine.csv"}
    assert spider.plan_of(arguments).source.describe(None) == "the watchlist mine.csv"
    ended = await crawl(spider, settings_of(tmdb_sandbox.base_url), **arguments)
    assert ended.ids == {1, 3}
    assert sorted(paths(tmdb_sandbox)) == ["/movie/1", "/movie/3"]
    # The others are there as well.
    assert spider.plan_of({"ids": "7"}).source.ids == (7,)
    with pytest.raises(ConfigurationError, match="use one of csv, export, failed, ids, stale, watchlist,"):
        spider.plan_of({"source": "nothing"})
    with pytest.raises(ConfigurationError, match=r"-a file=other\.csv: there is no such file"):
        spider.plan_of({**arguments, "file": "other.csv"})
