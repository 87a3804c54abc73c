"""Lists of records page by page: the preset lists, discover, trending and the change lists."""

from __future__ import annotations

import math
import operator
import re
from array import array
from collections import OrderedDict
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tmdbfusion_scrapy.sandbox.http import TMDBFailure
from tmdbfusion_scrapy.sandbox.parts import PAGE_SIZE
from tmdbfusion_scrapy.sandbox.records import Generated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tmdbfusion_scrapy.sandbox.parts import Query
    from tmdbfusion_scrapy.sandbox.records import Catalogue, Facts

T = TypeVar("T")

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
PRESETS = {
    "movie": frozenset({"popular", "top_rated", "now_playing", "upcoming"}),
    "tv": frozenset({"popular", "top_rated", "on_the_air", "airing_today"}),
    "person": frozenset({"popular"}),
}
_WINDOWS = frozenset({"day", "week"})
_MAX_PAGE = 500
_CHANGES_A_PAGE = 100
_MAX_DAYS = 14
# TMDB leaves ``adult`` null for some changed ids: for one id in seventeen here.
_UNTOLD = 17
_REMEMBERED_CHANGES = 8
# Results of all remembered queries of an index together, at 4 bytes each.
_REMEMBERED = 12_000_000
# The columns of an index and their codes for ``array``, "" for a list.
_COLUMNS = {
    "id": "Q", "adult": "B", "popularity": "d", "vote_average": "d", "vote_count": "i", "revenue": "q", "day": "i",
    "runtime": "i", "next_air": "i", "genre_ids": "", "language": "",
}  # fmt: skip
# What bounds these lists: a column, and the first and last day from today.
_PRESET_DAYS = {
    "airing_today": ("next_air", 0, 0), "on_the_air": ("next_air", 0, 6), "now_playing": ("day", -42, 7),
    "upcoming": ("day", 1, 28),
}  # fmt: skip
_NOT_IN_KEY = frozenset({"page", "language", "api_key", "session_id", "guest_session_id"})
_SORT_KEYS = {
    **{name: name for name in ("popularity", "revenue", "vote_average", "vote_count")},
    **dict.fromkeys(("primary_release_date", "release_date", "first_air_date"), "day"),
    **dict.fromkeys(("title", "original_title", "name", "original_name"), "title"),
}
# The parameters that bound the release date or first air date: by a range, and by a year.
_DATES = {
    "movie": (("primary_release_date", "release_date"), ("primary_release_year", "year")),
    "tv": (("first_air_date",), ("first_air_date_year",)),
}
_RANGES = {"vote_average": "vote_average", "vote_count": "vote_count", "with_runtime": "runtime"}


class Order(NamedTuple):
    """A query: the column to sort by, and columns with tests of their values; ``key`` tells two apart."""

    key: object
    column: str = "popularity"
    descending: bool = True
    filters: tuple[tuple[str, Callable[[Any], object]], ...] = (("adult", operator.not_),)


def discover(query: Query, kind: str) -> Order:
    """Read the query of ``discover/movie`` or ``discover/tv``; unknown filters are ignored, as TMDB does."""
    name, _, direction = query.get("sort_by", "popularity.desc").partition(".")
    filters = [] if query.get("include_adult", "false").lower() == "true" else list(Order(None).filters)
    for parameter, column in _RANGES.items():
        low, high = query.get(f"{parameter}.gte"), query.get(f"{parameter}.lte")
        if low or high:
            filters.append((column, _between(_number(low, -math.inf), _number(high, math.inf))))
    filters += _days(query, kind)
    for group in filter(None, query.get("with_genres", "").split(",")):
        filters.append(("genre_ids", _ids(group, "|").intersection))
    without = _ids(query.get("without_genres", "").replace("|", ","), ",")
    if without:
        filters.append(("genre_ids", without.isdisjoint))
    languages = frozenset(filter(None, query.get("with_original_language", "").split("|")))
    if languages:
        filters.append(("language", languages.__contains__))
    key = tuple(sorted(item for item in query.items() if item[0] not in _NOT_IN_KEY))
    return Order(key, _SORT_KEYS.get(name, "popularity"), direction != "asc", tuple(filters))


def preset(name: str, today: date) -> tuple[Order, dict[str, Any]]:
    """Return the query behind ``movie/popular`` and its like, and the fields that the answer has besides."""
    first, order = today.toordinal(), Order(name)
    if name == "top_rated":
        rated = ("vote_count", _between(200, math.inf))
        return order._replace(column="vote_average", filters=(*order.filters, rated)), {}
    if name in _PRESET_DAYS:
        column, low, high = _PRESET_DAYS[name]
        order = order._replace(filters=(*order.filters, (column, _between(first + low, first + high))))
        if column == "day":
            low_day, high_day = (date.fromordinal(first + days).isoformat() for days in (low, high))
            return order, {"dates": {"maximum": high_day, "minimum": low_day}}
    return order, {}


def _between(low: float, high: float) -> Callable[[float], bool]:
    return lambda value: low <= value <= high


def page_number(query: Query) -> int:
    """Return the page asked for; raises TMDB's code 22 outside 1 to 500."""
    raw = query.get("page", "1")
    if not (raw.isascii() and raw.isdecimal()) or not 1 <= int(raw) <= _MAX_PAGE:
        raise TMDBFailure(22)
    return int(raw)


def _days(query: Query, kind: str) -> list[tuple[str, Callable[[float], bool]]]:
    """Return the filters of all date parameters; a record without a date passes none."""
    dates, years = _DATES[kind]
    bounds: list[tuple[float, float]] = []
    for name in dates:
        low, high = _day(query.get(f"{name}.gte")), _day(query.get(f"{name}.lte"))
        if low or high:
            bounds.append((low.toordinal() if low else 1, high.toordinal() if high else math.inf))
    for name in years:
        if query.get(name):
            year = _number(query[name], 0)
            if not 1 <= year <= 9999:
                raise TMDBFailure(47)
            bounds.append((date(int(year), 1, 1).toordinal(), date(int(year), 12, 31).toordinal()))
    return [("day", _between(*bound)) for bound in bounds]


def _day(raw: str | None) -> date | None:
    """Return a date of a query, None where it is missing or empty; raises TMDB's code 23 for what is none."""
    if not raw:
        return None
    # From Python 3.11 fromisoformat also takes 20260601 and 2026-W23-1, which TMDB does not.
    return _read(date.fromisoformat, raw if _DAY.fullmatch(raw) else "", 23)


def _number(raw: str | None, missing: float) -> float:
    """Return a number; raises TMDB's code 47 for what is none."""
    value = _read(float, raw, 47) if raw else missing
    if math.isnan(value):
        raise TMDBFailure(47)
    return value


def _ids(raw: str, separator: str) -> frozenset[int]:
    """Return the ids in a list; raises TMDB's code 47 for what is none."""
    return frozenset(_read(int, part, 47) for part in raw.split(separator) if part)


def _read(convert: Callable[[str], T], raw: str, code: int) -> T:
    try:
        return convert(raw)
    except ValueError:
        raise TMDBFailure(code) from None


