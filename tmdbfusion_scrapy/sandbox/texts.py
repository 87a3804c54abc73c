"""Texts of a record in the languages that it is translated to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.reference import LANGUAGES, TRANSLATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

EMPTY = {"title": "", "overview": "", "tagline": ""}
_REVISIONS_PER_TEXT = 4


class Texts:
    """Title, overview and tagline of the records of one kind.

    Args:
        prefix: Names the kind in the key of the drawn numbers.
        seed: Seed of the catalogue.
    """

    def __init__(self, prefix: str, seed: int) -> None:
        self._translated = f"{prefix}translated"
        self._translation = f"{prefix}translation"
        self._seed = seed

    def exists(self, item: int, original: str, language: str) -> bool:
        """Whether a record has texts in a language such as ``de-DE``; always in English and its own."""
        code, key = _key(language)
        if code not in {"en", original} and not Draws(self._translated, self._seed, item, *key).chance(0.5):
            return False
        return key in TRANSLATIONS or code == original

    def translation(
        self, item: int, original: str, original_title: str, language: str, revision: int = 0
    ) -> dict[str, str]:
        """The texts in a language; empty without a translation: TMDB does not fall back.

        Args:
            item: Id of the record.
            original: Its original language.
            original_title: Its title in that language.
            language: The language asked for, such as ``en-US``.
            revision: How often the record changed: one change in four gives it another overview.
        """
        if not self.exists(item, original, language):
            return EMPTY
        code, key = _key(language)
        draws = Draws(self._translation, self._seed, item, *key)
        title = original_title if code == original else words.title(draws, code)
        edition = revision // _REVISIONS_PER_TEXT
        writing = Draws(self._translation, self._seed, item, *key, edition) if edition else draws
        return {
            "title": title,
            "overview": "" if writing.chance(0.03) else words.text(writing, code, writing.between(2, 5)),
            "tagline": words.tagline(writing, code) if writing.chance(0.6) else "",
        }


def _key(language: str) -> tuple[str, tuple[str, str]]:
    """The code of a language, and the translation that it means: the first one without a country."""
    code, _, country = language.partition("-")
    for key in TRANSLATIONS:
        if key[0] == code and (not country or key[1] == country):
            return code, key
    return code, (code, country)


def translations(data: Callable[[str, str], dict[str, Any] | None]) -> dict[str, Any]:
    """The part ``translations``.

    Args:
        data: Gives the field ``data`` for a language code and a country; None without a translation.
    """
    found = []
    for code, country in TRANSLATIONS:
        content = data(code, country)
        if content is not None:
            english, native = LANGUAGES[code]
            found.append(
                {
                    "iso_3166_1": country,
                    "iso_639_1": code,
                    "name": native,
                    "english_name": english,
                    "data": content,
                }
            )
    return {"translations": found}
