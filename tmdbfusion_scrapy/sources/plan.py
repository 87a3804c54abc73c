"""Plan of a crawl, read from a spider's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tmdbfusion_scrapy.api.parameters import check_appends
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.sources.changes import ChangesSource
from tmdbfusion_scrapy.sources.discover import DiscoverSource, ListSource
from tmdbfusion_scrapy.sources.export import ExportSource
from tmdbfusion_scrapy.sources.ids import CsvSource, FailedSource, IdsSource, ImagesSource, StaleSource
from tmdbfusion_scrapy.sources.source import Kind, Source, take_count

SOURCES: Mapping[str, type[Source]] = {
    "ids": IdsSource,
    "csv": CsvSource,
    "list": ListSource,
    "discover": DiscoverSource,
    "changes": ChangesSource,
    "export": ExportSource,
    "stale": StaleSource,
    "failed": FailedSource,
    "images": ImagesSource,
}
"""The sources by the value of ``-a source=``."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan of a crawl, as a spider's arguments have it.

    Args:
        source: Where the ids come from.
        append: Parts to ask for with each record.
        limit: Most records; ``None`` for all.
        arguments: The arguments as they were given, in the order of their names: the same for the same command,
            with or without ``force``. Ids from a file or from standard input have their checksum behind them.
    """

    source: Source
    append: tuple[str, ...]
    limit: int | None
    arguments: Mapping[str, str]

    @classmethod
    def from_arguments(
        cls,
        arguments: Mapping[str, str],
        kind: Kind,
        sources: Mapping[str, type[Source]] = SOURCES,
        append: Sequence[str] = (),
    ) -> Plan:
        """Read the arguments of a spider for a kind of records; ``append`` is for where they name no parts.

        Raises:
            ConfigurationError: An argument is unknown, cannot be used, or does not go with the source.
        """
        given = {name: value for name, value in arguments.items() if not name.startswith("_")}
        asked = given.pop("append", None)
        limit = take_count(given, "limit")
        offered = {name: source for name, source in sources.items() if source.is_offered(kind)}
        implied = (name for name, source in sources.items() if given.keys() & {*source.implied_by})
        name = given.pop("source", None) or next(implied, "list" if kind.lists else "export")
        if name not in offered:
            others = sorted(name for name, source in offered.items() if source.asks_for_records)
            raise ConfigurationError(
                f"-a source={name} is unknown: use one of {', '.join(others)}, or images for the images "
                "of what is stored"
            )
        source = offered[name].from_arguments(given, kind)
        if asked is None and append and source.asks_for_records:
            # As if it were given: what is asked for belongs to the run.
            asked = ",".join(append)
            arguments = {**arguments, "append": asked}
        try:
            parts = check_appends("append", asked or "")
        except ValidationError as error:
            raise ConfigurationError(f"-a append: {error.message}") from None
        if parts and not source.asks_for_records:
            raise ConfigurationError(
                f"-a append goes with what is asked for, and source={name} asks for no record: leave it out"
            )
        if given:
            raise ConfigurationError(
                f"-a {min(given)}=... does not go with source={name}: leave it out. TMDB's filters go with "
                "source=discover"
            )
        shown = {
            name: str(value)
            for name, value in sorted(arguments.items())
            if name != "force" and not name.startswith("_")
        }
        return cls(source, parts, limit, source.identify(shown))
