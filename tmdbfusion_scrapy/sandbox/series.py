"""The generated series: like the movies a function of seed, id and day; seasons and episodes come with them."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from tmdbfusion_scrapy.sandbox import parts, words
from tmdbfusion_scrapy.sandbox.people import (
    aggregated,
    cast_of,
    crew_of,
    lasting_person,
    person,
    series_credits,
)
from tmdbfusion_scrapy.sandbox.population import RANGE
from tmdbfusion_scrapy.sandbox.records import SHARED, Facts, Media, related, spoken_languages
from tmdbfusion_scrapy.sandbox.words import COUNTRIES, TV_GENRES, Draws

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.population import Row
    from tmdbfusion_scrapy.sandbox.records import Build


# Room for the numbers of seasons and episodes inside their ids, which stay below 2**31 for a million series.
_SEASON_ROOM = 48
_EPISODE_ROOM = 16
MAX_SEASONS = 40
# Weeks, so that each episode of a series airs on the same day of the week.
_SEASON_DAYS = 364
_WEEK = 7
# Announced this many days ahead.
_AHEAD_DAYS = 200


class Schedule(NamedTuple):
    """The days on which the episodes of a series air, as ordinals; ``first`` is 0 where there is none."""

    series_id: int
    first: int
    # Seasons from beginning to end.
    planned: int
    # A drawn number.
    key: int

    def start(self, season: int) -> int:
        """Return the ordinal of a season's first day, 0 for none. Specials begin with the series."""
        return self.first + max(0, season - 1) * _SEASON_DAYS if self.first else 0

    def episodes(self, season: int) -> int:
        """Return how many episodes a season has; 0 for specials of a series without them."""
        if season == 0:
            return 1 + (self.key >> 2) % 5 if self.key % 3 == 0 else 0
        return 6 + (self.key >> season % 28) % 8

    def airs(self, season: int, episode: int) -> int:
        """Return the ordinal of the day on which an episode airs, 0 for none."""
        return self.start(season) + (episode - 1) * _WEEK if self.first else 0

    def known(self, day: int) -> list[int]:
        """Return the numbers of the seasons that the record has on a day, ascending."""
        last = min(self.planned, max(1, (day + _AHEAD_DAYS - self.first) // _SEASON_DAYS + 1))
        return list(range(0 if self.episodes(0) else 1, last + 1))

    def next_air(self, day: int) -> int:
        """Return the ordinal of the first day from a day on with an episode, specials aside; 0 for none."""
        found = self.next_episode(day)
        return self.airs(*found) if found else 0

    def next_episode(self, day: int) -> tuple[int, int] | None:
        """Return the season and number of the first episode that airs on a day or after it."""
        if not self.first:
            return None
        season = max(1, (day - self.first) // _SEASON_DAYS + 1)
        episode = max(1, -(-(day - self.start(season)) // _WEEK) + 1)
        if episode > self.episodes(season):
            season, episode = season + 1, 1
        return (season, episode) if season <= self.planned else None

    def last_episode(self, day: int) -> tuple[int, int] | None:
        """Return the season and number of the last episode that aired before a day."""
        if not self.first or day <= self.first:
            return None
        season = min(self.planned, (day - 1 - self.first) // _SEASON_DAYS + 1)
        return season, min(self.episodes(season), (day - 1 - self.start(season)) // _WEEK + 1)


def iso(day: int) -> str | None:
    """Return a date as TMDB writes it; None for no date."""
    return date.fromordinal(day).isoformat() if day else None


def season_id(series_id: int, season: int) -> int:
    """Return the id of a season."""
    return series_id * _SEASON_ROOM + season


def episode_id(series_id: int, season: int, number: int) -> int:
    """Return the id of an episode."""
    return season_id(series_id, season) * _EPISODE_ROOM + number


_TYPES = ("Scripted", "Scripted", "Scripted", "Documentary", "Reality", "Miniseries", "Talk Show")
_CREATOR_FIELDS = ("id", "name", "original_name", "gender", "profile_path")


class GeneratedSeries(Media):
    """Series of a catalogue, with seasons and episodes."""

    # What depends on the date (the last and next episode, the status) is as it was when the record last changed:
    # one that moved with the calendar would change without a line in the change list.

    kind = "tv"
    genres = TV_GENRES
    titles = ("name", "original_name")
    prefix = ("tv",)
    skew = (20_000, 8, 300, 18_000, 150)
    listed = (*Media.listed, "origin_country")

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
            self._listed_episode(schedule, *found, language) if found else None for found in (aired, coming)
        )
        draws = Draws("tv details", self.seed, item)
        companies = [draws.between(1, parts.COMPANIES) for _ in range(draws.below(4))]
        return self.common(row, facts, language) | {
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "created_by": [
                {**{name: creator[name] for name in _CREATOR_FIELDS}, "credit_id": draws.identifier()}
                for _ in range(draws.below(3))
                for creator in [person(self.seed, lasting_person(draws, self.people))]
            ],
            "episode_run_time": [facts.runtime] if facts.runtime else [],
            "first_air_date": iso(facts.day) or "",
            "homepage": f"https://series-{item}.example/" if draws.chance(0.4) else "",
            "in_production": coming is not None, "languages": [facts.language],
            "last_air_date": iso(schedule.airs(*aired)) if aired else None, "last_episode_to_air": last,
            "next_episode_to_air": following, "networks": self._networks(item),
            "number_of_episodes": sum(schedule.episodes(number) for number in known if number),
            "number_of_seasons": sum(1 for number in known if number),
            "poster_path": None if draws.chance(0.05) else draws.image(),
            "production_companies": [parts.company(self.seed, company) for company in companies],
            "seasons": [self._listed_season(schedule, number, language) for number in known],
            "spoken_languages": spoken_languages(facts.language, draws),
            "status": "Returning Series" if coming else draws.pick(("Ended", "Ended", "Canceled")),
            "type": draws.pick(_TYPES),
        }  # fmt: skip

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        """Return a part without ``id``; None for one that does not exist."""
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
        season, number, name = numbers[0], None, "/".join(path[1:])
        if season not in schedule.known(row.touched):
            return None
        if len(path) >= 3 and path[1] == "episode":
            if len(numbers) < 2 or not 1 <= numbers[1] <= schedule.episodes(season):
                return None
            number, name = numbers[1], "/".join(path[3:])
        if name:
            key = season_id(item, season) if number is None else episode_id(item, season, number)
            part = self._part_within(schedule, season, number, name, query)
            return None if part is None else {"id": key, **part}
        language = query.get("language") or "en-US"
        if number is None:
            return self._season(schedule, season, language)
        body = self._episode(schedule, season, number, language)
        return body | self._episode_people(schedule, season, number)

    def _listed_season(self, schedule: Schedule, season: int, language: str) -> dict[str, Any]:
        """Return a season as the details of its series list it."""
        draws = Draws("season", self.seed, schedule.series_id, season)
        translated = self.texts.exists(schedule.series_id, "en", language)
        return {
            "air_date": iso(schedule.start(season)), "episode_count": schedule.episodes(season),
            "id": season_id(schedule.series_id, season),
            "name": f"Season {season}" if season else "Specials",
            "overview": words.text(draws, language[:2], 1) if translated and draws.chance(0.7) else "",
            "poster_path": None if draws.chance(0.1) else draws.image(), "season_number": season,
            "vote_average": round(draws.unit() * 10, 1) if season else 0.0,
        }  # fmt: skip

    def _season(self, schedule: Schedule, season: int, language: str) -> dict[str, Any]:
        """Return the body of a season that exists."""
        body = self._listed_season(schedule, season, language)
        numbers = range(1, body.pop("episode_count") + 1)
        return {
            "_id": Draws("season key", self.seed, schedule.series_id, season).identifier(),
            **body,
            "episodes": [
                self._listed_episode(schedule, season, number, language)
                | self._episode_people(schedule, season, number)
                for number in numbers
            ],
            "networks": self._networks(schedule.series_id),
        }

    def _listed_episode(self, schedule: Schedule, season: int, number: int, language: str) -> dict[str, Any]:
        """Return an episode as its series lists it."""
        last = season and number == schedule.episodes(season)
        kind = {"episode_type": "finale" if last else "standard", "show_id": schedule.series_id}
        return self._episode(schedule, season, number, language) | kind

    def _episode(self, schedule: Schedule, season: int, number: int, language: str) -> dict[str, Any]:
        draws = Draws("episode", self.seed, schedule.series_id, season, number)
        translated = self.texts.exists(schedule.series_id, "en", language)
        votes = draws.below(40) if draws.chance(0.5) else 0
        title = words.english_title(draws)
        return {
            "runtime": draws.between(20, 65) if draws.chance(0.9) else None,
            "air_date": iso(schedule.airs(season, number)), "episode_number": number, "season_number": season,
            "id": episode_id(schedule.series_id, season, number), "vote_count": votes,
            "name": title if language.startswith("en") else f"Episode {number}",
            "overview": words.text(draws, language[:2], draws.between(1, 3)) if translated else "",
            "production_code": f"{season}{number:02}" if schedule.key & 1 else "",
            "still_path": None if votes % 5 == 4 else Draws("still", self.seed, schedule, number).image(),
            "vote_average": round(3 + votes % 60 / 10, 1) if votes else 0.0,
        }  # fmt: skip

    def _episode_people(self, schedule: Schedule, season: int, number: int) -> dict[str, Any]:
        draws = Draws("guests", self.seed, schedule.series_id, season, number)
        return {
            "crew": crew_of(self.seed, draws, self.people, 1, 3),
            "guest_stars": cast_of(self.seed, draws, self.people, 0, 4, first=60),
        }

    def _part_within(
        self, schedule: Schedule, season: int, number: int | None, name: str, query: Query
    ) -> dict[str, Any] | None:
        """Return a part of an episode, or of a season where ``number`` is None, without its ``id``."""
        series_id, count = schedule.series_id, schedule.episodes(season)
        draws = Draws("part", name, self.seed, series_id, season, number)
        match name:
            case "credits" | "aggregate_credits":
                regular = series_credits(self.seed, f"{series_id}:{season}", self.people)
                if number is None:
                    return regular if name == "credits" else aggregated(regular, count)
                people = self._episode_people(schedule, season, number)
                return {"cast": regular["cast"], **people} if name == "credits" else None
            case "account_states" if number is None:
                rated = [(nth, parts.account_states(draws)["rated"]) for nth in range(1, count + 1)]
                key = partial(episode_id, series_id, season)
                return {
                    "results": [
                        {"id": key(nth), "episode_number": nth, "rated": value} for nth, value in rated
                    ]
                }
            case "account_states":
                return parts.account_states(draws)
            case "external_ids":
                item = (
                    season_id(series_id, season) if number is None else episode_id(series_id, season, number)
                )
                found = dict.fromkeys(("freebase_mid", "freebase_id", "tvrage_id", "wikidata_id"))
                found["tvdb_id"] = 3_000_000 + item if draws.chance(0.7) else None
                imdb_id = f"tt{500_000_000 + item}" if draws.chance(0.5) else None
                return found if number is None else {**found, "imdb_id": imdb_id}
            case "images":
                return parts.images(query, draws, "en", ("posters",) if number is None else ("stills",))
            case "videos":
                return parts.videos(query, draws)
            case "watch/providers" if number is None:
                return parts.watch_providers(f"tv/{series_id}/season/{season}", draws)
            case "translations":
                return parts.translations(
                    lambda code, language: (
                        {"name": "", "overview": words.text(draws, code, 1)}
                        if self.texts.exists(series_id, "en", language)
                        else None
                    )
                )
        return None

    def _networks(self, item: int) -> list[dict[str, Any]]:
        """Return the networks of a series, one or two."""
        draws = Draws("tv networks", self.seed, item)
        ids = dict.fromkeys(draws.between(1, parts.NETWORKS) for _ in range(draws.between(1, 2)))
        return [parts.company(self.seed, network, "network") for network in ids]

    def _episodes(self, facts: Facts) -> int:
        return int((self.details(facts.id, "en-US") or {})["number_of_episodes"])

    def _credits(self, facts: Facts, _query: Query, _draws: Draws) -> dict[str, Any]:
        return series_credits(self.seed, facts.id, self.people)

    def _aggregate_credits(self, facts: Facts, query: Query, draws: Draws) -> dict[str, Any]:
        return aggregated(self._credits(facts, query, draws), self._episodes(facts))

    def _content_ratings(self, _facts: Facts, _query: Query, draws: Draws) -> dict[str, Any]:
        codes = dict.fromkeys(draws.pick(COUNTRIES)[0] for _ in range(draws.below(6)))
        ratings = ("6", "12", "16", "TV-MA")
        return {
            "results": [
                {"descriptors": [], "iso_3166_1": code, "rating": draws.pick(ratings)} for code in codes
            ]
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
                    "network": parts.company(self.seed, draws.between(1, parts.NETWORKS), "network"),
                    "type": draws.between(1, 7),
                }
                for _ in range(draws.below(3))
            ]
        }  # fmt: skip

    def _recommendations(self, facts: Facts, query: Query, draws: Draws) -> dict[str, Any]:
        page = related(self, facts, query, draws)
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
    """Return the days on which the episodes of a series air: most have one season, a few have dozens."""
    planned = 1 + int(MAX_SEASONS * (row.numbers[10] / RANGE) ** 10)
    return Schedule(row.id, day, planned, row.numbers[7])
