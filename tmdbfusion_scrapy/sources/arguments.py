"""Reading the arguments of a source, one by one."""

from __future__ import annotations

import datetime
import re

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import check_boolean


def take_count(given: dict[str, str], name: str, *, most: int | None = None) -> int | None:
    """Return a number from 1, taken out of the arguments; ``None`` where it is not given.

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


def take_number(given: dict[str, str], name: str) -> float | None:
    """Return a number from 0, taken out of the arguments; ``None`` where it is not given.

    Raises:
        ConfigurationError: It is none.
    """
    text = given.pop(name, None)
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", str(text).strip()):
        raise ConfigurationError(f"-a {name}={text}: use a number from 0, such as 1.5")
    return float(text)


def take_flag(given: dict[str, str], name: str) -> bool:
    """Return true or false, taken out of the arguments; false where it is not given.

    Raises:
        ConfigurationError: It is neither true nor false.
    """
    return check_boolean(f"-a {name}", given.pop(name, False))


def take_day(given: dict[str, str], name: str) -> datetime.date | None:
    """Return a day that is not to come, taken out of the arguments; ``None`` where it is not given.

    Raises:
        ConfigurationError: It is no day, or one to come.
    """
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
