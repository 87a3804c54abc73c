"""Seasons of series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.account import SeasonAccountStates
from tmdbfusion_scrapy.models.credits import AggregateCredits, Credits
from tmdbfusion_scrapy.models.images import SeasonImages, Videos
from tmdbfusion_scrapy.models.list_items import Changes
from tmdbfusion_scrapy.models.reference import WatchProviders
from tmdbfusion_scrapy.models.translations import SeasonTranslations
from tmdbfusion_scrapy.models.tv import SeasonDetails, SeasonExternalIds


class TVSeasons(Namespace[E]):
    """Seasons: one by its series and number, and its parts."""

    name: ClassVar[str] = "tv_seasons"
    kind: ClassVar[str] = "seasons"

    @get(
        "tv/{series_id}/season/{season_number}",
        operation_id="tv-season-details",
        echoes={"series_id": "episodes.show_id", "season_number": "season_number"},
    )
    @staticmethod
    def details(
        series_id: int,
        season_number: int,
        *,
        append_to_response: Iterable[str] | str | None = None,
        include_image_language: Iterable[str | None] | str | None = None,
        include_video_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
        languages: Sequence[str] | None = None,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> SeasonDetails:
        """A season with its episodes, and with the parts that are asked for.

        https://developer.themoviedb.org/reference/tv-season-details

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            append_to_response: Parts to send along, such as ``["aggregate_credits", "images"]``: the
                names of the other endpoints of a season but ``changes``, ``watch/providers`` among them.
                Up to 20 of them take no request of their own.
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

    @get("tv/{series_id}/season/{season_number}/account_states", operation_id="tv-season-account-states")
    @staticmethod
    def account_states(
        series_id: int,
        season_number: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> SeasonAccountStates:
        """Ratings by a user of the episodes of a season.

        https://developer.themoviedb.org/reference/tv-season-account-states

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @get(
        "tv/{series_id}/season/{season_number}/aggregate_credits",
        operation_id="tv-season-aggregate-credits",
    )
    @staticmethod
    def aggregate_credits(
        series_id: int,
        season_number: int,
        *,
        language: str | None = None,
    ) -> AggregateCredits:
        """The cast and crew of all episodes of a season, with all roles and jobs of each person.

        https://developer.themoviedb.org/reference/tv-season-aggregate-credits

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("tv/season/{season_id}/changes", operation_id="tv-season-changes-by-id")
    @staticmethod
    def changes(
        season_id: int,
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Changes:
        """The edits of a season.

        https://developer.themoviedb.org/reference/tv-season-changes-by-id

        Args:
            season_id: TMDB's id of the season, which is not its number.
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/season/{season_number}/credits", operation_id="tv-season-credits")
    @staticmethod
    def credits(series_id: int, season_number: int, *, language: str | None = None) -> Credits:
        """The cast and crew of a season.

        https://developer.themoviedb.org/reference/tv-season-credits

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/season/{season_number}/external_ids", operation_id="tv-season-external-ids")
    @staticmethod
    def external_ids(series_id: int, season_number: int) -> SeasonExternalIds:
        """The ids of a season elsewhere.

        https://developer.themoviedb.org/reference/tv-season-external-ids

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
        """
        raise NotImplementedError

    @get("tv/{series_id}/season/{season_number}/images", operation_id="tv-season-images")
    @staticmethod
    def images(
        series_id: int,
        season_number: int,
        *,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> SeasonImages:
        """The images of a season.

        https://developer.themoviedb.org/reference/tv-season-images

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            include_image_language: Languages of images to add, such as ``["en", "null"]``; ``null`` are those
                without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``): images of this language only.
        """
        raise NotImplementedError

    @get("tv/{series_id}/season/{season_number}/translations", operation_id="tv-season-translations")
    @staticmethod
    def translations(series_id: int, season_number: int) -> SeasonTranslations:
        """The translations of a season.

        https://developer.themoviedb.org/reference/tv-season-translations

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
        """
        raise NotImplementedError

    @get("tv/{series_id}/season/{season_number}/videos", operation_id="tv-season-videos")
    @staticmethod
    def videos(
        series_id: int,
        season_number: int,
        *,
        include_video_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> Videos:
        """The trailers, teasers and clips of a season.

        https://developer.themoviedb.org/reference/tv-season-videos

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            include_video_language: Languages of videos to add, such as ``["en", "fr"]``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("tv/{series_id}/season/{season_number}/watch/providers", operation_id="tv-season-watch-providers")
    @staticmethod
    def watch_providers(series_id: int, season_number: int, *, language: str | None = None) -> WatchProviders:
        """Ways to watch a season, by country. Attribute the data to JustWatch.

        https://developer.themoviedb.org/reference/tv-season-watch-providers

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError
