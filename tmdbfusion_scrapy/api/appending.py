"""Records with appended parts: several calls where one does not hold all parts, and again for what stayed away.

TMDB appends 20 parts to an answer at most, and leaves out a part that it does not have, or cannot get just then,
without a word. No I/O: the clients and the crawl send what is asked for here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from tmdbfusion_scrapy.exceptions import AuthenticationError, TMDBError
from tmdbfusion_scrapy.models.decoding import decode, split_object
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS, find_place, has_numbered_parts
from tmdbfusion_scrapy.models.languages import apply_languages

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from tmdbfusion_scrapy.api.call import Call
    from tmdbfusion_scrapy.models.record import Record

M = TypeVar("M")

MAX_APPENDS = 20
"""Most parts in one call: error 27, https://developer.themoviedb.org/docs/errors."""


def complete(call: Call[M]) -> Generator[Call[M], M, M]:
    """Get a record with all its parts.

    Yields the calls to send and is sent their records; an error of a call is to be thrown in. A call for parts
    that stayed away may fail without costing the record.

    Args:
        call: A call with :attr:`~tmdbfusion_scrapy.api.Call.appends`.

    Returns:
        The record, merged of all answers, its texts in the languages of the call.

    Raises:
        TMDBError: The error that was thrown in, where the record cannot do without the call.
    """
    first, *others = split_parts(call.appends)
    record: Any = yield call.with_appends(first)
    if others:
        bodies = [record.raw]
        for parts in others:
            more: Any = yield call.with_appends(parts)
            bodies.append(more.raw)
        record = decode(merge_bodies(bodies), call.model)
    for parts in split_parts(parts_to_ask_again(record, call.model, call.appends)):
        try:
            more = yield call.with_appends(parts)
        except AuthenticationError:
            raise
        except TMDBError:
            break
        record = decode(merge_bodies([record.raw, more.raw]), call.model)
    finish(record, call.appends, call.languages)
    return cast("M", record)


def finish(record: Record, appends: Iterable[str], languages: Sequence[str]) -> None:
    """Name the parts that stayed away, and put the texts into their languages.

    Args:
        record: A record that no other call is made for.
        appends: All parts that were asked for.
        languages: Languages of the texts, best first; empty to leave them.
    """
    record._missing_parts = find_missing(record, appends)  # noqa: SLF001 - this is what fills it
    if languages:
        apply_languages(record, languages)


def split_parts(parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the parts in portions that one call can ask for."""
    return [tuple(parts[start : start + MAX_APPENDS]) for start in range(0, len(parts), MAX_APPENDS)]


def merge_bodies(bodies: Iterable[bytes]) -> bytes:
    """Return a JSON object with the keys of several; the first value that is not null wins.

    Raises:
        ResponseError: A body is no JSON object.
    """
    merged: dict[str, msgspec.Raw] = {}
    for body in bodies:
        for key, value in split_object(body).items():
            if key not in merged or bytes(merged[key]) == b"null":
                merged[key] = value
    return msgspec.json.encode(merged)


def find_missing(record: Record, parts: Iterable[str]) -> tuple[str, ...]:
    """Return the parts that are not in the JSON of a record, or are null there."""
    # A field that is filled says so at no cost; what else there may be stands in the JSON.
    unseen = [part for part in parts if getattr(record, SLASHED_KEYS.get(part, part), None) is None]
    if not unseen:
        return ()
    content = split_object(record.raw)
    return tuple(part for part in unseen if part not in content or bytes(content[part]) == b"null")


def parts_to_ask_again(record: Record, model: Any, parts: Iterable[str]) -> tuple[str, ...]:
    """Return the missing parts that another call may bring.

    It brings no part that no field of the record takes, for TMDB does not know it, and no season that is not
    among the ``seasons`` of the series. A crawl would make each call twice for those.
    """
    missing = find_missing(record, parts)
    return tuple(part for part in missing if _is_known(part, model) and _season_exists(part, record))


def _is_known(part: str, model: Any) -> bool:
    """Whether a field takes a part, or it is one of a season or episode, for which there is no field."""
    return find_place(part, model) is not None or (part.startswith("season/") and has_numbered_parts(model))


def _season_exists(part: str, record: Record) -> bool:
    """Whether a part is of a season that the series has, or of none."""
    seasons = getattr(record, "seasons", None)
    name, _, rest = part.partition("/")
    if name != "season" or not seasons:
        return True
    return rest.partition("/")[0] in {str(season.season_number) for season in seasons}
