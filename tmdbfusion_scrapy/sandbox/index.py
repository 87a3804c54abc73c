"""Lists and discover over a whole catalogue: columns in arrays, some 60 bytes a record."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tmdbfusion_scrapy.sandbox.catalogue import Facts
    from tmdbfusion_scrapy.sandbox.filters import Discover

# Results of all remembered queries together, at 4 bytes each.
_REMEMBERED = 12_000_000


class Index:
    """Answers which records match a query, in its order. Not safe between threads.

    Args:
        facts: All records, by ascending id.
        title: Gives the English title of an id, for the two orders by title.
    """

    def __init__(self, facts: Iterable[Facts], title: Callable[[int], str]) -> None:
        self._title = title
        self._ids = array("Q")
        self._adult = bytearray()
        self._numbers: dict[str, array[int] | array[float]] = {
            "popularity": array("d"),
            "vote_average": array("d"),
            "vote_count": array("i"),
            "revenue": array("q"),
            "day": array("i"),
            "runtime": array("i"),
            "next_air": array("i"),
        }
        self._genres = array("Q")
        self._languages = array("H")
        self._genre_bits: dict[int, int] = {}
        self._masks: dict[tuple[int, ...], int] = {}
        self._language_codes: dict[str, int] = {}
        columns = [(name, column.append) for name, column in self._numbers.items()]
        codes = self._language_codes
        for record in facts:
            self._ids.append(record.id)
            self._adult.append(record.adult)
            for name, append in columns:
                append(getattr(record, name))
            mask = self._masks.get(record.genre_ids)
            if mask is None:
                mask = self._masks[record.genre_ids] = self._mask(record.genre_ids)
            self._genres.append(mask)
            self._languages.append(codes.setdefault(record.language, len(codes)))
        self._orders: dict[tuple[str, bool], array[int]] = {}
        self._answers: OrderedDict[Discover, array[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    def page(self, query: Discover, first: int, count: int) -> tuple[list[int], int]:
        """Some ids of the records that match, in the query's order, ties by ascending id; and how many match.

        Args:
            query: What to look for.
            first: Position of the first one to give, 0 for the first of all.
            count: How many to give at most.
        """
        found = self._answers.get(query)
        if found is None:
            positions = self._filtered(self._order(query.sort_key, descending=query.descending), query)
            found = positions if isinstance(positions, array) else array("I", positions)
            self._answers[query] = found
            while len(self._answers) > 1 and sum(map(len, self._answers.values())) > _REMEMBERED:
                self._answers.popitem(last=False)
        else:
            self._answers.move_to_end(query)
        return [self._ids[position] for position in found[first : first + count]], len(found)

    def _filtered(self, positions: Iterable[int], query: Discover) -> Iterable[int]:
        """The positions that pass every filter of the query."""
        if not query.include_adult:
            adult = self._adult
            positions = [at for at in positions if not adult[at]]
        for name, low, high in query.ranges:
            column = self._numbers[name]
            positions = [at for at in positions if low <= column[at] <= high]
        if query.needs_date:
            days = self._numbers["day"]
            positions = [at for at in positions if days[at]]
        genres = self._genres
        for alternatives in query.with_genres:
            mask = self._known(alternatives)
            positions = [at for at in positions if genres[at] & mask]
        if query.without_genres:
            mask = self._known(query.without_genres)
            positions = [at for at in positions if not genres[at] & mask]
        if query.languages:
            codes = {self._language_codes.get(language, -1) for language in query.languages}
            languages = self._languages
            positions = [at for at in positions if languages[at] in codes]
        return positions

    def _order(self, key: str, *, descending: bool) -> array[int]:
        """All positions, sorted; computed once a key."""
        order = self._orders.get((key, descending))
        if order is None:
            values: Callable[[int], float | str]
            if key == "title":
                values = [self._title(item) for item in self._ids].__getitem__
            else:
                values = self._numbers[key].__getitem__
            order = array("I", sorted(range(len(self._ids)), key=values, reverse=descending))
            self._orders[key, descending] = order
        return order

    def _mask(self, genre_ids: Iterable[int]) -> int:
        """The genres as bits, a new bit for a new genre."""
        mask = 0
        for genre_id in genre_ids:
            bit = self._genre_bits.get(genre_id)
            if bit is None:
                # Beyond 64 genres they share the last bit: TMDB has 19.
                bit = self._genre_bits[genre_id] = 1 << min(len(self._genre_bits), 63)
            mask |= bit
        return mask

    def _known(self, genre_ids: Iterable[int]) -> int:
        """The bits of genres that occur; genres that no record has are none."""
        mask = 0
        for genre_id in genre_ids:
            mask |= self._genre_bits.get(genre_id, 0)
        return mask
