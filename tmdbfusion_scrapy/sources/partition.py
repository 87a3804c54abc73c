"""Discover in parts: TMDB serves 500 pages of a query at most, so a large one is split.

The parts are disjoint: by release date first, then a day by its number of votes, then by original language.
"""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.models.paging import LAST_PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_DAY = datetime.date(1874, 1, 1)
"""The year of Passage de Venus, the oldest movie at TMDB."""

YEARS_AHEAD = 30
"""Years in the future up to which release dates are looked for; the last part holds the later ones."""

MOST_VOTES = 2**31 - 1

# Those with the most movies first, so that the others are soon few enough together.
_LANGUAGES = (
    "en fr es ja de pt it zh ko ru hi sv ar nl tr cn pl ta cs te ml da el fa tl th id no fi hu ro bn "
    "kn uk vi he xx mr bg sr et ca hr sl pa lv lt is ka sk ur mk az uz ms hy gu kk sq ne si mn gl eu "
    "km or kl bs af ga sh my cy ku be sw as ps wo bo la zu iu lb ky am so eo ab rw mt yo ha qu tg jv "
    "mi ln rm ig nb bm fo xh sa st su nn dz tk gd tn sd mg ks ff lo br ay aa ae ak an av ba bi fj ce "
    "ch co cr cu cv dv ee fy gn gv ho ht hz ia ie ii ik io kg ki kj kr kv kw lg li lu mh mo na nd ng "
    "nr nv ny oc oj om os pi rn sc se sg sm sn ss ti to ts tt tw ty ug ve vo wa yi za"
)
LANGUAGES = tuple(_LANGUAGES.split())
"""Original languages at TMDB: ISO 639-1, and its own ``cn`` (Cantonese) and ``xx`` (none).

https://developer.themoviedb.org/reference/configuration-languages
"""


@dataclass(frozen=True)
class Part:
    """A part of what discover finds.

    Args:
        start: First release date.
        end: Last release date.
        least_votes: Least number of votes.
        most_votes: Most votes; ``None`` for no bound.
        languages: Original languages, any of them; ``None`` for all.
        is_first: Whether what was released before ``start`` is in it too.
        is_last: Whether what is released after ``end`` is in it too.
    """

    start: datetime.date
    end: datetime.date
    least_votes: int = 0
    most_votes: int | None = None
    languages: tuple[str, ...] | None = None
    is_first: bool = False
    is_last: bool = False

    def filters(self, date_name: str) -> Mapping[str, Any]:
        """Return the filters of the part.

        Args:
            date_name: The date that is split by: ``primary_release_date`` or ``first_air_date``.
        """
        found: dict[str, Any] = {}
        # Without any bound there would be those without a date too.
        if not self.is_first or self.is_last:
            found[f"{date_name}_gte"] = self.start
        if not self.is_last:
            found[f"{date_name}_lte"] = self.end
        if self.least_votes or self.most_votes is not None:
            found["vote_count_gte"] = self.least_votes
        if self.most_votes is not None:
            found["vote_count_lte"] = self.most_votes
        if self.languages is not None:
            found["with_original_language"] = "|".join(self.languages)
        return found

    def sort_by(self, date_name: str) -> str:
        """Return the order in which the pages of the part are the most stable.

        All movies of one day would be equal by their date, and come in another order with each page.

        Args:
            date_name: The date that is split by.
        """
        if self.start != self.end:
            return f"{date_name}.asc"
        return "original_title.asc" if date_name == "primary_release_date" else "original_name.asc"

    def split(self) -> tuple[Part, Part] | None:
        """Return two parts that make up this one; ``None`` where it cannot be split any more.

        Split by language, they lack what is of none of :data:`LANGUAGES`.
        """
        return self._split_dates() or self._split_votes() or self._split_languages()

    def _split_dates(self) -> tuple[Part, Part] | None:
        """The earlier and the later days."""
        days = (self.end - self.start).days
        if days <= 0:
            return None
        middle = self.start + datetime.timedelta(days=days // 2)
        return (
            replace(self, end=middle, is_last=False),
            replace(self, start=middle + datetime.timedelta(days=1), is_first=False),
        )

    def _split_votes(self) -> tuple[Part, Part] | None:
        """Those with fewer and with more votes."""
        most = MOST_VOTES if self.most_votes is None else self.most_votes
        if most <= self.least_votes:
            return None
        # Nearly all have few votes.
        middle = min(self.least_votes * 2, (self.least_votes + most) // 2)
        return replace(self, most_votes=middle), replace(self, least_votes=middle + 1)

    def _split_languages(self) -> tuple[Part, Part] | None:
        """Those of the languages with many movies and of the others."""
        languages = LANGUAGES if self.languages is None else self.languages
        if len(languages) < 2:
            return None
        middle = max(1, len(languages) // 8)
        return replace(self, languages=languages[:middle]), replace(self, languages=languages[middle:])


def whole(today: datetime.date) -> Part:
    """Return the part that holds every release date.

    Args:
        today: The day it is.
    """
    return Part(FIRST_DAY, datetime.date(today.year + YEARS_AHEAD, 12, 31), is_first=True, is_last=True)


def within(part: Part, filters: Mapping[str, Any], date_name: str) -> Part:
    """Return what of a part a user's own filters let through: the filters of its parts take their place.

    Args:
        part: The part, as a rule the whole.
        filters: The user's, by their names in Python, checked as the endpoint does.
        date_name: The date that is split by.
    """
    given = {name: value for name, value in filters.items() if value not in (None, "")}
    first, last = given.get(f"{date_name}_gte"), given.get(f"{date_name}_lte")
    least, most = given.get("vote_count_gte"), given.get("vote_count_lte")
    language = given.get("with_original_language")
    if first is not None:
        part = replace(part, start=_day(first), is_first=False)
    if last is not None:
        part = replace(part, end=_day(last), is_last=False)
    if least is not None:
        part = replace(part, least_votes=max(0, math.ceil(float(least))))
    if most is not None:
        part = replace(part, most_votes=math.floor(float(most)))
    if language is not None:
        part = replace(part, languages=tuple(dict.fromkeys(str(language).split("|"))))
    return part


def _day(value: datetime.date | str) -> datetime.date:
    """A day of a filter."""
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(value)


def is_too_large(total_pages: int) -> bool:
    """Return whether a part has more pages than TMDB serves."""
    return total_pages > LAST_PAGE


@dataclass(frozen=True)
class Coverage:
    """Outcome of a discover crawl in parts.

    Args:
        expected: Results that TMDB counted for the whole.
        in_parts: Results that it counted for the parts together.
        found: Different ids on the pages.
        duplicates: Ids that were on a page before.
        unread: Results of parts that could not be split any more, behind their last page.
    """

    expected: int
    in_parts: int
    found: int
    duplicates: int
    unread: int

    @property
    def missing(self) -> int:
        """Results that were on no page: without a release date, or moved while the pages were read."""
        return max(0, self.expected - self.found)

    @property
    def outside(self) -> int:
        """Results of the whole that are in no part: without a release date, or in a language unknown here."""
        return max(0, self.expected - self.in_parts)
