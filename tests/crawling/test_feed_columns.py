"""Columns of feeds: every field of a record, whatever TMDB sent, and every text as it was."""

from __future__ import annotations

import csv
import dataclasses
import datetime
import gzip
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, ClassVar

import pytest
from itemadapter import ItemAdapter
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.exporters import CsvItemExporter, JsonLinesItemExporter, XmlItemExporter
from scrapy.settings import Settings

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tests.crawling.test_feeds import exported
from tmdbfusion_scrapy import TMDBSpider, models
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.feeds.exporters import (
    RecordCsvItemExporter,
    RecordJsonItemExporter,
    RecordJsonLinesItemExporter,
    RecordXmlItemExporter,
)
from tmdbfusion_scrapy.items import FailedCall, UnchangedRecord
from tmdbfusion_scrapy.models import (
    CompanyDetails,
    Credits,
    Genre,
    MovieDetails,
    Page,
    PersonDetails,
    SeasonDetails,
    TVDetails,
    decode,
)
from tmdbfusion_scrapy.models.record import Record

DETAILS: list[Any] = sorted(
    {
        endpoint.model
        for endpoint in OPERATIONS.values()
        if endpoint.is_details and isinstance(endpoint.model, type) and issubclass(endpoint.model, Record)
    },
    key=lambda model: model.__name__,
)
RECORDS: list[Any] = [
    model
    for model in map(vars(models).get, models.__all__)
    if isinstance(model, type) and issubclass(model, Record) and dataclasses.is_dataclass(model)
]

SPARSE = decode(
    b'{"vote_count": 3, "id": 5, "genres": [{"name": "Drama"}, {"id": 2}], "credits": {"cast": [{"id": 9}]}}',
    MovieDetails,
)


def fields_of(model: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(model)]


