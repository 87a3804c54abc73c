"""Drawn numbers, and the names, titles and texts made of them."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, TypeVar

from tmdbfusion_scrapy.sandbox.reference import TRANSLATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")

_SIXTEEN = Struct("<16I").unpack
_FIVE = Struct("<5I").pack
_EMPTY = {"title": "", "overview": "", "tagline": ""}
REVISIONS_PER_TEXT = 4
"""How many changes of a record go to one of its text."""


class Draws:
    """An endless row of 32 bit numbers that depend on their key alone, read from BLAKE2b in counter mode.

    ``random.Random`` promises the same numbers in the next Python version for ``random()`` only, and seeding one
    costs more than a whole record needs.
    """

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
        """Return a number in [0, 1)."""
        return self.number() / 4294967296

    def below(self, bound: int) -> int:
        """Return a whole number in [0, bound)."""
        return self.number() * bound >> 32

    def between(self, low: int, high: int) -> int:
        """Return a whole number in [low, high]."""
        return low + (self.number() * (high - low + 1) >> 32)

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[self.number() * len(choices) >> 32]

    def chance(self, probability: float) -> bool:
        """Return True with the probability."""
        return self.number() < probability * 4294967296

    def identifier(self) -> str:
        """24 hexadecimal digits, as TMDB's credit and video ids have."""
        return f"{self.number():08x}{self.number():08x}{self.number():08x}"

    def image(self, suffix: str = ".jpg") -> str:
        """A file path of an image: a slash, 27 letters and digits, the suffix."""
        number = self.number
        raw = _FIVE(number(), number(), number(), number(), number())
        return f"/{b64encode(raw, b'qZ')[:27].decode()}{suffix}"

    def timestamp(self, first_year: int = 2012, last_year: int = 2025) -> str:
        """A moment such as ``2018-06-09T17:51:53.359Z``."""
        return (
            f"{self.between(first_year, last_year)}-{self.between(1, 12):02}-{self.between(1, 28):02}"
            f"T{self.below(24):02}:{self.below(60):02}:{self.below(60):02}.{self.below(1000):03}Z"
        )


def _words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())


_ADJECTIVES = _words(
    "Amber Borrowed Broken Crimson Distant Drowned Electric Emerald Endless Faded Fearless Folded "
    "Forgotten Fragile Frozen Gentle Golden Hidden Hollow Hungry Invisible Iron Ivory Last Little Lonely "
    "Lost Lunar Midnight Paper Patient Quiet Reckless Restless Sacred Salted Scarlet Second Secret "
    "Seventh Silent Silver Sleeping Stolen Stubborn Tangled Twelfth Velvet Wandering Winter"
)
_NOUNS = _words(
    "Anchor Archive Avalanche Balcony Bridge Cartographer Cathedral Clockmaker Comet Compass Courier "
    "Dynamo Eclipse Ember Envoy Falconer Ferry Gardener Glacier Harbor Horizon Inheritance Interpreter "
    "Island Juggler Kingdom Lantern Lighthouse Locksmith Machine Meridian Mirror Monsoon Mountain Oracle "
    "Orchard Passenger Pilgrim Postman Quarry River Sailor Satellite Shepherd Signal Smuggler Sparrow "
    "Stranger Summer Theorem Tides Translator Voyage Watchman Witness"
)
_PLACES = _words(
    "Arvendale Belcastro Calderpoint Dornmoor Eskerry Farrowgate Glimmerfen Hollinbay Isenwald Jarrowmere "
    "Kestrelcove Lindqvara Marrowick Nightpass Ostreach Pellworm Quillhaven Ravenfall Saltmarsh Tarnhill "
    "Umberfield Vantor Westerlyn Yarrowdeep Zelmira"
)
_FIRST_SYLLABLES = _words(
    "Al Ber Cor Da El Fen Gis Ha Il Jo Ka Lu Mar Ne Or Pe Quin Ro Sil Tam U Vi Wen Yo Zel"
)
_FIRST_ENDINGS = _words(
    "a an bert da den dra el en ia in ira is la len na nor ra rin sa son th ton va vin wen"
)
_LAST_SYLLABLES = _words(
    "Ab Bran Cald Dor Esk Fair Grun Hol Ing Jas Kel Lind Mor Nor Ost Pell Quar Rav Stor Tor"
)
_LAST_ENDINGS = _words(
    "acre berg by combe dahl eaux er field gate grave ham ides ing ley mark ner ova quist son wick"
)

_COMPANY_KINDS = ("Pictures", "Films", "Studios", "Media")
_NETWORK_KINDS = ("TV", "Television", "One", "Channel", "Stream", "Broadcasting")

_SYLLABLES = {
    "ja": ("カ", "ミ", "の", "星", "夜", "空", "ラ", "ト", "海", "風", "夢", "町"),
    "ko": ("하", "늘", "별", "바", "람", "꿈", "길", "소", "나", "무", "달", "빛"),
    "zh": ("天", "山", "月", "光", "城", "河", "梦", "风", "影", "雪", "花", "路"),
    "ru": ("ма", "ла", "вер", "ти", "ка", "ни", "дья", "зе", "ля"),
    "uk": ("ма", "лі", "вер", "ти", "ка", "ні", "дія", "ї", "зе", "ля"),
    "he": ("של", "ום", "אור", "לי", "נה", "ים", "בר", "דר", "כן", "מה"),
    "ar": ("نو", "ري", "با", "سم", "لي", "مار", "دن", "قا", "زي"),
    "hi": ("सा", "रा", "ना", "दि", "ल", "का", "मे", "री", "ज", "ग"),
    "fr": ("lu", "mière", "vel", "é", "tan", "rou", "ce", "bel", "oi", "sau"),
    "de": ("stern", "wal", "den", "ü", "ber", "licht", "schat", "ten", "ge", "sicht"),
    "es": ("ca", "mi", "no", "luz", "del", "ma", "ña", "sol", "ve", "ra"),
    "pt": ("ca", "mi", "nho", "luz", "ção", "mar", "ver", "são", "lo", "ra"),
}  # fmt: skip
_OTHER_SYLLABLES = ("va", "len", "tor", "mi", "ska", "ren", "dol", "eth", "or", "ny")
_WITHOUT_SPACES = {"ja", "zh"}
_LEXICON_SIZE = 600

