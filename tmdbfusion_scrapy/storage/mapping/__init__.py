"""Which record goes to which tables. A record type is stored by declaring it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.storage.mapping import movies, organisations, people, tv

if TYPE_CHECKING:
    from tmdbfusion_scrapy.storage.mapping.declaration import Stored, StoredList

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
