"""Entities: the tables of each kind of record, and the mapping from a record to their rows."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

# Importing a module declares its tables.
from tmdbfusion_scrapy.storage.entities import crawl as crawl
from tmdbfusion_scrapy.storage.entities import movies, parts, people, tv
from tmdbfusion_scrapy.storage.entities.declaration import metadata as metadata

if TYPE_CHECKING:
    from tmdbfusion_scrapy.storage.entities.declaration import Stored, StoredList, Stub

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


STUBS: tuple[Stub, ...] = tuple(
    dict.fromkeys(
        (
            *(stub for stored in STORED for stub, _ in stored.stubs),
            *(stub for stored in STORED for relation in stored.relations for stub, _ in relation.stubs),
            *(stub for stored in STORED for addition in stored.additions for stub, _ in addition.stubs),
            *(children.stub for stored in STORED for children in stored.children),
        )
    )
)
"""Every declaration of stub rows."""

TABLES = tuple(metadata.sorted_tables)
"""All tables, those that others refer to before them; to sort them takes longer than to write some rows."""
