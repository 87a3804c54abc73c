"""Keywords."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.keywords import Keyword
from tmdbfusion_scrapy.models.list_items import MovieListItem
from tmdbfusion_scrapy.models.paging import Page


class Keywords(Namespace[E]):
    """Keywords and the movies that have them."""

    name: ClassVar[str] = "keywords"
    kind: ClassVar[str] = "keywords"

    @get("keyword/{keyword_id}", operation_id="keyword-details", echoes={"keyword_id": "id"})
    @staticmethod
    def details(keyword_id: int) -> Keyword:
        """A keyword.

        https://developer.themoviedb.org/reference/keyword-details

        Args:
            keyword_id: TMDB's id of the keyword.
        """
        raise NotImplementedError

    @get("keyword/{keyword_id}/movies", operation_id="keyword-movies")
    @staticmethod
    def movies(
        keyword_id: int,
        *,
        include_adult: bool | None = None,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MovieListItem]:
        """The movies that have a keyword.

        ``discover.movie(with_keywords=...)`` filters and sorts them too.

        https://developer.themoviedb.org/reference/keyword-movies

        Args:
            keyword_id: TMDB's id of the keyword.
            include_adult: Adult movies too; ``False`` at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError
