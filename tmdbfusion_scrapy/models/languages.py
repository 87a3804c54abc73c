"""Texts in the best language there is, from a record's own ``translations``.

TMDB has no fallback for texts: where a translation is missing it sends an empty string
(https://developer.themoviedb.org/docs/languages). With all translations in the same answer the choice is ours.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tmdbfusion_scrapy.models.record import Record

_HOME_COUNTRIES = {"ar": "SA", "en": "US", "ms": "MY", "zh": "CN"}
"""The country that a language without one stands for, where it has not the language's own letters.

Only languages that TMDB has in several countries need one, see ``configuration.primary_translations``.
"""

DEFAULT_LANGUAGE = "en-US"
"""What TMDB answers in where a call names no language."""

_TEXTS = ("title", "name", "overview", "tagline", "biography")
"""Texts that TMDB sends in the language of the call."""

_ORIGINALS = {"title": "original_title", "name": "original_name"}
"""Texts that TMDB leaves empty in the translation of the original language, and where they stand instead."""


def note_language(record: Record, language: str) -> None:
    """Note the language that a record was asked for in, and in it the seasons and episodes that came with it."""
    record._language = language  # noqa: SLF001 - this is what fills it
    for name in ("appended_seasons", "episodes"):
        for inner in getattr(record, name, ()):
            note_language(inner, language)


def text_languages(record: Record) -> dict[str, str]:
    """Return the language of each text of a record that is not empty, by the name of its field.

    It is the one that the record was asked for in, or the one of the translation that was taken. A person's name
    is translated only where it was taken from a translation. Empty where the language is not known.
    """
    found: dict[str, str] = {}
    language = record._language  # noqa: SLF001 - see note_language()
    if language is not None:
        is_person = hasattr(record, "biography")
        found = {
            name: language
            for name in _TEXTS
            if not (is_person and name == "name") and (getattr(record, name, None) or "").strip()
        }
    return {**found, **record.field_languages}


def apply_languages(record: Record, languages: Sequence[str]) -> None:
    """Put the texts of a record into the first language of a chain that has them.

    Every text of its translations that the record has as well is replaced (``title``, ``overview``, ``biography``
    and so on), each for itself. A text that no language of the chain has stays as TMDB sent it.
    :attr:`~tmdbfusion_scrapy.models.record.Record.field_languages` says what came from where.

    Args:
        record: A record; one without translations stays as it is.
        languages: Languages, best first. ``fr-CA`` is that country's alone; ``fr`` is France's, then any other
            country's, in TMDB's order.
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
