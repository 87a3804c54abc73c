"""Account."""

from __future__ import annotations

from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get, post
from tmdbfusion_scrapy.models.account import AccountDetails, Status
from tmdbfusion_scrapy.models.list_items import MovieListItem, RatedEpisode, RatedMovie, RatedTV, TVListItem
from tmdbfusion_scrapy.models.movies import ListSummary
from tmdbfusion_scrapy.models.paging import Page

SortBy = Literal["created_at.asc", "created_at.desc"]
MediaType = Literal["movie", "tv"]


class Account(Namespace[E]):
    """A user's account: favourites, watchlist, ratings and lists. All need the session of the user."""

    name: ClassVar[str] = "account"

    @get("account/{account_id}", operation_id="account-details")
    @staticmethod
    def details(account_id: int, *, session_id: str | None = None) -> AccountDetails:
        """An account.

        https://developer.themoviedb.org/reference/account-details

        Args:
            account_id: TMDB's id of the account.
            session_id: The session of the user.
        """
        raise NotImplementedError

    @post(
        "account/{account_id}/favorite",
        operation_id="account-add-favorite",
        body={"media_type": "media_type", "media_id": "media_id", "favorite": "favorite"},
    )
    @staticmethod
    def add_favorite(
        account_id: int,
        *,
        media_type: MediaType,
        media_id: int,
        favorite: bool,
        session_id: str | None = None,
    ) -> Status:
        """Make a movie or series a favourite, or no longer one.

        https://developer.themoviedb.org/reference/account-add-favorite

        Args:
            account_id: TMDB's id of the account.
            media_type: Whether ``media_id`` is of a ``movie`` or of a series (``tv``).
            media_id: TMDB's id of the movie or series.
            favorite: ``True`` to add it, ``False`` to take it back.
            session_id: The session of the user.
        """
        raise NotImplementedError

    @post(
        "account/{account_id}/watchlist",
        operation_id="account-add-to-watchlist",
        body={"media_type": "media_type", "media_id": "media_id", "watchlist": "watchlist"},
    )
    @staticmethod
    def add_to_watchlist(
        account_id: int,
        *,
        media_type: MediaType,
        media_id: int,
        watchlist: bool,
        session_id: str | None = None,
    ) -> Status:
        """Put a movie or series on the watchlist, or take it off.

        https://developer.themoviedb.org/reference/account-add-to-watchlist

        Args:
            account_id: TMDB's id of the account.
            media_type: Whether ``media_id`` is of a ``movie`` or of a series (``tv``).
            media_id: TMDB's id of the movie or series.
            watchlist: ``True`` to add it, ``False`` to take it off.
            session_id: The session of the user.
        """
        raise NotImplementedError

    @get("account/{account_id}/favorite/movies", operation_id="account-get-favorites")
    @staticmethod
    def favorite_movies(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[MovieListItem]:
        """The favourite movies of a user.

        https://developer.themoviedb.org/reference/account-get-favorites

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was added; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("account/{account_id}/favorite/tv", operation_id="account-favorite-tv")
    @staticmethod
    def favorite_tv(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[TVListItem]:
        """The favourite series of a user.

        https://developer.themoviedb.org/reference/account-favorite-tv

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was added; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("account/{account_id}/lists", operation_id="account-lists")
    @staticmethod
    def lists(
        account_id: int,
        *,
        page: int | None = None,
        session_id: str | None = None,
    ) -> Page[ListSummary]:
        """The lists that a user made.

        https://developer.themoviedb.org/reference/account-lists

        Args:
            account_id: TMDB's id of the account.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
        """
        raise NotImplementedError

    @get("account/{account_id}/rated/movies", operation_id="account-rated-movies")
    @staticmethod
    def rated_movies(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[RatedMovie]:
        """The movies that a user rated.

        https://developer.themoviedb.org/reference/account-rated-movies

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was rated; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("account/{account_id}/rated/tv", operation_id="account-rated-tv")
    @staticmethod
    def rated_tv(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[RatedTV]:
        """The series that a user rated.

        https://developer.themoviedb.org/reference/account-rated-tv

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was rated; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("account/{account_id}/rated/tv/episodes", operation_id="account-rated-tv-episodes")
    @staticmethod
    def rated_tv_episodes(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[RatedEpisode]:
        """The episodes that a user rated.

        https://developer.themoviedb.org/reference/account-rated-tv-episodes

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was rated; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("account/{account_id}/watchlist/movies", operation_id="account-watchlist-movies")
    @staticmethod
    def watchlist_movies(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[MovieListItem]:
        """The movies on the watchlist of a user.

        https://developer.themoviedb.org/reference/account-watchlist-movies

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was added; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError

    @get("account/{account_id}/watchlist/tv", operation_id="account-watchlist-tv")
    @staticmethod
    def watchlist_tv(
        account_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
        session_id: str | None = None,
        sort_by: SortBy | None = None,
    ) -> Page[TVListItem]:
        """The series on the watchlist of a user.

        https://developer.themoviedb.org/reference/account-watchlist-tv

        Args:
            account_id: TMDB's id of the account.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            session_id: The session of the user.
            sort_by: Order, by the day it was added; ``created_at.asc`` at TMDB.
        """
        raise NotImplementedError
