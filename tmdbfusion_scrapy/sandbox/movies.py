"""The generated movies, with invented names and texts in TMDB's shapes."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.sandbox import parts
from tmdbfusion_scrapy.sandbox.people import PEOPLE, movie_credits
from tmdbfusion_scrapy.sandbox.population import EPOCH, EPOCH_DAY, Churn, Clock, Row
from tmdbfusion_scrapy.sandbox.records import SHARED, Facts, Media, is_adult, spoken_languages
from tmdbfusion_scrapy.sandbox.words import COUNTRIES, MOVIE_GENRES, Draws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.records import Build

_FLAGS = ("false", "true")
# The package's queries ask whose id this is; the movie is the most popular one.
KNOWN, KNOWN_IMDB_ID = 550, "tt0137523"
_UNFINISHED = ("Post Production", "In Production", "Planned", "Rumored")


class GeneratedMovies(Media):
    """Movies of a catalogue."""

    kind = "movie"
    genres = MOVIE_GENRES
    titles = ("title", "original_title")
    prefix = ()
    skew = (30_000, 9, 400, 36_000, 200)

    def __init__(
        self, count: int, seed: int, gaps: float, people: int = PEOPLE, clock: Clock | None = None,
        churn: Churn | None = None,
    ) -> None:  # fmt: skip
        super().__init__(count, seed, gaps, people, clock or Clock(EPOCH), churn or Churn())

    def last_id(self) -> int:
        """Return the highest id that there may be today."""
        return self.population.last_id(self.today().toordinal())

    def facts(self) -> Iterator[Facts]:
        return map(self.facts_of, self.population.rows(self.today().toordinal()))

    def facts_of(self, row: Row) -> Facts:
        facts, numbers = super().facts_of(row), row.numbers
        earned = 0 < facts.day <= EPOCH_DAY and numbers[7] & 3 == 0
        return facts._replace(revenue=numbers[8] >> 2) if earned else facts

    def popularity(self, row: Row) -> float:
        more = 2 * self.skew[2] if row.id == KNOWN else 0
        return round(super().popularity(row) + more, 4)

    def runtime(self, number: int) -> int:
        return 0 if number & 31 == 0 else 62 + (number >> 8) % 110

    def export_line(self, row: Row, line: str) -> str:
        adult, video = _FLAGS[is_adult(row.numbers)], _FLAGS[_is_video(row.numbers)]
        return f'{{"adult":{adult},{line},"video":{video}}}\n'

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        row = self.row(item)
        if row is None:
            return None
        facts = self.facts_of(row)
        draws = Draws("details", self.seed, item)
        imdb_id = KNOWN_IMDB_ID if item == KNOWN else f"tt{90_000_000 + item}"
        body = self.common(row, facts, language)
        collection = parts.collection_of(self.seed, item)
        companies = [draws.between(1, parts.COMPANIES) for _ in range(draws.below(5))]
        return body | {
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "belongs_to_collection": parts.collection(self.seed, collection) if collection else None,
            "budget": draws.between(20, 25_000) * 10_000 if draws.chance(0.35) else 0,
            "homepage": f"https://movie-{item}.example/" if draws.chance(0.3) else draws.pick(("", "", None)),
            "imdb_id": None if draws.chance(0.06) else imdb_id,
            "overview": None if draws.chance(0.01) else body["overview"],
            "poster_path": None if draws.chance(0.04) else draws.image(),
            "production_companies": [parts.company(self.seed, company) for company in companies],
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

        results = []
        for country in countries:
            releases = [release(kind) for kind in ((3,) if draws.chance(0.7) else (3, 4))]
            results.append({"iso_3166_1": country, "release_dates": releases})
        return {"results": results}

    def _credits(self, facts: Facts, _query: Query, _draws: Draws) -> dict[str, Any]:
        return movie_credits(self.seed, facts.id, self.people)

    builders: ClassVar[Mapping[str, Build]] = {
        **SHARED, "credits": _credits, "external_ids": _external_ids, "release_dates": _release_dates,
    }  # fmt: skip


MOVIE_PARTS = tuple(sorted(GeneratedMovies.builders))
"""The parts that append_to_response takes for a movie, besides the undocumented old names."""


def _is_video(numbers: tuple[int, ...]) -> bool:
    return (numbers[10] >> 8) % 100 == 0