_SENTENCES = (
    "A {adjective} {noun} returns to {place} after twenty years, and nobody there will say why.",
    "When the {noun} of {place} vanishes, {name} has one night to find out who gains by it.",
    "{name} inherits a {adjective} house in {place} and a debt that cannot be paid in money.",
    "In the summer of the {adjective} {noun}, three friends decide to leave {place} for good.",
    "Hired to draw one last map, {name} learns that {place} was never meant to be found.",
    "A {noun} and a {adjective} stranger share a train to {place}, each with the other's luggage.",
    "The only witness is a {adjective} {noun}; the only road out of {place} is closed until spring.",
    "{name} builds a {noun} from what the flood left behind, and the whole of {place} comes to look.",
    "Old rivals must run the {adjective} {noun} together or lose {place} to the sea.",
    "Nothing in {place} is as {adjective} as the letter that {name} was told to burn.",
)
_TAGLINES = (
    "Every {noun} has two ends.",
    "The {adjective} always come home.",
    "{place} remembers.",
    "Some doors open once.",
    "Trust the {noun}.",
)


def person_name(draws: Draws) -> str:
    """A first and a last name."""
    return (
        f"{draws.pick(_FIRST_SYLLABLES)}{draws.pick(_FIRST_ENDINGS)} "
        f"{draws.pick(_LAST_SYLLABLES)}{draws.pick(_LAST_ENDINGS)}"
    )


def foreign_words(draws: Draws, language: str, count: int) -> str:
    """Invented words in the script of a language."""
    syllables = _SYLLABLES.get(language, _OTHER_SYLLABLES)
    words = ["".join(draws.pick(syllables) for _ in range(draws.between(2, 4))) for _ in range(count)]
    return ("" if language in _WITHOUT_SPACES else " ").join(words).capitalize()


def english_title(draws: Draws) -> str:
    """A title such as ``The Silver Cartographer``."""
    form = draws.below(5)
    return _english(form, draws.pick(_ADJECTIVES), draws.pick(_NOUNS), draws.pick)


def _english(form: int, adjective: str, noun: str, pick: Callable[[Sequence[str]], str]) -> str:
    """A title in one of five forms; ``pick`` chooses its third word, where there is one."""
    if form == 0:
        return f"The {adjective} {noun}"
    if form == 1:
        return f"{noun} of {pick(_PLACES)}"
    if form == 2:
        return f"{adjective} {noun}"
    if form == 3:
        return f"The {noun}'s {pick(_NOUNS)}"
    return f"{adjective} {noun}s of {pick(_PLACES)}"


def title(draws: Draws, language: str) -> str:
    """A title in a language."""
    return english_title(draws) if language == "en" else foreign_words(draws, language, draws.between(1, 3))


@cache
def _lexicon(language: str) -> tuple[str, ...]:
    """Ready words of a language, so that a million titles take seconds."""
    draws = Draws("lexicon", language)
    return tuple(foreign_words(draws, language, 1) for _ in range(_LEXICON_SIZE))


def title_of(number: int, language: str) -> str:
    """The title that a number below 2**32 stands for, without quotes or backslashes."""
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
    """One sentence with its slots filled."""
    return pattern.format(
        adjective=draws.pick(_ADJECTIVES).lower(),
        noun=draws.pick(_NOUNS).lower(),
        place=draws.pick(_PLACES),
        name=person_name(draws),
    )


def text(draws: Draws, language: str, sentences: int) -> str:
    """Some sentences in a language."""
    if language == "en":
        return " ".join(_fill(draws, draws.pick(_SENTENCES)) for _ in range(sentences))
    return " ".join(foreign_words(draws, language, draws.between(5, 12)) + "." for _ in range(sentences))


def tagline(draws: Draws, language: str) -> str:
    """A line for the poster."""
    return _fill(draws, draws.pick(_TAGLINES)) if language == "en" else foreign_words(draws, language, 4)


def keyword(draws: Draws) -> str:
    """A keyword such as ``silver ferry``."""
    return f"{draws.pick(_ADJECTIVES)} {draws.pick(_NOUNS)}".lower()


def network(draws: Draws) -> str:
    """The name of a television network."""
    return f"{draws.pick(_PLACES)} {draws.pick(_NETWORK_KINDS)}"


def place(draws: Draws) -> str:
    """The name of a town."""
    return draws.pick(_PLACES)


def company(draws: Draws) -> str:
    """The name of a production company."""
    return f"{draws.pick(_ADJECTIVES)} {draws.pick(_NOUNS)} {draws.pick(_COMPANY_KINDS)}"


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
        """Tell whether a record has texts in a language such as ``de-DE``; always in English and its own."""
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
    """The code of a language, and the translation that it means: the first one without a country."""
    code, _, country = language.partition("-")
    for key in TRANSLATIONS:
        if key[0] == code and (not country or key[1] == country):
            return code, key
    return code, (code, country)