class Lists:
    """Answers for lists of the given catalogues."""

    def __init__(self, catalogues: Mapping[str, Catalogue]) -> None:
        self._catalogues = catalogues
        self._indexes: dict[str, tuple[int, Index]] = {}
        self._changed = lru_cache(_REMEMBERED_CHANGES)(self._find_changed)

    @staticmethod
    def is_slow(path: str) -> bool:
        """Tell whether a path may need an index or a list of changes, which are made off the event loop."""
        head, _, tail = path.partition("/")
        return head in {"discover", "trending"} or tail in PRESETS.get(head, ()) or path.endswith("/changes")

    def answer(self, path: str, query: Query) -> dict[str, Any] | None:
        """Return one page of a list, None for a list that there is not; raises for what TMDB refuses."""
        head, _, tail = path.partition("/")
        if head == "discover" and tail in self._catalogues and tail in _DATES:
            page = page_number(query)
            return self._page(tail, discover(query, tail), page, query)
        if head == "trending":
            kind, _, window = tail.partition("/")
            is_there = window in _WINDOWS and (kind in self._catalogues or kind == "all")
            return self._trending(kind, page_number(query), query) if is_there else None
        catalogue = self._catalogues.get(head)
        if tail == "changes" and isinstance(catalogue, Generated):
            return self._changes(head, catalogue, query)
        if catalogue is None or tail not in PRESETS[head]:
            return None
        page = page_number(query)
        found, extra = preset(tail, catalogue.today())
        listed = self._page(head, found, page, query)
        return {**extra, **(_capped(listed) if head == "person" else listed)}

    def _page(self, kind: str, found: Order, page: int, query: Query) -> dict[str, Any]:
        """Return a page of one kind. ``total_pages`` may be above the 500 that can be fetched, as TMDB's is."""
        ids, total = self._index(kind).page(found, (page - 1) * PAGE_SIZE, PAGE_SIZE)
        pages = {"total_pages": -(-total // PAGE_SIZE), "total_results": total}
        return {"page": page, "results": self._summaries(kind, ids, query), **pages}

    def _trending(self, kind: str, page: int, query: Query) -> dict[str, Any]:
        """Return the most popular ones; with ``all`` a page has as many of each kind as it has room for."""
        kinds = list(self._catalogues) if kind == "all" else [kind]
        each = PAGE_SIZE // len(kinds)
        results: list[dict[str, Any]] = []
        total = 0
        for name in kinds:
            ids, matching = self._index(name).page(Order("popular"), (page - 1) * each, each)
            total += matching
            results += [{**item, "media_type": name} for item in self._summaries(name, ids, query)]
        results.sort(key=lambda item: item["popularity"], reverse=True)
        pages = {"total_pages": -(-total // (each * len(kinds))), "total_results": total}
        return _capped({"page": page, "results": results, **pages})

    def _changes(self, kind: str, catalogue: Generated, query: Query) -> dict[str, Any]:
        """Return one page of the ids that changed, the latest first; without dates of yesterday and today."""
        page, today = page_number(query), catalogue.today()
        last, first = _day(query.get("end_date")), _day(query.get("start_date"))
        if last is None:
            last = today if first is None else min(today, first + timedelta(days=_MAX_DAYS))
        if first is None:
            first = last - timedelta(days=1)
        if last < first or last - first > timedelta(days=_MAX_DAYS):
            raise TMDBFailure(20)
        ids = self._changed(kind, first.toordinal(), min(last, today).toordinal())
        shown = ids[(page - 1) * _CHANGES_A_PAGE : page * _CHANGES_A_PAGE]
        results = [{"id": it, "adult": catalogue.is_adult(it) if it % _UNTOLD else None} for it in shown]
        pages = {"total_pages": -(-len(ids) // _CHANGES_A_PAGE), "total_results": len(ids)}
        return {"results": results, "page": page, **pages}

    def _find_changed(self, kind: str, first: int, last: int) -> Sequence[int]:
        catalogue = self._catalogues[kind]
        changed = catalogue.population.changed(first, last) if isinstance(catalogue, Generated) else ()
        return array("L", dict.fromkeys(changed))

    def _summaries(self, kind: str, ids: list[int], query: Query) -> list[dict[str, Any]]:
        language = query.get("language") or "en-US"
        found = [self._catalogues[kind].summary(item, language) for item in ids]
        return [item for item in found if item is not None]

    def _index(self, kind: str) -> Index:
        """Return the index of today, built when the first list of the day is asked for."""
        catalogue = self._catalogues[kind]
        today = catalogue.today().toordinal()
        if kind not in self._indexes or self._indexes[kind][0] != today:
            # Gone before the next one is built, lest both be in memory.
            self._indexes.pop(kind, None)

            def title(item: int) -> str:
                body = catalogue.summary(item, "en-US") or {}
                return str(body.get("title") or body.get("name") or "")

            self._indexes[kind] = (today, Index(catalogue.facts(), title))
        return self._indexes[kind][1]


def _capped(page: dict[str, Any]) -> dict[str, Any]:
    """Return the page with totals that end at the last page that can be read."""
    pages, results = min(page["total_pages"], _MAX_PAGE), min(page["total_results"], _MAX_PAGE * PAGE_SIZE)
    return {**page, "total_pages": pages, "total_results": results}


class Index:
    """Answers which records match a query, in its order: columns of some 80 bytes a record together."""

    def __init__(self, facts: Iterable[Facts], title: Callable[[int], str]) -> None:
        self._title = title
        self._columns: dict[str, Any] = {name: array(code) if code else [] for name, code in _COLUMNS.items()}
        columns = [(name, column.append) for name, column in self._columns.items()]
        # Equal tuples and texts are kept once.
        once: dict[Any, Any] = {}
        for record in facts:
            for name, append in columns:
                value = getattr(record, name)
                append(value if _COLUMNS[name] else once.setdefault(value, value))
        self._order = cache(self._sorted)
        self._answers: OrderedDict[object, array[int]] = OrderedDict()

    def page(self, query: Order, first: int, count: int) -> tuple[list[int], int]:
        """Return some ids of the records that match, ties by ascending id, and how many match."""
        found = self._answers.pop(query.key, None)
        if found is None:
            positions: Iterable[int] = self._order(query.column, query.descending)
            for name, test in query.filters:
                column = self._columns[name]
                positions = [at for at in positions if test(column[at])]
            found = array("I", positions)
        self._answers[query.key] = found
        while len(self._answers) > 1 and sum(map(len, self._answers.values())) > _REMEMBERED:
            self._answers.popitem(last=False)
        return [self._columns["id"][position] for position in found[first : first + count]], len(found)

    def _sorted(self, name: str, descending: bool) -> array[int]:
        """Return all positions, sorted."""
        ids = self._columns["id"]
        values = [self._title(item) for item in ids] if name == "title" else self._columns[name]
        return array("I", sorted(range(len(ids)), key=values.__getitem__, reverse=descending))
