"""Records with appended parts: several calls where one does not hold all parts, and again for what stayed away.

TMDB appends 20 parts to an answer at most, and leaves out a part that it does not have, or cannot get just then,
without a word. No I/O: the clients and the crawl send what is asked for here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec

from tmdbfusion_scrapy.api.call import Call
from tmdbfusion_scrapy.api.parameters import SESSIONS
from tmdbfusion_scrapy.exceptions import AuthenticationError, ResponseError, TMDBError
from tmdbfusion_scrapy.models.decoding import decode, split_object
from tmdbfusion_scrapy.models.fields import NUMBERED_KEYS, SLASHED_KEYS, field_hints, find_place
from tmdbfusion_scrapy.models.languages import add_answer, apply_languages, fill_seasons, texts_to_ask
from tmdbfusion_scrapy.models.lenient import is_notice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tmdbfusion_scrapy.models.record import Record

M = TypeVar("M")

Step = Literal["first", "more", "again", "texts"]

MAX_APPENDS = 20
"""Most parts in one call: error 27, https://developer.themoviedb.org/docs/errors."""

_LEGACY = frozenset({"releases", "trailers"})
"""Parts that TMDB's document no longer lists; it may stop sending them at any time."""


@dataclass(frozen=True, slots=True)
class Assembly(Generic[M]):
    """A record with appended parts, as far as it has come.

    Send :attr:`next_call`, and go on with :meth:`take` or :meth:`go_without`, until there is a :attr:`record`.

    Args:
        call: The call with all its parts.
        parts: All parts that are asked for, with the seasons that the first answer listed.
        portions: The parts still to ask for, in portions; the first is that of the next call.
        step: The purpose of the next call: the first parts, more parts, parts that were left out, or texts in
            another language.
        language: Language of the texts.
        body: JSON of all answers together; empty before the first.
        record: The whole record, its texts in the languages of the call; ``None`` while calls are to be sent.
    """

    call: Call[M]
    parts: tuple[str, ...]
    portions: tuple[tuple[str, ...], ...]
    step: Step = "first"
    language: str = ""
    body: bytes = b""
    record: M | None = None

    @classmethod
    def begin(cls, call: Call[M]) -> Assembly[M]:
        """Return the assembly of a call with :attr:`~tmdbfusion_scrapy.api.Call.appends`."""
        return cls(call, call.appends, split_parts(call.appends))

    @classmethod
    def from_json(cls, call: Call[M], kept: Mapping[str, Any]) -> Assembly[M]:
        """Return the assembly of a call of which :meth:`to_json` made a dict."""
        portions = tuple(tuple(portion) for portion in kept["portions"])
        body = kept["body"].encode("latin-1")
        return cls(call, tuple(kept["parts"]), portions, kept["step"], kept["language"], body)

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can keep of it beside the call."""
        return {
            "parts": list(self.parts),
            "portions": [list(portion) for portion in self.portions],
            "step": self.step,
            "language": self.language,
            # Any bytes, in as much memory.
            "body": self.body.decode("latin-1"),
        }

    @property
    def next_call(self) -> Call[M]:
        """The call to send."""
        call = self.call.with_appends(self.portions[0])
        return (
            replace(call, query={**call.query, "language": self.language}) if self.step == "texts" else call
        )

    def take(self, answer: M, may_ask: Callable[[str], bool] = lambda _: True) -> Assembly[M]:
        """Return what follows an answer to :attr:`next_call`; ``may_ask`` says what to ask again for.

        Raises:
            ResponseError: The answer is not of the same record as those before.
        """
        record: Any = answer
        if self.step == "first":
            return self._after_first(record, may_ask)
        later = self.portions[1:]
        try:
            if self.step == "texts":
                body = add_answer(self.body, self.language, record.raw)
            else:
                body = merge_bodies((self.body, record.raw))
            if not later:
                return self._go_on(decode(body, self.call.model), may_ask)
        except ResponseError as error:
            error.method, error.path = self.call.method, self.call.path
            raise
        return replace(self, body=body, portions=later)

    def go_without(self, error: TMDBError | None = None) -> Assembly[M] | None:
        """Return what follows where :attr:`next_call` failed; ``None`` where the record cannot do without it.

        A record can do without parts that had been left out. All seasons of a series are not all of them without
        one that is listed.
        """
        if self.step != "again" or isinstance(error, AuthenticationError):
            return None
        if self.call.has_all_seasons and any(
            p.startswith("season/") for parts in self.portions for p in parts
        ):
            return None
        return self._go_on(decode(self.body, self.call.model), lambda _: False)

    def _after_first(self, record: Any, may_ask: Callable[[str], bool]) -> Assembly[M]:
        """Work out from the first answer what else to ask for: it lists which seasons there are."""
        parts, portions = self.parts, [parts for parts in self.portions[1:] if may_exist(parts, record)]
        if self.call.has_all_seasons:
            listed = listed_seasons(record, parts)
            left = [part for part in parts[MAX_APPENDS:] if may_exist([part], record)]
            parts, portions = (*parts, *listed), list(split_parts([*left, *listed]))
        if parts is not self.parts or portions:
            after = replace(self, parts=parts, portions=tuple(portions), step="more", body=record.raw)
            return after if portions else after._go_on(record, may_ask)  # noqa: SLF001 - its own
        return self._go_on(record, may_ask)

    def _go_on(self, record: Any, may_ask: Callable[[str], bool]) -> Assembly[M]:
        """Ask again for what was left out of a record, then for texts, else finish it."""
        step, language = self.step, self.language
        portions: tuple[tuple[str, ...], ...] = ()
        if step in ("first", "more"):
            step = "again"
            portions = split_parts([part for part in self.parts_to_ask_again(record) if may_ask(part)])
        if not portions and (texts := texts_to_ask(record, self.call.languages)):
            step = "texts"
            language, lacking = texts
            portions = split_parts(lacking)
        if not portions:
            finish(record, self.parts, self.call.languages)
            return replace(self, portions=(), body=record.raw, record=record)
        return replace(self, portions=portions, step=step, language=language, body=record.raw)

    def parts_to_ask_again(self, record: Any, parts: Iterable[str] | None = None) -> tuple[str, ...]:
        """Return the parts that a record lacks and that another call may bring."""
        session = has_session(secret.key for secret in self.call.secrets)
        wanted = self.parts if parts is None else parts
        return parts_to_ask_again(record, self.call.model, wanted, has_session=session)


def finish(record: Record, appends: Iterable[str], languages: Sequence[str]) -> None:
    """Name the parts that stayed away, and put the texts into their languages."""
    record._missing_parts = find_missing(record, appends)  # noqa: SLF001 - this is what fills it
    if languages:
        apply_languages(record, languages)
        fill_seasons(record, languages)


def with_translations(parts: Sequence[str], languages: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a call, with ``translations`` among them where there is a chain of languages."""
    added = ("translations",) if languages and "translations" not in parts else ()
    return (*parts, *added)


def parts_of_series(append: Sequence[str], languages: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of a series with as many seasons as there is room for in the same requests."""
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


def split_parts(parts: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the parts in portions that one call can ask for."""
    return tuple(tuple(parts[start : start + MAX_APPENDS]) for start in range(0, len(parts), MAX_APPENDS))


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
    return not SESSIONS.isdisjoint(secrets)


def may_exist(parts: Iterable[str], record: Record) -> bool:
    """Return whether one of some parts is no season, or one of a season that the series has."""
    seasons = getattr(record, "seasons", None)
    if not seasons and (seasons is None or "seasons" not in split_object(record.raw)):
        return True
    numbers = {str(season.season_number) for season in seasons}
    places = (part.split("/") for part in parts)
    return any(place[0] != "season" or "".join(place[1:2]) in numbers for place in places)


def _is_known(part: str, model: Any) -> bool:
    """Return whether a field takes a part, or it is one of a season or episode, for which there is no field."""
    field = NUMBERED_KEYS.get(part.partition("/")[0])
    return find_place(part, model) is not None or field in field_hints(model)


def _is_missing(value: msgspec.Raw) -> bool:
    """Return whether JSON in the place of a part is null, or the notice of an error."""
    text = bytes(value)
    if text[:1] != b"{":
        return text == b"null"
    return b'"status_message"' in text and is_notice(split_object(text))
