"""From a spider's arguments to what it crawls."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api.values import check_appends
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.sources.arguments import (
    are_ids_from_outside,
    take_changes,
    take_count,
    take_discover,
    take_export,
    take_failed,
    take_ids,
    take_list,
    take_stale,
)
from tmdbfusion_scrapy.sources.kinds import IdsSource, ImagesSource, Source

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import Endpoint

_IMPLIED = {"ids": "ids", "since": "changes", "day": "export", "min_popularity": "export", "days": "stale"}
"""The source that an argument belongs to."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a spider crawls.

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
        *,
        lists: Mapping[str, Endpoint[..., Any]],
        discover: Endpoint[..., Any] | None,
        changes: Endpoint[..., Any] | None = None,
    ) -> Plan:
        """Read the arguments of a spider (``scrapy crawl ... -a name=value``).

        Args:
            arguments: ``source``, ``limit``, ``append``, and those of the source: ``ids``; ``list`` and ``pages``;
                TMDB's filters by its names or by ours, and ``pages``; ``day``, ``min_popularity``, ``adult`` and
                ``video`` of an export; ``since`` of changes; ``force`` of both; ``days`` of what is stale;
                ``permanent`` of what failed.
            lists: The lists of the spider's kind by TMDB's names; the first is the default.
            discover: The discover endpoint of the kind, if it has one.
            changes: The endpoint that lists changes of the kind, if it has one.

        Raises:
            ConfigurationError: An argument is unknown, cannot be used, or does not go with the source.
        """
        given = {name: value for name, value in arguments.items() if not name.startswith("_")}
        shown = {argument: str(value) for argument, value in sorted(given.items()) if argument != "force"}
        append = _append(given.pop("append", ""))
        limit = take_count(given, "limit")
        name = given.pop("source", None) or _implied_source(given, lists)
        sources = ["ids", "export", "stale", "failed"]
        sources += ["list"] if lists else []
        sources += ["discover"] if discover is not None else []
        sources += ["changes"] if changes is not None else []
        if name not in (*sources, "images"):
            raise ConfigurationError(
                f"-a source={name} is unknown: use one of {', '.join(sorted(sources))}, or images for the images "
                "of what is stored"
            )
        source = _source(name, given, lists, discover)
        if append and isinstance(source, ImagesSource):
            raise ConfigurationError(
                "-a append goes with what is asked for, and source=images asks for no record: leave it out"
            )
        if given:
            raise ConfigurationError(
                f"-a {min(given)}=... does not go with source={name}; TMDB's filters go with source=discover"
            )
        if isinstance(source, IdsSource) and are_ids_from_outside(shown["ids"]):
            # With other ids it is another command.
            shown["ids"] += f" ({_checksum(source.ids)})"
        return cls(source, append, limit, shown)


def _source(
    name: str,
    given: dict[str, str],
    lists: Mapping[str, Endpoint[..., Any]],
    discover: Endpoint[..., Any] | None,
) -> Source:
    """The source of a name; its arguments are taken out."""
    if name == "ids":
        return take_ids(given)
    if name == "list":
        return take_list(given, list(lists))
    if name == "discover" and discover is not None:
        return take_discover(given, discover)
    if name == "export":
        return take_export(given)
    if name == "changes":
        return take_changes(given)
    if name == "stale":
        return take_stale(given)
    if name == "images":
        return ImagesSource()
    return take_failed(given)


def _implied_source(given: Mapping[str, str], lists: Mapping[str, Endpoint[..., Any]]) -> str:
    """The source that the other arguments speak of."""
    for argument, source in _IMPLIED.items():
        if argument in given:
            return source
    return "list" if lists else "export"


def _checksum(ids: Iterable[int]) -> str:
    """Some text that is the same for the same ids."""
    checksum = 0
    for key in ids:
        checksum = zlib.crc32(b"%d," % key, checksum)
    return f"{checksum:08x}"


def _append(value: str) -> tuple[str, ...]:
    """The parts to ask for with each record."""
    try:
        return check_appends("append", value)
    except ValidationError as error:
        raise ConfigurationError(f"-a append: {error.message}") from None
