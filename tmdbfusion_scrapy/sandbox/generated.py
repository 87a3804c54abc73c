"""The generated catalogue: movie N is a function of the seed and N, so that a million need no memory."""

from __future__ import annotations

from datetime import date
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import words
from tmdbfusion_scrapy.sandbox.catalogue import MovieFacts
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.parts import PartsOfMovie
from tmdbfusion_scrapy.sandbox.reference import (
    COUNTRY_NAMES,
    LANGUAGES,
    MOVIE_GENRES,
    ORIGINAL_LANGUAGES,
    TRANSLATIONS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Fixed, so that the same seed gives the same bodies next year.
TODAY = date(2026, 6, 1)
_TODAY = TODAY.toordinal()
_PAST_DAYS = 36_000
_FUTURE_DAYS = 200
_GENRE_IDS = tuple(MOVIE_GENRES)
_TWELVE = Struct("<12I").unpack
_RANGE = 4294967296.0
_COMPANIES = 5_000
_COLLECTIONS = 1_200


class GeneratedCatalogue:
    """Movies 1 to ``movies`` with invented names and texts in TMDB's shapes.

    Args:
        movies: Highest id.
        seed: Another seed gives other movies.
        gaps: Share of ids that do not exist.
    """

    def __init__(self, movies: int, seed: int, gaps: float) -> None:
        self._movies = movies
        self._seed = seed
        self._prefix = f"movie:{seed}:".encode()
        self._gap_below = int(gaps * _RANGE)
        self._parts = PartsOfMovie(seed, movies, self.details)

    def today(self) -> date:
        """The day that "now playing" is reckoned from."""
        return TODAY

    def _numbers(self, movie_id: int) -> tuple[int, ...] | None:
        """Twelve drawn numbers of a movie, or None for an id that does not exist."""
        if not 1 <= movie_id <= self._movies:
            return None
        numbers = _TWELVE(blake2b(b"%b%d" % (self._prefix, movie_id), digest_size=48).digest())
        return None if numbers[0] < self._gap_below else numbers

    def facts(self) -> Iterator[MovieFacts]:
        """The facts of all movies, by ascending id."""
        for movie_id in range(1, self._movies + 1):
            numbers = self._numbers(movie_id)
            if numbers is not None:
                yield _facts(movie_id, numbers)

    def part(self, movie_id: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """One of ``MOVIE_PARTS`` without ``id``; None for an id that does not exist."""
        numbers = self._numbers(movie_id)
        return None if numbers is None else self._parts.build(_facts(movie_id, numbers), name, query)

    def details(self, movie_id: int, language: str) -> dict[str, Any] | None:
        """The body of ``movie/{id}`` in a language such as ``en-US``."""
        numbers = self._numbers(movie_id)
        if numbers is None:
            return None
        facts = _facts(movie_id, numbers)
        draws = Draws("details", self._seed, movie_id)
        country = ORIGINAL_LANGUAGES[numbers[9] * len(ORIGINAL_LANGUAGES) >> 32][1]
        original_title = words.title(draws, facts.language)
        localized = self._parts.translation(movie_id, facts.language, original_title, language)
        budget = draws.between(20, 25_000) * 10_000 if draws.chance(0.35) else 0
        return {
            "adult": facts.adult,
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "belongs_to_collection": _collection(self._seed, draws),
            "budget": budget,
            "genres": [{"id": genre, "name": MOVIE_GENRES[genre]} for genre in facts.genre_ids],
            "homepage": f"https://movie-{movie_id}.example/"
            if draws.chance(0.3)
            else draws.pick(("", "", "", None)),
            "id": movie_id,
            "imdb_id": None if draws.chance(0.06) else f"tt{90_000_000 + movie_id}",
            "origin_country": [country],
            "original_language": facts.language,
            "original_title": original_title,
            "overview": None if draws.chance(0.005) else localized["overview"],
            "popularity": facts.popularity,
            "poster_path": None if draws.chance(0.04) else draws.image(),
            "production_companies": [_company(self._seed, draws) for _ in range(draws.below(5))],
            "production_countries": [{"iso_3166_1": country, "name": COUNTRY_NAMES[country]}],
            "release_date": date.fromordinal(facts.day).isoformat() if facts.day else "",
            "revenue": facts.revenue,
            "runtime": None if numbers[10] % 200 == 0 else facts.runtime,
            "softcore": False,
            "spoken_languages": _spoken_languages(facts.language, draws),
            "status": _status(facts.day, draws),
            "tagline": localized["tagline"],
            "title": localized["title"],
            "video": draws.chance(0.01),
            "vote_average": facts.vote_average,
            "vote_count": facts.vote_count,
        }


def _facts(movie_id: int, numbers: tuple[int, ...]) -> MovieFacts:
    """The facts, with the skew that TMDB's have: few popular, most recent, many without votes or money."""
    _, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, _, _ = numbers
    vote_count = int(30_000 * (fourth / _RANGE) ** 9)
    day = 0
    if second >= 42_949_673:  # 1% have no date
        share = third / _RANGE
        if second > 4_200_000_000:
            day = _TODAY + 1 + int(_FUTURE_DAYS * share)
        else:
            day = _TODAY - int(_PAST_DAYS * share * share)
    count = 0 if seventh < 86_000_000 else 1 + (seventh * 4 >> 32)
    start = eighth * 19 >> 32
    return MovieFacts(
        id=movie_id,
        adult=ninth < 21_500_000,
        popularity=round(0.6 + 400 * (sixth / _RANGE) ** 8, 4),
        vote_average=round(3.0 + 6.2 * fifth / _RANGE, 3) if vote_count else 0.0,
        vote_count=vote_count,
        revenue=(ninth >> 2) if 0 < day <= _TODAY and eighth & 3 == 0 else 0,
        day=day,
        runtime=0 if tenth & 31 == 0 else 62 + (tenth >> 8) % 110,
        genre_ids=tuple(dict.fromkeys(_GENRE_IDS[(start + step * 7) % 19] for step in range(count))),
        language=ORIGINAL_LANGUAGES[tenth * len(ORIGINAL_LANGUAGES) >> 32][0],
    )


def _status(day: int, draws: Draws) -> str:
    """TMDB's word for how far a movie is."""
    if 0 < day <= _TODAY:
        return "Released"
    return draws.pick(("Post Production", "In Production", "Planned", "Rumored"))


def _collection(seed: int, draws: Draws) -> dict[str, Any] | None:
    """The collection of one movie in ten."""
    if not draws.chance(0.1):
        return None
    collection_id = draws.between(1, _COLLECTIONS)
    own = Draws("collection", seed, collection_id)
    return {
        "id": collection_id,
        "name": f"{words.english_title(own)} Collection",
        "poster_path": own.image(),
        "backdrop_path": own.image(),
    }


def _company(seed: int, draws: Draws) -> dict[str, Any]:
    """A production company."""
    company_id = draws.between(1, _COMPANIES)
    own = Draws("company", seed, company_id)
    return {
        "id": company_id,
        "logo_path": own.image(".png") if own.chance(0.6) else None,
        "name": words.company(own),
        "origin_country": own.pick(("US", "GB", "FR", "DE", "JP", "")),
    }


def _spoken_languages(original: str, draws: Draws) -> list[dict[str, str]]:
    """The original language and sometimes another one."""
    spoken = [original]
    if draws.chance(0.25):
        other = draws.pick(TRANSLATIONS)[0]
        if other != original:
            spoken.append(other)
    return [
        {"english_name": LANGUAGES[code][0], "iso_639_1": code, "name": LANGUAGES[code][1]} for code in spoken
    ]
