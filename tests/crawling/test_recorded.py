"""Real data of TMDB, crawled through the sandbox's replay."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from typing import Any, get_origin

import pytest
import scrapy

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, failure_rows, rows, settings_of
from tests.crawling.test_project import copy_of_the_project, run
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.crawling.calls import CALL_KEY


@pytest.mark.slow
def test_the_3000_real_movies_stand_in_the_database(recorded_dir, tmdb_sandbox_factory, tmp_path):
    path = recorded_dir / "movies-3000.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        source: dict[int, dict[str, Any]] = {movie["id"]: movie for movie in map(json.loads, stream)}
    assert len(source) == 3000
    sandbox = tmdb_sandbox_factory(replay=(path,))
    project = copy_of_the_project(tmp_path / "project")
    finished = run(
        project,
        "-a",
        "source=ids",
        "-a",
        f"ids={','.join(map(str, source))}",
        "-a",
        "append=keywords",
        "-s",
        "TMDB_REQUESTS_PER_SECOND=0",
        "-s",
        f"TMDB_API_URL={sandbox.base_url}",
        TMDB_ACCESS_TOKEN="token-of-the-tests",
    )
    assert finished.returncode == 0, finished.stdout
    assert " ERROR: " not in finished.stdout
    assert "Stored 3000 movies in sqlite:///tmdb.db" in finished.stdout
    database = project / "tmdb.db"
    assert rows("SELECT count(*) FROM tmdb_failures", database) == [(0,)]
    query = "SELECT id, release_date, title, original_title, budget, revenue, runtime, overview FROM movies"
    names = ("title", "original_title", "budget", "revenue", "runtime", "overview")
    stored = {row[0]: row[1:] for row in rows(query, database)}
    assert stored == {
        key: (movie["release_date"] or None, *(movie[name] for name in names))
        for key, movie in source.items()
    }
    links: dict[int, list[tuple[int, str]]] = {key: [] for key in source}
    query = "SELECT movie_id, genre_id, name FROM movie_genres JOIN genres ON genres.id = genre_id"
    for movie_id, genre_id, name in rows(f"{query} ORDER BY movie_id, position", database):
        links[movie_id].append((genre_id, name))
    assert links == {
        key: [(genre["id"], genre["name"]) for genre in movie["genres"]] for key, movie in source.items()
    }
    raw = {key: json.loads(text) for key, text in rows("SELECT id, raw FROM movies", database)}
    assert raw == source


class ExchangesSpider(MoviesSpider):
    """Asks for recorded URLs."""

    name = "exchanges"

    def __init__(self, urls=(), **kwargs):
        super().__init__(**kwargs)
        self.urls = urls

    async def start(self):
        base = self.crawler.settings["TMDB_API_URL"]
        for url in self.urls:
            yield scrapy.Request(base + url, callback=self.parse_any, errback=self.failed)

    def parse_any(self, response):
        self.responses.append(response)
        if response.meta[CALL_KEY].get("operation") == "movie-details":
            yield response.record


def etag_of(exchange):
    """The recorded ETag; header names are as each program wrote them down."""
    headers = {name.lower(): value for name, value in exchange["response"]["headers"].items()}
    return headers["etag"].encode() if "etag" in headers else None


@pytest.fixture
def exchanges(recorded_dir):
    """Recorded exchanges by path and query, below the API's base URL."""
    found = defaultdict(list)
    for path in sorted((recorded_dir / "recorded" / "exchanges").glob("*.json")):
        exchange = json.loads(path.read_text("utf-8"))
        found[exchange["request"]["url"].removeprefix("https://api.themoviedb.org/3")].append(exchange)
    assert len(found) > 30
    return found


@coroutine_test
async def test_the_recorded_exchanges_come_as_they_were(recorded_dir, exchanges, tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(replay=(recorded_dir / "recorded",))
    ended = await crawl(ExchangesSpider, settings_of(sandbox.base_url), urls=list(exchanges))
    assert failure_rows() == [("movies", "0", "/movie/0", "NotFoundError", 404, 34, 1)]
    came = {
        response.request.url.removeprefix(sandbox.base_url): response for response in ended.spider.responses
    }
    good = {url: recorded for url, recorded in exchanges.items() if recorded[0]["response"]["status"] == 200}
    assert set(came) == set(good)
    assert len(exchanges) == len(good) + 1
    operations = set()
    for url, recorded in good.items():
        response = came[url]
        assert response.status == 200
        assert response.json() in [exchange["body"] for exchange in recorded]
        assert response.headers.get("ETag") in [etag_of(exchange) for exchange in recorded]
        operations.add(response.meta[CALL_KEY]["operation"])
        model = OPERATIONS[response.meta[CALL_KEY]["operation"]].model
        assert isinstance(response.record, get_origin(model) or model)
    assert operations >= {"movie-details", "movie-images", "discover-movie", "configuration-details"}
    assert operations >= {"search-movie", "person-movie-credits", "find-by-id", "credit-details"}
    movies = {
        exchange["body"]["id"]: exchange["body"]
        for url, recorded in good.items()
        if came[url].meta[CALL_KEY]["operation"] == "movie-details"
        for exchange in recorded
    }
    stored = dict(rows("SELECT id, title FROM movies"))
    assert stored == {key: body["title"] for key, body in movies.items()}
