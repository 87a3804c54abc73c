"""The generated movies, with invented names and texts in TMDB's shapes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.sandbox import entities, parts, words
from tmdbfusion_scrapy.sandbox.people import PEOPLE, movie_credits
from tmdbfusion_scrapy.sandbox.population import (
    EPOCH,
    EPOCH_DAY,
    RANGE,
    Churn,
    Clock,
    Population,
    Row,
    more_votes,
    moved,
)
from tmdbfusion_scrapy.sandbox.records import (
    SHARED,
    Facts,
    Media,
    is_adult,
    origin,
    popularity,
    release_day,
    some_genres,
    spoken_languages,
)
from tmdbfusion_scrapy.sandbox.reference import COUNTRIES, MOVIE_GENRES
from tmdbfusion_scrapy.sandbox.words import Draws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.records import Build

_PAST_DAYS = 36_000
_FUTURE_DAYS = 200
_MOST_POPULAR = 400
_GENRE_IDS = tuple(MOVIE_GENRES)
_UNFINISHED = ("Post Production", "In Production", "Planned", "Rumored")


class GeneratedMovies(Media):
    """Movies of a catalogue.

    Args:
        count: Highest id on ``EPOCH``.
        seed: Another seed gives other movies.
        gaps: Share of ids that do not exist.
        people: Highest id of a person in the credits.
        clock: Tells the day; it is ``EPOCH`` by default.
        churn: How the movies change from day to day.
    """

    kind = "movie"
    genres = MOVIE_GENRES
    titles = ("title", "original_title")
    prefix = ()

    def __init__(
        self, count: int, seed: int, gaps: float, people: int = PEOPLE, clock: Clock | None = None,
        churn: Churn | None = None,
    ) -> None:  # fmt: skip
        population = Population("movie", seed, count, gaps, churn or Churn())
        super().__init__(population, clock or Clock(EPOCH), seed, count, people)

    def last_id(self) -> int:
        """Return the highest id that there may be today."""
        return self.population.last_id(self.today().toordinal())

    def facts(self) -> Iterator[Facts]:
        """Give the facts of all movies of today, by ascending id."""
        return map(self.facts_of, self.population.rows(self.today().toordinal()))

    def facts_of(self, row: Row) -> Facts:
        """Return the facts of a movie: most are without votes or money."""
        numbers = row.numbers
        vote_count = more_votes(int(30_000 * (numbers[3] / RANGE) ** 9), row.revision)
        day = release_day(numbers[1], numbers[2], _PAST_DAYS, _FUTURE_DAYS)
        return Facts(
            id=row.id,
            adult=is_adult(numbers),
            popularity=moved(popularity(numbers, _MOST_POPULAR), row.id, row.revision),
            vote_average=round(3.0 + 6.2 * numbers[4] / RANGE, 3) if vote_count else 0.0,
            vote_count=vote_count,
            revenue=(numbers[8] >> 2) if 0 < day <= EPOCH_DAY and numbers[7] & 3 == 0 else 0,
            day=day,
            runtime=0 if numbers[9] & 31 == 0 else 62 + (numbers[9] >> 8) % 110,
            genre_ids=some_genres(_GENRE_IDS, numbers[6], numbers[7]),
            language=origin(numbers)[0],
            revision=row.revision,
            touched=row.touched,
        )

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """Give the lines of ``movie_ids`` of a day, or of ``adult_movie_ids``."""
        flag = "true" if adult else "false"
        for item, numbers, revision, _ in self.population.rows(day.toordinal()):
            if is_adult(numbers) is adult:
                # The titles need no escapes, and an encoder would take twice the time.
                yield (
                    f'{{"adult":{flag},"id":{item},"original_title":"{words.title_of(numbers[11], origin(numbers)[0])}",'
                    f'"popularity":{moved(popularity(numbers, _MOST_POPULAR), item, revision)},'
                    f'"video":{"true" if _is_video(numbers) else "false"}}}\n'
                )

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """Return the body of ``movie/{id}`` in a language such as ``en-US``."""
        row = self.row(item)
        if row is None:
            return None
        facts = self.facts_of(row)
        draws = Draws("details", self.seed, item)
        body = self.common(row, facts, language)
        collection = entities.collection_of(self.seed, item)
        companies = [draws.between(1, entities.COMPANIES) for _ in range(draws.below(5))]
        return body | {
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "belongs_to_collection": entities.collection(self.seed, collection) if collection else None,
            "budget": draws.between(20, 25_000) * 10_000 if draws.chance(0.35) else 0,
            "homepage": f"https://movie-{item}.example/" if draws.chance(0.3) else draws.pick(("", "", None)),
            "imdb_id": None if draws.chance(0.06) else f"tt{90_000_000 + item}",
            "overview": None if draws.chance(0.01) else body["overview"],
            "poster_path": None if draws.chance(0.04) else draws.image(),
            "production_companies": [entities.company(self.seed, company) for company in companies],
            "release_date": date.fromordinal(facts.day).isoformat() if facts.day else "",
            "revenue": facts.revenue,
            "runtime": None if row.numbers[10] % 200 == 0 else facts.runtime,
            "spoken_languages": spoken_languages(facts.language, draws),
            # TMDB's word for how far a movie was when its record last changed.
            "status": "Released" if 0 < facts.day <= facts.touched else draws.pick(_UNFINISHED),
            "video": _is_video(row.numbers),
        }

    def _external_ids(self, facts: Facts, _query: Query, draws: Draws) -> dict[str, Any]:
        details = self.details(facts.id, "en-US") or {}
        return {"imdb_id": details["imdb_id"], **parts.accounts(draws, "movie", facts.id, 900_000_000)}

    def _release_dates(self, facts: Facts, _query: Query, draws: Draws) -> dict[str, Any]:
        day = date.fromordinal(facts.day).isoformat() if facts.day else ""
        countries = dict.fromkeys(draws.pick(COUNTRIES)[0] for _ in range(draws.below(12))) if day else {}

        def release(kind: int) -> dict[str, Any]:
            return {
                "certification": draws.pick(("", "12", "15", "PG-13", "R")), "descriptors": [], "iso_639_1": "",
                "note": draws.pick(("", "", "", "Sandbox Film Festival")),
                "release_date": f"{day}T00:00:00.000Z", "type": kind,
            }  # fmt: skip

        return {
            "results": [
                {
                    "iso_3166_1": country,
                    "release_dates": [release(kind) for kind in ((3,) if draws.chance(0.7) else (3, 4))],
                }
                for country in countries
            ]
        }

    builders: ClassVar[Mapping[str, Build]] = {
        **SHARED,
        "alternative_titles": lambda _movies, _facts, query, draws: {
            "titles": parts.alternative_titles(query, draws)
        },
        "credits": lambda movies, facts, _query, _draws: movie_credits(movies.seed, facts.id, movies.people),
        "external_ids": _external_ids,
        "keywords": lambda movies, _facts, _query, draws: {"keywords": entities.keywords(movies.seed, draws)},
        "lists": lambda _movies, _facts, query, draws: parts.lists(query, draws, {"list_type": "movie"}),
        "recommendations": Media.related,
        "release_dates": _release_dates,
    }


MOVIE_PARTS = tuple(sorted(GeneratedMovies.builders))
"""What append_to_response takes for a movie, besides the undocumented old names."""


def _is_video(numbers: tuple[int, ...]) -> bool:
    return (numbers[10] >> 8) % 100 == 0
