"""Entities: the tables of each kind of record, and the mapping from a record to their rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

# Importing a module declares its tables.
from tmdbfusion_scrapy.storage.entities import crawl as crawl
from tmdbfusion_scrapy.storage.entities import movies, parts, people, tv
from tmdbfusion_scrapy.storage.entities.declaration import StoredList
from tmdbfusion_scrapy.storage.entities.declaration import metadata as metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.storage.entities.declaration import Stored, Stub

STORED: tuple[Stored | StoredList, ...] = (
    movies.MOVIE,
    movies.COLLECTION,
    tv.TV_SHOW,
    tv.SEASON,
    tv.EPISODE,
    tv.EPISODE_OF_SEASON,
    dataclasses.replace(people.PERSON, additions=(*movies.CREDITS_OF_PERSON, *tv.CREDITS_OF_PERSON)),
    people.COMPANY,
    people.NETWORK,
    parts.KEYWORDS,
    parts.GENRES,
)
"""Every record type that is stored."""


def _stubs() -> Iterator[Stub]:
    """Yield the stub rows that the record types name, each once and more."""
    for stored in STORED:
        if isinstance(stored, StoredList):
            yield stored.stub
            continue
        yield from (stub for stub, _ in stored.stubs)
        yield from (stub for relation in stored.relations for stub, _ in relation.stubs)
        yield from (stub for addition in stored.additions for stub, _ in addition.stubs)
        yield from (children.stub for children in stored.children)


STUBS: tuple[Stub, ...] = tuple(dict.fromkeys(_stubs()))
"""Every declaration of stub rows."""
