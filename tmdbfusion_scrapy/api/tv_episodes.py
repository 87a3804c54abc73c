"""Episodes, and groups of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import delete, get, post
from tmdbfusion_scrapy.models.account import AccountStates, Status
from tmdbfusion_scrapy.models.credits import EpisodeCredits
from tmdbfusion_scrapy.models.images import EpisodeImages, Videos
from tmdbfusion_scrapy.models.list_items import Changes
from tmdbfusion_scrapy.models.translations import EpisodeTranslations
from tmdbfusion_scrapy.models.tv import EpisodeDetails, EpisodeExternalIds, EpisodeGroupDetails


class TVEpisodes(Namespace[E]):
    """Episodes: one by its series, season and number, and its parts."""

    name: ClassVar[str] = "tv_episodes"
    kind: ClassVar[str] = "episodes"

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}",
        operation_id="tv-episode-details",
        echoes={
            "series_id": "show_id",
            "season_number": "season_number",
            "episode_number": "episode_number",
        },
    )
    @staticmethod
    def details(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        append_to_response: Iterable[str] | str | None = None,
        include_image_language: Iterable[str | None] | str | None = None,
        include_video_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
        languages: Sequence[str] | None = None,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> EpisodeDetails:
        """An episode, with the parts that are asked for.

        https://developer.themoviedb.org/reference/tv-episode-details

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            append_to_response: Parts to send along, such as ``["credits", "images"]``: the names of the
                other endpoints of an episode but ``changes``. Up to 20 of them take no request of their
                own.
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

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/account_states",
        operation_id="tv-episode-account-states",
    )
    @staticmethod
    def account_states(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> AccountStates:
        """Return whether a user rated an episode.

        https://developer.themoviedb.org/reference/tv-episode-account-states

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @get("tv/episode/{episode_id}/changes", operation_id="tv-episode-changes-by-id")
    @staticmethod
    def changes(episode_id: int) -> Changes:
        """The edits of an episode.

        https://developer.themoviedb.org/reference/tv-episode-changes-by-id

        Args:
            episode_id: TMDB's id of the episode, which is not its number.
        """
        raise NotImplementedError

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/credits",
        operation_id="tv-episode-credits",
    )
    @staticmethod
    def credits(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        language: str | None = None,
    ) -> EpisodeCredits:
        """The cast, crew and guests of an episode.

        https://developer.themoviedb.org/reference/tv-episode-credits

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/external_ids",
        operation_id="tv-episode-external-ids",
    )
    @staticmethod
    def external_ids(series_id: int, season_number: int, episode_number: int) -> EpisodeExternalIds:
        """The ids of an episode elsewhere.

        https://developer.themoviedb.org/reference/tv-episode-external-ids

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
        """
        raise NotImplementedError

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/images",
        operation_id="tv-episode-images",
    )
    @staticmethod
    def images(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> EpisodeImages:
        """The images of an episode.

        https://developer.themoviedb.org/reference/tv-episode-images

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            include_image_language: Languages of images to add, such as ``["en", "null"]``; ``null`` are those
                without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``): images of this language only.
        """
        raise NotImplementedError

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/translations",
        operation_id="tv-episode-translations",
    )
    @staticmethod
    def translations(series_id: int, season_number: int, episode_number: int) -> EpisodeTranslations:
        """The translations of an episode.

        https://developer.themoviedb.org/reference/tv-episode-translations

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
        """
        raise NotImplementedError

    @get(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/videos",
        operation_id="tv-episode-videos",
    )
    @staticmethod
    def videos(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        include_video_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> Videos:
        """The trailers, teasers and clips of an episode.

        https://developer.themoviedb.org/reference/tv-episode-videos

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            include_video_language: Languages of videos to add, such as ``["en", "fr"]``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @post(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/rating",
        operation_id="tv-episode-add-rating",
        body={"rating": "value"},
    )
    @staticmethod
    def add_rating(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        rating: float,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> Status:
        """Rate an episode.

        https://developer.themoviedb.org/reference/tv-episode-add-rating

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            rating: 0.5 to 10.0 in steps of 0.5.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @delete(
        "tv/{series_id}/season/{season_number}/episode/{episode_number}/rating",
        operation_id="tv-episode-delete-rating",
    )
    @staticmethod
    def delete_rating(
        series_id: int,
        season_number: int,
        episode_number: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> Status:
        """Take a rating back.

        https://developer.themoviedb.org/reference/tv-episode-delete-rating

        Args:
            series_id: TMDB's id of the series.
            season_number: Number of the season; 0 are the specials.
            episode_number: Number of the episode in its season.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError


class TVEpisodeGroups(Namespace[E]):
    """Orders of the episodes of a series: one by its id."""

    name: ClassVar[str] = "tv_episode_groups"

    @get(
        "tv/episode_group/{tv_episode_group_id}",
        operation_id="tv-episode-group-details",
        echoes={"tv_episode_group_id": "id"},
    )
    @staticmethod
    def details(tv_episode_group_id: str) -> EpisodeGroupDetails:
        """An order of the episodes of a series, with its groups of episodes.

        https://developer.themoviedb.org/reference/tv-episode-group-details

        Args:
            tv_episode_group_id: TMDB's id of the order, as ``tv.episode_groups`` names it.
        """
        raise NotImplementedError
