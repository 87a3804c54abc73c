"""The arguments of a spider, one by one."""

from __future__ import annotations

import datetime
import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.models.paging import LAST_PAGE
from tmdbfusion_scrapy.settings import check_boolean
from tmdbfusion_scrapy.sources.export_file import ExportFilter
from tmdbfusion_scrapy.sources.kinds import (
    ChangesSource,
    DiscoverSource,
    ExportSource,
    FailedSource,
    IdsSource,
    ListSource,
    StaleSource,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from tmdbfusion_scrapy.api import Endpoint

DEFAULT_LIST_PAGES = 6
"""Pages of a list where the spider is not told: 120 records, enough for a first look."""

DEFAULT_STALE_DAYS = 30.0
"""TMDB forbids to keep anything longer than six months; a month leaves room."""

_MOST_DAYS = 3650
_SHOWN = 40
_IDS_FIX = (
    "use whole numbers from 1 with commas, such as -a ids=550,551, the path of a file that has them, or - for "
    "standard input"
)


def take_count(given: dict[str, str], name: str, *, most: int | None = None) -> int | None:
    """Return a number from 1, taken out of the arguments.

    Raises:
        ConfigurationError: It is none.
    """
    text = given.pop(name, None)
    if text is None:
        return None
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", str(text).strip()) else 0
    if number < 1 or (most is not None and number > most):
        bounds = f"from 1 to {most}" if most is not None else "from 1"
        raise ConfigurationError(f"-a {name}={text}: use a whole number {bounds}")
    return number


def take_ids(given: dict[str, str]) -> IdsSource:
    """Return ids: numbers with commas or spaces between them, a file of them, or ``-`` for standard input.

    Raises:
        ConfigurationError: There are none, one is no id, or the file cannot be read.
    """
    text = given.pop("ids", None)
    if text is None:
        raise ConfigurationError("-a source=ids needs the ids: add -a ids=550,551, the path of a file, or -")
    text = str(text).strip()
    ids: dict[int, None] = {}
    try:
        with _ids_lines(text) as lines:
            for line in lines:
                _add_ids(ids, line.strip(), text)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        raise ConfigurationError(
            f"-a ids={text[:_SHOWN]} cannot be read: {error}; name a text file of ids, one or more a line"
        ) from None
    if not ids:
        raise ConfigurationError(f"-a ids={text[:_SHOWN]}: it is empty; {_IDS_FIX}")
    return IdsSource(tuple(ids))


def are_ids_from_outside(text: str) -> bool:
    """Whether ``ids`` names where the ids are, so that another time there may be others."""
    return not re.fullmatch(r"[0-9,\s]*", text) and (text.strip() == "-" or _is_file(text.strip()))


def _add_ids(ids: dict[int, None], line: str, text: str) -> None:
    """Add the ids of a line."""
    # A comma may end each line of a list.
    for part in re.split(r"\s*,\s*|\s+", line.removesuffix(",").rstrip()) if line else ():
        if not re.fullmatch(r"[0-9]{1,18}", part) or int(part) < 1:
            what = f"{part[:_SHOWN]!r} is no TMDB id" if part else "it has an empty part"
            raise ConfigurationError(f"-a ids={text[:_SHOWN]}: {what}; {_IDS_FIX}")
        ids[int(part)] = None


def _ids_lines(text: str) -> AbstractContextManager[Iterable[str]]:
    """The lines of the ids, read from where they are: a file may have a million."""
    if text == "-":
        return nullcontext(sys.stdin)
    if are_ids_from_outside(text):
        # Windows' editors begin a file with a mark.
        return Path(text).open(encoding="utf-8-sig")
    return nullcontext(text.splitlines())


def _is_file(text: str) -> bool:
    """Whether there is a file of this name."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        # Too long for a name, or with a null in it.
        return False


def take_list(given: dict[str, str], names: Sequence[str]) -> ListSource:
    """Return one of TMDB's lists.

    Raises:
        ConfigurationError: The list is unknown, or the pages are no number from 1 to 500.
    """
    name = given.pop("list", names[0] if names else "")
    if name not in names:
        raise ConfigurationError(f"-a list={name} is unknown: use one of {', '.join(names)}")
    return ListSource(name, take_count(given, "pages", most=LAST_PAGE) or DEFAULT_LIST_PAGES)


def take_discover(given: dict[str, str], endpoint: Endpoint[..., Any]) -> DiscoverSource:
    """Return TMDB's filters, by its own names or by ours; nothing else is left.

    Raises:
        ConfigurationError: One is no filter, or TMDB would refuse its value.
    """
    pages = take_count(given, "pages", most=LAST_PAGE)
    names = {parameter.key: parameter.name for parameter in endpoint.parameters.values()}
    names.update({name: name for name in endpoint.parameters})
    filters: dict[str, Any] = {}
    for argument in list(given):
        if argument not in names or names[argument] == "page":
            raise ConfigurationError(
                f"-a {argument}=... is neither an argument of the spider nor a filter of TMDB's discover: "
                f"see https://developer.themoviedb.org/reference/{endpoint.operation_id}"
            )
        filters[names[argument]] = given.pop(argument)
    try:
        endpoint.call({}, page=1, **filters)
    except ValidationError as error:
        raise ConfigurationError(f"-a {error.message}") from None
    return DiscoverSource(filters, pages)


def take_export(given: dict[str, str]) -> ExportSource:
    """Return what is wanted of an export.

    Raises:
        ConfigurationError: ``min_popularity``, ``adult``, ``video``, ``day`` or ``force`` cannot be used.
    """
    popularity = given.pop("min_popularity", None)
    flags = {
        name: check_boolean(f"-a {name}", given.pop(name)) if name in given else None
        for name in ("adult", "video")
    }
    wanted = ExportFilter(
        None if popularity is None else _number("min_popularity", popularity), flags["adult"], flags["video"]
    )
    return ExportSource(wanted, _day(given, "day"), take_flag(given, "force"))


def take_changes(given: dict[str, str]) -> ChangesSource:
    """Return the day from which changes are wanted.

    Raises:
        ConfigurationError: ``since`` is no day, or one to come, or ``force`` is neither true nor false.
    """
    return ChangesSource(_day(given, "since"), take_flag(given, "force"))


def take_stale(given: dict[str, str]) -> StaleSource:
    """Return after how many days a record is stale.

    Raises:
        ConfigurationError: ``days`` is no number from 0, or more than ten years.
    """
    text = given.pop("days", None)
    days = DEFAULT_STALE_DAYS if text is None else _number("days", text)
    if days > _MOST_DAYS:
        raise ConfigurationError(f"-a days={text}: use a number from 0, up to {_MOST_DAYS}")
    return StaleSource(days)


def take_failed(given: dict[str, str]) -> FailedSource:
    """Return whether permanent failures are wanted, too.

    Raises:
        ConfigurationError: ``permanent`` is neither true nor false.
    """
    return FailedSource(take_flag(given, "permanent"))


def take_flag(given: dict[str, str], name: str) -> bool:
    """Return whether something is wanted, taken out of the arguments; by default it is not.

    Raises:
        ConfigurationError: It is neither true nor false.
    """
    return check_boolean(f"-a {name}", given.pop(name, False))


def _number(name: str, text: str) -> float:
    """A number from 0."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", str(text).strip()):
        raise ConfigurationError(f"-a {name}={text}: use a number from 0, such as 1.5")
    return float(text)


def _day(given: dict[str, str], name: str) -> datetime.date | None:
    """A day that is not to come."""
    text = given.pop(name, None)
    if text is None:
        return None
    text = str(text).strip()
    try:
        # fromisoformat takes other forms too, each version of Python others.
        day = datetime.date.fromisoformat(text if re.fullmatch(r"[0-9-]{10}", text) else "")
    except ValueError:
        raise ConfigurationError(f"-a {name}={text}: use a day such as 2026-11-01") from None
    if day > datetime.datetime.now(datetime.timezone.utc).date():
        raise ConfigurationError(f"-a {name}={text} is still to come: use a day that was")
    return day
