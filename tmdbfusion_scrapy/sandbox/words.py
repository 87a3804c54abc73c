"""Invented names and texts in several languages, and TMDB's reference data."""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import blake2b
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_DATA = json.loads(Path(__file__).with_name("reference.json").read_text("utf-8"))

MOVIE_GENRES: dict[int, str] = dict(_DATA["movie_genres"])
TV_GENRES: dict[int, str] = dict(_DATA["tv_genres"])
# Code, English name, native name.
COUNTRIES: list[tuple[str, str, str]] = [tuple(country) for country in _DATA["countries"]]
COUNTRY_NAMES = {code: english for code, english, _ in COUNTRIES}
LANGUAGES: dict[str, tuple[str, str]] = {code: (english, own) for code, english, own in _DATA["languages"]}
# Original languages as often as they occur, and the country that comes with each.
ORIGINAL_LANGUAGES: list[tuple[str, str]] = [
    (language, country) for language, country, times in _DATA["original_languages"] for _ in range(times)
]
TRANSLATIONS: list[tuple[str, str]] = [tuple(translation) for translation in _DATA["translations"]]
JOBS: dict[str, list[str]] = _DATA["jobs"]
# TMDB's codes that the sandbox sends: HTTP status and message.
STATUSES: dict[int, tuple[int, str]] = {code: (status, text) for code, status, text in _DATA["statuses"]}

# The answers below /configuration/ and /genre/, by path.
REFERENCE: dict[str, Any] = {
    "configuration": {"images": _DATA["images"], "change_keys": _DATA["change_keys"]},
    "configuration/countries": [
        {"iso_3166_1": code, "english_name": english, "native_name": native}
        for code, english, native in COUNTRIES
    ],
    "configuration/jobs": [{"department": name, "jobs": jobs} for name, jobs in JOBS.items()],
    "configuration/languages": [
        {"iso_639_1": code, "english_name": english, "name": native}
        for code, (english, native) in LANGUAGES.items()
    ],
    "configuration/primary_translations": [f"{language}-{country}" for language, country in TRANSLATIONS],
    "configuration/timezones": [
        {"iso_3166_1": code, "zones": zones} for code, zones in _DATA["timezones"].items()
    ],
    "genre/movie/list": {"genres": [{"id": key, "name": name} for key, name in MOVIE_GENRES.items()]},
    "genre/tv/list": {"genres": [{"id": key, "name": name} for key, name in TV_GENRES.items()]},
}


T = TypeVar("T")

_SIXTEEN = Struct("<16I").unpack
_FIVE = Struct("<5I").pack
_EMPTY = {"title": "", "overview": "", "tagline": ""}
REVISIONS_PER_TEXT = 4
"""The changes of a record that go to one of its text."""


class Draws:
    """An endless row of 32 bit numbers that depend on their key alone, read from BLAKE2b in counter mode."""

    # random.Random promises the same numbers in the next Python version for random() only, and is slow to seed.

    __slots__ = ("_at", "_block", "_key", "_numbers")

    def __init__(self, *key: object) -> None:
        self._key = ":".join(map(str, key)).encode()
        self._block = 0
        self._numbers: tuple[int, ...] = ()
        self._at = 16

    def number(self) -> int:
        """Return the next number, 0 to 2**32 - 1."""
        at = self._at
        if at == 16:
            self._numbers = _SIXTEEN(blake2b(b"%b/%d" % (self._key, self._block)).digest())
            self._block += 1
            at = 0
        self._at = at + 1
        return self._numbers[at]

    def unit(self) -> float:
        return self.number() / 4294967296

    def below(self, bound: int) -> int:
        """Return a whole number in [0, bound)."""
        return self.number() * bound >> 32

    def between(self, low: int, high: int) -> int:
        """Return a whole number in [low, high]."""
        return low + (self.number() * (high - low + 1) >> 32)

    def pick(self, choices: Sequence[T]) -> T:
        return choices[self.number() * len(choices) >> 32]

    def chance(self, probability: float) -> bool:
        return self.number() < probability * 4294967296

    def identifier(self) -> str:
        """Return 24 hexadecimal digits, as TMDB's credit and video ids have."""
        return f"{self.number():08x}{self.number():08x}{self.number():08x}"

    def image(self, suffix: str = ".jpg") -> str:
        """Return the file path of an image: a slash, 27 letters and digits, the suffix."""
        number = self.number
        raw = _FIVE(number(), number(), number(), number(), number())
        return f"/{b64encode(raw, b'qZ')[:27].decode()}{suffix}"

    def timestamp(self, first_year: int = 2012, last_year: int = 2025) -> str:
        """Return a moment such as ``2018-06-09T17:51:53.359Z``."""
        return (
            f"{self.between(first_year, last_year)}-{self.between(1, 12):02}-{self.between(1, 28):02}"
            f"T{self.below(24):02}:{self.below(60):02}:{self.below(60):02}.{self.below(1000):03}Z"
        )


_WORDS = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
_ADJECTIVES, _NOUNS, _PLACES = _WORDS["adjectives"], _WORDS["nouns"], _WORDS["places"]
# First and last names are made of a beginning and an ending.
_NAME_PIECES = [_WORDS[f"{name}_{piece}"] for name in ("first", "last") for piece in ("syllables", "endings")]
_NAMES = {
    "company": (_ADJECTIVES, _NOUNS, _WORDS["company_kinds"]), "keyword": (_ADJECTIVES, _NOUNS),
    "network": (_PLACES, _WORDS["network_kinds"]), "place": (_PLACES,),
}  # fmt: skip
_SYLLABLES = _WORDS["syllables"]
_WITHOUT_SPACES = {"ja", "zh"}
_LEXICON_SIZE = 600


def person_name(draws: Draws) -> str:
    """Return a first and a last name."""
    first, first_ending, last, last_ending = map(draws.pick, _NAME_PIECES)
    return f"{first}{first_ending} {last}{last_ending}"


def foreign_words(draws: Draws, language: str, count: int) -> str:
    """Return invented words in the script of a language."""
    syllables = _SYLLABLES.get(language, _SYLLABLES["other"])
    words = ["".join(draws.pick(syllables) for _ in range(draws.between(2, 4))) for _ in range(count)]
    return ("" if language in _WITHOUT_SPACES else " ").join(words).capitalize()


def english_title(draws: Draws) -> str:
    """Return a title such as ``The Silver Cartographer``."""
    form = draws.below(5)
    return _english(form, draws.pick(_ADJECTIVES), draws.pick(_NOUNS), draws.pick)


def _english(form: int, adjective: str, noun: str, pick: Callable[[Sequence[str]], str]) -> str:
    """Return a title in one of five forms; ``pick`` chooses its third word, where there is one."""
    if form % 2 == 0 and form < 4:
        return f"{adjective} {noun}" if form else f"The {adjective} {noun}"
    other = pick(_NOUNS if form == 3 else _PLACES)
    return {1: f"{noun} of {other}", 3: f"The {noun}'s {other}"}.get(form, f"{adjective} {noun}s of {other}")


def title(draws: Draws, language: str) -> str:
    """Return a title in a language."""
    return english_title(draws) if language == "en" else foreign_words(draws, language, draws.between(1, 3))


@cache
def _lexicon(language: str) -> tuple[str, ...]:
    """Return ready words of a language, so that a million titles take seconds."""
    draws = Draws("lexicon", language)
    return tuple(foreign_words(draws, language, 1) for _ in range(_LEXICON_SIZE))


def title_of(number: int, language: str) -> str:
    """Return the title that a number below 2**32 stands for, without quotes or backslashes."""
    number, form = divmod(number, 5)
    if language != "en":
        lexicon = _lexicon(language)
        found = []
        for _ in range(1 + form % 3):
            number, word = divmod(number, _LEXICON_SIZE)
            found.append(lexicon[word])
        return ("" if language in _WITHOUT_SPACES else " ").join(found)
    number, first = divmod(number, len(_ADJECTIVES))
    number, second = divmod(number, len(_NOUNS))
    english = _english(form, _ADJECTIVES[first], _NOUNS[second], lambda known: known[number % len(known)])
    return f"{english} {number % 99 + 1}" if form == 2 else english


def _fill(draws: Draws, pattern: str) -> str:
    return pattern.format(
        adjective=draws.pick(_ADJECTIVES).lower(), noun=draws.pick(_NOUNS).lower(),
        place=draws.pick(_PLACES), name=person_name(draws),
    )  # fmt: skip


def text(draws: Draws, language: str, sentences: int) -> str:
    """Return some sentences in a language."""
    if language == "en":
        return " ".join(_fill(draws, draws.pick(_WORDS["sentences"])) for _ in range(sentences))
    return " ".join(foreign_words(draws, language, draws.between(5, 12)) + "." for _ in range(sentences))


def tagline(draws: Draws, language: str) -> str:
    """Return a line for the poster."""
    if language != "en":
        return foreign_words(draws, language, 4)
    return _fill(draws, draws.pick(_WORDS["taglines"]))


def name(draws: Draws, kind: str) -> str:
    """Return the name of a ``company``, ``network``, ``keyword`` or ``place``."""
    return " ".join(draws.pick(choices) for choices in _NAMES[kind])


class Texts:
    """Title, overview and tagline of the records of one kind."""

    def __init__(self, prefix: str, seed: int) -> None:
        self._translated = f"{prefix}translated"
        self._translation = f"{prefix}translation"
        self._seed = seed

    def exists(self, item: int, original: str, language: str) -> bool:
        """Tell whether a record has texts in a language such as ``de-DE``; always in English and its own."""
        code, key = _key(language)
        if code not in {"en", original} and not Draws(self._translated, self._seed, item, *key).chance(0.5):
            return False
        return key in TRANSLATIONS or code == original

    def translation(
        self, item: int, original: str, original_title: str, language: str, revision: int = 0
    ) -> dict[str, str]:
        """Return the texts in a language; empty without a translation: TMDB does not fall back."""
        if not self.exists(item, original, language):
            return _EMPTY
        code, key = _key(language)
        draws = Draws(self._translation, self._seed, item, *key)
        own = original_title if code == original else title(draws, code)
        edition = revision // REVISIONS_PER_TEXT
        writing = Draws(self._translation, self._seed, item, *key, edition) if edition else draws
        return {
            "title": own,
            "overview": "" if writing.chance(0.03) else text(writing, code, writing.between(2, 5)),
            "tagline": tagline(writing, code) if writing.chance(0.6) else "",
        }


def _key(language: str) -> tuple[str, tuple[str, str]]:
    """Return the code of a language, and the translation that it means: the first one without a country."""
    code, _, country = language.partition("-")
    for key in TRANSLATIONS:
        if key[0] == code and (not country or key[1] == country):
            return code, key
    return code, (code, country)
