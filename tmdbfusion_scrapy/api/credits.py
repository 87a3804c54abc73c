"""Credits."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.credits import CreditDetails


class Credits(Namespace[E]):
    """Single credits."""

    name: ClassVar[str] = "credits"

    @get("credit/{credit_id}", operation_id="credit-details", echoes={"credit_id": "id"})
    @staticmethod
    def details(credit_id: str, *, language: str | None = None) -> CreditDetails:
        """A credit of a movie or series: who, in what, as what.

        https://developer.themoviedb.org/reference/credit-details

        Args:
            credit_id: TMDB's id of the credit, the ``credit_id`` of a cast or crew.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError
