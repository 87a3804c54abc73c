"""A plain ``scrapy.Request`` to a URL of the catalogue, and Scrapy's own commands, which make such requests."""

from __future__ import annotations

import subprocess

import pytest
import scrapy

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, crawl, settings_of
from tests.crawling.test_wiring import ADDON, PlainSpider
from tests.scrapy_program import scrapy_program
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.api.catalogue import call_from_url
from tmdbfusion_scrapy.models import MovieDetails


def operation_of(method, path):
    return call_from_url(method, f"https://api.example/3{path}", "https://api.example/3").operation_id


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/movie/550", "movie-details"),
        ("/movie/550/", "movie-details"),
        ("/movie/550-fight-club", "movie-details"),
        ("/movie/tt0137523", "movie-details"),
        ("/movie/popular", "movie-popular-list"),
        ("/movie/latest", "movie-latest-id"),
        ("/movie/550/watch/providers", "movie-watch-providers"),
        ("/movie/changes", "changes-movie-list"),
        ("/tv/1399/season/0/episode/12", "tv-episode-details"),
        ("/tv/episode_group/5acf", "tv-episode-group-details"),
        ("/tv/season/3624/changes", "tv-season-changes-by-id"),
        ("/trending/movie/week", "trending-movies"),
        ("/configuration", "configuration-details"),
        ("/credit/52fe", "credit-details"),
        ("/find/tt0137523", "find-by-id"),
        ("/movie/new_thing", None),
        ("/movie/550/new_thing", None),
        ("/movie", None),
        ("/", None),
        ("", None),
    ],
)
def test_what_a_url_calls(path, operation):
    assert operation_of("GET", path) == operation


def test_the_method_tells_operations_apart():
    assert operation_of("DELETE", "/list/7") == "list-delete"
    assert operation_of("GET", "/list/7") == "list-details"
    assert operation_of("POST", "/movie/7") is None


@coroutine_test
async def test_the_records_of_plain_requests(tmdb_sandbox):
    paths = (
        "/movie/1?append_to_response=credits,watch/providers&language=en",
        "/movie/popular?page=2",
        "/configuration/countries",
        "/tv/1?append_to_response=season/1",
        "/person/1#top",
    )
    urls = [f"{tmdb_sandbox.base_url}{path}" for path in paths]
    ended = await crawl(PlainSpider, settings_of(tmdb_sandbox.base_url, **ADDON), urls=urls)
    movie, popular, countries, show, person = (
        next(response.record for response in ended.spider.responses if response.request.url == url)
        for url in urls
    )
    assert (type(movie).__name__, movie.id, movie.missing_parts) == ("MovieDetails", 1, ())
    assert movie.credits.cast
    assert movie.watch_providers is not None
    assert (type(popular).__name__, popular.page, len(popular.results)) == ("Page", 2, 20)
    assert type(countries[0]).__name__ == "Country"
    assert [season.season_number for season in show.appended_seasons] == [1]
    assert type(person).__name__ == "PersonDetails"
    assert ended.stats["tmdb/item_count/movies"] == 1


class PassingMetaOn(TMDBSpider):
    """Passes the meta of a response on to a request of its own."""

    name = "passing"

    async def start(self):
        yield self.tmdb.movies.details(1, append_to_response="credits", callback=self.parse)

    def parse(self, response):
        yield response.record
        if isinstance(response.record, MovieDetails):
            for path in ("movie/1/credits", "movie/2", "new"):
                yield scrapy.Request(
                    f"{response.url.partition('/movie')[0]}/{path}",
                    meta=response.meta,
                    errback=self.record_failure,
                )


@coroutine_test
async def test_meta_of_another_call(tmdb_sandbox):
    ended = await crawl(PassingMetaOn, settings_of(tmdb_sandbox.base_url), errors=None)
    names = [type(item).__name__ for item in ended.items]
    assert set(names) == {"Credits", "FailedCall", "MovieDetails"}
    (failure,) = [item for item in ended.items if type(item).__name__ == "FailedCall"]
    assert (failure.kind, failure.path, failure.status_code) == (None, "/new", 404)


@coroutine_test
async def test_the_failure_of_a_plain_request_is_put_on_record_by_its_kind(tmdb_sandbox):
    class Failing(TMDBSpider):
        name = "failing"

        async def start(self):
            yield scrapy.Request(f"{tmdb_sandbox.base_url}/movie/999999", errback=self.record_failure)

    ended = await crawl(Failing, settings_of(tmdb_sandbox.base_url), errors=None)
    assert [(item.kind, item.id, item.path) for item in ended.items] == [
        ("movies", "999999", "/movie/999999")
    ]


SPIDER = '''
import os
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.models import MovieDetails

class MySpider(TMDBSpider):
    name = "my"

    async def start(self):
        yield self.tmdb.movies.details(1, callback=self.parse_movie)

    def parse_movie(self, response):
        """
        @url {url}/movie/1
        @returns items 1 1
        @returns requests 1 1
        @scrapes id title
        """
        assert isinstance(response.record, MovieDetails)
        yield {{"id": response.record.id, "title": response.record.title}}
        yield self.tmdb.movies.credits(response.record.id, callback=self.parse_credits)

    def parse_credits(self, response):
        yield {{"cast": len(response.record.cast)}}
'''


@pytest.fixture
def scrapy_command(tmdb_sandbox, tmp_path):
    """Runs Scrapy's command line in a project with a spider, and returns what it writes."""
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = settings\n")
    (tmp_path / "my_spiders.py").write_text(SPIDER.format(url=tmdb_sandbox.base_url))
    (tmp_path / "settings.py").write_text(
        f"SPIDER_MODULES = ['my_spiders']\n{ADDON_LINE}\nTELNETCONSOLE_ENABLED = False\n"
        f"TMDB_API_URL = {tmdb_sandbox.base_url!r}\nTMDB_ACCESS_TOKEN = {TOKEN!r}\n"
    )

    def run(*arguments):
        ended = subprocess.run(
            [*scrapy_program(), *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout, ended.stderr

    return run


ADDON_LINE = "ADDONS = {'tmdbfusion_scrapy.Addon': 500}"


def test_scrapy_parse(scrapy_command, tmdb_sandbox):
    arguments = ("parse", "--spider=my", "-c", "parse_movie", "-d", "2", f"{tmdb_sandbox.base_url}/movie/1")
    shown, _ = scrapy_command(*arguments, "--nocolour")
    assert "'id': 1" in shown
    assert "'cast':" in shown


def test_scrapy_check(scrapy_command):
    _, said = scrapy_command("check")
    assert "Ran 3 contracts" in said
    assert said.rstrip().endswith("OK")


@pytest.mark.slow
def test_scrapy_shell(scrapy_command, tmdb_sandbox):
    code = "print(type(response.record).__name__, response.record.credits is not None)"
    url = f"{tmdb_sandbox.base_url}/movie/1?append_to_response=credits"
    shown, _ = scrapy_command("shell", url, "-c", code)
    assert "MovieDetails True" in shown


@pytest.mark.slow
def test_scrapy_fetch(scrapy_command, tmdb_sandbox):
    shown, said = scrapy_command("fetch", f"{tmdb_sandbox.base_url}/movie/1")
    assert '"id":1' in shown.replace(" ", "")
    assert "'tmdb/item_count/movies': 1" in said
