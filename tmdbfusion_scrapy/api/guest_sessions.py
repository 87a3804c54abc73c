"""Guest sessions."""

from __future__ import annotations

from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.list_items import RatedEpisode, RatedMovie, RatedTV
from tmdbfusion_scrapy.models.paging import Page

SortBy = Literal["created_at.asc", "created_at.desc"]


class GuestSessions(Namespace[E]):
    """Ratings of a guest. A session is begun by ``authentication.create_guest_session``."""

    name: ClassVar[str] = "guest_sessions"

    @get("guest_session/{guest_session_id}/rated/movies", operation_id="guest-session-rated-movies")
    @staticmethod
    def rated_movies(
        guest_session_id: str | None = None,
        *,
        language: str | None = None,
        page: int | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[RatedMovie]:
        """The movies that a guest rated.

        https://developer.themoviedb.org/reference/guest-session-rated-movies

        Args:
            guest_session_id: The session of the guest; the client's own where it has one.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            sort_by: Order, by the day it was rated; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("guest_session/{guest_session_id}/rated/tv", operation_id="guest-session-rated-tv")
    @staticmethod
    def rated_tv(
        guest_session_id: str | None = None,
        *,
        language: str | None = None,
        page: int | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[RatedTV]:
        """The series that a guest rated.

        https://developer.themoviedb.org/reference/guest-session-rated-tv

        Args:
            guest_session_id: The session of the guest; the client's own where it has one.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            sort_by: Order, by the day it was rated; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("guest_session/{guest_session_id}/rated/tv/episodes", operation_id="guest-session-rated-tv-episodes")
    @staticmethod
    def rated_tv_episodes(
        guest_session_id: str | None = None,
        *,
        language: str | None = None,
        page: int | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[RatedEpisode]:
        """The episodes that a guest rated.

        https://developer.themoviedb.org/reference/guest-session-rated-tv-episodes

        Args:
            guest_session_id: The session of the guest; the client's own where it has one.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            sort_by: Order, by the day it was rated; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError
