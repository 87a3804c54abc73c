"""Records in feeds: Scrapy's own formats and Parquet."""

from __future__ import annotations

import asyncio
import csv
import datetime
import gzip
import io
import json
import pickle
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import pytest
import scrapy
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.exporters import JsonLinesItemExporter
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, settings_of
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.feeds.exporters import (
    RecordCsvItemExporter,
    RecordJsonItemExporter,
    RecordJsonLinesItemExporter,
    RecordXmlItemExporter,
)
from tmdbfusion_scrapy.models import (
    CastMember,
    CountryWatchProviders,
    Credits,
    Genre,
    MovieDetails,
    WatchProvider,
    WatchProviders,
    decode,
)
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS, field_hints, record_in

FORMATS = {"jsonl": "jsonlines", "json": "json", "csv": "csv", "xml": "xml", "pickle": "pickle"}
CASES = {"movie-details": "/3/movie/1", "tv-series-details": "/3/tv/1", "person-details": "/3/person/1"}


def parts_of(operation: str) -> dict[str, Any]:
    """Every part that a record has a field for, with something in it."""
    model: Any = OPERATIONS[operation].model
    keys = {name: key for key, name in SLASHED_KEYS.items()}
    seasons = {f"season/{number}": {"episodes": [{"id": number}]} for number in (2, 1)}
    parts = {
        keys.get(name, name): {"id": 7}
        for name, hint in field_hints(model).items()
        if record_in(hint) and not name.startswith(("belongs_to", "last_episode", "next_episode"))
    }
    return {**parts, **(seasons if operation.startswith("tv") else {})}


class WholeSpider(TMDBSpider):
    """Asks for one record with all parts."""

    name = "whole"
    custom_settings: ClassVar = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}

    def __init__(self, operation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation = operation

    async def start(self) -> Any:
        yield self.tmdb_request(
            OPERATIONS[self.operation],
            1,
            append_to_response=list(parts_of(self.operation)),
            callback=self.parse,
        )

    def parse(self, response: Any) -> Any:
        assert response.record.missing_parts == ()
        yield response.record


@pytest.mark.parametrize("operation", CASES)
@coroutine_test
async def test_every_feed_takes_a_record_with_everything(raw_server, operation, tmp_path):
    async def answer(connection, seen):
        asked = seen.query["append_to_response"].split(",")
        found = {part: value for part, value in parts_of(operation).items() if part in asked}
        connection.respond(json.dumps({"id": 1, **found}).encode())

    raw_server.scripts[CASES[operation]] = answer
    feeds = {str(tmp_path / f"feed.{name}"): {"format": kind} for name, kind in FORMATS.items()}
    ended = await crawl(WholeSpider, settings_of(raw_server.url + "/3", FEEDS=feeds), operation=operation)
    assert ended.stats["feedexport/success_count/FileFeedStorage"] == len(FORMATS)
    feed = {name: Path(tmp_path / f"feed.{name}") for name in FORMATS}
    line = json.loads(feed["jsonl"].read_text())
    assert [line] == json.loads(feed["json"].read_text())
    assert line["changes"] is not None
    if operation.startswith("tv"):
        assert [season["season_number"] for season in line["appended_seasons"]] == [1, 2]
        assert line["appended_seasons"][1]["episodes"][0]["id"] == 2
    (row,) = csv.DictReader(feed["csv"].read_text().splitlines())
    (item,) = ET.fromstring(feed["xml"].read_text())  # noqa: S314 - our own
    assert [element.tag for element in item] == list(row) == list(line)
    assert pickle.loads(feed["pickle"].read_bytes())["id"] == 1  # noqa: S301 - our own
    for name, value in line.items():
        if isinstance(value, dict):
            assert json.loads(row[name]) == value
            assert [element.tag for element in item.find(name)] == list(value)


BODY = """{
    "id": 550, "title": "Fight Club", "adult": false, "release_date": "1999-10-15", "runtime": "139",
    "budget": null, "genres": [{"id": 18, "name": "Drama"}], "origin_country": ["US", "DE"],
    "tagline": "A & B\\u0000", "new": 1,
    "credits": {"cast": [{"id": 819, "name": "Édward"}]},
    "account_states": {"id": 550, "rated": {"8 of 10": true}}
}""".encode()
MOVIE = decode(BODY, MovieDetails)


def exported(exporter_class: Any, *items: Any, **options: Any) -> str:
    """What an exporter writes of items."""
    file = io.BytesIO()
    exporter = exporter_class(file, **options)
    exporter.start_exporting()
    for item in items:
        exporter.export_item(item)
    exporter.finish_exporting()
    return file.getvalue().decode()


def test_json_has_a_record_as_tmdb_has_it():
    row = json.loads(exported(RecordJsonLinesItemExporter, MOVIE))
    assert [row] == json.loads(exported(RecordJsonItemExporter, MOVIE))
    assert list(row) == list(field_hints(MovieDetails))
    sent = json.loads(BODY)
    for name in ("id", "title", "adult", "release_date", "budget", "genres", "origin_country", "tagline"):
        assert row[name] == sent[name]
    assert row["runtime"] == 139
    assert row["credits"]["cast"][0]["name"] == "Édward"
    assert row["account_states"]["rated"] == {"8 of 10": True}
    assert MOVIE.drift == ("MovieDetails.runtime",)
    assert "new" in MOVIE.extras


def test_json_is_what_scrapy_writes_of_the_record():
    assert exported(RecordJsonLinesItemExporter, MOVIE) == exported(JsonLinesItemExporter, MOVIE)


def test_csv_has_json_where_a_record_is_nested():
    (row,) = csv.DictReader(io.StringIO(exported(RecordCsvItemExporter, MOVIE)))
    assert list(row) == list(field_hints(MovieDetails))
    assert row["release_date"] == "1999-10-15"
    assert row["budget"] == ""
    assert row["genres"] == '[{"id":18,"name":"Drama"}]'
    assert row["origin_country"] == "US,DE"
    assert row["tagline"] == "A & B\N{REPLACEMENT CHARACTER}"
    assert json.loads(row["credits"])["cast"][0]["name"] == "Édward"


def test_xml_has_elements_where_a_record_is_nested():
    (item,) = ET.fromstring(exported(RecordXmlItemExporter, MOVIE))  # noqa: S314 - our own
    assert item.findtext("release_date") == "1999-10-15"
    assert item.findtext("budget") == ""
    assert item.findtext("genres/value/name") == "Drama"
    assert item.findtext("credits/cast/value/name") == "Édward"
    assert [value.text for value in item.findall("origin_country/value")] == ["US", "DE"]
    # XML cannot write NUL, and an element cannot have the name of every key.
    assert item.findtext("tagline") == "A & B\N{REPLACEMENT CHARACTER}"
    assert json.loads(item.findtext("account_states/rated") or "") == {"8 of 10": True}


@pytest.mark.parametrize("exporter_class", [RecordJsonLinesItemExporter, RecordCsvItemExporter])
def test_fields_choose_what_is_written(exporter_class):
    written = exported(exporter_class, MOVIE, fields_to_export={"id": "movie", "title": "name"})
    assert "Fight Club" in written
    assert "movie" in written
    assert "1999" not in written


def upper(text: str) -> str:
    return text.upper()


PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"
SHOWN = MovieDetails(
    id=7,
    title="Glass Harbour",
    release_date=datetime.date(2024, 3, 1),
    genres=[Genre(18, "Drama")],
    origin_country=["FR", "BE"],
    credits=Credits(cast=[CastMember(name="A. Person", character="The Pilot")]),
    watch_providers=WatchProviders(
        results={"FR": CountryWatchProviders(flatrate=[WatchProvider(provider_name="A Service")])}
    ),
)


@pytest.mark.parametrize(
    ("marker", "exporter_class", "options"),
    [
        ("jsonlines", RecordJsonLinesItemExporter, {}),
        ("csv", RecordCsvItemExporter, {}),
        ("xml", RecordXmlItemExporter, {"indent": 0}),
    ],
)
def test_the_page_shows_what_is_written(marker, exporter_class, options):
    fields = ["id", "title", "release_date", "runtime", "genres", "origin_country"]
    shown = PAGE.read_text().split(f"<!-- {marker} -->\n", 1)[1].split("```")[1].split("\n", 1)[1]
    written = exported(exporter_class, SHOWN, fields_to_export=fields, export_empty_fields=True, **options)
    assert written.replace("\r\n", "\n").strip() == shown.strip()


def test_the_queries_of_the_page_work(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from tmdbfusion_scrapy.feeds import ParquetItemExporter

    for number in (1, 2):
        with (tmp_path / f"movies-{number}.parquet").open("wb") as file:
            exporter = ParquetItemExporter(file)
            exporter.export_item(SHOWN)
            exporter.finish_exporting()
    queries = [part.split("```")[0] for part in PAGE.read_text().split("```sql\n")[1:]]
    with duckdb.connect() as connection:
        latest, cast, streamed = (connection.execute(query).fetchall() for query in queries)
    assert latest == [(7, "Glass Harbour", datetime.date(2024, 3, 1), "Drama", "A. Person")]
    assert cast == [(7, "Glass Harbour", "A. Person", "The Pilot")] * 2
    assert streamed == [("Glass Harbour", ["A Service"])] * 2


@dataclass
class LoudMovie(MovieDetails):
    """A record with a serializer, in Scrapy's own way."""

    title: str | None = field(default=None, metadata={"serializer": upper})


def test_a_serializer_of_the_users_own_is_used():
    assert '"FIGHT CLUB"' in exported(RecordJsonLinesItemExporter, LoudMovie(title="Fight Club"))
    assert "FIGHT CLUB" in exported(RecordCsvItemExporter, LoudMovie(title="Fight Club"))


@pytest.mark.parametrize(
    ("ours", "name"),
    [
        (RecordJsonLinesItemExporter, "JsonLinesItemExporter"),
        (RecordJsonItemExporter, "JsonItemExporter"),
        (RecordCsvItemExporter, "CsvItemExporter"),
        (RecordXmlItemExporter, "XmlItemExporter"),
    ],
)
def test_other_items_are_written_as_scrapy_does(ours, name):
    item = {"id": 1, "when": datetime.datetime(2026, 1, 2), "genres": [Genre(1, "a")], "none": None}
    assert exported(ours, item) == exported(getattr(scrapy.exporters, name), item)


class MineExporter(JsonLinesItemExporter):
    """A user's exporter."""

    def export_item(self, item: Any) -> None:
        self.file.write(b"mine")


@coroutine_test
async def test_an_exporter_of_the_users_own_stays(tmdb_sandbox, tmp_path):
    settings = settings_of(
        tmdb_sandbox.base_url,
        ITEM_PIPELINES={"tmdbfusion_scrapy.storage.SQLPipeline": None},
        FEEDS={"a.csv": {"format": "csv"}, "b.parquet": {"format": "parquet"}},
        FEED_EXPORTERS={"csv": MineExporter, "parquet": MineExporter},
    )
    await crawl(MoviesSpider, settings, ids=[1])
    for name in ("a.csv", "b.parquet"):
        assert (tmp_path / name).read_bytes() == b"mine"


def parquet_settings(url: str, feeds: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """Settings of a crawl that writes Parquet and no database."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pipelines = {"tmdbfusion_scrapy.storage.SQLPipeline": None}
    feeds = {name: {"format": "parquet", **options} for name, options in feeds.items()}
    return settings_of(url, FEEDS=feeds, ITEM_PIPELINES=pipelines, **settings)


def ids_in(path: Any) -> list[int]:
    """The ids in a Parquet file."""
    from pyarrow import parquet

    found: list[int] = parquet.read_table(path)["id"].to_pylist()
    return sorted(found)


class PlainSpider(scrapy.Spider):
    """Meets TMDB through the add-on only."""

    name = "plain"

    async def start(self) -> Any:
        url = self.settings["TMDB_API_URL"]
        for number in (1, 2):
            yield scrapy.Request(f"{url}/movie/{number}", callback=self.parse)

    def parse(self, response: Any) -> Any:
        yield decode(response.body, MovieDetails)


@pytest.mark.parametrize("spidercls", [MoviesSpider, PlainSpider])
@coroutine_test
async def test_parquet_is_a_feed_format(tmdb_sandbox, tmp_path, spidercls):
    settings = parquet_settings(tmdb_sandbox.base_url, {"movies-%(time)s.parquet": {}})
    settings["ADDONS"] = {"tmdbfusion_scrapy.Addon": 500}
    ended = await crawl(spidercls, settings, **({"ids": [1, 2]} if spidercls is MoviesSpider else {}))
    (path,) = tmp_path.glob("movies-*.parquet")
    assert ids_in(path) == [1, 2]
    assert ended.stats["feedexport/success_count/FileFeedStorage"] == 1


@coroutine_test
async def test_batches_are_files_of_their_own(tmdb_sandbox, tmp_path):
    feeds = {"%(name)s/part-%(batch_id)03d.parquet": {"batch_item_count": 3}}
    await crawl(MoviesSpider, parquet_settings(tmdb_sandbox.base_url, feeds), ids=range(1, 9))
    files = [ids_in(path) for path in sorted((tmp_path / "movies").iterdir())]
    assert [len(ids) for ids in files] == [3, 3, 2]
    assert sorted(chain.from_iterable(files)) == list(range(1, 9))


class MemoryStorage:
    """Keeps what it is given."""

    kept: ClassVar[dict[str, bytes]] = {}

    def __init__(self, uri: str, *, feed_options: Any = None) -> None:
        self.uri = uri

    def open(self, spider: Any) -> Any:
        return io.BytesIO()

    async def store(self, file: Any) -> None:
        await asyncio.sleep(0)
        self.kept[self.uri] = file.getvalue()


@coroutine_test
async def test_other_storages_and_post_processing_work(tmdb_sandbox):
    plugin = "scrapy.extensions.postprocessing.GzipPlugin"
    feeds = {
        "memory://plain.parquet": {
            "fields": ["id", "title"],
            "item_export_kwargs": {"compression": "snappy"},
        },
        "memory://movies.parquet.gz": {"postprocessing": [plugin]},
    }
    settings = parquet_settings(tmdb_sandbox.base_url, feeds, FEED_STORAGES={"memory": MemoryStorage})
    await crawl(MoviesSpider, settings, ids=[1, 2])
    from pyarrow import parquet

    plain = parquet.ParquetFile(io.BytesIO(MemoryStorage.kept["memory://plain.parquet"]))
    assert plain.schema_arrow.names == ["id", "title"]
    assert plain.metadata.row_group(0).column(0).compression == "SNAPPY"
    assert ids_in(io.BytesIO(gzip.decompress(MemoryStorage.kept["memory://movies.parquet.gz"]))) == [1, 2]


class FullFile(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


class FullStorage(MemoryStorage):
    """A storage whose files are on a disk that is full."""

    def open(self, spider: Any) -> Any:
        return FullFile()


@coroutine_test
async def test_a_file_that_could_not_be_written_is_not_stored(tmdb_sandbox, caplog):
    feeds: dict[str, Any] = {"full://movies.parquet": {}, "after.parquet": {}}
    settings = parquet_settings(tmdb_sandbox.base_url, feeds, FEED_STORAGES={"full": FullStorage})
    ended = await crawl(MoviesSpider, settings, ids=[1, 2], errors=None)
    assert "full://movies.parquet" not in MemoryStorage.kept
    assert "feedexport/success_count/FullStorage" not in ended.stats
    assert ended.stats["tmdb/feed/failed_count"] == 2
    assert "A Parquet feed cannot be written, and no item of it is kept" in caplog.text
    assert ids_in("after.parquet") == [1, 2]


@coroutine_test
async def test_failed_calls_leave_the_file_whole(tmdb_sandbox):
    tmdb_sandbox.fail_next("404", path="/movie/1")
    feeds: dict[str, Any] = {
        "all.parquet": {},
        "failures.parquet": {"item_classes": ["tmdbfusion_scrapy.items.FailedCall"]},
        "movies.parquet": {"item_classes": [MovieDetails]},
        "none.parquet": {"item_classes": [Genre]},
    }
    ended = await crawl(MoviesSpider, parquet_settings(tmdb_sandbox.base_url, feeds), ids=[1, 2, 3])
    assert ids_in("all.parquet") == ids_in("movies.parquet") == [2, 3]
    assert ids_in("none.parquet") == []
    assert ended.stats["tmdb/feed/left_out_count/FailedCall"] == 1
    from pyarrow import parquet

    assert parquet.read_table("failures.parquet")["path"].to_pylist() == ["/movie/1"]
    assert parquet.read_schema("none.parquet").names == ["id", "name", "fetched_at"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("there.parquet", {}, "there.parquet is there already, and Parquet cannot be appended to"),
        ("a.parquet", {"item_classes": [MovieDetails, Genre]}, "item_classes names MovieDetails, Genre"),
        ("a.parquet", {"item_export_kwargs": {"compression": "zip"}}, "compression is 'zip'"),
        (
            "a.parquet",
            {"item_export_kwargs": {"row_groups": 1}},
            "item_export_kwargs has row_groups, and may have",
        ),
    ],
)
@coroutine_test
async def test_a_parquet_feed_that_cannot_be_written_ends_the_crawl_before_it_begins(
    tmdb_sandbox, tmp_path, name, options, message
):
    (tmp_path / "there.parquet").write_bytes(b"PAR1")
    settings = parquet_settings(tmdb_sandbox.base_url, {name: options})
    # As a project has it that uses -o on the command line.
    settings["FEED_EXPORTERS"] = {"parquet": "tmdbfusion_scrapy.feeds.parquet.ParquetItemExporter"}
    runner = AsyncCrawlerRunner(Settings(settings))
    with pytest.raises(ConfigurationError, match=message) as caught:
        await runner.crawl(MoviesSpider, ids=[1])
    assert f"FEEDS[{name!r}]" in str(caught.value)
    assert not tmdb_sandbox.requests


@coroutine_test
async def test_a_file_that_is_there_can_be_overwritten(tmdb_sandbox, tmp_path):
    (tmp_path / "there.parquet").write_bytes(b"PAR1")
    feeds = {"there.parquet": {"overwrite": True}}
    await crawl(MoviesSpider, parquet_settings(tmdb_sandbox.base_url, feeds), ids=[1])
    assert ids_in("there.parquet") == [1]


def test_without_pyarrow_a_parquet_feed_ends_the_crawl_before_it_begins():
    script = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from scrapy.settings import Settings\n"
        "from tmdbfusion_scrapy.feeds.exporters import install_feeds\n"
        "install_feeds(Settings({'FEEDS': {'a.csv': {'format': 'csv'}}}))\n"
        "try: install_feeds(Settings({'FEEDS': {'a.parquet': {'format': 'parquet'}}}))\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "FEEDS['a.parquet']: the feed format parquet needs pyarrow: pip install 'tmdbfusion-scrapy[parquet]'"
    )


def test_a_crawl_into_a_parquet_file_alone_loads_neither_sqlalchemy_nor_pandas(tmdb_sandbox, tmp_path):
    script = f"""
import sys
from scrapy.crawler import AsyncCrawlerProcess
from tmdbfusion_scrapy.crawling import TMDBSourceSpider

class MoviesSpider(TMDBSourceSpider):
    name = "movies"
    details_operation = "movie-details"

process = AsyncCrawlerProcess({{
    "ADDONS": {{"tmdbfusion_scrapy.Addon": 500}}, "LOG_LEVEL": "ERROR",
    "TMDB_API_URL": {tmdb_sandbox.base_url!r}, "TMDB_ACCESS_TOKEN": "token-of-the-tests",
    "ITEM_PIPELINES": {{"tmdbfusion_scrapy.storage.SQLPipeline": None}},
    "FEEDS": {{"movies.parquet": {{"format": "parquet"}}}},
}})
process.crawl(MoviesSpider, source="ids", ids="1,2")
process.start()
print({{"sqlalchemy", "pandas", "scrapy"}} & set(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("{'scrapy'}", "")
    assert len(pytest.importorskip("pyarrow.parquet").read_table(tmp_path / "movies.parquet")) == 2
