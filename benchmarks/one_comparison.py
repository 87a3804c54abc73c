"""Movies with credits and keywords from an API into SQLite by one tool. ``comparison.py`` runs it for each.

A tool without storage of its own writes with :class:`Writer`, which is what a project writes by hand: a table each
for movies, cast, crew and keywords, and a transaction for a hundred movies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import time
from collections import Counter
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import peers
from loopback import pin
from own_process import run_crawl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

PARTS = "credits,keywords"
TIMEOUT = 5
"""Seconds for an answer, for every tool that can be told."""

TABLES = """
CREATE TABLE movies (id INTEGER PRIMARY KEY, title TEXT, release_date TEXT, revenue INTEGER, runtime INTEGER);
CREATE TABLE movie_cast (movie_id INTEGER, position INTEGER, person_id INTEGER, name TEXT, character TEXT);
CREATE TABLE movie_crew (movie_id INTEGER, person_id INTEGER, name TEXT, job TEXT);
CREATE TABLE movie_keywords (movie_id INTEGER, keyword_id INTEGER, name TEXT);
"""


class Writer:
    """Tables of movies as a project writes them by hand.

    Args:
        file: The SQLite file, which is made.
    """

    def __init__(self, file: str) -> None:
        self._database = sqlite3.connect(file)
        self._database.executescript(TABLES)
        self._written = 0

    def write(self, movie: Any, cast: Sequence[Any], crew: Sequence[Any], keywords: Sequence[Any]) -> None:
        """Write a movie, and what belongs to it; all are objects with TMDB's names."""
        execute, executemany = self._database.execute, self._database.executemany
        date = movie.release_date
        execute(
            "INSERT OR REPLACE INTO movies VALUES (?, ?, ?, ?, ?)",
            (movie.id, movie.title, date and str(date), movie.revenue, movie.runtime),
        )
        executemany(
            "INSERT INTO movie_cast VALUES (?, ?, ?, ?, ?)",
            [(movie.id, place, who.id, who.name, who.character) for place, who in enumerate(cast)],
        )
        executemany(
            "INSERT INTO movie_crew VALUES (?, ?, ?, ?)",
            [(movie.id, who.id, who.name, who.job) for who in crew],
        )
        executemany(
            "INSERT INTO movie_keywords VALUES (?, ?, ?)",
            [(movie.id, each.id, each.name) for each in keywords],
        )
        self._written += 1
        if self._written % 100 == 0:
            self._database.commit()

    def close(self) -> None:
        """Write what is left."""
        self._database.commit()
        self._database.close()


def count(file: str) -> int:
    """Different movies in an SQLite file."""
    (found,) = sqlite3.connect(file).execute("SELECT count(DISTINCT id) FROM movies").fetchone()
    return int(found)


class Plain(msgspec.Struct):
    """A movie, a member of its cast or crew, or a keyword as a spider of one's own sees it."""

    id: Any
    title: Any = None
    release_date: Any = None
    revenue: Any = None
    runtime: Any = None
    name: Any = None
    character: Any = None
    job: Any = None


def plain(found: dict[str, Any]) -> Plain:
    """The fields that are stored."""
    return Plain(**{name: found.get(name) for name in Plain.__struct_fields__})


def this_package(
    origin: str, ids: list[int], file: str, concurrency: int, rate: float, *, by_hand: bool = False
) -> dict[str, Any]:
    """Crawl with the add-on and its storage, or write by hand."""
    from tmdbfusion_scrapy import TMDBSpider

    writer = Writer(file) if by_hand else None
    errors: Counter[str] = Counter()

    class Movies(TMDBSpider):
        name = "movies"

        async def start(self) -> Any:
            for movie_id in ids:
                yield self.tmdb.movies.details(
                    movie_id,
                    append_to_response=PARTS.split(","),
                    callback=self.parse_movie,
                    errback=self.failed,
                )

        def parse_movie(self, response: Any) -> Any:
            movie = response.record
            if writer is None:
                yield movie
            else:
                write_record(writer, movie)

        def failed(self, failure: Any) -> None:
            errors[failure.type.__name__] += 1

    settings: dict[str, Any] = {
        "DOWNLOAD_TIMEOUT": TIMEOUT,
        "LOG_LEVEL": "CRITICAL",
        "TMDB_PROGRESS": "off",
        "TMDB_SUMMARY": False,
        "ASYNCIO_EVENT_LOOP": None,
    }
    if writer is None:
        settings |= {"TMDB_DATABASE_URL": f"sqlite:///{file}", "ITEM_PIPELINES": {}}
    run_crawl(Movies, f"{origin}/3", concurrency, rate, **settings)
    if writer is not None:
        writer.close()
        return {"stored": count(file), "errors": dict(errors)}
    # A row that another record only names was not fetched.
    sql = "SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL"
    (stored,) = sqlite3.connect(file).execute(sql).fetchone()
    return {"stored": stored, "errors": dict(errors)}


