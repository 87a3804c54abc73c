"""What a catalogue of movies offers to the service, be it generated or replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

# What append_to_response takes for a movie, besides the undocumented old names.
MOVIE_PARTS = (
    "account_states", "alternative_titles", "changes", "credits", "external_ids", "images", "keywords", "lists",
    "recommendations", "release_dates", "reviews", "similar", "translations", "videos", "watch/providers",
)  # fmt: skip

SUMMARY_FIELDS = (
    "adult", "backdrop_path", "id", "original_language", "original_title", "overview", "popularity", "poster_path",
    "release_date", "title", "video", "vote_average", "vote_count",
)  # fmt: skip


class MovieFacts(NamedTuple):
    """What lists filter and sort by; ``day`` is a date's ordinal, 0 for none, ``runtime`` is in minutes."""

    id: int
    adult: bool
    popularity: float
    vote_average: float
    vote_count: int
    revenue: int
    day: int
    runtime: int
    genre_ids: tuple[int, ...]
    language: str


class Catalogue(Protocol):
    """Movies by id, and the facts of all of them."""

    def details(self, movie_id: int, language: str) -> dict[str, Any] | None:
        """The body of ``movie/{id}`` without appended parts; None for an id that does not exist."""

    def part(self, movie_id: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """One of ``MOVIE_PARTS`` as it is appended, so without ``id``; None when there is none."""

    def facts(self) -> Iterator[MovieFacts]:
        """The facts of all movies, by ascending id."""

    def today(self) -> date:
        """The day that "now playing" is reckoned from."""


def genre_ids(details: Mapping[str, Any]) -> list[int]:
    """The ids of a movie's genres; entries that are odd in replayed data are left out."""
    genres = details.get("genres") or ()
    return [item["id"] for item in genres if isinstance(item, dict) and isinstance(item.get("id"), int)]


def summary(details: Mapping[str, Any]) -> dict[str, Any]:
    """An item of a list, made of the details. TMDB puts ``genre_ids`` there instead of ``genres``."""
    item: dict[str, Any] = {name: details[name] for name in SUMMARY_FIELDS if name in details}
    item["genre_ids"] = genre_ids(details)
    return item
