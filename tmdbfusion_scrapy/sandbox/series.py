"""The generated series: like the movies a function of seed, id and day; seasons and episodes come with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import entities, words
from tmdbfusion_scrapy.sandbox.catalogue import TV_SUMMARY_FIELDS, Facts, summary
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.generated import release_day, some_genres, spoken_languages
from tmdbfusion_scrapy.sandbox.people import lasting_person, person
from tmdbfusion_scrapy.sandbox.population import RANGE, Churn, Population, Row, more_votes, moved
from tmdbfusion_scrapy.sandbox.records import GeneratedRecords, is_adult, origin
from tmdbfusion_scrapy.sandbox.reference import COUNTRY_NAMES, TV_GENRES
from tmdbfusion_scrapy.sandbox.seasons import Schedule, Seasons, episode_id, iso, planned_seasons, season_id
from tmdbfusion_scrapy.sandbox.series_parts import PartsOfSeries
from tmdbfusion_scrapy.sandbox.texts import Texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from tmdbfusion_scrapy.sandbox.calendar import Clock

_PAST_DAYS = 18_000
_FUTURE_DAYS = 150
_GENRE_IDS = tuple(TV_GENRES)
_TYPES = ("Scripted", "Scripted", "Scripted", "Documentary", "Reality", "Miniseries", "Talk Show")


class GeneratedSeries(GeneratedRecords):
    """Series with seasons and episodes in TMDB's shapes.

    What depends on the date (the last and next episode, how many seasons there are, the status) is as it was when
    the record last changed: a record that moved with the calendar would change without a line in the change list.

    Args:
        count: Highest id on ``EPOCH``.
        seed: Another seed gives other series.
        gaps: Share of ids that do not exist.
        people: Highest id of a person in the credits.
        clock: Tells the day.
        churn: How the series change from day to day.
    """

    def __init__(self, count: int, seed: int, gaps: float, people: int, clock: Clock, churn: Churn) -> None:
        self._seed = seed
        self.count = count
        self._people = people
        super().__init__(Population("tv", seed, count, gaps, churn), clock)
        self._texts = Texts("tv ", seed)
        self._seasons = Seasons(seed, people, self._texts)
        self._parts = PartsOfSeries(seed, count, people, self._texts, self.details, self.summary)

    def facts(self) -> Iterator[Facts]:
        """The facts of all series of today, by ascending id."""
        today = self.today().toordinal()
        for row in self.population.rows(today):
            facts = _facts(row)
            yield facts._replace(next_air=_schedule(row, facts.day).next_air(today))

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """The lines of ``tv_series_ids`` of a day, or of ``adult_tv_series_ids``."""
        for item, numbers, revision, _ in self.population.rows(day.toordinal()):
            if is_adult(numbers) is adult:
                yield (
                    f'{{"id":{item},"original_name":"{words.title_of(numbers[11], origin(numbers)[0])}",'
                    f'"popularity":{moved(_popularity(numbers), item, revision)}}}\n'
                )

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """A series as a list shows it."""
        body = self.details(item, language)
        return None if body is None else summary(body, TV_SUMMARY_FIELDS)

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """The body of ``tv/{id}`` in a language such as ``en-US``."""
        row = self._row(item)
        if row is None:
            return None
        facts, numbers = _facts(row), row.numbers
        schedule = _schedule(row, facts.day)
        known = schedule.known(row.touched)
        aired, coming = schedule.last_episode(row.touched + 1), schedule.next_episode(row.touched + 1)
        coming = coming if coming and coming[0] <= known[-1] else None
        country = origin(numbers)[1]
        title = words.title_of(numbers[11], facts.language)
        localized = self._texts.translation(item, facts.language, title, language, row.revision)
        draws = Draws("tv details", self._seed, item)
        companies = [draws.between(1, entities.COMPANIES) for _ in range(draws.below(4))]

        def episode(which: tuple[int, int] | None) -> dict[str, Any] | None:
            if which is None:
                return None
            return self._seasons.listed_episode(schedule, *which, language, people=False)

        return {
            "adult": facts.adult,
            "backdrop_path": None if draws.chance(0.1) else draws.image(),
            "created_by": [self._creator(draws) for _ in range(draws.below(3))],
            "episode_run_time": [facts.runtime] if facts.runtime else [],
            "first_air_date": iso(facts.day) or "",
            "genres": [{"id": genre, "name": TV_GENRES[genre]} for genre in facts.genre_ids],
            "homepage": f"https://series-{item}.example/" if draws.chance(0.4) else "",
            "id": item,
            "in_production": coming is not None,
            "languages": [facts.language],
            "last_air_date": iso(schedule.airs(*aired)) if aired else None,
            "last_episode_to_air": episode(aired),
            "name": localized["title"],
            "next_episode_to_air": episode(coming),
            "networks": self._networks(item),
            "number_of_episodes": sum(schedule.episodes(number) for number in known if number),
            "number_of_seasons": sum(1 for number in known if number),
            "origin_country": [country],
            "original_language": facts.language,
            "original_name": title,
            "overview": localized["overview"],
            "popularity": facts.popularity,
            "poster_path": None if draws.chance(0.05) else draws.image(),
            "production_companies": [entities.company(self._seed, company) for company in companies],
            "production_countries": [{"iso_3166_1": country, "name": COUNTRY_NAMES[country]}],
            "seasons": [self._seasons.item(schedule, number, language) for number in known],
            "softcore": False,
            "spoken_languages": spoken_languages(facts.language, draws),
            "status": "Returning Series" if coming else draws.pick(("Ended", "Ended", "Canceled")),
            "tagline": localized["tagline"],
            "type": draws.pick(_TYPES),
            "vote_average": facts.vote_average,
            "vote_count": facts.vote_count,
        }

    def part(self, item: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part without ``id``; None for one that does not exist.

        ``season/{number}``, its parts, ``season/{number}/episode/{number}`` and its parts are parts, too.
        """
        if name.startswith("season/"):
            found = self.within(item, name.split("/")[1:], query)
            # Appended, a season keeps its "_id" but not its "id".
            return found if found is None else {key: value for key, value in found.items() if key != "id"}
        row = self._row(item)
        return None if row is None else self._parts.build(_facts(row), name, query)

    def within(self, item: int, path: list[str], query: Mapping[str, str]) -> dict[str, Any] | None:
        """A season, an episode or a part of one, with ``id``.

        Args:
            item: Id of the series.
            path: What follows ``season/``, such as ``["1", "episode", "2", "credits"]``.
            query: Query parameters.
        """
        found = self._row(item)
        numbers = [int(raw) for raw in path[:3:2] if raw.isascii() and raw.isdecimal() and len(raw) < 9]
        if found is None or not numbers:
            return None
        schedule = _schedule(found, _facts(found).day)
        season, *episodes = numbers
        language = query.get("language") or "en-US"
        if season not in schedule.known(found.touched):
            return None
        if len(path) >= 3 and path[1] == "episode":
            if not episodes or not 1 <= episodes[0] <= schedule.episodes(season):
                return None
            number, name = episodes[0], "/".join(path[3:])
            if not name:
                return self._seasons.episode(schedule, season, number, language)
            part = self._seasons.episode_part(schedule, season, number, name, query)
            return None if part is None else {"id": episode_id(item, season, number), **part}
        name = "/".join(path[1:])
        if not name:
            return self._seasons.season(schedule, season, self._networks(item), language)
        part = self._seasons.season_part(schedule, season, name, query)
        return None if part is None else {"id": season_id(item, season), **part}

    def _creator(self, draws: Draws) -> dict[str, Any]:
        """Who created a series."""
        found = person(self._seed, lasting_person(draws, self._people))
        return {
            "id": found["id"],
            "credit_id": draws.identifier(),
            "name": found["name"],
            "original_name": found["original_name"],
            "gender": found["gender"],
            "profile_path": found["profile_path"],
        }

    def _networks(self, item: int) -> list[dict[str, Any]]:
        """The networks of a series, one or two."""
        draws = Draws("tv networks", self._seed, item)
        ids = dict.fromkeys(draws.between(1, entities.NETWORKS) for _ in range(draws.between(1, 2)))
        return [entities.network(self._seed, network) for network in ids]


def _facts(row: Row) -> Facts:
    """The facts, with a skew like that of movies."""
    item, numbers, revision, touched = row
    vote_count = more_votes(int(20_000 * (numbers[3] / RANGE) ** 8), revision)
    return Facts(
        id=item,
        adult=is_adult(numbers),
        popularity=moved(_popularity(numbers), item, revision),
        vote_average=round(3.0 + 6.2 * numbers[4] / RANGE, 3) if vote_count else 0.0,
        vote_count=vote_count,
        day=release_day(numbers[1], numbers[2], _PAST_DAYS, _FUTURE_DAYS),
        runtime=0 if numbers[9] & 3 == 0 else 20 + (numbers[9] >> 8) % 45,
        genre_ids=some_genres(_GENRE_IDS, numbers[6], numbers[7]),
        language=origin(numbers)[0],
        revision=revision,
        touched=touched,
    )


def _schedule(row: Row, day: int) -> Schedule:
    """When the episodes of a series air."""
    return Schedule(row.id, day, planned_seasons(row.numbers[10]), row.numbers[7])


def _popularity(numbers: tuple[int, ...]) -> float:
    return round(0.6 + 300 * (numbers[5] / RANGE) ** 8, 4)
