"""The Parquet feed: its columns, its values, its row groups, and what it does with items that do not fit."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import gzip
import io
import json
import subprocess
import sys
import types
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.models.test_recorded import examples, roots
from tmdbfusion_scrapy import models
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.feeds import ParquetItemExporter
from tmdbfusion_scrapy.items import FailedCall
from tmdbfusion_scrapy.models import (
    AccountStates,
    CastMember,
    Credits,
    Genre,
    MovieDetails,
    MovieListItem,
    Page,
    RatedMovie,
    Record,
    TVListItem,
    decode,
)
from tmdbfusion_scrapy.models.fields import field_hints

if TYPE_CHECKING:
    from pathlib import Path

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

NOW = datetime.datetime(2026, 11, 22, 12, 30, tzinfo=datetime.timezone.utc)
FAILURE = FailedCall("movies", "1", "/movie/1", "ServerError", 500, None, "down", 3, True, NOW)


class Crawler:
    """What an exporter needs of a crawler."""

    spider = None

    class Stats(dict[str, int]):
        def inc_value(self, name: str, number: int) -> None:
            self[name] = self.get(name, 0) + number

    def __init__(self) -> None:
        self.stats = self.Stats()


class OneWay:
    """A file that can only be written, from its beginning to its end."""

    closed = False

    def __init__(self) -> None:
        self.content = b""

    def write(self, data: Any) -> int:
        self.content += bytes(data)
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        raise AssertionError("the exporter closed the file")


def export(*items: Any, crawler: Any = None, **options: Any) -> bytes:
    file: Any = OneWay()
    exporter = ParquetItemExporter.from_crawler(crawler or Crawler(), file, **options)
    exporter.start_exporting()
    for item in items:
        exporter.export_item(item)
    exporter.finish_exporting()
    return file.content


def read(content: bytes) -> Any:
    return pq.read_table(pa.BufferReader(content))


def table(*items: Any, **options: Any) -> Any:
    return read(export(*items, **{"fetched_at": False, **options}))


def arm_of(hint: Any) -> Any:
    """A type without the `None` that is allowed beside it."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
    return hint


def read_back(value: Any, hint: Any, *, found: bool) -> Any:
    """A value of a record, or what a reader found of it, in one form: mappings, lists, and JSON parsed."""
    hint = arm_of(hint)
    if value is None:
        return None
    if hint is Any:
        return json.loads(value) if found else json.loads(json.dumps(value))
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return [read_back(part, arguments[0], found=found) for part in value]
    if typing.get_origin(hint) is dict:
        pairs = value if found else value.items()
        return [(key, read_back(part, arguments[1], found=found)) for key, part in pairs]
    if dataclasses.is_dataclass(typing.get_origin(hint) or hint):
        hints = field_hints(hint)
        parts = value if found else {name: getattr(value, name) for name in hints}
        assert list(parts) == list(hints)
        return {name: read_back(part, hints[name], found=found) for name, part in parts.items()}
    return value


def check(rows: Any, records: list[Any], hint: Any) -> None:
    for row, record in zip(rows.to_pylist(), records, strict=True):
        assert read_back(row, hint, found=True) == read_back(record, hint, found=False)


MOVIE = MovieDetails(
    id=550,
    adult=False,
    genres=[Genre(18, "Drama"), Genre(None, None)],
    origin_country=["US", "DE"],
    popularity=61,
    release_date=datetime.date(1999, 10, 15),
    revenue=100_853_753,
    account_states=AccountStates(550, rated={"value": 8.5}),
    credits=Credits(cast=[CastMember(id=819, name="Édward", order=0)]),
)


def test_a_record_is_nested_as_it_was():
    rows = table(MOVIE, MovieDetails(id=1))
    check(rows, [MOVIE, MovieDetails(id=1)], MovieDetails)
    assert rows["popularity"].to_pylist() == [61.0, None]
    assert rows["release_date"].to_pylist() == [datetime.date(1999, 10, 15), None]
    assert rows["credits"][0].as_py()["cast"][0]["name"] == "Édward"
    assert rows["credits"][1].as_py() is None
    assert json.loads(rows["account_states"][0].as_py()["rated"]) == {"value": 8.5}


def test_the_schema_is_that_of_the_class_alone():
    schema = table(MovieDetails(id=1)).schema
    assert schema == table(MOVIE, MovieDetails()).schema
    assert schema == table(item_class=MovieDetails).schema
    assert schema.names == [part.name for part in dataclasses.fields(MovieDetails)]
    types = {part.name: part.type for part in schema}
    assert types["id"] == pa.int64()
    assert types["adult"] == pa.bool_()
    assert types["vote_average"] == pa.float64()
    assert types["release_date"] == pa.date32()
    assert types["origin_country"].value_type == pa.string()
    assert types["genres"].value_type == pa.struct({"id": pa.int64(), "name": pa.string()})
    assert pa.types.is_map(types["watch_providers"].field("results").type)
    assert types["account_states"].field("rated").type == pa.string()


RECORDS = [
    model
    for model in (getattr(models, name) for name in dir(models))
    if dataclasses.is_dataclass(model) and isinstance(model, type)
]


@pytest.mark.parametrize("model", RECORDS)
def test_every_record_class_has_a_schema(model):
    rows = table(model(), model())
    assert rows.schema.names == [part.name for part in dataclasses.fields(model)]
    assert len(rows) == 2


def test_no_record_class_is_missed():
    assert len(RECORDS) > 130
    assert {MovieDetails, Genre, Page} <= set(RECORDS)


@pytest.mark.slow
def test_every_example_of_the_document_comes_back(recorded_dir):
    seen = 0
    for _, operation, body in examples(recorded_dir):
        model = OPERATIONS[operation].model
        for record, _ in roots(decode(body, model), body):
            if isinstance(record, Record):
                hint = record._model or type(record)
                check(table(record), [record], hint)
                seen += 1
    assert seen > 140


@pytest.mark.slow
def test_all_real_movies_come_back(recorded_dir):
    path = recorded_dir / "movies-3000.jsonl.gz"
    if not path.exists():
        pytest.skip("movies-3000.jsonl.gz is not there")
    with gzip.open(path) as lines:
        records = [decode(line, MovieDetails) for line in lines]
    crawler = Crawler()
    rows = table(*records, crawler=crawler, raw=True, row_group_bytes=500_000)
    assert rows["raw"].to_pylist() == [record.raw.decode() for record in records]
    check(rows.drop_columns("raw"), records, MovieDetails)
    assert len(records) == 3000
    assert crawler.stats == {}


def test_a_page_is_of_what_it_holds():
    body = b'{"page": 1, "results": [{"id": 550, "title": "Fight Club"}], "total_pages": 1}'
    page = decode(body, Page[MovieListItem])
    rows = table(page)
    assert rows["results"][0][0].as_py()["title"] == "Fight Club"
    crawler = Crawler()
    assert len(table(page, decode(body, Page[TVListItem]), crawler=crawler)) == 1
    assert crawler.stats == {"tmdb/feed/left_out_count/Page": 1}
    made_by_hand = table(Page(results=[MovieListItem(id=1)]))["results"][0].as_py()
    assert [json.loads(text)["id"] for text in made_by_hand] == [1]


@pytest.mark.parametrize("count", [1, 24, 25, 26, 230])
def test_row_groups_have_their_size(count):
    records = [MovieListItem(id=number, title=f"Movie {number}") for number in range(count)]
    content = export(*records, row_group_size=100)
    file = pq.ParquetFile(pa.BufferReader(content))
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert sizes == [100] * (count // 100) + [count % 100] * (count % 100 > 0)
    assert file.read()["id"].to_pylist() == list(range(count))


def test_row_groups_are_bounded_in_bytes():
    records = [MovieListItem(id=number, overview="x" * 10_000) for number in range(500)]
    file = pq.ParquetFile(pa.BufferReader(export(*records, row_group_bytes=1_000_000)))
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert sum(sizes) == 500
    assert max(sizes) == 100


@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "brotli", "lz4", "none"])
def test_compression_is_chosen(compression):
    content = export(MOVIE, compression=compression)
    column = pq.ParquetFile(pa.BufferReader(content)).metadata.row_group(0).column(0)
    assert column.compression == {"none": "UNCOMPRESSED"}.get(compression, compression.upper())


def test_when_a_record_came_and_its_json_are_columns_for_who_wants_them():
    record = decode(b'{"id": 550, "new": "\xff"}', MovieDetails)
    before = datetime.datetime.now(datetime.timezone.utc)
    rows = read(export(record, MovieDetails(id=1), raw=True))
    assert before <= rows["fetched_at"][0].as_py() <= datetime.datetime.now(datetime.timezone.utc)
    assert rows["raw"].to_pylist() == ['{"id": 550, "new": "\N{REPLACEMENT CHARACTER}"}', None]
    assert "raw" not in read(export(record)).schema.names


