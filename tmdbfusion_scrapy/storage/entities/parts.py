"""Parts that several kinds of records have: their link tables, and how their rows are read.

``position`` is the place in TMDB's list, from 0; of a cast it is TMDB's ``order``, a word that SQL keeps for
itself. Each reader gives tuples in the order of the table's columns. A row that lacks its key is left out later.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from tmdbfusion_scrapy.models.companies import GenreList, Keyword
from tmdbfusion_scrapy.models.record import Record, text_languages
from tmdbfusion_scrapy.storage.entities.declaration import (
    Relation,
    Stored,
    StoredList,
    Stub,
    fields,
    flag,
    integer,
    metadata,
    moment,
    number,
    parent,
    position_key,
    record_table,
    text,
    text_key,
    tmdb_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tmdbfusion_scrapy.models.companies import CollectionImages
    from tmdbfusion_scrapy.models.images import EpisodeImages, Images, Logos, SeasonImages
    from tmdbfusion_scrapy.models.people import PersonImages
    from tmdbfusion_scrapy.models.reference import CountryWatchProviders
    from tmdbfusion_scrapy.models.releases import AlternativeTitle
    from tmdbfusion_scrapy.storage.entities.declaration import Read, Stubs, Values

GENRE = Stub(Table("genres", metadata, tmdb_id(), *text("name")), ("id", "name"))
COUNTRY = Stub(Table("countries", metadata, *text_key("iso_3166_1"), *text("name")), ("iso_3166_1", "name"))
LANGUAGE = Stub(
    Table("languages", metadata, *text_key("iso_639_1"), *text("english_name", "name")),
    ("iso_639_1", "english_name", "name"),
)
WATCH_PROVIDER = Stub(
    Table("watch_providers", metadata, tmdb_id(), *text("name", "logo_path")), ("id", "name", "logo_path")
)
KEYWORD = Stub(record_table("keywords", *text("name"), indexes=(("name",),)), ("id", "name"))

KEYWORDS = Stored(Keyword, KEYWORD.table, "/keyword")
GENRES = StoredList(GenreList, "/genre", GENRE, lambda found: ((g.id, g.name) for g in found.genres))

OFFERS = ("flatrate", "rent", "buy", "ads", "free")
"""How a provider offers a title; the fields of a country's answer, and the values of ``offer``."""


def _text_languages(record: Record) -> str | None:
    """Return the language of each text, as JSON."""
    found = text_languages(record)
    return msgspec.json.encode(found).decode() if found else None


TEXT_LANGUAGES: Mapping[str, Callable[[Any], Any]] = {"text_languages": _text_languages}
"""The computed column of records with texts."""


@dataclass(frozen=True)
class Parts:
    """Declares the link tables of one kind of record: a row for each part, gone with the record.

    Args:
        table: The records.
        name: What one of them is called: the tables are ``<name>_...``, their first column is ``<name>_id``.
    """

    table: Table
    name: str

    def relation(
        self,
        suffix: str,
        columns: Iterable[Column[Any]],
        path: str | tuple[str, ...],
        read: Read,
        stubs: Stubs = (),
        *,
        index: tuple[str, ...] = (),
    ) -> Relation:
        """Declare a table of parts; the key begins with the record's id.

        Args:
            suffix: End of its name.
            columns: Its columns, in the order in which ``read`` gives them.
            path: Where the part is in the record; of several the first that is there.
            read: As for :class:`Relation`.
            stubs: As for :class:`Relation`.
            index: Columns by which its rows are found, too.
        """
        of_record = parent(f"{self.name}_id", f"{self.table.name}.id", primary_key=True)
        table = Table(f"{self.name}_{suffix}", metadata, of_record, *columns)
        if index:
            Index(f"ix_{table.name}_{'_'.join(index)}", *(table.columns[name] for name in index))
        paths = (path,) if isinstance(path, str) else path
        return Relation(table, paths, tuple(table.columns.keys()[1:]), read, stubs)

    def links(self, suffix: str, column: str, stub: Stub, path: str | None = None) -> Relation:
        """Declare links to the elements of a list, in TMDB's order.

        Args:
            suffix: End of the table's name; ``path``, too, where that is not given.
            column: The column with the keys of the elements.
            stub: Their table, and what the list says of them.
            path: Where the list is in the record.
        """
        key_of = attrgetter(stub.columns[0])

        def read(elements: Iterable[Any]) -> Iterator[Values]:
            return ((key_of(element), position) for position, element in in_places(elements))

        stubs = ((stub, fields(*stub.columns)),)
        return self.relation(suffix, link_columns(column, stub), path or suffix, read, stubs)

    def codes(self, suffix: str, stub: Stub, path: str | None = None) -> Relation:
        """Declare links to the elements of a list of codes, which say no more of what they are the keys of."""
        nothing_more = (None,) * (len(stub.columns) - 1)

        def read(codes: list[str]) -> Iterator[Values]:
            return ((code, position) for position, code in in_places(codes))

        def stubs(codes: list[str]) -> Iterator[Values]:
            return ((code, *nothing_more) for code in codes)

        columns = link_columns(stub.columns[0], stub)
        return self.relation(suffix, columns, path or suffix, read, ((stub, stubs),))

    def images(self) -> Relation:
        """Declare ``images``, of every type that the record has."""
        columns = _image_columns()
        rows_of = fields(*(column.name for column in columns[1:]))

        def read(
            images: Images | SeasonImages | EpisodeImages | PersonImages | CollectionImages,
        ) -> Iterator[Values]:
            for image_type in ("poster", "backdrop", "logo", "profile", "still"):
                for row in rows_of(getattr(images, f"{image_type}s", [])):
                    yield (image_type, *row)

        return self.relation("images", columns, "images", read)

    def logos(self) -> Relation:
        """Declare ``images`` of records that have logos alone, which are of no language."""
        rows_of = fields("file_path", "width", "height", "aspect_ratio", "vote_average", "vote_count")

        def read(images: Logos) -> Iterator[Values]:
            return (("logo", path, None, None, *row) for path, *row in rows_of(images.logos))

        return self.relation("images", _image_columns(), "images", read)

    def videos(self) -> Relation:
        """Declare ``videos``: trailers and others."""
        columns = (
            *text_key("id"),
            *text("name", "site", "key", "type"),
            *flag("official"),
            *integer("size"),
            *text("iso_639_1", "iso_3166_1"),
            *moment("published_at"),
        )
        read = fields(*(column.name for column in columns))
        return self.relation("videos", columns, "videos.results", read)

    def translations(self, *columns: Column[Any]) -> Relation:
        """Declare ``translations``; ``columns`` are fields of their ``data``."""
        texts = [column.name for column in columns]

        def read(translations: list[Any]) -> Iterator[Values]:
            for t in translations:
                values = (
                    (getattr(t.data, name) for name in texts) if t.data is not None else (None,) * len(texts)
                )
                # One without a language has texts all the same.
                language = None if t.data is None else ""
                yield (t.iso_639_1 or language, t.iso_3166_1 or "", t.english_name, *values)

        columns = (*text_key("iso_639_1", "iso_3166_1"), *text("language"), *columns)
        return self.relation("translations", columns, "translations.translations", read)

    def external_ids(self) -> Relation:
        """Declare ``external_ids``: a row for each that is there; ``source`` is ``imdb``, ``tvdb`` and so on."""

        def read(ids: Any) -> Iterator[Values]:
            for name, value in vars(ids).items():
                # TMDB says "" and 0 where it knows none.
                if value and name != "id" and not name.startswith("_"):
                    yield (name.removesuffix("_id"), str(value))

        columns = (*text_key("source"), Column("external_id", Text, nullable=False))
        index = ("source", "external_id")
        return self.relation("external_ids", columns, "external_ids", read, index=index)

    def alternative_titles(self, path: str) -> Relation:
        """Declare the list of ``alternative_titles``, by country."""

        def read(titles: list[AlternativeTitle]) -> Iterator[Values]:
            return ((position, t.iso_3166_1, t.title, t.type) for position, t in in_places(titles))

        columns = (position_key(), *text("iso_3166_1", "title", "type"))
        return self.relation("alternative_titles", columns, path, read)

    def watch_providers(self) -> Relation:
        """Declare ``watch/providers``: a row for each country, offer and provider."""

        def read(countries: dict[str, CountryWatchProviders]) -> Iterator[Values]:
            for country, offers in countries.items():
                for offer in OFFERS:
                    for provider in getattr(offers, offer):
                        yield (country, offer, provider.provider_id, provider.display_priority)

        def stubs(countries: dict[str, CountryWatchProviders]) -> Iterator[Values]:
            for offers in countries.values():
                for offer in OFFERS:
                    for provider in getattr(offers, offer):
                        yield (provider.provider_id, provider.provider_name, provider.logo_path)

        provider: Column[Any] = Column("provider_id", ForeignKey("watch_providers.id"), primary_key=True)
        columns = (*text_key("iso_3166_1", "offer"), provider, *integer("display_priority"))
        path = "watch_providers.results"
        # A provider's titles are asked for by country.
        index = ("provider_id", "iso_3166_1")
        return self.relation("watch_providers", columns, path, read, ((WATCH_PROVIDER, stubs),), index=index)


