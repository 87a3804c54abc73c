"""Pages of records: the preset lists, discover and trending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.filters import MAX_PAGE, PAGE_SIZE, Discover, discover, page_number, preset
from tmdbfusion_scrapy.sandbox.index import Index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tmdbfusion_scrapy.sandbox.catalogue import Catalogue

PRESETS = {
    "movie": frozenset({"popular", "top_rated", "now_playing", "upcoming"}),
    "tv": frozenset({"popular", "top_rated", "on_the_air", "airing_today"}),
    "person": frozenset({"popular"}),
}
_WINDOWS = frozenset({"day", "week"})
# TMDB's person/popular and trending end where its other lists can no longer be read.
_CAPPED_RESULTS = MAX_PAGE * PAGE_SIZE


class Lists:
    """Answers for lists of the given catalogues.

    Args:
        catalogues: By kind: ``movie``, ``tv``, ``person``.
    """

    def __init__(self, catalogues: Mapping[str, Catalogue]) -> None:
        self._catalogues = catalogues
        self._indexes: dict[str, tuple[int, Index]] = {}

    @staticmethod
    def named_by(path: str) -> bool:
        """Whether a path is that of a list: these may need an index, which is built off the event loop."""
        head, _, tail = path.partition("/")
        return head in {"discover", "trending"} or tail in PRESETS.get(head, ())

    def answer(self, path: str, query: Mapping[str, str]) -> dict[str, Any] | None:
        """One page of a list; None for a list that there is not.

        Raises:
            TMDBFailure: The page or a filter is refused.
        """
        head, _, tail = path.partition("/")
        if head == "discover" and tail in self._catalogues and tail != "person":
            page = page_number(query)
            return self._page(tail, discover(query, tail), page, query)
        if head == "trending":
            kind, _, window = tail.partition("/")
            if window in _WINDOWS and (kind in self._catalogues or kind == "all"):
                return self._trending(kind, page_number(query), query)
            return None
        if head not in self._catalogues or tail not in PRESETS[head]:
            return None
        page = page_number(query)
        found, extra = preset(tail, self._catalogues[head].today())
        listed = self._page(head, found, page, query)
        return {**extra, **(_capped(listed) if head == "person" else listed)}

    def _page(self, kind: str, found: Discover, page: int, query: Mapping[str, str]) -> dict[str, Any]:
        """A page of one kind. ``total_pages`` may be above the 500 that can be fetched, as TMDB's is."""
        ids, total = self._index(kind).page(found, (page - 1) * PAGE_SIZE, PAGE_SIZE)
        return {
            "page": page,
            "results": self._summaries(kind, ids, query),
            "total_pages": -(-total // PAGE_SIZE),
            "total_results": total,
        }

    def _trending(self, kind: str, page: int, query: Mapping[str, str]) -> dict[str, Any]:
        """The most popular ones; with ``all`` a page is made of as many of each kind as it has room for."""
        kinds = list(self._catalogues) if kind == "all" else [kind]
        each = PAGE_SIZE // len(kinds)
        results: list[dict[str, Any]] = []
        total = 0
        for name in kinds:
            ids, matching = self._index(name).page(Discover(), (page - 1) * each, each)
            total += matching
            results += [{**item, "media_type": name} for item in self._summaries(name, ids, query)]
        results.sort(key=lambda item: item["popularity"], reverse=True)
        size = each * len(kinds)
        return _capped(
            {"page": page, "results": results, "total_pages": -(-total // size), "total_results": total}
        )

    def _summaries(self, kind: str, ids: list[int], query: Mapping[str, str]) -> list[dict[str, Any]]:
        """Records as lists show them."""
        language = query.get("language") or "en-US"
        found = [self._catalogues[kind].summary(item, language) for item in ids]
        return [item for item in found if item is not None]

    def _index(self, kind: str) -> Index:
        """The index of today, built when the first list of the day is asked for."""
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
    """The page with totals that end at the last page that can be read."""
    return {
        **page,
        "total_pages": min(page["total_pages"], MAX_PAGE),
        "total_results": min(page["total_results"], _CAPPED_RESULTS),
    }
