"""Sessions of users and of guests."""

from __future__ import annotations

from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import delete, get, post
from tmdbfusion_scrapy.models.account import GuestSession, RequestToken, Session, Status
from tmdbfusion_scrapy.models.list_items import RatedEpisode, RatedMovie, RatedTV
from tmdbfusion_scrapy.models.paging import Page


class Authentication(Namespace[E]):
    """Validity of a token or key, and the sessions of users and guests.

    A user's session takes three steps: :meth:`create_request_token`; the user approves it at
    ``https://www.themoviedb.org/authenticate/{request_token}`` (or :meth:`create_session_from_login` does);
    :meth:`create_session` (https://developer.themoviedb.org/reference/authentication-how-do-i-generate-a-session-id).
    """

    name: ClassVar[str] = "authentication"

    @get("authentication", operation_id="authentication-validate-key")
    @staticmethod
    def validate_key() -> Status:
        """Return whether the token or key is accepted.

        A bad one raises ``AuthenticationError``.

        https://developer.themoviedb.org/reference/authentication-validate-key
        """
        raise NotImplementedError

    @get("authentication/guest_session/new", operation_id="authentication-create-guest-session")
    @staticmethod
    def create_guest_session() -> GuestSession:
        """Begin the session of a guest, who can rate but has no account.

        https://developer.themoviedb.org/reference/authentication-create-guest-session
        """
        raise NotImplementedError

    @get("authentication/token/new", operation_id="authentication-create-request-token")
    @staticmethod
    def create_request_token() -> RequestToken:
        """A token for a user to approve.

        https://developer.themoviedb.org/reference/authentication-create-request-token
        """
        raise NotImplementedError

    @post(
        "authentication/session/new",
        operation_id="authentication-create-session",
        body={"request_token": "request_token"},
    )
    @staticmethod
    def create_session(*, request_token: str) -> Session:
        """Begin the session of a user who has approved a request token.

        https://developer.themoviedb.org/reference/authentication-create-session

        Args:
            request_token: The approved token.
        """
        raise NotImplementedError

    @post(
        "authentication/session/convert/4",
        operation_id="authentication-create-session-from-v4-token",
        body={"access_token": "access_token"},
    )
    @staticmethod
    def create_session_from_v4_token(*, access_token: str) -> Session:
        """Begin the session of a user from a v4 access token that the user approved.

        https://developer.themoviedb.org/reference/authentication-create-session-from-v4-token

        Args:
            access_token: The v4 access token of the user.
        """
        raise NotImplementedError

    @post(
        "authentication/token/validate_with_login",
        operation_id="authentication-create-session-from-login",
        body={"username": "username", "password": "password", "request_token": "request_token"},
    )
    @staticmethod
    def create_session_from_login(
        *,
        username: str,
        password: str,
        request_token: str,
    ) -> RequestToken:
        """Approve a request token with the name and password of a user.

        It gives back the approved token, of which :meth:`create_session` makes the session.

        https://developer.themoviedb.org/reference/authentication-create-session-from-login

        Args:
            username: Name of the user.
            password: Password of the user.
            request_token: A token of :meth:`create_request_token`.
        """
        raise NotImplementedError

    @delete(
        "authentication/session",
        operation_id="authentication-delete-session",
        body={"session_id": "session_id"},
    )
    @staticmethod
    def delete_session(*, session_id: str | None = None) -> Status:
        """End the session of a user.

        https://developer.themoviedb.org/reference/authentication-delete-session

        Args:
            session_id: The session to end; the client's own where none is given.
        """
        raise NotImplementedError


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