def write_record(writer: Writer, movie: Any) -> None:
    """Write a record of this package by hand; a part that is null has nobody in it."""
    people, words = movie.credits, movie.keywords
    writer.write(
        movie,
        people.cast or () if people else (),
        people.crew or () if people else (),
        words.keywords or () if words else (),
    )


def this_client(origin: str, ids: list[int], file: str, concurrency: int, rate: float) -> dict[str, Any]:
    """Call with ``AsyncTMDBClient``, and write by hand."""
    from tmdbfusion_scrapy import AsyncTMDBClient

    writer = Writer(file)
    errors: Counter[str] = Counter()

    async def main() -> None:
        async with AsyncTMDBClient(
            "benchmark",
            base_url=f"{origin}/3",
            requests_per_second=rate,
            timeout=TIMEOUT,
            total_timeout=TIMEOUT,
        ) as client:

            async def fetch(movie_id: int) -> None:
                write_record(
                    writer, await client.movies.details(movie_id, append_to_response=PARTS.split(","))
                )

            await fetch_all(ids, concurrency, fetch, errors)

    asyncio.run(main())
    writer.close()
    return {"stored": count(file), "errors": dict(errors)}


def scrapy_alone(origin: str, ids: list[int], file: str, concurrency: int, _rate: float) -> dict[str, Any]:
    """Crawl with Scrapy as it comes, and write by hand."""
    import scrapy

    writer = Writer(file)
    errors: Counter[str] = Counter()

    class Movies(scrapy.Spider):
        name = "movies"

        async def start(self) -> Any:
            for movie_id in ids:
                url = f"{origin}/3/movie/{movie_id}?append_to_response={PARTS}"
                headers = {"Authorization": "Bearer benchmark"}
                yield scrapy.Request(url, headers=headers, errback=self.failed)

        def parse(self, response: Any) -> Any:
            try:
                movie = response.json()
                people = movie["credits"]
                writer.write(
                    plain(movie),
                    [plain(who) for who in people["cast"]],
                    [plain(who) for who in people["crew"]],
                    [plain(each) for each in movie["keywords"]["keywords"]],
                )
            except Exception as error:  # noqa: BLE001 - counted
                errors[type(error).__name__] += 1

        def failed(self, failure: Any) -> None:
            errors[failure.type.__name__] += 1

    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.settings import default_settings

    settings: dict[str, Any] = {
        "CONCURRENT_REQUESTS": concurrency,
        "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
        "DOWNLOAD_TIMEOUT": TIMEOUT,
        "LOG_LEVEL": "CRITICAL",
        "TELNETCONSOLE_ENABLED": False,
    }
    if hasattr(default_settings, "REMOTE_CONTROL_ENABLED"):
        settings["REMOTE_CONTROL_ENABLED"] = False
    process = AsyncCrawlerProcess(settings)
    process.crawl(Movies)
    process.start()
    writer.close()
    return {"stored": count(file), "errors": dict(errors)}


async def fetch_all(
    ids: Iterable[int], concurrency: int, fetch: Callable[[int], Any], errors: Counter[str]
) -> None:
    """Fetch all ids with so many tasks; count what they raise."""
    left = iter(ids)

    async def work() -> None:
        for movie_id in left:
            try:
                await fetch(movie_id)
            except Exception as error:  # noqa: BLE001 - counted
                errors[type(error).__name__] += 1

    await asyncio.gather(*(work() for _ in range(concurrency)))


def themoviedb(origin: str, ids: list[int], file: str, concurrency: int, _rate: float) -> dict[str, Any]:
    """Call with themoviedb, and write by hand."""
    import aiohttp

    writer = Writer(file)
    errors: Counter[str] = Counter()

    async def main() -> None:
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with peers.themoviedb_client(origin, concurrency, timeout=timeout) as client:

            async def fetch(movie_id: int) -> None:
                movie = await client.movie(movie_id).details(append_to_response=PARTS)
                writer.write(movie, movie.credits.cast, movie.credits.crew, movie.keywords.keywords)

            await fetch_all(ids, concurrency, fetch, errors)

    asyncio.run(main())
    writer.close()
    return {"stored": count(file), "errors": dict(errors)}


