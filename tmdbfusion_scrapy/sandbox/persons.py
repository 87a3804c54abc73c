"""The generated people: those of the credits and some whom no record names."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

from tmdbfusion_scrapy.sandbox import media_parts, words
from tmdbfusion_scrapy.sandbox.catalogue import Facts
from tmdbfusion_scrapy.sandbox.draws import Draws
from tmdbfusion_scrapy.sandbox.people import PERISHABLE, crew_member, is_adult, person
from tmdbfusion_scrapy.sandbox.population import Churn, Population, Row, moved
from tmdbfusion_scrapy.sandbox.records import GeneratedRecords
from tmdbfusion_scrapy.sandbox.texts import Texts, translations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tmdbfusion_scrapy.sandbox.calendar import Clock

_EARLIEST = date(1900, 1, 1).toordinal()
_LATEST = date(2010, 1, 1).toordinal()
_KNOWN_FOR = 3
_CREDIT_FIELDS = frozenset({"character", "credit_id", "episode_count", "order"})
_REVISIONS_PER_TEXT = 4


class Works(Protocol):
    """Where the credits of people come from: the movies or the series."""

    @property
    def count(self) -> int:
        """The highest id on ``EPOCH``."""

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """A movie or series as a list shows it; None for an id that does not exist."""


class GeneratedPeople(GeneratedRecords):
    """People in TMDB's shapes.

    The credits of a person name movies and series that exist, which need not name the person.

    Args:
        count: Highest id on ``EPOCH``.
        seed: Another seed gives other people.
        gaps: Share of ids that do not exist, of those that may be missing.
        works: The movies and the series, by TMDB's media type.
        clock: Tells the day.
        churn: How the people change from day to day.
    """

    def __init__(
        self, count: int, seed: int, gaps: float, works: Mapping[str, Works], clock: Clock, churn: Churn
    ) -> None:
        self._seed = seed
        self._works = works
        super().__init__(Population("person", seed, count, gaps, churn, perishable=PERISHABLE), clock)
        self._texts = Texts("person ", seed)

    def is_adult(self, item: int) -> bool:
        """Whether an id is an adult one, gone or not."""
        return is_adult(item)

    def facts(self) -> Iterator[Facts]:
        """The facts of all people of today, by ascending id."""
        for row in self.population.rows(self.today().toordinal()):
            yield Facts(row.id, is_adult(row.id), self._body(row)["popularity"])

    def export_lines(self, day: date, *, adult: bool) -> Iterator[str]:
        """The lines of ``person_ids`` of a day, or of ``adult_person_ids``."""
        flag = "true" if adult else "false"
        for row in self.population.rows(day.toordinal()):
            if is_adult(row.id) is adult:
                body = self._body(row)
                yield (
                    f'{{"adult":{flag},"id":{row.id},"name":"{body["name"]}",'
                    f'"popularity":{body["popularity"]}}}\n'
                )

    def summary(self, item: int, language: str) -> dict[str, Any] | None:
        """A person as a list shows them."""
        row = self._row(item)
        if row is None:
            return None
        known_for = [
            {key: value for key, value in work.items() if key not in _CREDIT_FIELDS}
            for work in self._cast(item, ("movie", "tv"), language)[:_KNOWN_FOR]
        ]
        return {**self._body(row), "known_for": known_for}

    def details(self, item: int, language: str) -> dict[str, Any] | None:
        """The body of ``person/{id}`` in a language such as ``en-US``."""
        row = self._row(item)
        if row is None:
            return None
        body = self._body(row)
        draws = Draws("person details", self._seed, item)
        born = draws.between(_EARLIEST, _LATEST) if draws.chance(0.6) else 0
        died = born + draws.between(7_000, 35_000) if born and draws.chance(0.2) else 0
        return {
            "adult": body["adult"],
            "also_known_as": [words.person_name(draws) for _ in range(draws.below(4))],
            "biography": self._biography(row, language),
            "birthday": date.fromordinal(born).isoformat() if born else None,
            "deathday": date.fromordinal(died).isoformat() if 0 < died < row.touched else None,
            "gender": body["gender"],
            "homepage": f"https://person-{item}.example" if draws.chance(0.1) else None,
            "id": item,
            "imdb_id": f"nm{20_000_000 + item}" if draws.chance(0.7) else None,
            "known_for_department": body["known_for_department"],
            "name": body["name"],
            "place_of_birth": words.place(draws) if draws.chance(0.5) else None,
            "popularity": body["popularity"],
            "profile_path": body["profile_path"],
        }

    def part(self, item: int, name: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """A part without ``id``; None for one that does not exist."""
        row = self._row(item)
        build = self._builders().get(name)
        return None if row is None or build is None else build(row, query)

    def _builders(self) -> dict[str, Callable[[Row, Mapping[str, str]], dict[str, Any]]]:
        """What builds each part."""
        return {
            "changes": lambda row, _query: media_parts.changes(self._draws(row, "changes"), "biography"),
            "combined_credits": lambda row, query: self._credits(row, ("movie", "tv"), query),
            "external_ids": self._external_ids,
            "images": lambda row, query: media_parts.images(
                query, self._draws(row, "images"), "en", ("profiles",)
            ),
            "movie_credits": lambda row, query: self._credits(row, ("movie",), query),
            "tagged_images": self._tagged_images,
            "translations": self._translations,
            "tv_credits": lambda row, query: self._credits(row, ("tv",), query),
        }

    def _draws(self, row: Row, name: str) -> Draws:
        """Numbers for a part."""
        return Draws("person", name, self._seed, row.id)

    def _body(self, row: Row) -> dict[str, Any]:
        """What credits say of a person, with the popularity of today."""
        body = person(self._seed, row.id)
        body["popularity"] = moved(body["popularity"], row.id, row.revision)
        return body

    def _biography(self, row: Row, language: str) -> str:
        """The biography in a language, empty where there is none; one change in four rewrites it."""
        if not self._texts.exists(row.id, "en", language):
            return ""
        code, edition = language[:2], row.revision // _REVISIONS_PER_TEXT
        draws = Draws("biography", self._seed, row.id, language, edition)
        return words.text(draws, code, draws.between(1, 4)) if draws.chance(0.7) else ""

    def _cast(self, item: int, kinds: tuple[str, ...], language: str) -> list[dict[str, Any]]:
        """The works that a person plays in."""
        return self._worked_on(item, kinds, language, "cast", lambda _: {})

    def _credits(self, row: Row, kinds: tuple[str, ...], query: Mapping[str, str]) -> dict[str, Any]:
        """Cast and crew; ``media_type`` is told where both kinds are together."""
        language = query.get("language") or "en-US"

        def job(draws: Draws) -> dict[str, Any]:
            entry = crew_member(self._seed, draws, 1, 1)
            return {"department": entry["department"], "job": entry["job"]}

        cast = self._cast(row.id, kinds, language)
        crew = self._worked_on(row.id, kinds, language, "crew", job)
        if len(kinds) == 1:
            for entry in (*cast, *crew):
                del entry["media_type"]
        return {"cast": cast, "crew": crew}

    def _worked_on(
        self,
        item: int,
        kinds: tuple[str, ...],
        language: str,
        role: str,
        extra: Callable[[Draws], dict[str, Any]],
    ) -> list[dict[str, Any]]:
        """Up to four movies and as many series of a person."""
        found = []
        for kind in kinds:
            draws = Draws("person works", role, kind, self._seed, item)
            works = self._works[kind]
            for order in range(draws.below(5)):
                work = works.summary(draws.between(1, works.count), language)
                entry: dict[str, Any] = {"credit_id": draws.identifier(), **extra(draws)}
                if role == "cast":
                    entry["character"] = words.person_name(draws)
                if kind == "tv":
                    entry["episode_count"] = draws.between(1, 30)
                elif role == "cast":
                    entry["order"] = order
                if work is not None:
                    found.append({**work, **entry, "media_type": kind})
        return found

    def _external_ids(self, row: Row, _query: Mapping[str, str]) -> dict[str, Any]:
        details = self.details(row.id, "en-US") or {}
        draws = self._draws(row, "external_ids")
        return {
            "freebase_mid": None,
            "freebase_id": None,
            "imdb_id": details["imdb_id"],
            "tvrage_id": None,
            "wikidata_id": f"Q{700_000_000 + row.id}" if draws.chance(0.6) else None,
            "facebook_id": f"person{row.id}" if draws.chance(0.2) else None,
            "instagram_id": f"person{row.id}" if draws.chance(0.2) else None,
            "tiktok_id": None,
            "twitter_id": None,
            "youtube_id": None,
        }

    def _tagged_images(self, row: Row, query: Mapping[str, str]) -> dict[str, Any]:
        draws = self._draws(row, "tagged_images")
        results = []
        for work in self._cast(row.id, ("movie",), query.get("language") or "en-US"):
            image = media_parts.images({}, draws, "en", ("posters",))["posters"][0]
            media = {k: v for k, v in work.items() if k not in _CREDIT_FIELDS}
            key = draws.identifier()
            results.append(
                {**image, "id": key, "image_type": "poster", "media": media, "media_type": "movie"}
            )
        return media_parts.page_of(results, query)

    def _translations(self, row: Row, _query: Mapping[str, str]) -> dict[str, Any]:
        name = self._body(row)["name"]

        def data(code: str, country: str) -> dict[str, Any] | None:
            if not self._texts.exists(row.id, "en", f"{code}-{country}"):
                return None
            return {"biography": self._biography(row, f"{code}-{country}"), "name": name}

        return translations(data)
