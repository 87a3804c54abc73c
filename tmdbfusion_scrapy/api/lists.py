"""Lists of users, and reviews."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import delete, get, post
from tmdbfusion_scrapy.models.account import CreatedList, ListDetails, ListItemStatus, ReviewDetails, Status


class Lists(Namespace[E]):
    """Users' own lists of movies."""

    name: ClassVar[str] = "lists"

    @post("list/{list_id}/add_item", operation_id="list-add-movie", body={"media_id": "media_id"})
    @staticmethod
    def add_movie(
        list_id: int,
        *,
        media_id: int,
        session_id: str | None = None,
    ) -> Status:
        """Put a movie on a list.

        https://developer.themoviedb.org/reference/list-add-movie

        Args:
            list_id: TMDB's id of the list.
            media_id: TMDB's id of the movie.
            session_id: The session of the user whose list it is.
        """
        raise NotImplementedError

    @get("list/{list_id}/item_status", operation_id="list-check-item-status")
    @staticmethod
    def check_item_status(
        list_id: int,
        *,
        language: str | None = None,
        movie_id: int | None = None,
    ) -> ListItemStatus:
        """Return whether a movie is on a list.

        https://developer.themoviedb.org/reference/list-check-item-status

        Args:
            list_id: TMDB's id of the list.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            movie_id: TMDB's id of the movie.
        """
        raise NotImplementedError

    @post("list/{list_id}/clear", operation_id="list-clear")
    @staticmethod
    def clear(
        list_id: int,
        *,
        confirm: bool,
        session_id: str | None = None,
    ) -> Status:
        """Take everything off a list.

        https://developer.themoviedb.org/reference/list-clear

        Args:
            list_id: TMDB's id of the list.
            confirm: ``True``, or TMDB refuses it (error 29).
            session_id: The session of the user whose list it is.
        """
        raise NotImplementedError

    @post(
        "list",
        operation_id="list-create",
        body={"name": "name", "description": "description", "language": "language"},
    )
    @staticmethod
    def create(
        *,
        name: str,
        description: str | None = None,
        language: str | None = None,
        session_id: str | None = None,
    ) -> CreatedList:
        """Make a new list.

        https://developer.themoviedb.org/reference/list-create

        Args:
            name: Name of the list.
            description: What the list is about.
            language: ISO 639-1 code of the language that the list is in.
            session_id: The session of the user whose list it will be.
        """
        raise NotImplementedError

    @delete("list/{list_id}", operation_id="list-delete")
    @staticmethod
    def delete(list_id: int, *, session_id: str | None = None) -> Status:
        """Delete a list.

        https://developer.themoviedb.org/reference/list-delete

        Args:
            list_id: TMDB's id of the list.
            session_id: The session of the user whose list it is.
        """
        raise NotImplementedError

    @get("list/{list_id}", operation_id="list-details", echoes={"list_id": "id"})
    @staticmethod
    def details(
        list_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> ListDetails:
        """A list and a page of its items.

        https://developer.themoviedb.org/reference/list-details

        Args:
            list_id: TMDB's id of the list.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @post("list/{list_id}/remove_item", operation_id="list-remove-movie", body={"media_id": "media_id"})
    @staticmethod
    def remove_movie(
        list_id: int,
        *,
        media_id: int,
        session_id: str | None = None,
    ) -> Status:
        """Take a movie off a list.

        https://developer.themoviedb.org/reference/list-remove-movie

        Args:
            list_id: TMDB's id of the list.
            media_id: TMDB's id of the movie.
            session_id: The session of the user whose list it is.
        """
        raise NotImplementedError


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