def tmdbfusion(origin: str, ids: list[int], file: str, concurrency: int, _rate: float) -> dict[str, Any]:
    """Call with tmdbfusion, three times a movie, for it has no place for appended parts; write by hand."""
    writer = Writer(file)
    errors: Counter[str] = Counter()

    async def main() -> None:
        async with peers.tmdbfusion_client(origin, concurrency) as client:

            async def fetch(movie_id: int) -> None:
                movie = await client.movies.details(movie_id)
                people = await client.movies.credits(movie_id)
                found = await client.movies.keywords(movie_id)
                writer.write(movie, people.cast, people.crew, found.keywords)

            await fetch_all(ids, concurrency, fetch, errors)

    asyncio.run(main())
    writer.close()
    return {"stored": count(file), "errors": dict(errors)}


def dlt_rest_api(origin: str, ids: list[int], file: str, concurrency: int, _rate: float) -> dict[str, Any]:
    """Load with dlt's ``rest_api`` source, which makes tables of what it finds."""
    folder = Path(file).parent
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__REQUEST_TIMEOUT": str(TIMEOUT),
        "RUNTIME__LOG_LEVEL": "CRITICAL",
        "EXTRACT__WORKERS": str(concurrency),
        "EXTRACT__MAX_PARALLEL_ITEMS": str(concurrency),
    }
    # Neither need be installed.
    dlt: Any = import_module("dlt")
    rest_api_source = import_module("dlt.sources.rest_api").rest_api_source

    def numbers() -> Any:
        # A page each, which a thread takes.
        for movie_id in ids:
            yield [{"id": movie_id}]

    source = rest_api_source(
        {
            "client": {"base_url": f"{origin}/3/", "auth": {"type": "bearer", "token": "benchmark"}},
            "resources": [
                dlt.resource(numbers, name="ids"),
                {
                    "name": "movies",
                    "primary_key": "id",
                    "write_disposition": "replace",
                    "parallelized": True,
                    "endpoint": {
                        "path": "movie/{resources.ids.id}",
                        "params": {"append_to_response": PARTS},
                        "paginator": "single_page",
                        "data_selector": "$",
                    },
                },
            ],
        }
    ).with_resources("movies")
    pipeline = dlt.pipeline(
        "comparison",
        destination=dlt.destinations.sqlalchemy(f"sqlite:///{file}"),
        dataset_name="main",
        pipelines_dir=str(folder / "pipelines"),
    )
    errors: Counter[str] = Counter()
    try:
        pipeline.run(source)
        with pipeline.sql_client() as client:
            ((stored,),) = client.execute_sql("SELECT count(DISTINCT id) FROM movies")
    except Exception as error:  # noqa: BLE001 - the run is over
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        errors[f"{type(cause).__name__}, which ends the run"] += 1
        stored = 0
    return {"stored": stored, "errors": dict(errors)}


TOOLS: dict[str, Callable[[str, list[int], str, int, float], dict[str, Any]]] = {
    "this package": this_package,
    "this package, tables by hand": partial(this_package, by_hand=True),
    "AsyncTMDBClient, tables by hand": this_client,
    "Scrapy alone": scrapy_alone,
    "themoviedb": themoviedb,
    "tmdbfusion": tmdbfusion,
    "dlt": dlt_rest_api,
}


IMPORTS = {
    "this package": ("scrapy.crawler", "tmdbfusion_scrapy.storage", "tmdbfusion_scrapy.crawling.handler"),
    "this package, tables by hand": ("scrapy.crawler", "tmdbfusion_scrapy.crawling.handler"),
    "AsyncTMDBClient, tables by hand": ("tmdbfusion_scrapy.client",),
    "Scrapy alone": ("scrapy.crawler", "scrapy.core.downloader.handlers.http11"),
    "themoviedb": ("themoviedb", "aiohttp"),
    "tmdbfusion": ("tmdbfusion",),
    "dlt": ("dlt.sources.rest_api", "sqlalchemy"),
}
"""What is imported before the clock starts."""


def main() -> None:
    """Read the arguments, run, print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("origin")
    parser.add_argument("ids", type=Path, help="JSON file")
    parser.add_argument("file", help="database, which is made")
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument(
        "--rate", type=float, default=0, help="requests a second of what has a rate limit; 0 for none"
    )
    options = parser.parse_args()
    pin(0)
    ids = json.loads(options.ids.read_text())
    for module in IMPORTS[options.tool]:
        import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    given = options.origin, ids, options.file, options.concurrency, options.rate
    found = TOOLS[options.tool](*given)
    found |= {
        "wall": time.perf_counter() - wall,
        "cpu": time.process_time() - cpu,
        "max_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(f"\n{json.dumps(found)}")


if __name__ == "__main__":
    main()
