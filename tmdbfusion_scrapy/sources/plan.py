"""From a spider's arguments to what it crawls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.api.values import check_appends
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import Endpoint

DEFAULT_LIST_PAGES = 6
"""Pages of a list where the spider is not told: 120 records, enough for a first look."""


@dataclass(frozen=True, slots=True)
class IdsSource:
    """Records by their ids.

    Args:
        ids: TMDB's ids, each once, in the order given.
    """

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ListSource:
    """The records of one of TMDB's lists.

    Args:
        name: TMDB's name of the list, such as ``popular``.
        pages: Most pages, 20 records each.
    """

    name: str
    pages: int


@dataclass(frozen=True, slots=True)
class DiscoverSource:
    """The records that discover finds.

    Args:
        filters: Arguments of the discover endpoint, by their names in Python.
        pages: Most pages, 20 records each.
    """

    filters: Mapping[str, Any]
    pages: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a spider crawls.

    Args:
        source: Where the ids come from.
        append: Parts to ask for with each record.
        limit: Most records; ``None`` for all.
    """

    source: IdsSource | ListSource | DiscoverSource
    append: tuple[str, ...]
    limit: int | None

    @classmethod
    def from_arguments(
        cls,
        arguments: Mapping[str, str],
        *,
        lists: Mapping[str, Endpoint[..., Any]],
        discover: Endpoint[..., Any] | None,
    ) -> Plan:
        """Read the arguments of a spider (``scrapy crawl ... -a name=value``).

        Args:
            arguments: ``source``, ``ids``, ``list``, ``pages``, ``limit``, ``append``; with ``source=discover``
                also TMDB's filters, by TMDB's names or by ours.
            lists: The lists of the spider's kind by TMDB's names; the first is the default.
            discover: The discover endpoint of the kind, if it has one.

        Raises:
            ConfigurationError: An argument is unknown, cannot be used, or does not go with the source.
        """
        given = {name: value for name, value in arguments.items() if not name.startswith("_")}
        append = _append(given.pop("append", ""))
        limit = _count(given, "limit")
        source = given.pop("source", None) or _implied_source(given)
        sources = ["ids", "list", *(["discover"] if discover is not None else [])]
        if source not in sources:
            raise ConfigurationError(f"-a source={source} is unknown: use one of {', '.join(sources)}")
        plan: IdsSource | ListSource | DiscoverSource
        if source == "ids":
            plan = _ids_source(given)
        elif source == "list":
            plan = _list_source(given, list(lists))
        else:
            assert discover is not None  # noqa: S101 - it is among the sources only where there is one
            return cls(_discover_source(given, discover), append, limit)
        if given:
            raise ConfigurationError(
                f"-a {min(given)}=... does not go with source={source}; TMDB's filters go with source=discover"
            )
        return cls(plan, append, limit)


def _implied_source(given: Mapping[str, str]) -> str:
    """The source that the other arguments speak of."""
    return "ids" if "ids" in given else "list"


def _append(value: str) -> tuple[str, ...]:
    """The parts to ask for with each record."""
    try:
        return check_appends("append", value)
    except ValidationError as error:
        raise ConfigurationError(f"-a append: {error.message}") from None


def _count(given: dict[str, str], name: str, *, most: int | None = None) -> int | None:
    """A number from 1, taken out of the arguments."""
    text = given.pop(name, None)
    if text is None:
        return None
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", str(text).strip()) else 0
    if number < 1 or (most is not None and number > most):
        bounds = f"from 1 to {most}" if most is not None else "from 1"
        raise ConfigurationError(f"-a {name}={text}: use a whole number {bounds}")
    return number


def _ids_source(given: dict[str, str]) -> IdsSource:
    """Ids with commas or spaces between them."""
    text = given.pop("ids", None)
    if text is None:
        raise ConfigurationError("-a source=ids needs the ids: add -a ids=550,551")
    ids: dict[int, None] = {}
    for part in re.split(r"\s*,\s*|\s+", text.strip()):
        if not re.fullmatch(r"[0-9]+", part) or int(part) < 1:
            what = f"{part!r} is no TMDB id" if part else "it is empty or has an empty part"
            raise ConfigurationError(
                f"-a ids={text[:40]}: {what}; use whole numbers from 1 with commas, such as -a ids=550,551"
            )
        ids[int(part)] = None
    return IdsSource(tuple(ids))


def _list_source(given: dict[str, str], names: list[str]) -> ListSource:
    """One of TMDB's lists."""
    name = given.pop("list", names[0])
    if name not in names:
        raise ConfigurationError(f"-a list={name} is unknown: use one of {', '.join(names)}")
    return ListSource(name, _count(given, "pages", most=LAST_PAGE) or DEFAULT_LIST_PAGES)


def _discover_source(given: dict[str, str], endpoint: Endpoint[..., Any]) -> DiscoverSource:
    """TMDB's filters."""
    pages = _count(given, "pages", most=LAST_PAGE) or LAST_PAGE
    names = {parameter.key: parameter.name for parameter in endpoint.parameters.values()}
    names.update({name: name for name in endpoint.parameters})
    filters: dict[str, Any] = {}
    for argument, value in given.items():
        if argument not in names or names[argument] == "page":
            raise ConfigurationError(
                f"-a {argument}=... is neither an argument of the spider nor a filter of TMDB's discover: "
                f"see https://developer.themoviedb.org/reference/{endpoint.operation_id}"
            )
        filters[names[argument]] = value
    try:
        endpoint.call({}, page=1, **filters)
    except ValidationError as error:
        raise ConfigurationError(f"-a {error.message}") from None
    return DiscoverSource(filters, pages)
