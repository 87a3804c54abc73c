"""Series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import delete, get, post
from tmdbfusion_scrapy.models.account import AccountStates, Review, Status
from tmdbfusion_scrapy.models.credits import AggregateCredits, Credits
from tmdbfusion_scrapy.models.images import Images, Videos
from tmdbfusion_scrapy.models.list_items import Changes, TVListItem
from tmdbfusion_scrapy.models.movies import ListSummary
from tmdbfusion_scrapy.models.paging import Page
from tmdbfusion_scrapy.models.reference import WatchProviders
from tmdbfusion_scrapy.models.releases import ContentRatings, TVAlternativeTitles
from tmdbfusion_scrapy.models.translations import TVTranslations
from tmdbfusion_scrapy.models.tv import (
    EpisodeGroups,
    ScreenedTheatrically,
    TVDetails,
    TVExternalIds,
    TVKeywords,
)


class TV(Namespace[E]):
    """Series: one by its id, its parts, and the lists of them."""

    name: ClassVar[str] = "tv"
    kind: ClassVar[str] = "tv_shows"

    @get("tv/{series_id}", operation_id="tv-series-details", echoes={"series_id": "id"})
    @staticmethod
    def details(
        series_id: int,
        *,
        append_to_response: Iterable[str] | str | None = None,
        include_image_language: Iterable[str | None] | str | None = None,
        include_video_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
        languages: Sequence[str] | None = None,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> TVDetails:
        """A series, with the parts that are asked for.

        https://developer.themoviedb.org/reference/tv-series-details

        Args:
            series_id: TMDB's id of the series.
            append_to_response: Parts to send along, such as ``["aggregate_credits", "images"]``: the
                names of the other endpoints of a series, ``watch/providers`` among them, and whole
                seasons as ``season/1``. Up to 20 of them take no request of their own.
            include_image_language: Languages to add to the appended ``images``, such as ``["en", None]``; ``None``
                is for images without text.
            include_video_language: Languages to add to the appended ``videos``, such as ``["en", "fr"]``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            languages: Languages to take the texts from, best first (``["fr-CA", "fr", "en"]``), by way of
                ``translations`` in the same call.
            session_id: The session of a user, for the part ``account_states``; sent with that part alone.
            guest_session_id: The session of a guest, likewise.
        """
        raise NotImplementedError

    @get("tv/{series_id}/account_states", operation_id="tv-series-account-states")
    @staticmethod
    def account_states(
        series_id: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> AccountStates:
        """Return whether a user rated a series, made it a favourite, or wants to watch it.

        https://developer.themoviedb.org/reference/tv-series-account-states

        Args:
            series_id: TMDB's id of the series.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @get("tv/{series_id}/aggregate_credits", operation_id="tv-series-aggregate-credits")
    @staticmethod
    def aggregate_credits(series_id: int, *, language: str | None = None) -> AggregateCredits:
        """The cast and crew of all episodes of a series, with all roles and jobs of each person.

        https://developer.themoviedb.org/reference/tv-series-aggregate-credits

        Args:
            series_id: TMDB's id of the series.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/alternative_titles", operation_id="tv-series-alternative-titles")
    @staticmethod
    def alternative_titles(series_id: int) -> TVAlternativeTitles:
        """The titles of a series by country.

        https://developer.themoviedb.org/reference/tv-series-alternative-titles

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/changes", operation_id="tv-series-changes")
    @staticmethod
    def changes(
        series_id: int,
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Changes:
        """The edits of a series.

        https://developer.themoviedb.org/reference/tv-series-changes

        Args:
            series_id: TMDB's id of the series.
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/content_ratings", operation_id="tv-series-content-ratings")
    @staticmethod
    def content_ratings(series_id: int) -> ContentRatings:
        """For whom a series is meant, by country.

        https://developer.themoviedb.org/reference/tv-series-content-ratings

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/credits", operation_id="tv-series-credits")
    @staticmethod
    def credits(series_id: int, *, language: str | None = None) -> Credits:
        """The cast and crew of the latest season of a series.

        Those of all seasons are in ``aggregate_credits``.

        https://developer.themoviedb.org/reference/tv-series-credits

        Args:
            series_id: TMDB's id of the series.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/episode_groups", operation_id="tv-series-episode-groups")
    @staticmethod
    def episode_groups(series_id: int) -> EpisodeGroups:
        """Other orders of the episodes of a series, such as that of its DVDs.

        ``tv_episode_groups.details`` has the episodes of one.

        https://developer.themoviedb.org/reference/tv-series-episode-groups

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/external_ids", operation_id="tv-series-external-ids")
    @staticmethod
    def external_ids(series_id: int) -> TVExternalIds:
        """The ids of a series elsewhere.

        https://developer.themoviedb.org/reference/tv-series-external-ids

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/images", operation_id="tv-series-images")
    @staticmethod
    def images(
        series_id: int,
        *,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> Images:
        """The images of a series.

        https://developer.themoviedb.org/reference/tv-series-images

        Args:
            series_id: TMDB's id of the series.
            include_image_language: Languages of images to add, such as ``["en", "null"]``; ``null`` are those
                without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``): images of this language only.
        """
        raise NotImplementedError

    @get("tv/{series_id}/keywords", operation_id="tv-series-keywords")
    @staticmethod
    def keywords(series_id: int) -> TVKeywords:
        """The keywords of a series.

        https://developer.themoviedb.org/reference/tv-series-keywords

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/lists", operation_id="lists-copy")
    @staticmethod
    def lists(series_id: int, *, language: str | None = None, page: int | None = None) -> Page[ListSummary]:
        """The users' lists that a series is on.

        https://developer.themoviedb.org/reference/lists-copy

        Args:
            series_id: TMDB's id of the series.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/recommendations", operation_id="tv-series-recommendations")
    @staticmethod
    def recommendations(
        series_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[TVListItem]:
        """Series that TMDB recommends to those who like this one.

        https://developer.themoviedb.org/reference/tv-series-recommendations

        Args:
            series_id: TMDB's id of the series.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/reviews", operation_id="tv-series-reviews")
    @staticmethod
    def reviews(series_id: int, *, language: str | None = None, page: int | None = None) -> Page[Review]:
        """The reviews of a series.

        https://developer.themoviedb.org/reference/tv-series-reviews

        Args:
            series_id: TMDB's id of the series.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/screened_theatrically", operation_id="tv-series-screened-theatrically")
    @staticmethod
    def screened_theatrically(series_id: int) -> ScreenedTheatrically:
        """The episodes of a series that were shown in theatres.

        https://developer.themoviedb.org/reference/tv-series-screened-theatrically

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/similar", operation_id="tv-series-similar")
    @staticmethod
    def similar(series_id: int, *, language: str | None = None, page: int | None = None) -> Page[TVListItem]:
        """Series of like genres and keywords.

        https://developer.themoviedb.org/reference/tv-series-similar

        Args:
            series_id: TMDB's id of the series.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/translations", operation_id="tv-series-translations")
    @staticmethod
    def translations(series_id: int) -> TVTranslations:
        """The translations of a series.

        https://developer.themoviedb.org/reference/tv-series-translations

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @get("tv/{series_id}/videos", operation_id="tv-series-videos")
    @staticmethod
    def videos(
        series_id: int,
        *,
        include_video_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> Videos:
        """The trailers, teasers and clips of a series.

        https://developer.themoviedb.org/reference/tv-series-videos

        Args:
            series_id: TMDB's id of the series.
            include_video_language: Languages of videos to add, such as ``["en", "fr"]``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/watch/providers", operation_id="tv-series-watch-providers")
    @staticmethod
    def watch_providers(series_id: int) -> WatchProviders:
        """Ways to watch a series, by country. Attribute the data to JustWatch.

        https://developer.themoviedb.org/reference/tv-series-watch-providers

        Args:
            series_id: TMDB's id of the series.
        """
        raise NotImplementedError

    @post("tv/{series_id}/rating", operation_id="tv-series-add-rating", body={"rating": "value"})
    @staticmethod
    def add_rating(
        series_id: int,
        *,
        rating: float,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> Status:
        """Rate a series.

        https://developer.themoviedb.org/reference/tv-series-add-rating

        Args:
            series_id: TMDB's id of the series.
            rating: 0.5 to 10.0 in steps of 0.5.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @delete("tv/{series_id}/rating", operation_id="tv-series-delete-rating")
    @staticmethod
    def delete_rating(
        series_id: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> Status:
        """Take a rating back.

        https://developer.themoviedb.org/reference/tv-series-delete-rating

        Args:
            series_id: TMDB's id of the series.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @get("tv/latest", operation_id="tv-series-latest-id")
    @staticmethod
    def latest() -> TVDetails:
        """The series that was added last.

        https://developer.themoviedb.org/reference/tv-series-latest-id
        """
        raise NotImplementedError

    @get("tv/airing_today", operation_id="tv-series-airing-today-list")
    @staticmethod
    def airing_today(
        *,
        language: str | None = None,
        page: int | None = None,
        timezone: str | None = None,
    ) -> Page[TVListItem]:
        """Series of which an episode airs today.

        https://developer.themoviedb.org/reference/tv-series-airing-today-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            timezone: Time zone whose day counts, such as ``America/New_York``.
        """
        raise NotImplementedError

    @get("tv/on_the_air", operation_id="tv-series-on-the-air-list")
    @staticmethod
    def on_the_air(
        *,
        language: str | None = None,
        page: int | None = None,
        timezone: str | None = None,
    ) -> Page[TVListItem]:
        """Series of which an episode airs in the next seven days.

        https://developer.themoviedb.org/reference/tv-series-on-the-air-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            timezone: Time zone whose day counts, such as ``America/New_York``.
        """
        raise NotImplementedError

    @get("tv/popular", operation_id="tv-series-popular-list")
    @staticmethod
    def popular(*, language: str | None = None, page: int | None = None) -> Page[TVListItem]:
        """Series by popularity.

        https://developer.themoviedb.org/reference/tv-series-popular-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/top_rated", operation_id="tv-series-top-rated-list")
    @staticmethod
    def top_rated(*, language: str | None = None, page: int | None = None) -> Page[TVListItem]:
        """Series by rating.

        https://developer.themoviedb.org/reference/tv-series-top-rated-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError
