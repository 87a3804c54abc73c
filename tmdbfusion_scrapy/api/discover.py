"""Titles by filters, what is trending, and what changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import ClassVar, Literal

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.models.list_items import (
    ChangedItem,
    MediaItem,
    MovieListItem,
    PersonListItem,
    TVListItem,
)
from tmdbfusion_scrapy.models.paging import Page

Filter = Iterable[str | int] | str | int
"""Values of a filter: one, several (all must hold), or text in TMDB's form (``28|12``)."""

MovieSortBy = Literal[
    "original_title.asc",
    "original_title.desc",
    "popularity.asc",
    "popularity.desc",
    "primary_release_date.asc",
    "primary_release_date.desc",
    "revenue.asc",
    "revenue.desc",
    "title.asc",
    "title.desc",
    "vote_average.asc",
    "vote_average.desc",
    "vote_count.asc",
    "vote_count.desc",
]

TVSortBy = Literal[
    "first_air_date.asc",
    "first_air_date.desc",
    "name.asc",
    "name.desc",
    "original_name.asc",
    "original_name.desc",
    "popularity.asc",
    "popularity.desc",
    "vote_average.asc",
    "vote_average.desc",
    "vote_count.asc",
    "vote_count.desc",
]


class Discover(Namespace[E]):
    """Movies and series by filters and order."""

    name: ClassVar[str] = "discover"

    @get("discover/movie", operation_id="discover-movie")
    @staticmethod
    def movie(
        *,
        certification: str | None = None,
        certification_gte: str | None = None,
        certification_lte: str | None = None,
        certification_country: str | None = None,
        include_adult: bool | None = None,
        include_video: bool | None = None,
        language: str | None = None,
        page: int | None = None,
        primary_release_year: int | None = None,
        primary_release_date_gte: date | str | None = None,
        primary_release_date_lte: date | str | None = None,
        region: str | None = None,
        release_date_gte: date | str | None = None,
        release_date_lte: date | str | None = None,
        sort_by: MovieSortBy | None = None,
        vote_average_gte: float | None = None,
        vote_average_lte: float | None = None,
        vote_count_gte: float | None = None,
        vote_count_lte: float | None = None,
        watch_region: str | None = None,
        with_cast: Filter | None = None,
        with_companies: Filter | None = None,
        with_crew: Filter | None = None,
        with_genres: Filter | None = None,
        with_keywords: Filter | None = None,
        with_origin_country: str | None = None,
        with_original_language: str | None = None,
        with_people: Filter | None = None,
        with_release_type: Filter | None = None,
        with_runtime_gte: int | None = None,
        with_runtime_lte: int | None = None,
        with_watch_monetization_types: Filter | None = None,
        with_watch_providers: Filter | None = None,
        without_companies: Filter | None = None,
        without_genres: Filter | None = None,
        without_keywords: Filter | None = None,
        without_watch_providers: Filter | None = None,
        year: int | None = None,
    ) -> Page[MovieListItem]:
        """Movies by filters and order.

        A filter with a dot in TMDB's name has an underscore here (``vote_average_gte``);
        at run time the dotted name is taken as well. In a filter on several values a comma means all of them
        and a ``|`` any of them.

        https://developer.themoviedb.org/reference/discover-movie

        Args:
            certification: Certification, such as ``PG-13``; needs ``certification_country``.
            certification_gte: This certification or a stricter one.
            certification_lte: This certification or a milder one.
            certification_country: ISO 3166-1 code of the country whose certifications count.
            include_adult: Adult movies too; ``False`` at TMDB.
            include_video: Videos too; ``False`` at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            primary_release_year: Year of the primary release.
            primary_release_date_gte: First day of the primary release.
            primary_release_date_lte: Last day of the primary release.
            region: ISO 3166-1 code of the country whose release dates count.
            release_date_gte: First day of any release.
            release_date_lte: Last day of any release.
            sort_by: Order, such as ``primary_release_date.asc``; ``popularity.desc`` at TMDB.
            vote_average_gte: Lowest average vote, 0 to 10.
            vote_average_lte: Highest average vote, 0 to 10.
            vote_count_gte: Fewest votes.
            vote_count_lte: Most votes.
            watch_region: ISO 3166-1 code for the filters on watch providers.
            with_cast: Ids of people in the cast.
            with_companies: Ids of companies.
            with_crew: Ids of people in the crew.
            with_genres: Ids of genres.
            with_keywords: Ids of keywords.
            with_origin_country: ISO 3166-1 code of the country of origin.
            with_original_language: ISO 639-1 code of the original language.
            with_people: Ids of people in cast or crew.
            with_release_type: 1 premiere, 2 theatrical (limited), 3 theatrical, 4 digital, 5 physical, 6 TV.
            with_runtime_gte: Shortest runtime, in minutes.
            with_runtime_lte: Longest runtime, in minutes.
            with_watch_monetization_types: ``flatrate``, ``free``, ``ads``, ``rent``, ``buy``.
            with_watch_providers: Ids of watch providers.
            without_companies: Ids of companies to leave out.
            without_genres: Ids of genres to leave out.
            without_keywords: Ids of keywords to leave out.
            without_watch_providers: Ids of watch providers to leave out.
            year: Year of any release.
        """
        raise NotImplementedError

    @get("discover/tv", operation_id="discover-tv")
    @staticmethod
    def tv(
        *,
        air_date_gte: date | str | None = None,
        air_date_lte: date | str | None = None,
        first_air_date_year: int | None = None,
        first_air_date_gte: date | str | None = None,
        first_air_date_lte: date | str | None = None,
        include_adult: bool | None = None,
        include_null_first_air_dates: bool | None = None,
        language: str | None = None,
        page: int | None = None,
        screened_theatrically: bool | None = None,
        sort_by: TVSortBy | None = None,
        timezone: str | None = None,
        vote_average_gte: float | None = None,
        vote_average_lte: float | None = None,
        vote_count_gte: float | None = None,
        vote_count_lte: float | None = None,
        watch_region: str | None = None,
        with_companies: Filter | None = None,
        with_genres: Filter | None = None,
        with_keywords: Filter | None = None,
        with_networks: Filter | None = None,
        with_origin_country: str | None = None,
        with_original_language: str | None = None,
        with_runtime_gte: int | None = None,
        with_runtime_lte: int | None = None,
        with_status: Filter | None = None,
        with_type: Filter | None = None,
        with_watch_monetization_types: Filter | None = None,
        with_watch_providers: Filter | None = None,
        without_companies: Filter | None = None,
        without_genres: Filter | None = None,
        without_keywords: Filter | None = None,
        without_watch_providers: Filter | None = None,
    ) -> Page[TVListItem]:
        """Series by filters and order.

        Names and values of filters are as in :meth:`movie`.

        https://developer.themoviedb.org/reference/discover-tv

        Args:
            air_date_gte: First day on which an episode was shown.
            air_date_lte: Last day on which an episode was shown.
            first_air_date_year: Year in which the first episode was shown.
            first_air_date_gte: First day of the first episode.
            first_air_date_lte: Last day of the first episode.
            include_adult: Adult series too; ``False`` at TMDB.
            include_null_first_air_dates: Series without a first air date too; ``False`` at TMDB.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            screened_theatrically: Whether episodes were shown in theatres.
            sort_by: Order, such as ``first_air_date.asc``; ``popularity.desc`` at TMDB.
            timezone: Time zone of the air dates, such as ``America/New_York``.
            vote_average_gte: Lowest average vote, 0 to 10.
            vote_average_lte: Highest average vote, 0 to 10.
            vote_count_gte: Fewest votes.
            vote_count_lte: Most votes.
            watch_region: ISO 3166-1 code for the filters on watch providers.
            with_companies: Ids of companies.
            with_genres: Ids of genres.
            with_keywords: Ids of keywords.
            with_networks: Ids of networks.
            with_origin_country: ISO 3166-1 code of the country of origin.
            with_original_language: ISO 639-1 code of the original language.
            with_runtime_gte: Shortest runtime of an episode, in minutes.
            with_runtime_lte: Longest runtime of an episode, in minutes.
            with_status: 0 returning, 1 planned, 2 in production, 3 ended, 4 cancelled, 5 pilot.
            with_type: 0 documentary, 1 news, 2 miniseries, 3 reality, 4 scripted, 5 talk show, 6 video.
            with_watch_monetization_types: ``flatrate``, ``free``, ``ads``, ``rent``, ``buy``.
            with_watch_providers: Ids of watch providers.
            without_companies: Ids of companies to leave out.
            without_genres: Ids of genres to leave out.
            without_keywords: Ids of keywords to leave out.
            without_watch_providers: Ids of watch providers to leave out.
        """
        raise NotImplementedError


TimeWindow = Literal["day", "week"]
"""The time that trending looks back on."""


class Trending(Namespace[E]):
    """Trending titles and people, by day or week."""

    name: ClassVar[str] = "trending"

    @get("trending/all/{time_window}", operation_id="trending-all")
    @staticmethod
    def all(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MediaItem]:
        """Movies, series and people in one list, told apart by ``media_type``.

        https://developer.themoviedb.org/reference/trending-all

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("trending/movie/{time_window}", operation_id="trending-movies")
    @staticmethod
    def movies(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MovieListItem]:
        """The trending movies.

        https://developer.themoviedb.org/reference/trending-movies

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("trending/person/{time_window}", operation_id="trending-people")
    @staticmethod
    def people(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[PersonListItem]:
        """The trending people.

        https://developer.themoviedb.org/reference/trending-people

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("trending/tv/{time_window}", operation_id="trending-tv")
    @staticmethod
    def tv(
        time_window: TimeWindow = "day",
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[TVListItem]:
        """The trending series.

        https://developer.themoviedb.org/reference/trending-tv

        Args:
            time_window: The last ``day`` or the last ``week``.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError


class Changes(Namespace[E]):
    """The ids of what was edited; the edits are at ``movies.changes``, ``tv.changes`` and ``people.changes``."""

    name: ClassVar[str] = "changes"

    @get("movie/changes", operation_id="changes-movie-list")
    @staticmethod
    def movie_list(
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Page[ChangedItem]:
        """The ids of movies that were edited.

        https://developer.themoviedb.org/reference/changes-movie-list

        Args:
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page of 100, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("person/changes", operation_id="changes-people-list")
    @staticmethod
    def people_list(
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Page[ChangedItem]:
        """The ids of people that were edited.

        https://developer.themoviedb.org/reference/changes-people-list

        Args:
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page of 100, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("tv/changes", operation_id="changes-tv-list")
    @staticmethod
    def tv_list(
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Page[ChangedItem]:
        """The ids of series that were edited.

        https://developer.themoviedb.org/reference/changes-tv-list

        Args:
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page of 100, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError
