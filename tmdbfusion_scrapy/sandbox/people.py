"""The generated people: those in credits, and some whom no record names."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox import parts, words
from tmdbfusion_scrapy.sandbox.population import Churn, Clock, Population, Row, moved
from tmdbfusion_scrapy.sandbox.records import Facts, Generated, Media
from tmdbfusion_scrapy.sandbox.words import JOBS, REVISIONS_PER_TEXT, Draws, Texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.parts import Query

PEOPLE = 60_000
"""Highest id of a person: one number for catalogues of any size, so that a movie does not depend on the others."""

# Only people whose id is divisible by it may vanish; no credits name one of them.
_PERISHABLE = 8
# Credits name those up to this id more than all others, as TMDB's do, so that some work together more than once.
_BUSY_ACTORS = 200
_BUSY_DIRECTORS = 20
_LEADING = 10
# The package's queries ask about him; he leads one cast of twelve. All other names are invented.
_REGULAR, _REGULAR_NAME = 31, "Tom Hanks"
_DEPARTMENTS = tuple(JOBS)
_CREW_JOBS = tuple((department, job) for department, jobs in JOBS.items() for job in jobs)
_EARLIEST = date(1900, 1, 1).toordinal()
_LATEST = date(2010, 1, 1).toordinal()
_KNOWN_FOR = 3
_CREDIT_FIELDS = frozenset({"character", "credit_id", "episode_count", "order"})
_GONE_IDS = ("freebase_mid", "freebase_id", "tvrage_id", "tiktok_id", "youtube_id")
_KINDS_OF_CREDITS = {"combined_credits": ("movie", "tv"), "movie_credits": ("movie",), "tv_credits": ("tv",)}


def lasting_person(draws: Draws, people: int, busy: int | None = None) -> int:
    """Return the id of a person who will not vanish; every other one is up to ``busy``, where that is given."""
    item = draws.between(1, people if busy is None or draws.chance(0.5) else min(busy, people))
    return item - 1 if item % _PERISHABLE == 0 else item


def _is_adult(item: int) -> bool:
    """Tell whether TMDB would call a person adult; they all are among the perishable ones."""
    return item % (_PERISHABLE * 25) == 0


def person(seed: int, item: int) -> dict[str, Any]:
    """Return the fields of a person in credits; their popularity there is that of the first day."""
    draws = Draws("person", seed, item)
    drawn = words.person_name(draws)
    name = _REGULAR_NAME if item == _REGULAR else drawn
    return {
        # Three in four act.
        "known_for_department": "Acting" if draws.chance(0.75) else draws.pick(_DEPARTMENTS),
        "adult": _is_adult(item), "gender": draws.below(3), "id": item, "name": name, "original_name": name,
        "popularity": round(0.6 + 30 * draws.unit() ** 6, 4),
        "profile_path": None if draws.chance(0.35) else draws.image(),
    }  # fmt: skip


def cast_of(
    seed: int, draws: Draws, people: int, least: int, most: int, first: int = 0
) -> list[dict[str, Any]]:
    """Return ``least`` to ``most`` entries of a cast, in an order that begins with ``first``."""
    return [
        {
            **person(seed, lasting_person(draws, people, _BUSY_ACTORS if order < _LEADING else None)),
            "character": words.person_name(draws) if draws.chance(0.97) else "",
            "credit_id": draws.identifier(), "order": order,
        }
        for order in range(first, first + draws.between(least, most))
    ]  # fmt: skip


def crew_of(seed: int, draws: Draws, people: int, least: int, most: int) -> list[dict[str, Any]]:
    """Return ``least`` to ``most`` entries of a crew, of whom the first one directs."""
    crew = []
    for position in range(draws.between(least, most)):
        department, job = draws.pick(_CREW_JOBS) if position else _CREW_JOBS[0]
        named = person(seed, lasting_person(draws, people, None if position else _BUSY_DIRECTORS))
        crew.append({**named, "credit_id": draws.identifier(), "department": department, "job": job})
    return crew


def movie_credits(seed: int, movie: int, people: int) -> dict[str, Any]:
    """Return about 33 cast and 20 crew entries: with the details some 16 KB, as a well-known movie has on TMDB."""
    draws = Draws("credits", seed, movie)
    cast = cast_of(seed, draws, people, 22, 44)
    if movie % 12 == 1 and people >= _REGULAR:
        cast[0] |= person(seed, _REGULAR)
    for entry in cast:
        entry["cast_id"] = entry["order"] + 2
    return {"cast": cast, "crew": crew_of(seed, draws, people, 12, 28)}


def series_credits(seed: int, key: object, people: int) -> dict[str, Any]:
    """Return the credits of a series or a season, which ``key`` names: its regular cast and its crew."""
    draws = Draws("tv credits", seed, key)
    return {"cast": cast_of(seed, draws, people, 4, 12), "crew": crew_of(seed, draws, people, 2, 6)}


def aggregated(credits_: dict[str, Any], episodes: int) -> dict[str, Any]:
    """Return the credits with roles and jobs in place of characters, as ``aggregate_credits`` has them."""
    found: dict[str, Any] = {}
    for group, name, plural in (("cast", "character", "roles"), ("crew", "job", "jobs")):
        found[group] = []
        for entry in credits_[group]:
            kept = {key: value for key, value in entry.items() if key not in {name, "credit_id"}}
            part = {"credit_id": entry["credit_id"], name: entry[name], "episode_count": episodes}
            found[group].append({**kept, plural: [part], "total_episode_count": episodes})
    return found


class GeneratedPeople(Generated):
    """People of a catalogue; their credits name movies and series that exist, which need not name them."""

    def __init__(
        self, count: int, seed: int, gaps: float, works: Mapping[str, Media], clock: Clock, churn: Churn
    ) -> None:
        super().__init__(Population("person", seed, count, gaps, churn, perishable=_PERISHABLE), clock)
        self._seed = seed
        self._works = works
        self._texts = Texts("person ", seed)

    def is_adult(self, item: int) -> bool:
        return _is_adult(item)

    def facts(self) -> Iterator[Facts]:
        for row in self.population.rows(self.today().toordinal()):
            yield Facts(row.id, _is_adult(row.id), self._body(row)["popularity"])

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        flag = "true" if adult else "false"
        for row in self.population.rows(day.toordinal()):
            if _is_adult(row.id) is adult:
                body = self._body(row)
                line = f'"id":{row.id},"name":"{body["name"]}","popularity":{body["popularity"]}'
                yield f'{{"adult":{flag},{line}}}\n'

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        row = self.row(item)
        if row is None:
            return None
        works = self._works_of(item, ("movie", "tv"), language, "cast")[:_KNOWN_FOR]
        return {**self._body(row), "known_for": [_without_credit(work) for work in works]}

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        row = self.row(item)
        if row is None:
            return None
        body = self._body(row)
        del body["original_name"]
        draws = Draws("person details", self._seed, item)
        born = draws.between(_EARLIEST, _LATEST) if draws.chance(0.6) else 0
        died = born + draws.between(7_000, 35_000) if born and draws.chance(0.2) else 0
        return body | {
            "also_known_as": [words.person_name(draws) for _ in range(draws.below(4))],
            "biography": self._biography(row, language),
            "birthday": date.fromordinal(born).isoformat() if born else None,
            "deathday": date.fromordinal(died).isoformat() if 0 < died < row.touched else None,
            "homepage": f"https://person-{item}.example" if draws.chance(0.1) else None,
            "imdb_id": f"nm{20_000_000 + item}" if draws.chance(0.7) else None,
            "place_of_birth": words.name(draws, "place") if draws.chance(0.5) else None,
        }

    def part(self, item: int, name: str, query: Query) -> dict[str, Any] | None:
        row = self.row(item)
        if row is None:
            return None
        draws, language = Draws("person", name, self._seed, item), query.get("language") or "en-US"
        match name:
            case "combined_credits" | "movie_credits" | "tv_credits":
                kinds = _KINDS_OF_CREDITS[name]
                found = {role: self._works_of(item, kinds, language, role) for role in ("cast", "crew")}
                if len(kinds) == 1:
                    # It is told where both kinds are together.
                    for entry in (*found["cast"], *found["crew"]):
                        del entry["media_type"]
                return found
            case "changes":
                return parts.changes(draws, "biography")
            case "external_ids":
                imdb_id = (self.details(item, "en-US") or {})["imdb_id"]
                known = {"imdb_id": imdb_id, **parts.accounts(draws, "person", item, 700_000_000)}
                return dict.fromkeys(_GONE_IDS) | known
            case "images":
                return parts.images(query, draws, "en", ("profiles",))
            case "tagged_images":
                return parts.page_of(self._tagged_images(item, language, draws), query)
            case "translations":
                body = self._body(row)
                return parts.translations(
                    lambda _, language: (
                        {"biography": self._biography(row, language), "name": body["name"]}
                        if self._texts.exists(item, "en", language)
                        else None
                    )
                )
        return None

    def _body(self, row: Row) -> dict[str, Any]:
        """Return the fields of a person in credits, with the popularity of today."""
        body = person(self._seed, row.id)
        body["popularity"] = moved(body["popularity"], row.id, row.revision)
        return body

    def _biography(self, row: Row, language: str) -> str:
        """Return the biography in a language, empty where there is none; one change in four rewrites it."""
        if not self._texts.exists(row.id, "en", language):
            return ""
        draws = Draws("biography", self._seed, row.id, language, row.revision // REVISIONS_PER_TEXT)
        return words.text(draws, language[:2], draws.between(1, 4)) if draws.chance(0.7) else ""

    def _works_of(self, item: int, kinds: tuple[str, ...], language: str, role: str) -> list[dict[str, Any]]:
        """Return up to four movies and as many series that a person plays in (``cast``) or helped to make."""
        found = []
        for kind in kinds:
            draws = Draws("person works", role, kind, self._seed, item)
            works = self._works[kind]
            for order in range(draws.below(5)):
                work = works.summary(draws.between(1, works.count), language)
                entry: dict[str, Any] = {"credit_id": draws.identifier()}
                if role == "cast":
                    entry["character"] = words.person_name(draws)
                else:
                    entry["department"], entry["job"] = draws.pick(_CREW_JOBS)
                if kind == "tv":
                    entry["episode_count"] = draws.between(1, 30)
                elif role == "cast":
                    entry["order"] = order
                if work is not None:
                    found.append({**work, **entry, "media_type": kind})
        return found

    def _tagged_images(self, item: int, language: str, draws: Draws) -> list[dict[str, Any]]:
        results = []
        for work in self._works_of(item, ("movie",), language, "cast"):
            image = parts.images({}, draws, "en", ("posters",))["posters"][0]
            tag = {"id": draws.identifier(), "image_type": "poster", "media_type": "movie"}
            results.append({**image, **tag, "media": _without_credit(work)})
        return results


PERSON_PARTS = (*_KINDS_OF_CREDITS, "changes", "external_ids", "images", "tagged_images", "translations")
"""The parts that append_to_response takes for a person."""


def _without_credit(work: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in work.items() if key not in _CREDIT_FIELDS}