def link_columns(name: str, stub: Stub) -> tuple[Column[Any], ...]:
    """Return the column of a link to the row of a stub, and the one of its place in TMDB's list."""
    to = ForeignKey(f"{stub.table.name}.{stub.columns[0]}")
    return (
        Column(name, to, primary_key=True, index=True),
        Column("position", Integer, nullable=False, autoincrement=False),
    )


class Readable(list[Any]):
    """Readable elements of a list, with the place of each element in TMDB's list.

    Args:
        elements: What could be read.
        missing: Indexes of what could not be.
    """

    def __init__(self, elements: Iterable[Any], missing: Iterable[Any]) -> None:
        super().__init__(elements)
        gaps = set(missing)
        self.places = tuple(index for index in range(len(self) + len(gaps)) if index not in gaps)


def elements_of(record: Record, name: str) -> Any:
    """Return the value of a record's field; a list of which elements could not be read as :class:`Readable`."""
    found = getattr(record, name)
    missing = record._lost.get(name)  # noqa: SLF001 - the decoder's word to those who store
    return Readable(found, missing) if missing and isinstance(found, list) else found


def in_places(elements: Iterable[Any]) -> Iterator[tuple[int | None, Any]]:
    """Return elements with their places in TMDB's list; of one that says nothing the place is ``None``."""
    places = elements.places if isinstance(elements, Readable) else count()
    for place, element in zip(places, elements):  # noqa: B905 - count() has no end
        yield None if isinstance(element, Record) and _says_nothing(element) else place, element


def _says_nothing(record: Record) -> bool:
    """Return whether no field of a record has a value."""
    model: Any = type(record)
    name, blank = _blank(model)
    # The first field alone tells nearly every time: comparing records makes a tuple of all fields of both.
    return getattr(record, name) == getattr(blank, name) and bool(record == blank)


@cache
def _blank(model: Any) -> tuple[str, Any]:
    """Return the name of a record's first field, and a record of which no field has a value."""
    return dataclasses.fields(model)[0].name, model()


def _image_columns() -> tuple[Column[Any], ...]:
    """Return the columns of images; their type is ``poster``, ``backdrop``, ``logo``, ``profile`` or ``still``."""
    return (
        *text_key("image_type", "file_path"),
        *text("iso_639_1", "iso_3166_1"),
        *integer("width", "height"),
        *number("aspect_ratio", "vote_average"),
        *integer("vote_count"),
    )
