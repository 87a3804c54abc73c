"""Records of a kind: what a catalogue offers, and what generated movies, series and people have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tmdbfusion_scrapy.sandbox import parts, words
from tmdbfusion_scrapy.sandbox.population import EPOCH_DAY, RANGE
from tmdbfusion_scrapy.sandbox.reference import COUNTRY_NAMES, LANGUAGES, ORIGINAL_LANGUAGES, TRANSLATIONS
from tmdbfusion_scrapy.sandbox.words import Draws, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.population import Clock, Population, Row

    # Builds a part of a movie or series, without its id.
    Build = Callable[[Any, "Facts", Query, Draws], dict[str, Any]]

_LISTED = (
    "adult", "backdrop_path", "id", "name", "title", "original_language", "original_name", "original_title",
    "overview", "popularity", "poster_path", "release_date", "first_air_date", "video", "vote_average", "vote_count",
)  # fmt: skip


class Facts(NamedTuple):
    """What lists filter and sort by.

    Args:
        id: Id of the movie, series or person.
        adult: True if lists leave it out unless asked.
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


class Catalogue(ABC):
    """Records of one kind by id, and the facts of all of them, be they generated or replayed."""

    listed: tuple[str, ...] = _LISTED

    @abstractmethod
    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """Return the body of ``{kind}/{id}`` without appended parts; None for an id that does not exist."""

    @abstractmethod
    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        """Return a part as it is appended, so without ``id``; None when there is none."""

    @abstractmethod
    def facts(self) -> Iterator[Facts]:
        """Give the facts of all records of today, by ascending id."""

    @abstractmethod
    def latest(self) -> int | None:
        """Return the highest id of today."""

    @abstractmethod
    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """Give the lines of the daily export of a day, of adult records or of all others."""

    @abstractmethod
    def today(self) -> date:
        """Return the day that "now playing" is reckoned from."""

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """Return a record as lists show it, with ``genre_ids`` instead of ``genres``; None if it does not exist."""
        body = self.details(item, language)
        if body is None:
            return None
        return {**{name: body[name] for name in self.listed if name in body}, "genre_ids": genre_ids(body)}


def genre_ids(details: Mapping[str, Any]) -> list[int]:
    """Return the ids of a record's genres; entries that are odd in replayed data are left out."""
    genres = details.get("genres") or ()
    return [item["id"] for item in genres if isinstance(item, dict) and isinstance(item.get("id"), int)]


class Generated(Catalogue):
    """Records that are a function of the seed, the id and the day, so that a million need no memory.

    Args:
        population: Their ids.
        clock: Tells the day.
    """

    def __init__(self, population: Population, clock: Clock) -> None:
        self.population = population
        self._clock = clock

    def today(self) -> date:
        """Return the day that is served."""
        return self._clock.today()

    def latest(self) -> int | None:
        """Return the highest id that exists today."""
        return self.population.latest(self.today().toordinal())

    def is_adult(self, item: int) -> bool:
        """Tell whether an id is an adult one, gone or not."""
        return is_adult(self.population.numbers(item))

    def row(self, item: int) -> Row | None:
        """Return a record as it is today."""
        return self.population.row(item, self.today().toordinal())


class Media(Generated):
    """Generated movies or series.

    Args:
        population: Their ids.
        clock: Tells the day.
        seed: Seed of the catalogue.
        count: Highest id on the first day.
        people: Highest id of a person in the credits.
    """

    kind: ClassVar[str]
    genres: ClassVar[Mapping[int, str]]
    # The fields for the title and the original title.
    titles: ClassVar[tuple[str, str]]
    builders: ClassVar[Mapping[str, Build]]
    # What the keys of drawn numbers begin with.
    prefix: ClassVar[tuple[str, ...]]

    def __init__(self, population: Population, clock: Clock, seed: int, count: int, people: int) -> None:
        super().__init__(population, clock)
        self.seed = seed
        self.count = count
        self.people = people
        self.texts = Texts("".join(f"{name} " for name in self.prefix), seed)

    @abstractmethod
    def facts_of(self, row: Row) -> Facts:
        """Return the facts of a record, with the skew that TMDB's have: few popular, most recent."""

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        """Return a part without ``id``; None for one that does not exist."""
        row, build = self.row(item), self.builders.get(name)
        if row is None or build is None:
            return None
        return build(self, self.facts_of(row), query, Draws(*self.prefix, name, self.seed, item))

    def common(self, row: Row, facts: Facts, language: str) -> dict[str, Any]:
        """Return the fields of the details that movies and series share and that the row determines."""
        country = origin(row.numbers)[1]
        title = words.title_of(row.numbers[11], facts.language)
        text = self.texts.translation(facts.id, facts.language, title, language, facts.revision)
        name, original = self.titles
        return {
            "adult": facts.adult,
            "genres": [{"id": genre, "name": self.genres[genre]} for genre in facts.genre_ids],
            "id": facts.id,
            "origin_country": [country],
            "original_language": facts.language,
            original: title,
            "overview": text["overview"],
            "popularity": facts.popularity,
            "production_countries": [{"iso_3166_1": country, "name": COUNTRY_NAMES[country]}],
            "softcore": False,
            "tagline": text["tagline"],
            name: text["title"],
            "vote_average": facts.vote_average,
            "vote_count": facts.vote_count,
        }

    def related(self, facts: Facts, query: Query, draws: Draws) -> dict[str, Any]:
        """Return a page of other records."""
        return parts.related(query, draws, facts.id, self.count, self.summary)

    def translations(self, facts: Facts, _query: Query, _draws: Draws) -> dict[str, Any]:
        """Return the texts in all languages."""
        name, original = self.titles
        own_title = (self.details(facts.id, "en-US") or {})[original]

        def data(code: str, country: str) -> dict[str, Any] | None:
            text = self.texts.translation(
                facts.id, facts.language, own_title, f"{code}-{country}", facts.revision
            )
            if not text["title"]:
                return None
            # TMDB leaves a title out of the data where it equals the original one.
            title = "" if code == facts.language else text["title"]
            found = {name: title, "overview": text["overview"], "tagline": text["tagline"], "homepage": ""}
            return {**found, "runtime": facts.runtime} if self.kind == "movie" else found

        return parts.translations(data)


SHARED: Mapping[str, Build] = {
    "account_states": lambda _media, _facts, _query, draws: parts.account_states(draws),
    "changes": lambda _media, _facts, _query, draws: parts.changes(draws, "overview"),
    "images": lambda _media, facts, query, draws: parts.images(
        query, draws, facts.language, ("backdrops", "logos", "posters")
    ),
    "reviews": lambda _media, _facts, query, draws: parts.reviews(query, draws),
    "similar": Media.related,
    "translations": Media.translations,
    "videos": lambda _media, _facts, query, draws: parts.videos(query, draws),
    "watch/providers": lambda media, facts, _query, draws: parts.watch_providers(
        f"{media.kind}/{facts.id}", draws
    ),
}
"""Parts that movies and series have alike."""


def is_adult(numbers: tuple[int, ...]) -> bool:
    """Tell whether the record of these numbers is an adult one: one in 200."""
    return numbers[8] < 21_500_000


def origin(numbers: tuple[int, ...]) -> tuple[str, str]:
    """Return the original language and the country of the record of these numbers."""
    return ORIGINAL_LANGUAGES[numbers[9] * len(ORIGINAL_LANGUAGES) >> 32]


def popularity(numbers: tuple[int, ...], most: float) -> float:
    """Return the popularity of the first day."""
    return round(0.6 + most * (numbers[5] / RANGE) ** 8, 4)


def release_day(first: int, second: int, past: int, future: int) -> int:
    """Return the ordinal of a date, most of them recent; 0 for the hundredth without a date.

    Args:
        first: A drawn number.
        second: Another one.
        past: Most days before the first day.
        future: Most days after it.
    """
    if first < 42_949_673:
        return 0
    share = second / RANGE
    return EPOCH_DAY + (1 + int(future * share) if first > 4_200_000_000 else -int(past * share * share))


def some_genres(genres: tuple[int, ...], first: int, second: int) -> tuple[int, ...]:
    """Return up to four genres that two drawn numbers choose."""
    count = 0 if first < 86_000_000 else 1 + (first * 4 >> 32)
    start = second * len(genres) >> 32
    return tuple(dict.fromkeys(genres[(start + step * 7) % len(genres)] for step in range(count)))


def spoken_languages(original: str, draws: Draws) -> list[dict[str, str]]:
    """Return the original language and sometimes another one."""
    spoken = [original]
    if draws.chance(0.25):
        spoken.append(draws.pick(TRANSLATIONS)[0])
    return [
        {"english_name": LANGUAGES[code][0], "iso_639_1": code, "name": LANGUAGES[code][1]}
        for code in dict.fromkeys(spoken)
    ]
