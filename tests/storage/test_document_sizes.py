"""How large stored documents are, by the database and by what came."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.storage.stored_records import listed, made, season, show, store
from tmdbfusion_scrapy.items import UnchangedRecord
from tmdbfusion_scrapy.models.movies import MovieDetails
from tmdbfusion_scrapy.storage.marks import stored_bytes

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


def size(engine: Engine, kind: str, ids: list[int]) -> int:
    with engine.connect() as connection:
        return stored_bytes(connection, kind, ids)


def as_written(engine: Engine, document: bytes) -> int:
    """Bytes that a database tells of a document: PostgreSQL puts a space behind each comma and colon."""
    text = document.decode()
    if engine.dialect.name == "postgresql":
        text = json.dumps(json.loads(text), ensure_ascii=False)
    return len(text.encode())


def test_bytes_and_not_characters(engine: Engine) -> None:
    one, other = (made(MovieDetails, key, title="Amélie 千と千尋") for key in (1, 2))
    store(engine, one, other)
    assert size(engine, "movies", [1]) == as_written(engine, one.raw)
    assert size(engine, "movies", [1, 2, 3]) == as_written(engine, one.raw) + as_written(engine, other.raw)


def test_a_series_has_its_seasons(engine: Engine) -> None:
    series = show(1, seasons=[listed(11, 1)])
    first = season(11, 1, ({"id": 111, "show_id": 1},))
    store(engine, series)
    assert size(engine, "tv_shows", [1]) == as_written(engine, series.raw)
    store(engine, first)
    assert size(engine, "tv_shows", [1]) == as_written(engine, series.raw) + as_written(engine, first.raw)


def test_without_documents_there_is_nothing(engine: Engine) -> None:
    store(engine, made(MovieDetails, 1), store_raw=False)
    assert size(engine, "movies", [1]) == 0


def test_more_ids_than_a_statement_takes(engine: Engine) -> None:
    store(engine, *(made(MovieDetails, key) for key in range(1, 1202)))
    expected = sum(as_written(engine, b'{"id": %d}' % key) for key in range(1, 1202))
    assert size(engine, "movies", list(range(1, 1300))) == expected


def test_what_was_not_sent_again_is_counted_once(engine: Engine) -> None:
    movie = made(MovieDetails, 1, title="One")
    store(engine, movie)
    unchanged = UnchangedRecord("movies", 1, "an etag")
    assert store(engine, unchanged, unchanged).spared_bytes == as_written(engine, movie.raw)
    assert store(engine, movie).spared_bytes == 0
