"""People and their credits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.credits import (
    CreditDetails,
    PersonCombinedCredits,
    PersonMovieCredits,
    PersonTVCredits,
)
from tmdbfusion_scrapy.models.list_items import Changes, PersonListItem
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.people import PersonDetails, PersonExternalIds, PersonImages, TaggedImage
from tmdbfusion_scrapy.models.translations import PersonTranslations


class People(Namespace[E]):
    """People: one by their id, their parts, and the lists of them."""

    name: ClassVar[str] = "people"
    kind: ClassVar[str] = "people"

    @get("person/{person_id}", operation_id="person-details", echoes={"person_id": "id"})
    @staticmethod
    def details(
        person_id: int,
        *,
        append_to_response: Iterable[str] | str | None = None,
        language: str | None = None,
        languages: Sequence[str] | None = None,
    ) -> PersonDetails:
        """A person, with the parts that are asked for.

        https://developer.themoviedb.org/reference/person-details

        Args:
            person_id: TMDB's id of the person.
            append_to_response: Parts to send along, such as ``["movie_credits", "images"]``: the names
                of the other endpoints of a person. Up to 20 of them take no request of their own.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            languages: Languages to take the texts from, best first (``["fr-CA", "fr", "en"]``), by way of
                ``translations`` in the same call.
        """
        raise NotImplementedError

    @get("person/{person_id}/changes", operation_id="person-changes")
    @staticmethod
    def changes(
        person_id: int,
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Changes:
        """The edits of a person.

        https://developer.themoviedb.org/reference/person-changes

        Args:
            person_id: TMDB's id of the person.
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("person/{person_id}/combined_credits", operation_id="person-combined-credits")
    @staticmethod
    def combined_credits(person_id: int, *, language: str | None = None) -> PersonCombinedCredits:
        """The movies and series of a person.

        https://developer.themoviedb.org/reference/person-combined-credits

        Args:
            person_id: TMDB's id of the person.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("person/{person_id}/external_ids", operation_id="person-external-ids")
    @staticmethod
    def external_ids(person_id: int) -> PersonExternalIds:
        """The ids of a person elsewhere.

        https://developer.themoviedb.org/reference/person-external-ids

        Args:
            person_id: TMDB's id of the person.
        """
        raise NotImplementedError

    @get("person/{person_id}/images", operation_id="person-images")
    @staticmethod
    def images(person_id: int) -> PersonImages:
        """The portraits of a person.

        https://developer.themoviedb.org/reference/person-images

        Args:
            person_id: TMDB's id of the person.
        """
        raise NotImplementedError

    @get("person/{person_id}/movie_credits", operation_id="person-movie-credits")
    @staticmethod
    def movie_credits(person_id: int, *, language: str | None = None) -> PersonMovieCredits:
        """The movies of a person.

        https://developer.themoviedb.org/reference/person-movie-credits

        Args:
            person_id: TMDB's id of the person.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("person/{person_id}/tagged_images", operation_id="person-tagged-images")
    @staticmethod
    def tagged_images(person_id: int, *, page: int | None = None) -> Page[TaggedImage]:
        """The images of movies, series, seasons and episodes that a person was tagged in.

        https://developer.themoviedb.org/reference/person-tagged-images

        Args:
            person_id: TMDB's id of the person.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("person/{person_id}/translations", operation_id="translations")
    @staticmethod
    def translations(person_id: int) -> PersonTranslations:
        """The translations of a person.

        https://developer.themoviedb.org/reference/translations

        Args:
            person_id: TMDB's id of the person.
        """
        raise NotImplementedError

    @get("person/{person_id}/tv_credits", operation_id="person-tv-credits")
    @staticmethod
    def tv_credits(person_id: int, *, language: str | None = None) -> PersonTVCredits:
        """The series of a person.

        https://developer.themoviedb.org/reference/person-tv-credits

        Args:
            person_id: TMDB's id of the person.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("person/latest", operation_id="person-latest-id")
    @staticmethod
    def latest() -> PersonDetails:
        """The person who was added last.

        https://developer.themoviedb.org/reference/person-latest-id
        """
        raise NotImplementedError

    @get("person/popular", operation_id="person-popular-list")
    @staticmethod
    def popular(*, language: str | None = None, page: int | None = None) -> Page[PersonListItem]:
        """People by popularity.

        https://developer.themoviedb.org/reference/person-popular-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError


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
