"""What the generated movies, series and people have in common: ids that come and go, and a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.sandbox.reference import ORIGINAL_LANGUAGES

if TYPE_CHECKING:
    from datetime import date

    from tmdbfusion_scrapy.sandbox.calendar import Clock
    from tmdbfusion_scrapy.sandbox.population import Population, Row


class GeneratedRecords:
    """Records of one kind.

    Args:
        population: Their ids.
        clock: Tells the day.
    """

    def __init__(self, population: Population, clock: Clock) -> None:
        self.population = population
        self._clock = clock

    def today(self) -> date:
        """The day that lists such as "now playing" are reckoned from."""
        return self._clock.today()

    def latest(self) -> int | None:
        """The highest id that exists today."""
        return self.population.latest(self.today().toordinal())

    def is_adult(self, item: int) -> bool:
        """Whether an id is an adult one, gone or not."""
        return is_adult(self.population.numbers(item))

    def _row(self, item: int) -> Row | None:
        """A record as it is today."""
        return self.population.row(item, self.today().toordinal())


def is_adult(numbers: tuple[int, ...]) -> bool:
    """Whether the record of these numbers is an adult one: one in 200."""
    return numbers[8] < 21_500_000


def origin(numbers: tuple[int, ...]) -> tuple[str, str]:
    """The original language and the country of the record of these numbers."""
    return ORIGINAL_LANGUAGES[numbers[9] * len(ORIGINAL_LANGUAGES) >> 32]
