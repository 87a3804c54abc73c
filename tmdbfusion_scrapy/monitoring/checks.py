"""Verdicts of ``scrapy tmdb-doctor`` on token, clock, settings, database and disk: data in, one result out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from tmdbfusion_scrapy.exceptions import AuthenticationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmdbfusion_scrapy.crawling.addon import Speed
    from tmdbfusion_scrapy.credentials import Credentials
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.monitoring.probes import DatabaseState
    from tmdbfusion_scrapy.settings import TMDBSettings

Status = Literal["ok", "warning", "problem"]

_WHERE = "https://www.themoviedb.org/settings/api"

_TOKEN_PARTS = 3
_CLOCK_WARNING = timedelta(seconds=30)
_CLOCK_PROBLEM = timedelta(hours=1)
_NEAR = 0.9
"""Part of the rate limit that counts as reaching it."""

_WHOLE_MS = 10

DISK_WARNING = 2_000_000_000
DISK_PROBLEM = 200_000_000
"""Bytes; a day's export of movies takes 25 MB, and a million movies with credits 29 GB."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one check.

    Args:
        name: The check.
        status: ``ok``, ``warning`` or ``problem``.
        text: What was found, in one sentence.
        fix: What to do, in one sentence; ``None`` where all is well.
        facts: The numbers and names behind the text, as JSON takes them.
    """

    name: str
    status: Status
    text: str
    fix: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def from_message(name: str, message: str, fix: str | None = None) -> Result:
    """Return a problem that a message tells of, whose last part is the fix unless there is another."""
    text = message
    if fix is None:
        text, _, fix = message.partition(". ") if ". " in message else message.rpartition(": ")
    return Result(name, "problem", text or message, fix if text else "change what the message names")


def target_result(urls: Sequence[str], *, is_sandbox: bool, is_loopback: bool, stands_in: bool) -> Result:
    """Say what is checked.

    Args:
        urls: Base URLs of the API.
        is_sandbox: Whether it is the sandbox that answers there.
        is_loopback: Whether it is a server on this machine.
        stands_in: Whether the sandbox was started for lack of a token.
    """
    facts = {"urls": list(urls), "sandbox": is_sandbox}
    where = ", ".join(urls)
    if is_sandbox and stands_in:
        text = f"no token is set, so the bundled sandbox at {where} is checked, not TMDB"
        return Result(
            "target", "warning", text, f"set TMDB_ACCESS_TOKEN in the environment; get one at {_WHERE}", facts
        )
    if is_sandbox:
        return Result("target", "ok", f"the sandbox at {where}, whose records are invented", None, facts)
    if is_loopback:
        return Result("target", "ok", f"a server on this machine, {where}, not TMDB", None, facts)
    return Result("target", "ok", where, None, facts)


def token_result(
    credentials: Credentials,
    source: str,
    error: TMDBError | None,
    *,
    was_asked: bool,
    is_sandbox: bool = False,
    stands_in: bool = False,
) -> Result:
    """Judge the token or key by its shape and by what the API said of it.

    Args:
        credentials: The token or key.
        source: Words for where it comes from.
        error: What the API answered, ``None`` for success.
        was_asked: Whether the API answered at all.
        is_sandbox: Whether the sandbox was asked, which takes almost any token.
        stands_in: Whether the sandbox was started for lack of a token, and the token goes with it.
    """
    if stands_in:
        return Result("token", "ok", "none: the sandbox needs none", None, {"kind": None, "accepted": None})
    kind = token_kind(credentials)
    words = {"v3_key": "v3 API key", "v4_token": "v4 read access token"}.get(kind, "token of an unknown kind")
    facts = {"kind": kind, "source": source, "accepted": error is None if was_asked else None}
    if not was_asked:
        text = f"{words} of {source}; the API could not be asked whether it is valid"
        return Result("token", "warning", text, "see to the way to the API first", facts)
    if isinstance(error, AuthenticationError):
        hint = "copy the API Read Access Token anew"
        if kind == "unknown":
            hint = (
                "it is neither a v4 read access token (three parts with dots between them) nor a v3 API key "
                "(32 hexadecimal digits): copy the whole API Read Access Token"
            )
        return Result(
            "token",
            "problem",
            f"{words} of {source}, refused: {error.message}",
            f"{hint} from {_WHERE}",
            facts,
        )
    if error is not None:
        facts["accepted"] = None
        text = f"{words} of {source}; the API did not say whether it is valid"
        return Result("token", "warning", text, "see to the way to the API first", facts)
    taken = "accepted; the sandbox takes almost any" if is_sandbox else "accepted"
    return Result("token", "ok", f"{words} of {source}, {taken}", None, facts)


def token_kind(credentials: Credentials) -> str:
    """Return ``v3_key``, ``v4_token`` or ``unknown``, by shape: a v4 token is a JSON Web Token."""
    if credentials.is_v3_key:
        return "v3_key"
    parts = credentials.secret.split(".")
    is_token = len(parts) == _TOKEN_PARTS and all(parts) and credentials.secret.startswith("eyJ")
    return "v4_token" if is_token else "unknown"


def clock_result(headers: Mapping[str, str], now: datetime) -> Result | None:
    """Compare the clock with the ``Date`` of an answer; ``None`` where it has none.

    Args:
        headers: Of the answer. ``Age`` is what a cache has kept it for, in seconds.
        now: The time by the clock, when the answer came.
    """
    try:
        server = parsedate_to_datetime(headers["date"])
        age = timedelta(seconds=int(headers.get("age", "0")))
    except (KeyError, ValueError, TypeError):
        return None
    server = server.replace(tzinfo=server.tzinfo or timezone.utc) + age
    offset = now - server
    facts = {"offset_seconds": round(offset.total_seconds())}
    if abs(offset) <= _CLOCK_WARNING:
        return Result("clock", "ok", "agrees with the server's", None, facts)
    where = "ahead of" if offset > timedelta(0) else "behind"
    text = f"{_span(abs(offset))} {where} the server's: changes and exports are chosen by the day"
    status: Status = "problem" if abs(offset) > _CLOCK_PROBLEM else "warning"
    return Result("clock", status, text, "set the clock by NTP, such as with timedatectl set-ntp true", facts)


def speed_result(speed: Speed | None, settings: TMDBSettings, latency: float | None) -> Result:
    """Say at what rate the crawl would ask, and what limits it.

    Args:
        speed: By the settings alone; ``None`` where the add-on is off.
        settings: Those of the crawl.
        latency: Median of the time of an answer, in seconds, where it was measured.
    """
    slots = [n for n in (settings.max_connections, settings.slot_concurrency) if n is not None]
    at_once = min(slots, default=None)
    possible = at_once / latency if at_once and latency else None
    facts = {
        "requests_per_second": settings.requests_per_second or None,
        "max_connections": settings.max_connections,
        "slot_concurrency": settings.slot_concurrency,
        "at_most_per_second": rounded(speed.per_second) if speed else None,
        "limited_by": speed.limit if speed else None,
        "possible_per_second": rounded(possible),
    }
    if speed is None:
        return Result(
            "speed",
            "warning",
            "the add-on is off, so TMDB is asked like any host",
            "set TMDB_ENABLED = True",
            facts,
        )
    connections, slot = _count(settings.max_connections), _count(settings.slot_concurrency)
    limits = f"{connections} connections, slot concurrency {slot}"
    if speed.is_slow:
        text = (
            f"{speed.per_second:.3g} requests a second at most ({speed.limit}), {speed.wanted:g} are allowed"
        )
        return Result("speed", "warning", f"{text}; {limits}", speed.fix, facts)
    wanted = speed.per_second
    if possible is not None and wanted is not None and possible < wanted * _NEAR:
        enough = math.ceil(wanted * (latency or 0.0))
        text = f"about {possible:.3g} requests a second ({limits}, {milliseconds(latency)} an answer)"
        text += f", where {wanted:g} are allowed"
        fix = f'set DOWNLOAD_SLOTS = {{"tmdb": {{"concurrency": {enough}}}}} and CONCURRENT_REQUESTS as high'
        return Result("speed", "warning", text, fix, facts)
    if wanted is None:
        return Result("speed", "ok", f"as fast as TMDB answers; {limits}", None, facts)
    return Result(
        "speed", "ok", f"{wanted:.3g} requests a second at most ({speed.limit}); {limits}", None, facts
    )


def database_result(state: DatabaseState) -> Result:
    """Judge the database."""
    facts = {"url": state.label, "product": state.product, "schema": state.schema}
    if state.error is not None:
        found = from_message("database", state.error, state.advice)
        return Result("database", "problem", found.text, found.fix, facts)
    if state.schema is None:
        text = f"{state.label} ({state.product}) has no tables yet: the first crawl makes them"
        return Result("database", "ok", text, None, facts)
    return Result(
        "database", "ok", f"{state.label}: {state.product}, tables of version {state.schema}", None, facts
    )


def disk_result(
    folder: str, free: int, *, warning: int = DISK_WARNING, problem: int = DISK_PROBLEM
) -> Result:
    """Judge the room on a disk.

    Args:
        folder: What is stored there.
        free: Bytes that are free.
        warning: Bytes below which it is told.
        problem: Bytes below which a crawl would soon end.
    """
    facts = {"folder": folder, "free_bytes": free}
    text = f"{free / 1e9:,.1f} GB free at {folder}"
    if free < warning:
        status: Status = "problem" if free < problem else "warning"
        fix = (
            "make room, or store elsewhere (TMDB_DATABASE_URL); scrapy tmdb-plan says how much a crawl takes"
        )
        return Result("disk", status, text, fix, facts)
    return Result("disk", "ok", text, None, facts)


def milliseconds(seconds: float | None) -> str:
    """Return a short time in words."""
    milliseconds = (seconds or 0.0) * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def rounded(number: float | None) -> float | None:
    """Return a number with four decimals."""
    return None if number is None else round(number, 4)


def _count(limit: int | None) -> str:
    return "unlimited" if limit is None else str(limit)


def _span(offset: timedelta) -> str:
    """Return a time such as ``5 minutes``."""
    seconds = offset.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
