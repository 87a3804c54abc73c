"""The generated series: like the movies a function of seed, id and day; seasons and episodes come with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.sandbox import entities, parts, words
from tmdbfusion_scrapy.sandbox.people import aggregated, lasting_person, person, series_credits
from tmdbfusion_scrapy.sandbox.records import SHARED, Facts, Media, spoken_languages
from tmdbfusion_scrapy.sandbox.reference import COUNTRIES, TV_GENRES
from tmdbfusion_scrapy.sandbox.seasons import Schedule, Seasons, episode_id, iso, planned_seasons, season_id
from tmdbfusion_scrapy.sandbox.words import Draws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.population import Churn, Clock, Row
    from tmdbfusion_scrapy.sandbox.records import Build

_TYPES = ("Scripted", "Scripted", "Scripted", "Documentary", "Reality", "Miniseries", "Talk Show")
_CREATOR_FIELDS = ("id", "name", "original_name", "gender", "profile_path")


class GeneratedSeries(Media):
    """Series of a catalogue, with seasons and episodes.

    What depends on the date (the last and next episode, how many seasons there are, the status) is as it was when
    the record last changed: a record that moved with the calendar would change without a line in the change list.
    """

    kind = "tv"
    genres = TV_GENRES
    titles = ("name", "original_name")
    prefix = ("tv",)
    skew = (20_000, 8, 300, 18_000, 150)
    listed = (*Media.listed, "origin_country")

    def __init__(self, count: int, seed: int, gaps: float, people: int, clock: Clock, churn: Churn) -> None:
        super().__init__(seed, count, gaps, people, clock, churn)
        self._seasons = Seasons(seed, people, self.texts)

    def facts(self) -> Iterator[Facts]:
        today = self.today().toordinal()
        for row in self.population.rows(today):
            facts = self.facts_of(row)
            yield facts._replace(next_air=_schedule(row, facts.day).next_air(today))

    def runtime(self, number: int) -> int:
        return 0 if number & 3 == 0 else 20 + (number >> 8) % 45

    def export_line(self, row: Row, line: str) -> str:  # noqa: ARG002 - movies tell more
        return f"{{{line}}}\n"

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        row = self.row(item)
        if row is None:
            return None
        facts = self.facts_of(row)
        schedule = _schedule(row, facts.day)
        known = schedule.known(row.touched)
        aired, coming = schedule.last_episode(row.touched + 1), schedule.next_episode(row.touched + 1)
        coming = coming if coming and coming[0] <= known[-1] else None
        last, following = (
            self._seasons.listed_episode(schedule, *found, language) if found else None
            for found in (aired, coming)
        )
        draws = Draws("tv details", self.seed, item)
        companies = [draws.between(1, entities.COMPANIES) for _ in range(draws.below(4))]
        return self.common(row, facts, language) | {
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "created_by": [self._creator(draws) for _ in range(draws.below(3))],
            "episode_run_time": [facts.runtime] if facts.runtime else [],
            "first_air_date": iso(facts.day) or "",
            "homepage": f"https://series-{item}.example/" if draws.chance(0.4) else "",
            "in_production": coming is not None, "languages": [facts.language],
            "last_air_date": iso(schedule.airs(*aired)) if aired else None, "last_episode_to_air": last,
            "next_episode_to_air": following, "networks": self._networks(item),
            "number_of_episodes": sum(schedule.episodes(number) for number in known if number),
            "number_of_seasons": sum(1 for number in known if number),
            "poster_path": None if draws.chance(0.05) else draws.image(),
            "production_companies": [entities.company(self.seed, company) for company in companies],
            "seasons": [self._seasons.item(schedule, number, language) for number in known],
            "spoken_languages": spoken_languages(facts.language, draws),
            "status": "Returning Series" if coming else draws.pick(("Ended", "Ended", "Canceled")),
            "type": draws.pick(_TYPES),
        }  # fmt: skip

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        """Return a part without ``id``; None for one that does not exist.

        ``season/{number}``, its parts, ``season/{number}/episode/{number}`` and its parts are parts, too.
        """
        if not name.startswith("season/"):
            return super().part(item, name, query)
        found = self.within(item, name.split("/")[1:], query)
        # Appended, a season keeps its "_id" but not its "id".
        return found if found is None else {key: value for key, value in found.items() if key != "id"}

    def within(self, item: int, path: list[str], query: Query) -> dict[str, Any] | None:
        """Return a season, an episode or a part of one, with ``id``; None for one that does not exist."""
        row = self.row(item)
        numbers = [int(raw) for raw in path[:3:2] if raw.isascii() and raw.isdecimal() and len(raw) < 9]
        if row is None or not numbers:
            return None
        schedule = _schedule(row, self.facts_of(row).day)
        season, number = numbers[0], None
        language = query.get("language") or "en-US"
        if season not in schedule.known(row.touched):
            return None
        if len(path) >= 3 and path[1] == "episode":
            if len(numbers) < 2 or not 1 <= numbers[1] <= schedule.episodes(season):
                return None
            number = numbers[1]
        name = "/".join(path[1:] if number is None else path[3:])
        if not name and number is None:
            return self._seasons.season(schedule, season, self._networks(item), language)
        if not name and number is not None:
            return self._seasons.episode(schedule, season, number, language)
        key = season_id(item, season) if number is None else episode_id(item, season, number)
        part = self._seasons.part(schedule, season, number, name, query)
        return None if part is None else {"id": key, **part}

    def _creator(self, draws: Draws) -> dict[str, Any]:
        found = person(self.seed, lasting_person(draws, self.people))
        return {**{name: found[name] for name in _CREATOR_FIELDS}, "credit_id": draws.identifier()}

    def _networks(self, item: int) -> list[dict[str, Any]]:
        """Return the networks of a series, one or two."""
        draws = Draws("tv networks", self.seed, item)
        ids = dict.fromkeys(draws.between(1, entities.NETWORKS) for _ in range(draws.between(1, 2)))
        return [entities.network(self.seed, network) for network in ids]

    def _episodes(self, facts: Facts) -> int:
        return int((self.details(facts.id, "en-US") or {})["number_of_episodes"])

    def _credits(self, facts: Facts, _query: Query, _draws: Draws) -> dict[str, Any]:
        return series_credits(self.seed, facts.id, self.people)

    def _aggregate_credits(self, facts: Facts, query: Query, draws: Draws) -> dict[str, Any]:
        return aggregated(self._credits(facts, query, draws), self._episodes(facts))

    def _content_ratings(self, _facts: Facts, _query: Query, draws: Draws) -> dict[str, Any]:
        countries = dict.fromkeys(draws.pick(COUNTRIES)[0] for _ in range(draws.below(6)))
        ratings = [(country, draws.pick(("6", "12", "16", "TV-MA"))) for country in countries]
        return {
            "results": [{"descriptors": [], "iso_3166_1": code, "rating": rating} for code, rating in ratings]
        }

    def _external_ids(self, facts: Facts, _query: Query, draws: Draws) -> dict[str, Any]:
        return {
            **dict.fromkeys(("freebase_mid", "freebase_id", "tvrage_id")),
            "imdb_id": f"tt{80_000_000 + facts.id}" if draws.chance(0.8) else None,
            "tvdb_id": 400_000 + facts.id if draws.chance(0.8) else None,
            **parts.accounts(draws, "series", facts.id, 800_000_000),
        }

    def _episode_groups(self, facts: Facts, _query: Query, draws: Draws) -> dict[str, Any]:
        episodes = self._episodes(facts)
        return {
            "results": [
                {
                    "description": words.text(draws, "en", 1) if draws.chance(0.3) else "",
                    "episode_count": episodes, "group_count": draws.between(1, 5), "id": draws.identifier(),
                    "name": draws.pick(("Aired Order", "DVD Order", "Production Order")),
                    "network": entities.network(self.seed, draws.between(1, entities.NETWORKS)),
                    "type": draws.between(1, 7),
                }
                for _ in range(draws.below(3))
            ]
        }  # fmt: skip

    def _recommendations(self, facts: Facts, query: Query, draws: Draws) -> dict[str, Any]:
        page = self.related(facts, query, draws)
        return {**page, "results": [{**item, "media_type": "tv"} for item in page["results"]]}

    builders: ClassVar[Mapping[str, Build]] = {
        **SHARED, "aggregate_credits": _aggregate_credits, "content_ratings": _content_ratings,
        "credits": _credits, "episode_groups": _episode_groups, "external_ids": _external_ids,
        "recommendations": _recommendations,
        "screened_theatrically": lambda _series, _facts, _query, _draws: {"results": []},
    }  # fmt: skip


TV_PARTS = tuple(sorted(GeneratedSeries.builders))
"""The parts that append_to_response takes for a series, besides seasons."""


def _schedule(row: Row, day: int) -> Schedule:
    """Return the days on which the episodes of a series air."""
    return Schedule(row.id, day, planned_seasons(row.numbers[10]), row.numbers[7])
