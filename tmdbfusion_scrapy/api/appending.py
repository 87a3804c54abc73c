"""Records with appended parts: several calls where one does not hold all parts, and again for what stayed away.

TMDB appends 20 parts to an answer at most, and leaves out a part that it does not have, or cannot get just then,
without a word. No I/O: the clients and the crawl send what is asked for here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import msgspec

from tmdbfusion_scrapy.exceptions import AuthenticationError, ResponseError, TMDBError
from tmdbfusion_scrapy.models.decoding import decode, split_object
from tmdbfusion_scrapy.models.fields import NUMBERED_KEYS, SLASHED_KEYS, field_hints, find_place
from tmdbfusion_scrapy.models.languages import apply_languages
from tmdbfusion_scrapy.models.mending import is_notice
from tmdbfusion_scrapy.models.season_texts import add_answer, fill_seasons, texts_to_ask

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from tmdbfusion_scrapy.api.call import Call
    from tmdbfusion_scrapy.models.record import Record

M = TypeVar("M")

MAX_APPENDS = 20
"""Most parts in one call: error 27, https://developer.themoviedb.org/docs/errors."""

_LEGACY = frozenset({"releases", "trailers"})
"""Parts that TMDB's document no longer lists; it may stop sending them at any time."""

_SESSIONS = frozenset({"session_id", "guest_session_id"})


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
    # Which seasons there are stands in each answer.
    others = [parts for parts in others if may_exist(parts, record)]
    if others:
        bodies = [record.raw]
        for parts in others:
            more: Any = yield call.with_appends(parts)
            bodies.append(more.raw)
        record = _merge(call, bodies)
    wanted = parts_to_ask_again(
        record, call.model, call.appends, has_session=has_session(secret.key for secret in call.secrets)
    )
    for parts in split_parts(wanted):
        try:
            more = yield call.with_appends(parts)
            record = _merge(call, [record.raw, more.raw])
        except AuthenticationError:
            raise
        except TMDBError:
            break
    while texts := texts_to_ask(record, call.languages):
        language, wanted = texts
        for parts in split_parts(wanted):
            asked = replace(call, query={**call.query, "language": language})
            more = yield asked.with_appends(parts)
            record = _merge(call, [add_answer(record.raw, language, more.raw)])
    finish(record, call.appends, call.languages)
    return cast("M", record)


def _merge(call: Call[Any], bodies: Iterable[bytes]) -> Any:
    """The record that several answers to a call hold together."""
    try:
        return decode(merge_bodies(bodies), call.model)
    except ResponseError as error:
        error.method, error.path = call.method, call.path
        raise


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
        fill_seasons(record, languages)


def with_translations(parts: Sequence[str], languages: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a call, with ``translations`` among them where there is a chain of languages."""
    added = ("translations",) if languages and "translations" not in parts else ()
    return (*parts, *added)


def parts_of_series(append: Sequence[str], languages: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a series with as many seasons as there is room for in the same requests.

    Args:
        append: The other parts.
        languages: The chain of languages of its texts.
    """
    parts = with_translations(append, languages)
    return (*parts, *(f"season/{number}" for number in range(room_for_seasons(len(parts)))))


def room_for_seasons(parts: int) -> int:
    """Return how many seasons there is room for beside so many parts, in as many requests as these take."""
    return -parts % MAX_APPENDS if parts else MAX_APPENDS


def listed_seasons(record: Record, parts: Iterable[str]) -> list[str]:
    """Return the seasons that a series lists and that were not asked for, as parts."""
    numbers = {season.season_number for season in getattr(record, "seasons", ())}
    known = set(parts)
    wanted = (f"season/{number}" for number in sorted(n for n in numbers if n is not None and n >= 0))
    return [part for part in wanted if part not in known]


def split_parts(parts: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the parts in portions that one call can ask for."""
    return [tuple(parts[start : start + MAX_APPENDS]) for start in range(0, len(parts), MAX_APPENDS)]


def merge_bodies(bodies: Iterable[bytes]) -> bytes:
    """Return a JSON object with the keys of several; the first value that is not missing wins.

    Raises:
        ResponseError: A body is no JSON object, or they are not of one record.
    """
    merged: dict[str, msgspec.Raw] = {}
    ids: set[bytes] = set()
    for body in bodies:
        content = split_object(body)
        # TMDB sends some ids as text: 5 and "5" are one.
        ids.add(bytes(content.get("id", b"null")).strip(b'"'))
        for key, value in content.items():
            if key not in merged or _is_missing(merged[key]):
                merged[key] = value
    if len(ids - {b"null"}) > 1:
        raise ResponseError("the answers to the parts of one call have different ids")
    return msgspec.json.encode(merged)


def find_missing(record: Record, parts: Iterable[str]) -> tuple[str, ...]:
    """Return the parts that are not in the JSON of a record; null, or the notice of an error, is none."""
    # A field that is filled says so at no cost; what else there may be stands in the JSON.
    unseen = [part for part in parts if getattr(record, SLASHED_KEYS.get(part, part), None) is None]
    if not unseen:
        return ()
    content = split_object(record.raw)
    return tuple(part for part in unseen if part not in content or _is_missing(content[part]))


def parts_to_ask_again(
    record: Record, model: Any, parts: Iterable[str], *, has_session: bool
) -> tuple[str, ...]:
    """Return the missing parts that another call may bring.

    It brings no part that no field of the record takes, for TMDB does not know it, no season that is not among
    the ``seasons`` of the series, and no ``account_states`` without a session. A crawl would make each call twice
    for those.

    Args:
        record: The record as it came.
        model: Its class.
        parts: The parts that were asked for.
        has_session: Whether they were asked for with a session.
    """
    return tuple(
        part
        for part in find_missing(record, parts)
        if part not in _LEGACY
        and (has_session or part.rpartition("/")[2] != "account_states")
        and _is_known(part, model)
        and may_exist([part], record)
    )


def has_session(secrets: Iterable[str]) -> bool:
    """Return whether the secrets of a call, by their keys, are those of a session."""
    return not _SESSIONS.isdisjoint(secrets)


def may_exist(parts: Iterable[str], record: Record) -> bool:
    """Return whether one of some parts is no season, or one of a season that the series has."""
    seasons = getattr(record, "seasons", None)
    if not seasons and (seasons is None or "seasons" not in split_object(record.raw)):
        return True
    numbers = {str(season.season_number) for season in seasons}
    places = (part.split("/") for part in parts)
    return any(place[0] != "season" or "".join(place[1:2]) in numbers for place in places)


def _is_known(part: str, model: Any) -> bool:
    """Whether a field takes a part, or it is one of a season or episode, for which there is no field."""
    field = NUMBERED_KEYS.get(part.partition("/")[0])
    return find_place(part, model) is not None or field in field_hints(model)


def _is_missing(value: msgspec.Raw) -> bool:
    """Whether JSON in the place of a part is null, or the notice of an error."""
    text = bytes(value)
    if text[:1] != b"{":
        return text == b"null"
    return b'"status_message"' in text and is_notice(split_object(text))
