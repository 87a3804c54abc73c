"""The change lists: which ids of a kind changed in some days."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.filters import day_of, page_number
from tmdbfusion_scrapy.sandbox.statuses import TMDBFailure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from tmdbfusion_scrapy.sandbox.records import GeneratedRecords

PAGE_SIZE = 100
MAX_DAYS = 14
_REMEMBERED = 8
# TMDB leaves ``adult`` null for some ids: for one id in seventeen here.
_UNTOLD = 17


class ChangeLists:
    """Answers for ``movie/changes``, ``tv/changes`` and ``person/changes``.

    Args:
        records: The records of each kind.
    """

    def __init__(self, records: Mapping[str, GeneratedRecords]) -> None:
        self._records = records
        self._remembered: OrderedDict[tuple[str, int, int], Sequence[int]] = OrderedDict()

    def answer(self, kind: str, query: Mapping[str, str], today: date) -> dict[str, Any] | None:
        """One page of a list, without dates that of yesterday and today; None for a kind without a list."""
        if kind not in self._records:
            return None
        page = page_number(query)
        last = day_of(query.get("end_date"))
        first = day_of(query.get("start_date"))
        if last is None:
            last = today if first is None else min(today, first + timedelta(days=MAX_DAYS))
        if first is None:
            first = last - timedelta(days=1)
        if last < first or last - first > timedelta(days=MAX_DAYS):
            raise TMDBFailure(20)
        ids = self._ids(kind, first.toordinal(), min(last, today).toordinal())
        shown = ids[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        is_adult = self._records[kind].is_adult
        return {
            "results": [
                {"id": item, "adult": None if item % _UNTOLD == 0 else is_adult(item)} for item in shown
            ],
            "page": page,
            "total_pages": -(-len(ids) // PAGE_SIZE),
            "total_results": len(ids),
        }

    def _ids(self, kind: str, first: int, last: int) -> Sequence[int]:
        """The ids that changed, each once, the latest first."""
        key = (kind, first, last)
        found = self._remembered.get(key)
        if found is None:
            found = array("L", dict.fromkeys(self._records[kind].population.changed(first, last)))
            self._remembered[key] = found
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return found
