"""Reads the query of discover and of the preset lists."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.statuses import TMDBFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

PAGE_SIZE = 20
MAX_PAGE = 500

_SORT_KEYS = {
    "popularity": "popularity",
    "revenue": "revenue",
    "primary_release_date": "day",
    "release_date": "day",
    "first_air_date": "day",
    "title": "title",
    "original_title": "title",
    "name": "title",
    "original_name": "title",
    "vote_average": "vote_average",
    "vote_count": "vote_count",
}
# What bounds the release date or first air date: a range, and a year.
_DATES = {
    "movie": (("primary_release_date", "release_date"), ("primary_release_year", "year")),
    "tv": (("first_air_date",), ("first_air_date_year",)),
}
_NUMBER_FILTERS = {"vote_average": "vote_average", "vote_count": "vote_count", "with_runtime": "runtime"}


@dataclass(frozen=True)
class Discover:
    """A query over a catalogue.

    Args:
        sort_key: Column to sort by.
        descending: Highest first.
        include_adult: Whether adult records are among the results.
        ranges: Column, least and greatest value, for each bounded column.
        needs_date: Leave out records without a date.
        with_genres: All of these groups must match; one genre of a group is enough.
        without_genres: None of these.
        languages: Original languages, any of them; empty is all.
    """

    sort_key: str = "popularity"
    descending: bool = True
    include_adult: bool = False
    ranges: tuple[tuple[str, float, float], ...] = ()
    needs_date: bool = False
    with_genres: tuple[tuple[int, ...], ...] = ()
    without_genres: tuple[int, ...] = ()
    languages: tuple[str, ...] = ()


def page_number(query: Mapping[str, str]) -> int:
    """The page asked for; raises TMDB's code 22 outside 1 to 500."""
    raw = query.get("page", "1")
    if not (raw.isascii() and raw.isdecimal()) or not 1 <= int(raw) <= MAX_PAGE:
        raise TMDBFailure(22)
    return int(raw)


def discover(query: Mapping[str, str], kind: str = "movie") -> Discover:
    """The query of ``discover/movie`` or ``discover/tv``; unknown filters are ignored, as TMDB does."""
    name, _, direction = query.get("sort_by", "popularity.desc").partition(".")
    ranges = []
    for parameter, column in _NUMBER_FILTERS.items():
        low, high = query.get(f"{parameter}.gte"), query.get(f"{parameter}.lte")
        if low or high:
            ranges.append((column, _number(low, -math.inf), _number(high, math.inf)))
    days = _days(query, kind)
    if days is not None:
        ranges.append(("day", *days))
    return Discover(
        sort_key=_SORT_KEYS.get(name, "popularity"),
        descending=direction != "asc",
        include_adult=query.get("include_adult", "false").lower() == "true",
        ranges=tuple(ranges),
        needs_date=days is not None,
        with_genres=tuple(_ids(group, "|") for group in query.get("with_genres", "").split(",") if group),
        without_genres=_ids(query.get("without_genres", "").replace("|", ","), ","),
        languages=tuple(filter(None, query.get("with_original_language", "").split("|"))),
    )


def preset(name: str, today: date) -> tuple[Discover, dict[str, Any]]:
    """The query behind ``movie/popular`` and its like, and the fields that the answer carries besides the page."""
    first = today.toordinal()
    base = Discover()
    if name == "top_rated":
        return replace(base, sort_key="vote_average", ranges=(("vote_count", 200, math.inf),)), {}
    if name == "now_playing":
        return _between(base, today - timedelta(days=42), today + timedelta(days=7))
    if name == "upcoming":
        return _between(base, today + timedelta(days=1), today + timedelta(days=28))
    if name == "airing_today":
        return replace(base, ranges=(("next_air", first, first),)), {}
    if name == "on_the_air":
        return replace(base, ranges=(("next_air", first, first + 6),)), {}
    return base, {}


def _between(base: Discover, first: date, last: date) -> tuple[Discover, dict[str, Any]]:
    """A query for release dates, and the ``dates`` of the answer."""
    chosen = replace(base, ranges=(("day", first.toordinal(), last.toordinal()),), needs_date=True)
    return chosen, {"dates": {"maximum": last.isoformat(), "minimum": first.isoformat()}}


def _days(query: Mapping[str, str], kind: str) -> tuple[float, float] | None:
    """The bounds on the date that all date parameters leave, None without any."""
    dates, years = _DATES[kind]
    bounds = [
        (_day(query.get(f"{name}.gte"), -math.inf), _day(query.get(f"{name}.lte"), math.inf))
        for name in dates
        if query.get(f"{name}.gte") or query.get(f"{name}.lte")
    ]
    for name in years:
        raw = query.get(name)
        if raw:
            year = _number(raw, 0)
            if not 1 <= year <= 9999:
                raise TMDBFailure(47)
            bounds.append((date(int(year), 1, 1).toordinal(), date(int(year), 12, 31).toordinal()))
    if not bounds:
        return None
    return max(low for low, _ in bounds), min(high for _, high in bounds)


def _day(raw: str | None, missing: float) -> float:
    """A date as an ordinal; raises TMDB's code 23 for what is none."""
    found = day_of(raw)
    return missing if found is None else found.toordinal()


def day_of(raw: str | None) -> date | None:
    """A date of a query, None where it is missing or empty; raises TMDB's code 23 for what is none."""
    if not raw:
        return None
    # From Python 3.11 fromisoformat also takes 20260601 and 2026-W23-1, which TMDB does not.
    if len(raw) != 10 or raw[4] != "-" or raw[7] != "-":
        raise TMDBFailure(23)
    try:
        return date.fromisoformat(raw)
    except ValueError:
        raise TMDBFailure(23) from None


def _number(raw: str | None, missing: float) -> float:
    """A number; raises TMDB's code 47 for what is none."""
    if not raw:
        return missing
    try:
        value = float(raw)
    except ValueError:
        raise TMDBFailure(47) from None
    if math.isnan(value):
        raise TMDBFailure(47)
    return value


def _ids(raw: str, separator: str) -> tuple[int, ...]:
    """Ids in a list; raises TMDB's code 47 for what is none."""
    try:
        return tuple(int(part) for part in raw.split(separator) if part)
    except ValueError:
        raise TMDBFailure(47) from None
