"""People, with the parts they had in movies and series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.models.people import PersonDetails
from tmdbfusion_scrapy.storage.mapping import movies, parts, tv
from tmdbfusion_scrapy.storage.mapping.declaration import Addition, Relation, Stored, Values, in_places
from tmdbfusion_scrapy.storage.tables import links, records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tmdbfusion_scrapy.models.person_credits import (
        MovieCastCredit,
        MovieCrewCredit,
        TVCastCredit,
        TVCrewCredit,
    )


def _names(names: list[str]) -> Iterator[Values]:
    """Other names."""
    return ((position, name) for position, name in in_places(names))


def _movie_cast(listed: Iterable[MovieCastCredit], person: int) -> Iterator[Values]:
    return ((c.id, c.credit_id, person, c.character, c.order) for c in listed)


def _movie_crew(listed: Iterable[MovieCrewCredit], person: int) -> Iterator[Values]:
    return ((c.id, c.credit_id, person, c.department, c.job) for c in listed)


def _tv_cast(listed: Iterable[TVCastCredit], person: int) -> Iterator[Values]:
    return ((c.id, c.credit_id, person, c.character, c.episode_count) for c in listed)


def _tv_crew(listed: Iterable[TVCrewCredit], person: int) -> Iterator[Values]:
    return ((c.id, c.credit_id, person, c.department, c.job, c.episode_count) for c in listed)


def _of(media_type: str, rows: Callable[..., Iterator[Values]]) -> Callable[..., Iterator[Values]]:
    """A reader of the credits of one media type among combined ones."""

    def read(listed: Iterable[Any], *person: int) -> Iterator[Values]:
        yield from rows((credit for credit in listed if credit.media_type == media_type), *person)
        if media_type == "movie":
            # Without an owner, so that they are counted as what cannot be stored.
            yield from ((None, None) for credit in listed if credit.media_type not in ("movie", "tv"))

    return read


_MOVIE_CAST = (links.movie_cast, ("movie_id", "credit_id", "person_id", "character", "position"))
_MOVIE_CREW = (links.movie_crew, ("movie_id", "credit_id", "person_id", "department", "job"))
_TV_CAST = (links.tv_show_cast, ("tv_show_id", "credit_id", "person_id", "character", "episode_count"))
_TV_CREW = (
    links.tv_show_crew,
    ("tv_show_id", "credit_id", "person_id", "department", "job", "episode_count"),
)


def _additions() -> Iterator[Addition]:
    """A person's credits, in the three ways that they can be asked for."""
    for name, media_type, (table, columns), rows in (
        ("cast", "movie", _MOVIE_CAST, _movie_cast),
        ("crew", "movie", _MOVIE_CREW, _movie_crew),
        ("cast", "tv", _TV_CAST, _tv_cast),
        ("crew", "tv", _TV_CREW, _tv_crew),
    ):
        mention, listed = (
            (movies.LISTED_MOVIE, movies.listed_rows)
            if media_type == "movie"
            else (tv.LISTED_TV_SHOW, tv.listed_rows)
        )
        yield Addition(table, f"{media_type}_credits.{name}", columns, rows, ((mention, listed),))
        yield Addition(
            table,
            f"combined_credits.{name}",
            columns,
            _of(media_type, rows),
            ((mention, _of(media_type, listed)),),
        )


PERSON = Stored(
    PersonDetails,
    records.people,
    "/person",
    computed=parts.TEXT_LANGUAGES,
    relations=(
        Relation(links.person_also_known_as, "also_known_as", ("position", "name"), _names),
        parts.images(links.person_images),
        parts.translations(links.person_translations, "name", "biography"),
        parts.external_ids(links.person_external_ids),
    ),
    additions=tuple(_additions()),
)