def test_fields_choose_and_name_the_columns():
    assert table(MOVIE, fields_to_export=["title", "id"]).schema.names == ["title", "id"]
    assert table(MOVIE, fields_to_export={"id": "movie_id", "raw": "json"}).to_pylist() == [
        {"movie_id": 550, "json": None}
    ]
    assert read(export(MOVIE, fields_to_export=["fetched_at"])).num_rows == 1


def test_a_field_that_is_none_is_named(caplog):
    assert table(MOVIE, fields_to_export=["id", "titel"]).to_pylist() == [{"id": 550}]
    assert "MovieDetails has no field titel" in caplog.text


def test_a_number_of_more_than_64_bits_is_null_and_counted():
    movies = [
        decode(b'{"id": 1, "revenue": %d, "genres": [{"id": %d}]}' % (number, number), MovieDetails)
        for number in (2**63 - 1, 2**63, 2**70, -(2**63))
    ]
    crawler = Crawler()
    rows = table(*movies, crawler=crawler)
    assert rows["revenue"].to_pylist() == [2**63 - 1, None, None, -(2**63)]
    assert rows["genres"].to_pylist()[2] == [{"id": None, "name": None}]
    assert crawler.stats == {
        "tmdb/feed/null_count/Genre.id": 2,
        "tmdb/feed/null_count/MovieDetails.revenue": 2,
    }


def test_a_number_of_an_enumeration_beside_one_that_is_too_large():
    class Revenue(enum.IntEnum):
        SOME = 100

    rows = table(MovieDetails(revenue=Revenue.SOME), MovieDetails(revenue=2**63))
    assert rows["revenue"].to_pylist() == [100, None]


def test_a_whole_number_in_a_column_of_floats_is_the_nearest_float():
    rows = table(MovieListItem(popularity=2**53 + 1), MovieListItem(popularity=2**64))
    assert rows["popularity"].to_pylist() == [float(2**53 + 1), 2.0**64]
    crawler = Crawler()
    assert table(MovieListItem(popularity=10**400), crawler=crawler)["popularity"].to_pylist() == [None]
    assert crawler.stats == {"tmdb/feed/null_count/MovieListItem.popularity": 1}


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({"budget": "much"}, "MovieDetails.budget is 'much', not of type int"),
        ({"budget": 1.5}, "MovieDetails.budget is 1.5, not of type int"),
        ({"budget": True}, "MovieDetails.budget is True, not of type int"),
        ({"adult": 1}, "MovieDetails.adult is 1, not of type bool"),
        ({"title": 1917}, "MovieDetails.title is 1917, not of type str"),
        ({"release_date": "1999-10-15"}, "MovieDetails.release_date is '1999-10-15', not of type date"),
        ({"release_date": 7}, "MovieDetails.release_date is 7, not of type date"),
        ({"release_date": NOW}, "MovieDetails.release_date is datetime"),
        ({"popularity": "high"}, "MovieDetails.popularity is 'high', not of type float"),
        ({"genres": "Drama"}, "MovieDetails.genres is 'Drama', not of type list"),
        ({"genres": ["Drama"]}, "MovieDetails.genres is 'Drama', not of type Genre"),
        ({"genres": [{"id": 18}]}, "MovieDetails.genres is {'id': 18}, not of type Genre"),
        ({"credits": {"cast": []}}, "MovieDetails.credits is {'cast': []}, not of type Credits"),
        ({"title": "\ud800"}, "surrogates not allowed"),
        ({"account_states": AccountStates(rated=object())}, "object"),
    ],
)
def test_a_value_of_the_wrong_type_costs_its_item_alone(change, label, caplog):
    records = [MovieDetails(id=number) for number in range(70)]
    records[30] = dataclasses.replace(MOVIE, id=30, **change)
    crawler = Crawler()
    rows = table(*records, crawler=crawler)
    assert rows["id"].to_pylist() == [number for number in range(70) if number != 30]
    assert crawler.stats == {"tmdb/feed/failed_count": 1}
    (line,) = caplog.records
    assert line.levelname == "ERROR"
    assert label in line.getMessage()


