"""The generated movies: movie N is a function of the seed, N and the day, so that a million need no memory."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import entities, words
from tmdbfusion_scrapy.sandbox.calendar import EPOCH, Clock
from tmdbfusion_scrapy.sandbox.catalogue import Facts, summary
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.parts import PartsOfMovie
from tmdbfusion_scrapy.sandbox.people import PEOPLE
from tmdbfusion_scrapy.sandbox.population import RANGE, Churn, Population, Row, more_votes, moved
from tmdbfusion_scrapy.sandbox.records import GeneratedRecords, is_adult, origin
from tmdbfusion_scrapy.sandbox.reference import (
    COUNTRY_NAMES,
    LANGUAGES,
    MOVIE_GENRES,
    TRANSLATIONS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_EPOCH_DAY = EPOCH.toordinal()
_PAST_DAYS = 36_000
_FUTURE_DAYS = 200
_GENRE_IDS = tuple(MOVIE_GENRES)


class GeneratedCatalogue(GeneratedRecords):
    """Movies with invented names and texts in TMDB's shapes.

    Args:
        movies: Highest id on ``EPOCH``.
        seed: Another seed gives other movies.
        gaps: Share of ids that do not exist.
        people: Highest id of a person in the credits.
        clock: Tells the day; it is ``EPOCH`` by default.
        churn: How the movies change from day to day.
    """

    def __init__(
        self,
        movies: int,
        seed: int,
        gaps: float,
        *,
        people: int = PEOPLE,
        clock: Clock | None = None,
        churn: Churn | None = None,
    ) -> None:
        self._seed = seed
        self.count = movies
        super().__init__(Population("movie", seed, movies, gaps, churn or Churn()), clock or Clock(EPOCH))
        self._parts = PartsOfMovie(seed, movies, people, self.details, self.summary)

    def last_id(self) -> int:
        """The highest id that there may be today."""
        return self.population.last_id(self.today().toordinal())

    def facts(self) -> Iterator[Facts]:
        """The facts of all movies of today, by ascending id."""
        return map(_facts, self.population.rows(self.today().toordinal()))

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """The lines of ``movie_ids`` of a day, or of ``adult_movie_ids``."""
        flag = "true" if adult else "false"
        title_of = words.title_of
        for item, numbers, revision, _ in self.population.rows(day.toordinal()):
            if is_adult(numbers) is adult:
                # The titles need no escapes, and an encoder would take twice the time.
                yield (
                    f'{{"adult":{flag},"id":{item},"original_title":"{title_of(numbers[11], origin(numbers)[0])}",'
                    f'"popularity":{moved(_popularity(numbers), item, revision)},'
                    f'"video":{"true" if _is_video(numbers) else "false"}}}\n'
                )

    def part(self, item: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """One of ``MOVIE_PARTS`` without ``id``; None for an id that does not exist."""
        row = self._row(item)
        return None if row is None else self._parts.build(_facts(row), name, query)

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """A movie as a list shows it."""
        body = self.details(item, language)
        return None if body is None else summary(body)

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """The body of ``movie/{id}`` in a language such as ``en-US``."""
        row = self._row(item)
        if row is None:
            return None
        facts, numbers = _facts(row), row.numbers
        draws = Draws("details", self._seed, item)
        country = origin(numbers)[1]
        title = words.title_of(numbers[11], facts.language)
        localized = self._parts.texts.translation(item, facts.language, title, language, row.revision)
        collection_id = entities.collection_of(self._seed, item)
        companies = [draws.between(1, entities.COMPANIES) for _ in range(draws.below(5))]
        return {
            "adult": facts.adult,
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "belongs_to_collection": entities.collection(self._seed, collection_id)
            if collection_id
            else None,
            "budget": draws.between(20, 25_000) * 10_000 if draws.chance(0.35) else 0,
            "genres": [{"id": genre, "name": MOVIE_GENRES[genre]} for genre in facts.genre_ids],
            "homepage": f"https://movie-{item}.example/" if draws.chance(0.3) else draws.pick(("", "", None)),
            "id": item,
            "imdb_id": None if draws.chance(0.06) else f"tt{90_000_000 + item}",
            "origin_country": [country],
            "original_language": facts.language,
            "original_title": title,
            "overview": None if draws.chance(0.01) else localized["overview"],
            "popularity": facts.popularity,
            "poster_path": None if draws.chance(0.04) else draws.image(),
            "production_companies": [entities.company(self._seed, company) for company in companies],
            "production_countries": [{"iso_3166_1": country, "name": COUNTRY_NAMES[country]}],
            "release_date": date.fromordinal(facts.day).isoformat() if facts.day else "",
            "revenue": facts.revenue,
            "runtime": None if numbers[10] % 200 == 0 else facts.runtime,
            "softcore": False,
            "spoken_languages": spoken_languages(facts.language, draws),
            "status": _status(facts, draws),
            "tagline": localized["tagline"],
            "title": localized["title"],
            "video": _is_video(numbers),
            "vote_average": facts.vote_average,
            "vote_count": facts.vote_count,
        }


def _facts(row: Row) -> Facts:
    """The facts, with the skew that TMDB's have: few popular, most recent, many without votes or money."""
    item, numbers, revision, touched = row
    _, second, third, fourth, fifth, _, seventh, eighth, ninth, tenth, _, _ = numbers
    vote_count = more_votes(int(30_000 * (fourth / RANGE) ** 9), revision)
    day = release_day(second, third, _PAST_DAYS, _FUTURE_DAYS)
    return Facts(
        id=item,
        adult=is_adult(numbers),
        popularity=moved(_popularity(numbers), item, revision),
        vote_average=round(3.0 + 6.2 * fifth / RANGE, 3) if vote_count else 0.0,
        vote_count=vote_count,
        revenue=(ninth >> 2) if 0 < day <= _EPOCH_DAY and eighth & 3 == 0 else 0,
        day=day,
        runtime=0 if tenth & 31 == 0 else 62 + (tenth >> 8) % 110,
        genre_ids=some_genres(_GENRE_IDS, seventh, eighth),
        language=origin(numbers)[0],
        revision=revision,
        touched=touched,
    )


