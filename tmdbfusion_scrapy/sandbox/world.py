"""The generated records of all kinds, and what ties them together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.changes import ChangeLists
from tmdbfusion_scrapy.sandbox.entities import Entities
from tmdbfusion_scrapy.sandbox.generated import GeneratedCatalogue
from tmdbfusion_scrapy.sandbox.persons import GeneratedPeople
from tmdbfusion_scrapy.sandbox.population import Churn
from tmdbfusion_scrapy.sandbox.series import GeneratedSeries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.sandbox.calendar import Clock
    from tmdbfusion_scrapy.sandbox.catalogue import Catalogue
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions

_ENTITIES = frozenset({"collection", "company", "keyword", "network"})


class World:
    """Movies, series, people, and the companies, networks, keywords and collections that they name.

    Args:
        options: How many of each, and how they change.
        clock: Tells the day.
    """

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        seed, gaps, people = options.seed, options.gaps, options.people
        churn = Churn(options.daily_changed, options.daily_new, options.daily_gone)
        self.movies = GeneratedCatalogue(options.movies, seed, gaps, people=people, clock=clock, churn=churn)
        self.series = GeneratedSeries(options.series, seed, gaps, people, clock, churn)
        self.people = GeneratedPeople(
            people, seed, gaps, {"movie": self.movies, "tv": self.series}, clock, churn
        )
        self.entities = Entities(seed, self.movies.last_id, self.movies.summary)
        self.catalogues: dict[str, Catalogue] = {
            "movie": self.movies,
            "tv": self.series,
            "person": self.people,
        }
        self.changes = ChangeLists({"movie": self.movies, "tv": self.series, "person": self.people})

    def entity(self, kind: str, item: int, part: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """The body of a company, network, keyword or collection, or of a part of it."""
        return self.entities.answer(kind, item, part, query) if kind in _ENTITIES else None
