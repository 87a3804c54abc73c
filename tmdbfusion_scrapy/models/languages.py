"""Texts of a record in a chain of languages: its own, and those of seasons and episodes.

TMDB has no fallback for texts: where a translation is missing it sends an empty string
(https://developer.themoviedb.org/docs/languages). With all translations in the same answer the choice is ours.

TMDB sends no translations of seasons and episodes with a series, only texts in the language of the call. What
is missing there stands in answers in other languages, which are kept within the series' own JSON under keys
of their own.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.models.decoding import decode, split_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tmdbfusion_scrapy.models.record import Record


_HOME_COUNTRIES = {"ar": "SA", "en": "US", "ms": "MY", "zh": "CN"}
"""The country that a language without one stands for, where it has not the language's own letters.

Only languages that TMDB has in several countries need one, see ``configuration.primary_translations``.
"""

_ORIGINALS = {"title": "original_title", "name": "original_name"}
"""Texts that TMDB leaves empty in the translation of the original language, and where they stand instead."""


def apply_languages(record: Record, languages: Sequence[str]) -> None:
    """Put the texts of a record into the first language of a chain that has them.

    Every text of its translations that the record has as well is replaced (``title``, ``overview``, ``biography``
    and so on), each for itself. A text that no language of the chain has stays as TMDB sent it.
    :attr:`~tmdbfusion_scrapy.models.record.Record.field_languages` says what came from where.
    """
    translations: Iterable[Any] = getattr(getattr(record, "translations", None), "translations", None) or ()
    entries = [entry for entry in translations if entry.data is not None and entry.iso_639_1]
    chosen: dict[str, str] = {}
    for name in _shared_fields(record, entries):
        for language, text in _candidates(record, entries, name, languages):
            if isinstance(text, str) and text.strip():
                setattr(record, name, text)
                chosen[name] = language
                break
    record._field_languages = chosen  # noqa: SLF001 - this is what fills it


def _shared_fields(record: Record, entries: Sequence[Any]) -> list[str]:
    """The translated fields that the record has as well, but for those that are no text (``runtime``)."""
    names = {field.name for field in dataclasses.fields(record)}  # type: ignore[arg-type]
    translated = dataclasses.fields(entries[0].data) if entries else ()
    return [field.name for field in translated if field.name in names]


def _candidates(
    record: Record, entries: Sequence[Any], name: str, languages: Iterable[str]
) -> Iterator[tuple[str, Any]]:
    """A field's values, best first, each with its language."""
    original_language = getattr(record, "original_language", None)
    for chosen in languages:
        language, _, country = chosen.partition("-")
        country = country.upper()
        home = country or _HOME_COUNTRIES.get(language, language.upper())
        same = [entry for entry in entries if entry.iso_639_1 == language]
        yield from ((_tag(entry), getattr(entry.data, name)) for entry in same if entry.iso_3166_1 == home)
        if language == original_language and name in _ORIGINALS:
            yield language, getattr(record, _ORIGINALS[name], None)
        if not country:
            yield from (
                (_tag(entry), getattr(entry.data, name)) for entry in same if entry.iso_3166_1 != home
            )


def _tag(entry: Any) -> str:
    """The language of a translation with its country."""
    return f"{entry.iso_639_1}-{entry.iso_3166_1}" if entry.iso_3166_1 else str(entry.iso_639_1)


LANGUAGE_KEY = "?language="
"""What the key of an answer in another language begins with. No key of TMDB's does."""

_SEASON_TEXTS = ("name", "overview")


def add_answer(body: bytes, language: str, answer: bytes) -> bytes:
    """Return the JSON of a series with an answer in another language in it."""
    content = split_object(body)
    key = f"{LANGUAGE_KEY}{language}"
    known = split_object(bytes(content[key])) if key in content else {}
    content[key] = msgspec.Raw(msgspec.json.encode({**split_object(answer), **known}))
    return msgspec.json.encode(content)


def texts_to_ask(record: Record, languages: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Return the next language to ask for texts in, and the parts that lack one; ``None`` where nothing is to ask.

    A language that the series has no translation in is passed over.
    """
    seasons = getattr(record, "appended_seasons", None)
    if not seasons or len(languages) < 2:
        return None
    fill_seasons(record, languages)
    lacking = tuple(f"season/{season.season_number}" for season in seasons if _lacks_text(season))
    if not lacking:
        return None
    content = split_object(record.raw)
    spoken = _languages_of(record)
    for language in languages[1:]:
        if f"{LANGUAGE_KEY}{language}" not in content and language.partition("-")[0] in spoken:
            return language, lacking
    return None


def fill_seasons(record: Record, languages: Sequence[str]) -> None:
    """Give seasons and episodes the texts that they lack, from the answers in other languages.

    A name such as ``Episode 5``, which TMDB makes up where it has none, is lacking if the overview is.
    :attr:`~tmdbfusion_scrapy.models.record.Record.field_languages` says what came from where.
    """
    if not getattr(record, "appended_seasons", None) or LANGUAGE_KEY.encode() not in record.raw:
        return
    content = split_object(record.raw)
    for language in languages[1:]:
        answer = content.get(f"{LANGUAGE_KEY}{language}")
        if answer is None:
            continue
        found = dict(_texts_of(decode(bytes(answer), type(record))))
        for place, inner in _texts_of(record):
            if place in found:
                _fill(inner, found[place], language)


def _texts_of(show: Any) -> Iterator[tuple[tuple[str, Any], Any]]:
    """The seasons and episodes in a series, each with what it is found by."""
    for season in show.seasons:
        yield ("listed", season.season_number), season
    for episode in (show.last_episode_to_air, show.next_episode_to_air):
        if episode is not None:
            yield ("aired", episode.id), episode
    for season in show.appended_seasons:
        yield ("season", season.season_number), season
        for episode in season.episodes:
            yield ("episode", (season.season_number, episode.episode_number)), episode


def _fill(record: Any, other: Any, language: str) -> None:
    """Give a season or an episode the texts of another language that it lacks."""
    chosen = dict(record.field_languages)
    lacking = [name for name in _SEASON_TEXTS if _is_lacking(record, name)]
    for name in lacking:
        text = getattr(other, name)
        if not _is_blank(text) and not (name == "name" and _is_made_up(other)):
            setattr(record, name, text)
            chosen[name] = language
    record._field_languages = chosen  # noqa: SLF001 - this is what fills it


def _lacks_text(season: Any) -> bool:
    """Return whether a season, or one of its episodes, lacks a text."""
    return any(_is_lacking(record, name) for record in (season, *season.episodes) for name in _SEASON_TEXTS)


def _is_lacking(record: Any, name: str) -> bool:
    """Return whether a season or an episode lacks a text."""
    if _is_blank(getattr(record, name)):
        return True
    return name == "name" and _is_blank(record.overview) and _is_made_up(record)


def _is_blank(text: str | None) -> bool:
    return not (text and text.strip())


def _is_made_up(record: Any) -> bool:
    """Return whether a name is a word with the number alone: ``Season 2``, ``Episódio 5``."""
    number = getattr(record, "episode_number", None)
    number = record.season_number if number is None else number
    return re.fullmatch(rf"\D*0*{number}\D*", record.name or "") is not None


def _languages_of(show: Any) -> set[str]:
    """The languages that a series has texts in."""
    entries: Iterable[Any] = getattr(show.translations, "translations", None) or ()
    return {entry.iso_639_1 for entry in entries} | {show.original_language}