def release_day(first: int, second: int, past: int, future: int) -> int:
    """The ordinal of a date, most of them recent; 0 for the hundredth without a date.

    Args:
        first: A drawn number.
        second: Another one.
        past: Most days before ``EPOCH``.
        future: Most days after it.
    """
    if first < 42_949_673:
        return 0
    share = second / RANGE
    return _EPOCH_DAY + (1 + int(future * share) if first > 4_200_000_000 else -int(past * share * share))


def some_genres(genres: tuple[int, ...], first: int, second: int) -> tuple[int, ...]:
    """Up to four genres that two drawn numbers choose."""
    count = 0 if first < 86_000_000 else 1 + (first * 4 >> 32)
    start = second * len(genres) >> 32
    return tuple(dict.fromkeys(genres[(start + step * 7) % len(genres)] for step in range(count)))


def _popularity(numbers: tuple[int, ...]) -> float:
    return round(0.6 + 400 * (numbers[5] / RANGE) ** 8, 4)


def _is_video(numbers: tuple[int, ...]) -> bool:
    return (numbers[10] >> 8) % 100 == 0


def _status(facts: Facts, draws: Draws) -> str:
    """TMDB's word for how far a movie was when its record last changed."""
    if 0 < facts.day <= facts.touched:
        return "Released"
    return draws.pick(("Post Production", "In Production", "Planned", "Rumored"))


def spoken_languages(original: str, draws: Draws) -> list[dict[str, str]]:
    """The original language and sometimes another one."""
    spoken = [original]
    if draws.chance(0.25):
        other = draws.pick(TRANSLATIONS)[0]
        if other != original:
            spoken.append(other)
    return [
        {"english_name": LANGUAGES[code][0], "iso_639_1": code, "name": LANGUAGES[code][1]} for code in spoken
    ]
