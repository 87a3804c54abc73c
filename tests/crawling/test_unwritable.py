"""Folders that cannot be written: a line that says so, before anything is asked of TMDB."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy.crawling import TMDBSourceSpider
from tmdbfusion_scrapy.exceptions import ConfigurationError


class ExportSpider(TMDBSourceSpider):
    name = "export"
    details_operation = "movie-details"


def occupy(path: Path) -> None:
    """Put a file where a folder is to be, or a folder where a file is to be: that stops root as well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("taken")


@pytest.mark.parametrize("taken", [".scrapy", ".scrapy/tmdb_exports", ".scrapy/tmdb_exports/origin.txt/x"])
@coroutine_test
async def test_exports_that_cannot_be_kept(tmdb_sandbox, caplog, taken):
    occupy(Path(taken))
    settings = settings_of(tmdb_sandbox.base_url, TMDB_EXPORTS_URL=tmdb_sandbox.exports_url)
    await crawl(
        ExportSpider,
        settings,
        finish_reason="tmdb_source_failed",
        errors=1,
        source="export",
        day="2026-06-01",
        limit="2",
    )
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    message = record.getMessage()
    assert "exports are kept in .scrapy/tmdb_exports of the project's folder" in message
    assert "make it writable" in message
    assert record.exc_info is None
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_images_that_cannot_be_kept(tmdb_sandbox):
    occupy(Path("taken"))
    settings = settings_of(tmdb_sandbox.base_url, TMDB_IMAGES=["poster"], IMAGES_STORE="taken/images")
    with pytest.raises(
        ConfigurationError, match=r"IMAGES_STORE cannot be used .*taken.*make the folder writable"
    ):
        await AsyncCrawlerRunner(Settings(settings)).crawl(MoviesSpider, ids=[1])
    assert not tmdb_sandbox.requests


@pytest.mark.parametrize("job", ["taken", "taken/job"])
@coroutine_test
async def test_a_job_directory_that_cannot_be_made(tmdb_sandbox, job):
    occupy(Path("taken"))
    settings = Settings(settings_of(tmdb_sandbox.base_url, JOBDIR=job))
    with pytest.raises(ConfigurationError, match=r"JOBDIR cannot be used .*name another one"):
        await AsyncCrawlerRunner(settings).crawl(MoviesSpider, ids=[1])
    assert not tmdb_sandbox.requests
