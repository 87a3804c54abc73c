"""Tables that several kinds of records share: genres, keywords, countries, languages, watch providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, Table, Text

from tmdbfusion_scrapy.models.companies import GenreList, Keyword
from tmdbfusion_scrapy.storage.entities.columns import metadata, record_table, text, tmdb_id
from tmdbfusion_scrapy.storage.entities.declaration import Stored, StoredList, Stub, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

GENRE = Stub(Table("genres", metadata, tmdb_id(), *text("name")), ("id", "name"))

COUNTRY = Stub(
    Table("countries", metadata, Column("iso_3166_1", Text, primary_key=True), *text("name")),
    ("iso_3166_1", "name"),
)

LANGUAGE = Stub(
    Table("languages", metadata, Column("iso_639_1", Text, primary_key=True), *text("english_name", "name")),
    ("iso_639_1", "english_name", "name"),
)

WATCH_PROVIDER = Stub(
    Table("watch_providers", metadata, tmdb_id(), *text("name", "logo_path")), ("id", "name", "logo_path")
)

KEYWORD = Stub(record_table("keywords", *text("name"), indexes=(("name",),)), ("id", "name"))
KEYWORDS = Stored(Keyword, KEYWORD.table, "/keyword")


def _genres(genres: GenreList) -> Iterator[Values]:
    """Return the genres of a list."""
    return ((genre.id, genre.name) for genre in genres.genres)


GENRES = StoredList(GenreList, "/genre", GENRE, _genres)