def test_a_number_too_large_beside_a_bad_value_is_counted_once():
    crawler = Crawler()
    records = [MovieDetails(id=2**64), MovieDetails(title=1)]  # type: ignore[arg-type]
    assert table(*records, crawler=crawler)["id"].to_pylist() == [None]
    assert crawler.stats == {"tmdb/feed/failed_count": 1, "tmdb/feed/null_count/MovieDetails.id": 1}


def test_other_classes_are_left_out_and_named(caplog):
    crawler = Crawler()
    others = [MovieListItem(id=1), MovieListItem(id=2), {"id": 3}, RatedMovie(id=4)]
    assert table(MovieDetails(id=5), *others, crawler=crawler)["id"].to_pylist() == [5]
    assert crawler.stats == {
        "tmdb/feed/left_out_count/MovieListItem": 2,
        "tmdb/feed/left_out_count/RatedMovie": 1,
        "tmdb/feed/left_out_count/dict": 1,
    }
    assert [line.levelname for line in caplog.records] == ["ERROR"] * 3
    assert all("Set item_classes in FEEDS" in line.getMessage() for line in caplog.records)


def test_a_subclass_with_more_fields_is_another_class():
    assert issubclass(RatedMovie, MovieListItem)
    assert table(MovieListItem(id=1), RatedMovie(id=2))["id"].to_pylist() == [1]

    @dataclass
    class Mine(MovieListItem):
        pass

    assert table(MovieListItem(id=1), Mine(id=2))["id"].to_pylist() == [1, 2]


def test_a_failed_call_does_not_decide(caplog):
    crawler = Crawler()
    assert table(FAILURE, MOVIE, FAILURE, crawler=crawler)["id"].to_pylist() == [550]
    assert crawler.stats == {"tmdb/feed/left_out_count/FailedCall": 2}
    assert [line.levelname for line in caplog.records] == ["WARNING"]


def test_failed_calls_have_a_feed_of_their_own():
    row = table(FAILURE, item_class=FailedCall).to_pylist()[0]
    assert row == dataclasses.asdict(FAILURE)


def test_items_without_types_are_refused(caplog):
    crawler = Crawler()
    assert table({"id": 1}, crawler=crawler).num_rows == 0
    assert crawler.stats == {"tmdb/feed/left_out_count/dict": 1}
    assert "takes dataclasses, which dict is not" in caplog.text


@dataclass
class Unknown:
    """A class whose types cannot be found out."""

    when: Never  # type: ignore[name-defined] # noqa: F821


def test_a_class_that_cannot_be_understood_ends_the_feed(caplog):
    with pytest.raises(NameError):
        export(Unknown(1), Unknown(2))
    assert "cannot be written, and no item of it is kept: name 'Never' is not defined" in caplog.text


class Colour(str, enum.Enum):
    RED = "red"


@dataclass
class Node:
    """A user's own class, with what the records do not have."""

    name: str
    parts: list[Node] = field(default_factory=list)
    seen: datetime.datetime | None = None
    data: bytes | None = None
    kind: Literal["a", "b"] | None = None
    either: int | str | None = None
    numbers: dict[int, float] | None = None
    loose: dict = field(default_factory=dict)  # type: ignore[type-arg]
    fixed: tuple[int, int] = (1, 2)
    colour: str | None = None


def test_a_dataclass_of_the_user_goes_by_its_annotations():
    node = Node("root", [Node("leaf")], NOW, b"\xff", "a", "x", {1: 0.5}, {"a": [1]}, (3, 4), Colour.RED)
    row = table(node).to_pylist()[0]
    assert [json.loads(part)["name"] for part in row.pop("parts")] == ["leaf"]
    assert row == {
        "name": "root",
        "seen": NOW,
        "data": b"\xff",
        "kind": "a",
        "either": '"x"',
        "numbers": [(1, 0.5)],
        "loose": '{"a":[1]}',
        "fixed": "[3,4]",
        "colour": "red",
    }


def test_nulls_are_told_from_empty_lists():
    records = [
        MovieDetails(id=1, genres=None, origin_country=["US"]),  # type: ignore[arg-type]
        MovieDetails(id=2, genres=[]),
        MovieDetails(id=3, genres=[None, Genre(1)]),  # type: ignore[list-item]
        MovieDetails(id=4, genres=None),  # type: ignore[arg-type]
    ]
    assert table(*records)["genres"].to_pylist() == [None, [], [None, {"id": 1, "name": None}], None]


def test_an_empty_feed_is_a_file():
    assert table().num_rows == 0
    assert table(item_class="tmdbfusion_scrapy.models.MovieDetails").schema.names[0] == "id"


class Full(OneWay):
    """A disk that is full after a while."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("room", [0, 1000])
def test_a_disk_that_is_full_ends_the_feed_and_says_so(room, caplog):
    crawler = Crawler()
    exporter = ParquetItemExporter.from_crawler(crawler, Full(room), row_group_size=50)  # type: ignore[arg-type]
    exporter.start_exporting()
    for number in range(1000):
        exporter.export_item(MovieListItem(id=number, title=str(number)))
    with pytest.raises(OSError, match="No space left"):
        exporter.finish_exporting()
    assert [line.levelname for line in caplog.records] == ["ERROR"]
    assert "No space left" in caplog.text
    assert crawler.stats == {"tmdb/feed/failed_count": 1000}


def test_a_file_with_content_is_not_appended_to(tmp_path, caplog):
    path = tmp_path / "movies.parquet"
    path.write_bytes(export(MOVIE))
    before = path.read_bytes()
    with path.open("ab") as file:
        exporter = ParquetItemExporter(file)
        exporter.start_exporting()
        exporter.export_item(MOVIE)
        with pytest.raises(ConfigurationError, match="cannot be appended to: set 'overwrite': True"):
            exporter.finish_exporting()
    assert path.read_bytes() == before
    assert "cannot be appended to" in caplog.text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compression": "zip"}, "compression is 'zip', not one of zstd, "),
        ({"compression_level": "9"}, "compression_level is '9', not of type int or None"),
        ({"row_group_size": 0}, "row_group_size is 0, not a whole number from 1"),
        ({"row_group_bytes": 1.5}, "row_group_bytes is 1.5, not"),
        ({"raw": 1}, "raw is 1, not of type bool"),
        ({"item_class": "tmdbfusion_scrapy.models.Nothing"}, "which cannot be loaded"),
        ({"item_class": dict}, "not a dataclass"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ConfigurationError, match=message):
        ParquetItemExporter(io.BytesIO(), **options)


def test_an_unknown_option_is_refused():
    with pytest.raises(TypeError, match="row_group"):
        ParquetItemExporter(io.BytesIO(), row_group=1)


def run(script: str) -> str:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_pyarrow_is_loaded_for_a_parquet_feed_only():
    script = (
        "import sys; from tmdbfusion_scrapy import Addon, TMDBSpider\n"
        "from tmdbfusion_scrapy.feeds.parquet import ParquetItemExporter; print('pyarrow' in sys.modules)"
    )
    assert run(script) == "False"


def test_without_pyarrow_the_message_names_the_extra():
    script = (
        "import io, sys; sys.modules['pyarrow'] = None\n"
        "from tmdbfusion_scrapy.feeds import ParquetItemExporter\n"
        "try: ParquetItemExporter(io.BytesIO())\n"
        "except ValueError as error: print(error)"
    )
    assert run(script).endswith("pip install 'tmdbfusion-scrapy[parquet]'")


def parquet_file(folder: Path) -> str:
    path = folder / "movies.parquet"
    path.write_bytes(export(MOVIE, MovieDetails(id=1), raw=True))
    return str(path)


def test_duckdb_reads_it(tmp_path):
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not installed")
    path = parquet_file(tmp_path)
    with duckdb.connect() as connection:
        query = f"""
            SELECT id, release_date, genres[1].name, credits.cast[1].name, account_states.rated::JSON->>'$.value'
            FROM '{path}' ORDER BY id DESC
        """  # noqa: S608 - our own
        assert connection.execute(query).fetchall() == [
            (550, datetime.date(1999, 10, 15), "Drama", "Édward", "8.5"),
            (1, None, None, None, None),
        ]
        genres = connection.execute(
            f"SELECT genre.id FROM (SELECT unnest(genres) AS genre FROM '{path}')"  # noqa: S608
        )
        assert genres.fetchall() == [(18,), (None,)]


def test_pandas_reads_it(tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.read_parquet(parquet_file(tmp_path))
    assert list(frame["id"]) == [550, 1]
    assert frame.loc[0, "release_date"] == datetime.date(1999, 10, 15)
    assert [genre["name"] for genre in frame.loc[0, "genres"]] == ["Drama", None]
    assert frame.loc[0, "credits"]["cast"][0]["name"] == "Édward"
    assert str(frame["fetched_at"].dtype).endswith("UTC]")
