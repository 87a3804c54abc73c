"""Ways to watch, by country. The data is JustWatch's and must be attributed to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.configuration import Country
from tmdbfusion_scrapy.models.record import Record


@dataclass
class WatchProvider(Record):
    """A service."""

    provider_id: int | None = None
    provider_name: str | None = None
    logo_path: str | None = None
    display_priority: int | None = None


@dataclass
class CountryWatchProviders(Record):
    """The services in one country, by the way they are paid."""

    link: str | None = None
    flatrate: list[WatchProvider] = field(default_factory=list)
    rent: list[WatchProvider] = field(default_factory=list)
    buy: list[WatchProvider] = field(default_factory=list)
    ads: list[WatchProvider] = field(default_factory=list)
    free: list[WatchProvider] = field(default_factory=list)


@dataclass
class WatchProviders(Record):
    """The services by ISO 3166-1 country code."""

    id: int | None = None
    results: dict[str, CountryWatchProviders] = field(default_factory=dict)


@dataclass
class WatchProviderListItem(WatchProvider):
    """A service in the list of all; ``display_priorities`` is its place by ISO 3166-1 country code."""

    display_priorities: dict[str, int] = field(default_factory=dict)


@dataclass
class WatchProviderList(Record):
    """The services that TMDB knows of."""

    results: list[WatchProviderListItem] = field(default_factory=list)


@dataclass
class WatchRegions(Record):
    """The countries of which TMDB knows services."""

    results: list[Country] = field(default_factory=list)
