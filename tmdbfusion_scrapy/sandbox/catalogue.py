"""What a catalogue of movies, series or people offers to the service, be it generated or replayed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

# What append_to_response takes for a movie, besides the undocumented old names.
MOVIE_PARTS = (
    "account_states", "alternative_titles", "changes", "credits", "external_ids", "images", "keywords", "lists",
    "recommendations", "release_dates", "reviews", "similar", "translations", "videos", "watch/providers",
)  # fmt: skip

TV_PARTS = (
    "account_states", "aggregate_credits", "alternative_titles", "changes", "content_ratings", "credits",
    "episode_groups", "external_ids", "images", "keywords", "lists", "recommendations", "reviews",
    "screened_theatrically", "similar", "translations", "videos", "watch/providers",
)  # fmt: skip

PERSON_PARTS = (
    "changes", "combined_credits", "external_ids", "images", "movie_credits", "tagged_images", "translations",
    "tv_credits",
)  # fmt: skip

PARTS = {"movie": MOVIE_PARTS, "tv": TV_PARTS, "person": PERSON_PARTS}

SUMMARY_FIELDS = (
    "adult", "backdrop_path", "id", "original_language", "original_title", "overview", "popularity", "poster_path",
    "release_date", "title", "video", "vote_average", "vote_count",
)  # fmt: skip
TV_SUMMARY_FIELDS = (
    "adult", "backdrop_path", "first_air_date", "id", "name", "origin_country", "original_language",
    "original_name", "overview", "popularity", "poster_path", "vote_average", "vote_count",
)  # fmt: skip


class Facts(NamedTuple):
    """What lists filter and sort by.

    Args:
        id: Id of the movie, series or person.
        adult: Whether lists leave it out unless asked.
        popularity: TMDB's number.
        vote_average: 0 to 10.
        vote_count: Number of votes.
        revenue: In US dollars.
        day: Ordinal of the release date or first air date, 0 for none.
        runtime: In minutes.
        genre_ids: TMDB's genres.
        language: Original language.
        next_air: Ordinal of the next day on which an episode airs, 0 for none.
        revision: How often the record changed.
        touched: Ordinal of the day of the last change.
    """

    id: int
    adult: bool
    popularity: float
    vote_average: float = 0.0
    vote_count: int = 0
    revenue: int = 0
    day: int = 0
    runtime: int = 0
    genre_ids: tuple[int, ...] = ()
    language: str = ""
    next_air: int = 0
    revision: int = 0
    touched: int = 0


class Catalogue(Protocol):
    """Records of one kind by id, and the facts of all of them."""

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """The body of ``{kind}/{id}`` without appended parts; None for an id that does not exist."""

    def part(self, item: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part as it is appended, so without ``id``; None when there is none."""

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """The record as a list shows it; None for an id that does not exist."""

    def facts(self) -> Iterator[Facts]:
        """The facts of all records of today, by ascending id."""

    def latest(self) -> int | None:
        """The highest id of today."""

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """The lines of the daily export of a day, of adult records or of all others."""

    def today(self) -> date:
        """The day that "now playing" is reckoned from."""


def genre_ids(details: Mapping[str, Any]) -> list[int]:
    """The ids of a record's genres; entries that are odd in replayed data are left out."""
    genres = details.get("genres") or ()
    return [item["id"] for item in genres if isinstance(item, dict) and isinstance(item.get("id"), int)]


def summary(details: Mapping[str, Any], fields: Iterable[str] = SUMMARY_FIELDS) -> dict[str, Any]:
    """An item of a list, made of the details. TMDB puts ``genre_ids`` there instead of ``genres``."""
    item: dict[str, Any] = {name: details[name] for name in fields if name in details}
    item["genre_ids"] = genre_ids(details)
    return item
