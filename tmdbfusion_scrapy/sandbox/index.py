"""Lists and discover over a whole catalogue: columns in arrays, some 55 bytes a movie."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tmdbfusion_scrapy.sandbox.catalogue import MovieFacts
    from tmdbfusion_scrapy.sandbox.filters import Discover

_REMEMBERED_QUERIES = 16


class MovieIndex:
    """Answers which movies match a query, in its order. Not safe between threads.

    Args:
        facts: All movies, by ascending id.
        title: Gives the English title of an id, for the two orders by title.
    """

    def __init__(self, facts: Iterable[MovieFacts], title: Callable[[int], str]) -> None:
        self._title = title
        self._ids = array("Q")
        self._adult = bytearray()
        self._numbers: dict[str, array[int] | array[float]] = {
            "popularity": array("d"),
            "vote_average": array("d"),
            "vote_count": array("l"),
            "revenue": array("q"),
            "day": array("l"),
            "runtime": array("l"),
        }
        self._genres = array("Q")
        self._languages = array("H")
        self._genre_bits: dict[int, int] = {}
        self._language_codes: dict[str, int] = {}
        columns = [(name, column.append) for name, column in self._numbers.items()]
        for movie in facts:
            self._ids.append(movie.id)
            self._adult.append(movie.adult)
            for name, append in columns:
                append(getattr(movie, name))
            self._genres.append(self._mask(movie.genre_ids))
            self._languages.append(self._language_codes.setdefault(movie.language, len(self._language_codes)))
        self._orders: dict[tuple[str, bool], array[int]] = {}
        self._answers: OrderedDict[Discover, array[int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ids)

    def last_id(self) -> int | None:
        """The highest id, None in an empty catalogue."""
        return self._ids[-1] if self._ids else None

    def matching(self, query: Discover) -> Sequence[int]:
        """The ids of all movies that match, in the query's order; ties by ascending id."""
        found = self._answers.get(query)
        if found is None:
            positions: Iterable[int] = self._order(query.sort_key, descending=query.descending)
            found = array("Q", [self._ids[position] for position in self._filtered(positions, query)])
            self._answers[query] = found
            if len(self._answers) > _REMEMBERED_QUERIES:
                self._answers.popitem(last=False)
        else:
            self._answers.move_to_end(query)
        return found

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
            count = len(self._ids)
            if key == "title":
                titles = [self._title(movie_id) for movie_id in self._ids]
                order = array("L", sorted(range(count), key=titles.__getitem__, reverse=descending))
            else:
                values: Callable[[int], float] = self._numbers[key].__getitem__
                order = array("L", sorted(range(count), key=values, reverse=descending))
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
        """The bits of genres that occur; genres that no movie has are none."""
        mask = 0
        for genre_id in genre_ids:
            mask |= self._genre_bits.get(genre_id, 0)
        return mask
