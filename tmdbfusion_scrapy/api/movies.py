"""Movies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import ClassVar

from tmdbfusion_scrapy.api.catalogue import E, Namespace
from tmdbfusion_scrapy.api.endpoint import delete, get, post
from tmdbfusion_scrapy.models.account import AccountStates, Review, Status
from tmdbfusion_scrapy.models.companies import MovieKeywords
from tmdbfusion_scrapy.models.credits import Credits
from tmdbfusion_scrapy.models.images import Images, Videos
from tmdbfusion_scrapy.models.list_items import Changes, MovieListItem
from tmdbfusion_scrapy.models.movies import ListSummary, MovieDetails, MovieExternalIds
from tmdbfusion_scrapy.models.paging import DatedPage, Page
from tmdbfusion_scrapy.models.reference import WatchProviders
from tmdbfusion_scrapy.models.releases import AlternativeTitles, ReleaseDates
from tmdbfusion_scrapy.models.translations import MovieTranslations


class Movies(Namespace[E]):
    """Movies: one by its id, its parts, and the lists of them."""

    name: ClassVar[str] = "movies"
    kind: ClassVar[str] = "movies"

    @get("movie/{movie_id}", operation_id="movie-details", echoes={"movie_id": "id"})
    @staticmethod
    def details(
        movie_id: int,
        *,
        append_to_response: Iterable[str] | str | None = None,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
        languages: Sequence[str] | None = None,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> MovieDetails:
        """A movie, with the parts that are asked for.

        https://developer.themoviedb.org/reference/movie-details

        Args:
            movie_id: TMDB's id of the movie.
            append_to_response: Parts to send along, such as ``["credits", "images"]``: the names of the
                other endpoints of a movie, ``watch/providers`` among them. Up to 20 of them take no
                request of their own.
            include_image_language: Languages to add to the appended ``images``, such as ``["en", "null"]``;
                ``null`` are images without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            languages: Languages to take the texts from, best first (``["fr-CA", "fr", "en"]``), by way of
                ``translations`` in the same call.
            session_id: The session of a user, for the part ``account_states``; sent with that part alone.
            guest_session_id: The session of a guest, likewise.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/account_states", operation_id="movie-account-states")
    @staticmethod
    def account_states(
        movie_id: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> AccountStates:
        """Return whether a user rated a movie, made it a favourite, or wants to watch it.

        https://developer.themoviedb.org/reference/movie-account-states

        Args:
            movie_id: TMDB's id of the movie.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/alternative_titles", operation_id="movie-alternative-titles")
    @staticmethod
    def alternative_titles(movie_id: int, *, country: str | None = None) -> AlternativeTitles:
        """The titles of a movie by country.

        https://developer.themoviedb.org/reference/movie-alternative-titles

        Args:
            movie_id: TMDB's id of the movie.
            country: ISO 3166-1 code of the only country wanted.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/changes", operation_id="movie-changes")
    @staticmethod
    def changes(
        movie_id: int,
        *,
        start_date: date | str | None = None,
        end_date: date | str | None = None,
        page: int | None = None,
    ) -> Changes:
        """The edits of a movie.

        https://developer.themoviedb.org/reference/movie-changes

        Args:
            movie_id: TMDB's id of the movie.
            start_date: First day of the edits (UTC), at most 14 days before ``end_date``. With neither of the two
                TMDB gives the last 24 hours.
            end_date: Last day of the edits (UTC).
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/credits", operation_id="movie-credits")
    @staticmethod
    def credits(movie_id: int, *, language: str | None = None) -> Credits:
        """The cast and crew of a movie.

        https://developer.themoviedb.org/reference/movie-credits

        Args:
            movie_id: TMDB's id of the movie.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/external_ids", operation_id="movie-external-ids")
    @staticmethod
    def external_ids(movie_id: int) -> MovieExternalIds:
        """The ids of a movie elsewhere.

        https://developer.themoviedb.org/reference/movie-external-ids

        Args:
            movie_id: TMDB's id of the movie.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/images", operation_id="movie-images")
    @staticmethod
    def images(
        movie_id: int,
        *,
        include_image_language: Iterable[str | None] | str | None = None,
        language: str | None = None,
    ) -> Images:
        """The images of a movie.

        https://developer.themoviedb.org/reference/movie-images

        Args:
            movie_id: TMDB's id of the movie.
            include_image_language: Languages of images to add, such as ``["en", "null"]``; ``null`` are those
                without text.
            language: ISO 639-1, with a country if wanted (``fr-CA``); all languages at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/keywords", operation_id="movie-keywords")
    @staticmethod
    def keywords(movie_id: int) -> MovieKeywords:
        """The keywords of a movie.

        https://developer.themoviedb.org/reference/movie-keywords

        Args:
            movie_id: TMDB's id of the movie.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/lists", operation_id="movie-lists")
    @staticmethod
    def lists(movie_id: int, *, language: str | None = None, page: int | None = None) -> Page[ListSummary]:
        """The users' lists that a movie is on.

        https://developer.themoviedb.org/reference/movie-lists

        Args:
            movie_id: TMDB's id of the movie.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/recommendations", operation_id="movie-recommendations")
    @staticmethod
    def recommendations(
        movie_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MovieListItem]:
        """Movies that TMDB recommends to those who like this one.

        https://developer.themoviedb.org/reference/movie-recommendations

        Args:
            movie_id: TMDB's id of the movie.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/release_dates", operation_id="movie-release-dates")
    @staticmethod
    def release_dates(movie_id: int) -> ReleaseDates:
        """The releases of a movie by country, with certifications.

        https://developer.themoviedb.org/reference/movie-release-dates

        Args:
            movie_id: TMDB's id of the movie.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/reviews", operation_id="movie-reviews")
    @staticmethod
    def reviews(movie_id: int, *, language: str | None = None, page: int | None = None) -> Page[Review]:
        """The reviews of a movie.

        https://developer.themoviedb.org/reference/movie-reviews

        Args:
            movie_id: TMDB's id of the movie.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/similar", operation_id="movie-similar")
    @staticmethod
    def similar(
        movie_id: int,
        *,
        language: str | None = None,
        page: int | None = None,
    ) -> Page[MovieListItem]:
        """Movies of like genres and keywords.

        https://developer.themoviedb.org/reference/movie-similar

        Args:
            movie_id: TMDB's id of the movie.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/translations", operation_id="movie-translations")
    @staticmethod
    def translations(movie_id: int) -> MovieTranslations:
        """The translations of a movie.

        https://developer.themoviedb.org/reference/movie-translations

        Args:
            movie_id: TMDB's id of the movie.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/videos", operation_id="movie-videos")
    @staticmethod
    def videos(movie_id: int, *, language: str | None = None) -> Videos:
        """The trailers, teasers and clips of a movie.

        https://developer.themoviedb.org/reference/movie-videos

        Args:
            movie_id: TMDB's id of the movie.
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
        """
        raise NotImplementedError

    @get("movie/{movie_id}/watch/providers", operation_id="movie-watch-providers")
    @staticmethod
    def watch_providers(movie_id: int) -> WatchProviders:
        """Ways to watch a movie, by country. Attribute the data to JustWatch.

        https://developer.themoviedb.org/reference/movie-watch-providers

        Args:
            movie_id: TMDB's id of the movie.
        """
        raise NotImplementedError

    @post("movie/{movie_id}/rating", operation_id="movie-add-rating", body={"rating": "value"})
    @staticmethod
    def add_rating(
        movie_id: int,
        *,
        rating: float,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> Status:
        """Rate a movie.

        https://developer.themoviedb.org/reference/movie-add-rating

        Args:
            movie_id: TMDB's id of the movie.
            rating: 0.5 to 10.0 in steps of 0.5.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @delete("movie/{movie_id}/rating", operation_id="movie-delete-rating")
    @staticmethod
    def delete_rating(
        movie_id: int,
        *,
        session_id: str | None = None,
        guest_session_id: str | None = None,
    ) -> Status:
        """Take a rating back.

        https://developer.themoviedb.org/reference/movie-delete-rating

        Args:
            movie_id: TMDB's id of the movie.
            session_id: The session of a user.
            guest_session_id: The session of a guest.
        """
        raise NotImplementedError

    @get("movie/latest", operation_id="movie-latest-id")
    @staticmethod
    def latest() -> MovieDetails:
        """The movie that was added last.

        https://developer.themoviedb.org/reference/movie-latest-id
        """
        raise NotImplementedError

    @get("movie/now_playing", operation_id="movie-now-playing-list")
    @staticmethod
    def now_playing(
        *,
        language: str | None = None,
        page: int | None = None,
        region: str | None = None,
    ) -> DatedPage[MovieListItem]:
        """Movies now in theatres.

        https://developer.themoviedb.org/reference/movie-now-playing-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            region: ISO 3166-1 code of the country whose release dates count.
        """
        raise NotImplementedError

    @get("movie/popular", operation_id="movie-popular-list")
    @staticmethod
    def popular(
        *,
        language: str | None = None,
        page: int | None = None,
        region: str | None = None,
    ) -> Page[MovieListItem]:
        """Movies by popularity.

        https://developer.themoviedb.org/reference/movie-popular-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            region: ISO 3166-1 code of the country whose release dates count.
        """
        raise NotImplementedError

    @get("movie/top_rated", operation_id="movie-top-rated-list")
    @staticmethod
    def top_rated(
        *,
        language: str | None = None,
        page: int | None = None,
        region: str | None = None,
    ) -> Page[MovieListItem]:
        """Movies by rating.

        https://developer.themoviedb.org/reference/movie-top-rated-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            region: ISO 3166-1 code of the country whose release dates count.
        """
        raise NotImplementedError

    @get("movie/upcoming", operation_id="movie-upcoming-list")
    @staticmethod
    def upcoming(
        *,
        language: str | None = None,
        page: int | None = None,
        region: str | None = None,
    ) -> DatedPage[MovieListItem]:
        """Movies that will be in theatres soon.

        https://developer.themoviedb.org/reference/movie-upcoming-list

        Args:
            language: ISO 639-1, with a country if wanted (``fr-CA``); ``en-US`` at TMDB.
            page: Page, 1 to 500; 1 at TMDB.
            region: ISO 3166-1 code of the country whose release dates count.
        """
        raise NotImplementedError
