"""Which record goes to which tables. A record type is stored by declaring it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.storage.mapping import movies, organisations, people, tv
from tmdbfusion_scrapy.storage.mapping.declaration import StoredList

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.storage.mapping.declaration import Mention, Stored

STORED: tuple[Stored | StoredList, ...] = (
    movies.MOVIE,
    movies.COLLECTION,
    tv.TV_SHOW,
    tv.SEASON,
    tv.EPISODE,
    tv.EPISODE_OF_SEASON,
    people.PERSON,
    organisations.COMPANY,
    organisations.NETWORK,
    organisations.KEYWORD,
    organisations.GENRES,
)
"""Every record type that is stored."""


def _mentions() -> Iterator[Mention]:
    """What the record types name, each once and more."""
    for stored in STORED:
        if isinstance(stored, StoredList):
            yield stored.mention
            continue
        named = [*stored.mentions]
        for relation in stored.relations:
            named += relation.mentions
        for addition in stored.additions:
            named += addition.mentions
        yield from (mention for mention, _ in named)
        yield from (children.mention for children in stored.children)


MENTIONS: tuple[Mention, ...] = tuple(dict.fromkeys(_mentions()))
"""Every declaration of rows that are only named."""