def csv_rows(text: str) -> tuple[list[str], list[dict[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = list(reader)
    return list(reader.fieldnames or ()), rows


@pytest.mark.parametrize("model", DETAILS, ids=lambda model: model.__name__)
def test_a_record_that_has_next_to_nothing_has_all_columns(model):
    record = decode(b'{"id": 1}', model)
    names = fields_of(model)
    line = json.loads(exported(RecordJsonLinesItemExporter, record))
    assert list(line) == names
    assert [line] == json.loads(exported(RecordJsonItemExporter, record))
    assert {name: value for name, value in line.items() if value not in (None, [])} == {"id": 1}
    header, (row,) = csv_rows(exported(RecordCsvItemExporter, record))
    assert header == names
    assert {name: value for name, value in row.items() if value} == {"id": "1"}
    (item,) = ET.fromstring(exported(RecordXmlItemExporter, record))  # noqa: S314 - our own
    assert [element.tag for element in item] == names


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_all_that_is_exported_is_in_the_order_of_its_class(model):
    assert list(json.loads(exported(RecordJsonLinesItemExporter, model()))) == fields_of(model)


def test_a_record_inside_has_all_fields_too():
    line = json.loads(exported(RecordJsonLinesItemExporter, SPARSE))
    assert line["genres"] == [{"id": None, "name": "Drama"}, {"id": 2, "name": None}]
    (member,) = line["credits"]["cast"]
    assert list(member) == fields_of(models.CastMember)
    assert line["credits"]["crew"] == []
    _, (row,) = csv_rows(exported(RecordCsvItemExporter, SPARSE))
    assert json.loads(row["genres"]) == line["genres"]
    (item,) = ET.fromstring(exported(RecordXmlItemExporter, SPARSE))  # noqa: S314 - our own
    assert [element.tag for element in item.find("genres/value")] == ["id", "name"]


def test_a_season_keeps_its_key():
    season = decode(b'{"_id": "52", "episodes": [{"id": 3}]}', SeasonDetails)
    assert json.loads(exported(RecordJsonLinesItemExporter, season))["_id"] == "52"
    assert csv_rows(exported(RecordCsvItemExporter, season))[1][0]["_id"] == "52"


def test_json_is_what_scrapy_writes_of_a_record_with_gaps():
    assert exported(RecordJsonLinesItemExporter, SPARSE) == exported(JsonLinesItemExporter, SPARSE)
    assert list(ItemAdapter(SPARSE).asdict()) == fields_of(MovieDetails)


@pytest.mark.parametrize("exporter_class", [JsonLinesItemExporter, CsvItemExporter, XmlItemExporter])
def test_the_stock_exporters_of_scrapy_have_all_columns(exporter_class):
    written = exported(exporter_class, SPARSE)
    assert all(name in written for name in fields_of(MovieDetails))


def test_the_first_record_does_not_decide_what_the_others_have():
    full = decode(b'{"id": 6, "title": "There", "runtime": 90, "homepage": "h"}', MovieDetails)
    header, rows = csv_rows(exported(RecordCsvItemExporter, SPARSE, full))
    assert header == fields_of(MovieDetails)
    assert (rows[1]["title"], rows[1]["runtime"], rows[1]["homepage"]) == ("There", "90", "h")


def test_no_value_of_recorded_records_is_lost(recorded_dir):
    """What a movie was sent with stands in its row, whichever movie came first."""
    with gzip.open(recorded_dir / "movies-3000.jsonl.gz", "rb") as file:
        bodies = [line for line, _ in zip(file, range(400), strict=False)]
    records = [decode(body, MovieDetails) for body in bodies]
    header, rows = csv_rows(exported(RecordCsvItemExporter, *records))
    values = 0
    for body, row in zip(bodies, rows, strict=True):
        for name, value in json.loads(body).items():
            if name in header and value not in (None, "", []):
                assert row[name] != "", name
                values += 1
    assert values > 20 * len(bodies)


@dataclasses.dataclass
class NotedMovie(MovieDetails):
    """A record with a field of the user's own."""

    note: Any = None


def test_values_of_other_types_than_their_fields_come_as_they_are():
    """Only a record that was built by hand has them."""
    movie = MovieDetails(id="tt5", genres=[Genre("x"), "Drama"], credits={"cast": Credits()}, title=7)  # type: ignore[arg-type, list-item]
    line = json.loads(exported(RecordJsonLinesItemExporter, movie))
    assert list(line) == fields_of(MovieDetails)
    assert (line["id"], line["title"]) == ("tt5", 7)
    assert line["genres"] == [{"id": "x", "name": None}, "Drama"]
    assert list(line["credits"]["cast"]) == fields_of(Credits)
    noted = NotedMovie(id=1, release_date=datetime.date(2024, 3, 1), note={"a": {1}})
    (row,) = csv_rows(exported(RecordCsvItemExporter, NotedMovie(id=1, note="mine")))[1]
    assert row["note"] == "mine"
    assert json.loads(exported(RecordJsonLinesItemExporter, noted))["release_date"] == "2024-03-01"


def test_a_page_has_the_records_in_it():
    page = decode(b'{"page": 1, "results": [{"id": 4}]}', Page[models.MovieListItem])
    by_hand = Page(page=1, results=[models.MovieListItem(id=4)])
    for one in (page, by_hand):
        line = json.loads(exported(RecordJsonLinesItemExporter, one))
        assert list(line) == fields_of(Page)
        assert list(line["results"][0]) == fields_of(models.MovieListItem)


# Several classes in one feed.


FAILED = FailedCall(
    "movies",
    "1",
    "/movie/1",
    "ServerError",
    503,
    None,
    "no",
    3,
    True,
    datetime.datetime.now(datetime.timezone.utc),
)
MIXED = [
    FAILED,
    MovieDetails(id=1, title="A"),
    PersonDetails(id=2, name="B"),
    TVDetails(id=3, number_of_seasons=4),
]


class MixedSpider(TMDBSpider):
    """Yields records of several classes."""

    name = "mixed"
    custom_settings: ClassVar = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}

    async def start(self) -> Any:
        for item in MIXED:
            yield item


def read_csv(name: str) -> tuple[list[str], list[dict[str, Any]]]:
    with Path(name).open(newline="", encoding="utf-8") as file:
        return csv_rows(file.read())


@coroutine_test
async def test_a_csv_feed_of_several_classes_has_the_columns_of_all():
    classes = [MovieDetails, "tmdbfusion_scrapy.models.PersonDetails", TVDetails, FailedCall]
    feeds = {"all.csv": {"format": "csv", "item_classes": classes}}
    ended = await crawl(MixedSpider, settings_of("http://127.0.0.1:1/3", FEEDS=feeds))
    header, rows = read_csv("all.csv")
    expected: dict[str, None] = {}
    for model in (MovieDetails, PersonDetails, TVDetails, FailedCall):
        expected |= dict.fromkeys(fields_of(model))
    assert header == list(expected)
    assert [row["id"] for row in rows] == ["1", "1", "2", "3"]
    assert rows[0]["error"] == "ServerError"
    assert (rows[1]["title"], rows[2]["name"], rows[3]["number_of_seasons"]) == ("A", "B", "4")
    assert not [name for name in ended.stats if name.startswith("tmdb/feed/left_out_count")]


@coroutine_test
async def test_without_item_classes_others_than_the_first_are_left_out_and_named(caplog):
    feeds = {"all.csv": {"format": "csv"}}
    ended = await crawl(MixedSpider, settings_of("http://127.0.0.1:1/3", FEEDS=feeds), errors=2)
    header, rows = read_csv("all.csv")
    assert header == fields_of(MovieDetails)
    assert [row["title"] for row in rows] == ["A"]
    for kind in ("FailedCall", "PersonDetails", "TVDetails"):
        assert ended.stats[f"tmdb/feed/left_out_count/{kind}"] == 1
        assert f"A CSV feed leaves out {kind}" in caplog.text
    assert "Set item_classes in FEEDS" in caplog.text


@coroutine_test
async def test_fields_of_the_users_own_stay():
    feeds = {
        "all.csv": {"format": "csv", "item_classes": [MovieDetails, PersonDetails], "fields": ["id", "title"]}
    }
    await crawl(MixedSpider, settings_of("http://127.0.0.1:1/3", FEEDS=feeds))
    assert read_csv("all.csv")[0] == ["id", "title"]
    feeds = {"all.csv": {"format": "csv", "item_classes": [MovieDetails, PersonDetails], "overwrite": True}}
    await crawl(MixedSpider, settings_of("http://127.0.0.1:1/3", FEEDS=feeds, FEED_EXPORT_FIELDS=["id"]))
    assert read_csv("all.csv") == (["id"], [{"id": "1"}, {"id": "2"}])


def test_items_that_are_no_records_are_written_as_ever():
    rows = [{"a": 1, "b": None}, {"a": 2}]
    assert exported(RecordCsvItemExporter, *rows) == exported(CsvItemExporter, *rows)
    # One that fits the columns of a record is in it.
    header, found = csv_rows(exported(RecordCsvItemExporter, Genre(1, "A"), {"id": 2}, {"id": 3, "other": 4}))
    assert (header, found) == (["id", "name"], [{"id": "1", "name": "A"}, {"id": "2", "name": ""}])


@pytest.mark.parametrize("first", [FAILED, UnchangedRecord("movies", 1, "e")], ids=["failed", "unchanged"])
def test_what_is_no_record_does_not_decide_what_parquet_holds(tmp_path, first):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    from pyarrow import parquet

    from tmdbfusion_scrapy.feeds import ParquetItemExporter

    path = tmp_path / "movies.parquet"
    with path.open("wb") as file:
        exporter = ParquetItemExporter(file)
        for item in (first, SPARSE):
            exporter.export_item(item)
        exporter.finish_exporting()
    table = parquet.read_table(path)
    assert table.schema.names[:-1] == fields_of(MovieDetails)
    assert table["id"].to_pylist() == [5]


# What a reader would take for something else.


FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\N{NO-BREAK SPACE}=1"),
    *("\N{FULLWIDTH EQUALS SIGN}1", "\N{FULLWIDTH PLUS SIGN}1"),
    *(
        "\N{FULLWIDTH HYPHEN-MINUS}1",
        "\N{FULLWIDTH COMMERCIAL AT}a",
        '=HYPERLINK("http://a")',
        "-2+3+cmd|' /C calc'!A0",
    ),
]


@pytest.mark.parametrize("text", FORMULAS)
def test_texts_that_are_formulas(text):
    company = CompanyDetails(id=-5, name=text, description="a=1")
    _, (row,) = csv_rows(exported(RecordCsvItemExporter, company, escape_formulas=True))
    assert (row["name"], row["id"], row["description"]) == (f"'{text}", "-5", "a=1")
    # As it is, unless it is asked for.
    assert csv_rows(exported(RecordCsvItemExporter, company))[1][0]["name"] == text
    # Of other items too, and of lists that are joined.
    header, (row,) = csv_rows(
        exported(RecordCsvItemExporter, {"=a": text, "b": [text, "x"]}, escape_formulas=True)
    )
    assert header == ["'=a", "b"]
    assert row == {"'=a": f"'{text}", "b": f"'{text},x"}


@coroutine_test
async def test_formulas_are_escaped_by_a_setting_or_for_one_feed():
    class Formula(MixedSpider):
        name = "formula"

        async def start(self) -> Any:
            yield MovieDetails(id=1, title="=1")

    feeds = {
        "a.csv": {"format": "csv"},
        "b.csv": {"format": "csv", "item_export_kwargs": {"escape_formulas": False}},
        "c.jsonl": {"format": "jsonl"},
    }
    settings = settings_of("http://127.0.0.1:1/3", FEEDS=feeds, TMDB_CSV_ESCAPE_FORMULAS=True)
    await crawl(Formula, settings)
    assert [read_csv(name)[1][0]["title"] for name in ("a.csv", "b.csv")] == ["'=1", "=1"]
    assert '"=1"' in read_text("c.jsonl")


def read_text(name: str) -> str:
    return Path(name).read_text()


@coroutine_test
async def test_an_option_that_is_none_ends_the_crawl_before_it_begins():
    feeds = {"a.csv": {"format": "csv", "item_export_kwargs": {"escape_formulas": "perhaps"}}}
    runner = AsyncCrawlerRunner(Settings(settings_of("http://127.0.0.1:1/3", FEEDS=feeds)))
    with pytest.raises(ConfigurationError, match=r"FEEDS\['a.csv'\]: escape_formulas .* is 'perhaps'"):
        await runner.crawl(MixedSpider)


@pytest.mark.parametrize("text", ["a\rb", "\r", "a\r\nb", "\r\r\n\n", "<\r&\r>", "a\n\tb", "\x85\u2028"])
def test_xml_keeps_line_ends(text):
    movie = MovieDetails(id=1, overview=text, credits=Credits(cast=[models.CastMember(character=text)]))
    (item,) = ET.fromstring(exported(RecordXmlItemExporter, movie))  # noqa: S314 - our own
    assert item.findtext("overview") == text
    assert item.findtext("credits/cast/value/character") == text
    (item,) = ET.fromstring(exported(RecordXmlItemExporter, {"text": text}))  # noqa: S314 - our own
    assert item.findtext("text") == text
