"""Reviews."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.lists import ReviewDetails


class Reviews(Namespace[E]):
    """Single reviews."""

    name: ClassVar[str] = "reviews"

    @get("review/{review_id}", operation_id="review-details", echoes={"review_id": "id"})
    @staticmethod
    def details(review_id: str) -> ReviewDetails:
        """A review of a movie or series.

        https://developer.themoviedb.org/reference/review-details

        Args:
            review_id: TMDB's id of the review.
        """
        raise NotImplementedError
