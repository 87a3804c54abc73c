"""Intended differences between the catalogue and TMDB's OpenAPI document, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal[
    "missing here",
    "missing there",
    "operationId",
    "method",
    "path",
    "place",
    "required",
    "type",
    "choices",
    "answer",
]


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One difference between the catalogue and a document.

    Args:
        operation: TMDB's operationId.
        about: TMDB's name of the parameter or of the field of a body; empty for the operation itself.
        kind: What differs; ``answer`` for a field of the document's example that the record does not have.
        here: What the catalogue says.
        there: What the document says.
        is_gone: It is listed as intended, but the document does not differ.
    """

    operation: str
    about: str
    kind: Kind
    here: str
    there: str
    is_gone: bool = False

    def __str__(self) -> str:
        where = f"{self.operation}, {self.about}" if self.about else self.operation
        said = f"{where}: {self.kind}: here {self.here or '-'}, there {self.there or '-'}"
        return f"{said} (listed as intended, but the document does not differ)" if self.is_gone else said


_TV_DETAILS = ("tv-episode-details", "tv-season-details", "tv-series-details")
_DETAILS = ("movie-details", "person-details", *_TV_DETAILS)
_LISTS = ("list-add-movie", "list-clear", "list-create", "list-delete", "list-remove-movie")
_GUESTS = ("guest-session-rated-movies", "guest-session-rated-tv", "guest-session-rated-tv-episodes")
_TRENDING = ("trending-all", "trending-movies", "trending-people", "trending-tv")
_ADD_RATING = ("movie-add-rating", "tv-episode-add-rating", "tv-series-add-rating")
_DELETE_RATING = ("movie-delete-rating", "tv-episode-delete-rating", "tv-series-delete-rating")
_CHANGES = ("tv-season-changes-by-id", "tv-series-changes")


def _same(
    operations: tuple[str, ...], about: str, kind: Kind, here: str, there: str, *, because: str
) -> Mapping[Difference, str]:
    """One difference that several operations have for the same reason."""
    return {Difference(operation, about, kind, here, there): because for operation in operations}


def _slip(operation: str, about: str) -> Mapping[Difference, str]:
    """An id or number that the document calls text in one operation."""
    because = "The document's slip: it says integer of the same parameter in every other operation."
    return _same((operation,), about, "type", "integer", "string", because=because)


INTENDED: Mapping[Difference, str] = {
    **_same(
        _ADD_RATING,
        "Content-Type",
        "missing here",
        "",
        "header string, required",
        because="The executor sets the header: it knows what it sends.",
    ),
    **_same(
        _DELETE_RATING,
        "Content-Type",
        "missing here",
        "",
        "header string",
        because="There is no body that the header could be of.",
    ),
    **_same(
        _LISTS,
        "session_id",
        "required",
        "False",
        "True",
        because="A client can hold the session for all its calls.",
    ),
    **_same(
        _GUESTS,
        "guest_session_id",
        "required",
        "False",
        "True",
        because="A client can hold the session for all its calls.",
    ),
    **_same(
        _TRENDING,
        "time_window",
        "required",
        "False",
        "True",
        because="It is the document's own default where a call does not say: `day`.",
    ),
    **_same(
        _TRENDING,
        "page",
        "missing there",
        "query integer",
        "",
        because="The document's own example is page 1 of many.",
    ),
    **_same(
        _DETAILS,
        "languages",
        "missing there",
        "query array",
        "",
        because="Ours: the chain is answered from the `translations` of the same call.",
    ),
    **_same(
        ("movie-details", *_TV_DETAILS),
        *("session_id", "missing there", "query string", ""),
        because="The part `account_states` is about the user of the session.",
    ),
    **_same(
        ("movie-details", *_TV_DETAILS),
        *("guest_session_id", "missing there", "query string", ""),
        because="The part `account_states` is about the guest of the session.",
    ),
    **_same(
        ("movie-details", *_TV_DETAILS),
        *("include_image_language", "missing there", "query string", ""),
        because="It holds for appended images: https://developer.themoviedb.org/docs/image-languages.",
    ),
    **_same(
        ("collection-details", "company-details", "network-details"),
        *("append_to_response", "missing there", "query string", ""),
        because="TMDB appends here, too: `company/25?append_to_response=movies,images`, seen in August 2026.",
    ),
    **_same(
        ("collection-details",),
        *("include_image_language", "missing there", "query string", ""),
        because="It holds for appended images: https://developer.themoviedb.org/docs/image-languages.",
    ),
    **_same(
        _TV_DETAILS,
        *("include_video_language", "missing there", "query string", ""),
        because="It holds for appended videos, as every parameter does for the parts that know it.",
    ),
    **_same(
        ("account-add-favorite", "account-add-to-watchlist"),
        "media_type",
        "choices",
        "movie, tv",
        "",
        because="The document has no schema of the body; the description says: a movie or TV show.",
    ),
    **_same(
        _CHANGES,
        "start_date",
        "type",
        "date",
        "string",
        because="The document's slip: it says date of the same parameter in every other operation.",
    ),
    **_same(
        _CHANGES,
        "end_date",
        "type",
        "date",
        "string",
        because="The document's slip: it says date of the same parameter in every other operation.",
    ),
    **_same(
        ("discover-tv",),
        "with_networks",
        "type",
        "string",
        "integer",
        because="One id or several, as the other filters on ids.",
    ),
    **_same(
        ("discover-movie",),
        "with_release_type",
        "type",
        "string",
        "integer",
        because="Its description: can be a comma (AND) or pipe (OR) separated query.",
    ),
    **_slip("keyword-movies", "keyword_id"),
    **_slip("movie-keywords", "movie_id"),
    **_slip("person-combined-credits", "person_id"),
    **_slip("tv-episode-external-ids", "episode_number"),
    **_slip("tv-series-similar", "series_id"),
}
"""The differences that are intended, each with its reason."""
