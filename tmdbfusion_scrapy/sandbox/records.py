"""Records of a kind: what a catalogue offers, and what generated movies, series and people have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from tmdbfusion_scrapy.sandbox import parts, words
from tmdbfusion_scrapy.sandbox.population import EPOCH_DAY, RANGE, Population, Row, more_votes, moved
from tmdbfusion_scrapy.sandbox.words import Draws, Texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.population import Churn, Clock

    # Builds a part of a movie or series, without its id.
    Build = Callable[[Any, "Facts", Query, Draws], dict[str, Any]]

_LISTED = (
    "adult", "backdrop_path", "id", "name", "title", "original_language", "original_name", "original_title",
    "overview", "popularity", "poster_path", "release_date", "first_air_date", "video", "vote_average",
    "vote_count",
)  # fmt: skip


class Facts(NamedTuple):
    """Facts of a record that lists filter and sort by; days are ordinals, 0 for none."""

    id: int
    adult: bool
    popularity: float
    vote_average: float = 0.0
    vote_count: int = 0
    revenue: int = 0
    # Of the release, or the first air date.
    day: int = 0
    runtime: int = 0
    genre_ids: tuple[int, ...] = ()
    language: str = ""
    next_air: int = 0
    revision: int = 0
    touched: int = 0


class Catalogue(Protocol):
    """Records of one kind by id, and the facts of all of them, be they generated or replayed."""

    listed: tuple[str, ...] = _LISTED

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """Return the body of ``{kind}/{id}`` without appended parts; None for an id that does not exist."""

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        """Return a part as it is appended, so without ``id``; None when there is none."""

    def facts(self) -> Iterator[Facts]:
        """Give the facts of all records of today, by ascending id."""

    def latest(self) -> int | None:
        """Return the highest id of today."""

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """Give the lines of the daily export of a day, of adult records or of all others."""

    def today(self) -> date:
        """Return the day that "now playing" is reckoned from."""

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """Return a record as lists show it, with ``genre_ids`` for ``genres``; None if it does not exist."""
        body = self.details(item, language)
        if body is None:
            return None
        return {**{name: body[name] for name in self.listed if name in body}, "genre_ids": genre_ids(body)}


def genre_ids(details: Mapping[str, Any]) -> list[int]:
    """Return the ids of a record's genres; entries that are odd in replayed data are left out."""
    genres = details.get("genres") or ()
    return [item["id"] for item in genres if isinstance(item, dict) and isinstance(item.get("id"), int)]


class Generated(Catalogue):
    """Records that are a function of the seed, the id and the day, so that a million need no memory."""

    def __init__(self, population: Population, clock: Clock) -> None:
        self.population = population
        self._clock = clock

    def today(self) -> date:
        return self._clock.today()

    def latest(self) -> int | None:
        return self.population.latest(self.today().toordinal())

    def is_adult(self, item: int) -> bool:
        """Tell whether an id is an adult one, gone or not."""
        return is_adult(self.population.numbers(item))

    def row(self, item: int) -> Row | None:
        return self.population.row(item, self.today().toordinal())


class Media(Generated):
    """Generated movies or series; ``count`` is their highest id on the first day, ``people`` that of a person."""

    kind: ClassVar[str]
    genres: ClassVar[Mapping[int, str]]
    # The fields for the title and the original title.
    titles: ClassVar[tuple[str, str]]
    builders: ClassVar[Mapping[str, Build]]
    # What the keys of drawn numbers begin with.
    prefix: ClassVar[tuple[str, ...]]
    # Most votes and the skew, greatest popularity, most days before and after the first day.
    skew: ClassVar[tuple[int, int, int, int, int]]

    def __init__(self, count: int, seed: int, gaps: float, people: int, clock: Clock, churn: Churn) -> None:
        super().__init__(Population(self.kind, seed, count, gaps, churn), clock)
        self._genre_ids = tuple(self.genres)
        self.seed = seed
        self.count = count
        self.people = people
        self.texts = Texts("".join(f"{name} " for name in self.prefix), seed)

    def facts_of(self, row: Row) -> Facts:
        """Return the facts of a record, with the skew that TMDB's have: few popular or voted for, most recent."""
        numbers = row.numbers
        most_votes, exponent, _, past, future = self.skew
        votes = more_votes(int(most_votes * (numbers[3] / RANGE) ** exponent), row.revision)
        return Facts(
            row.id, is_adult(numbers), self.popularity(row),
            vote_average=round(3.0 + 6.2 * numbers[4] / RANGE, 3) if votes else 0.0, vote_count=votes,
            day=_release_day(numbers[1], numbers[2], past, future), runtime=self.runtime(numbers[9]),
            genre_ids=_some_genres(self._genre_ids, numbers[6], numbers[7]), language=origin(numbers)[0],
            revision=row.revision, touched=row.touched,
        )  # fmt: skip

    @abstractmethod
    def runtime(self, number: int) -> int:
        """Return the minutes that a drawn number gives."""

    def popularity(self, row: Row) -> float:
        """Return TMDB's number of popularity."""
        return moved(round(0.6 + self.skew[2] * (row.numbers[5] / RANGE) ** 8, 4), row.id, row.revision)

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        for row in self.population.rows(day.toordinal()):
            if is_adult(row.numbers) is adult:
                # The titles need no escapes, and an encoder would take twice the time.
                title = words.title_of(row.numbers[11], origin(row.numbers)[0])
                line = f'"id":{row.id},"{self.titles[1]}":"{title}","popularity":{self.popularity(row)}'
                yield self.export_line(row, line)

    @abstractmethod
    def export_line(self, row: Row, line: str) -> str:
        """Return a line of the export, of the fields that movies and series share."""

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        row, build = self.row(item), self.builders.get(name)
        if row is None or build is None:
            return None
        return build(self, self.facts_of(row), query, Draws(*self.prefix, name, self.seed, item))

    def common(self, row: Row, facts: Facts, language: str) -> dict[str, Any]:
        """Return the fields of the details that movies and series share and that the row determines."""
        country = origin(row.numbers)[1]
        original_title = words.title_of(row.numbers[11], facts.language)
        text = self.texts.translation(facts.id, facts.language, original_title, language, facts.revision)
        title, original = self.titles
        return {
            "adult": facts.adult, "id": facts.id, title: text["title"], original: original_title,
            "genres": [{"id": genre, "name": self.genres[genre]} for genre in facts.genre_ids],
            "origin_country": [country], "original_language": facts.language, "overview": text["overview"],
            "popularity": facts.popularity, "softcore": False, "tagline": text["tagline"],
            "production_countries": [{"iso_3166_1": country, "name": words.COUNTRY_NAMES[country]}],
            "vote_average": facts.vote_average, "vote_count": facts.vote_count,
        }  # fmt: skip

    def translations(self, facts: Facts, _query: Query, _draws: Draws) -> dict[str, Any]:
        """Return the texts in all languages."""
        title, original = self.titles
        original_title = (self.details(facts.id, "en-US") or {})[original]
        more = {"homepage": "", "runtime": facts.runtime} if self.kind == "movie" else {"homepage": ""}

        def data(code: str, language: str) -> dict[str, Any] | None:
            text = self.texts.translation(facts.id, facts.language, original_title, language, facts.revision)
            # TMDB leaves a title out of the data where it equals the original one.
            own = {**text, **more, title: "" if code == facts.language else text["title"]}
            return (
                {name: own[name] for name in (title, "overview", "tagline", *more)} if text["title"] else None
            )

        return parts.translations(data)


_IMAGES = ("backdrops", "logos", "posters")
_LIST_FIELDS = {"movie": {"list_type": "movie"}, "tv": {"iso_3166_1": "US"}}


def _listed_as(movie: str, build: Callable[[Media, Query, Draws], Any]) -> Build:
    """Return what builds a part of one list, which has a name of its own in movies."""
    return lambda it, _facts, query, draws: {
        movie if it.kind == "movie" else "results": build(it, query, draws)
    }


def related(media: Media, facts: Facts, query: Query, draws: Draws) -> dict[str, Any]:
    """Return a page of other records."""
    return parts.related(query, draws, facts.id, media.count, media.summary)


SHARED: Mapping[str, Build] = {
    "account_states": lambda _media, _facts, _query, draws: parts.account_states(draws),
    "alternative_titles": _listed_as("titles", lambda _, *asked: parts.alternative_titles(*asked)),
    "changes": lambda _media, _facts, _query, draws: parts.changes(draws, "overview"),
    "images": lambda _media, facts, query, draws: parts.images(query, draws, facts.language, _IMAGES),
    "keywords": _listed_as("keywords", lambda media, _, draws: parts.keywords(media.seed, draws)),
    "lists": lambda media, _facts, query, draws: parts.lists(query, draws, _LIST_FIELDS[media.kind]),
    "recommendations": related, "similar": related, "translations": Media.translations,
    "reviews": lambda _media, _facts, *asked: parts.reviews(*asked),
    "videos": lambda _media, _facts, *asked: parts.videos(*asked),
    "watch/providers": lambda it, facts, _query, draws: parts.watch_providers(f"{it.kind}/{facts.id}", draws),
}  # fmt: skip
"""Parts that movies and series have alike."""


def is_adult(numbers: tuple[int, ...]) -> bool:
    """Tell whether the record of these numbers is an adult one: one in 200."""
    return numbers[8] < 21_500_000


def origin(numbers: tuple[int, ...]) -> tuple[str, str]:
    """Return the original language and the country of the record of these numbers."""
    return words.ORIGINAL_LANGUAGES[numbers[9] * len(words.ORIGINAL_LANGUAGES) >> 32]


def _release_day(first: int, second: int, past: int, future: int) -> int:
    """Return the ordinal of a date, most of them recent, that two drawn numbers give; 0 for the hundredth."""
    if first < 42_949_673:
        return 0
    share = second / RANGE
    return EPOCH_DAY + (1 + int(future * share) if first > 4_200_000_000 else -int(past * share * share))


def _some_genres(genres: tuple[int, ...], first: int, second: int) -> tuple[int, ...]:
    """Return up to four genres that two drawn numbers choose."""
    count = 0 if first < 86_000_000 else 1 + (first * 4 >> 32)
    start = second * len(genres) >> 32
    return tuple(dict.fromkeys(genres[(start + step * 7) % len(genres)] for step in range(count)))


def spoken_languages(original: str, draws: Draws) -> list[dict[str, str]]:
    """Return the original language and sometimes another one."""
    spoken = [original]
    if draws.chance(0.25):
        spoken.append(draws.pick(words.TRANSLATIONS)[0])
    names = [(code, *words.LANGUAGES[code]) for code in dict.fromkeys(spoken)]
    return [{"english_name": english, "iso_639_1": code, "name": native} for code, english, native in names]
