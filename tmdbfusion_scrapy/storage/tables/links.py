"""The link tables: what belongs to a record, a row for each, gone with the record.

``position`` is the place in TMDB's list, from 0; of a cast it is TMDB's ``order``, a word that SQL keeps for
itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from tmdbfusion_scrapy.storage.tables.columns import flag, integer, metadata, moment, number, text
from tmdbfusion_scrapy.storage.tables.records import (
    collections,
    companies,
    episodes,
    movies,
    networks,
    people,
    seasons,
    tv_shows,
)


@dataclass(frozen=True)
class Owner:
    """Whose link tables they are.

    Args:
        table: The records.
        name: What one of them is called: the tables are ``<name>_...``, their first column is ``<name>_id``.
    """

    table: Table
    name: str

    @property
    def column(self) -> str:
        """The column with the id of the record."""
        return f"{self.name}_id"

    def parts(self, suffix: str, *columns: Column[Any]) -> Table:
        """A table of parts of the record; the key begins with the record's id."""
        return Table(
            f"{self.name}_{suffix}",
            metadata,
            Column(self.column, ForeignKey(self.table.columns.id, ondelete="CASCADE"), primary_key=True),
            *columns,
        )

    def links(self, suffix: str, column: str, to: str, *columns: Column[Any]) -> Table:
        """A table of links to rows of another table, in TMDB's order."""
        return self.parts(suffix, _key(column, to, index=True), *_position(), *columns)

    def cast(self, *columns: Column[Any]) -> Table:
        """Who plays whom."""
        return self.parts("cast", _credit(), _person(), *text("character"), *integer("position"), *columns)

    def crew(self, *columns: Column[Any]) -> Table:
        """Who does what."""
        return self.parts("crew", _credit(), _person(), *text("department", "job"), *columns)

    def images(self) -> Table:
        """Images; ``image_type`` is ``poster``, ``backdrop``, ``logo``, ``profile`` or ``still``."""
        return self.parts(
            "images",
            *_text_key("image_type", "file_path"),
            *text("iso_639_1", "iso_3166_1"),
            *integer("width", "height"),
            *number("aspect_ratio", "vote_average"),
            *integer("vote_count"),
        )

    def videos(self) -> Table:
        """Trailers and other videos."""
        return self.parts(
            "videos",
            *_text_key("id"),
            *text("name", "site", "key", "type"),
            *flag("official"),
            *integer("size"),
            *text("iso_639_1", "iso_3166_1"),
            *moment("published_at"),
        )

    def translations(self, *columns: Column[Any]) -> Table:
        """Texts by language."""
        return self.parts("translations", *_text_key("iso_639_1", "iso_3166_1"), *text("language"), *columns)

    def external_ids(self) -> Table:
        """Ids elsewhere; ``source`` is ``imdb``, ``wikidata``, ``tvdb`` and so on."""
        table = self.parts("external_ids", *_text_key("source"), Column("external_id", Text, nullable=False))
        Index(f"ix_{table.name}_source_external_id", table.columns.source, table.columns.external_id)
        return table

    def alternative_titles(self) -> Table:
        """Other titles by country."""
        return self.parts("alternative_titles", *_position(key=True), *text("iso_3166_1", "title", "type"))

    def watch_providers(self) -> Table:
        """Where it can be watched; ``offer`` is ``flatrate``, ``rent``, ``buy``, ``ads`` or ``free``."""
        table = self.parts(
            "watch_providers",
            *_text_key("iso_3166_1", "offer"),
            _key("provider_id", "watch_providers.id"),
            *integer("display_priority"),
        )
        # What a provider has is asked for by country.
        columns = table.columns
        Index(f"ix_{table.name}_provider_id_iso_3166_1", columns.provider_id, columns.iso_3166_1)
        return table


def _key(name: str, to: str, *, index: bool = False) -> Column[Any]:
    """A part of the key that is another table's."""
    return Column(name, ForeignKey(to), primary_key=True, index=index)


def _text_key(*names: str) -> list[Column[Any]]:
    """Parts of the key that are text."""
    return [Column(name, Text, primary_key=True) for name in names]


def _position(*, key: bool = False) -> list[Column[Any]]:
    """The place in TMDB's list."""
    return [Column("position", Integer, primary_key=key, nullable=False, autoincrement=False)]


def _credit() -> Column[Any]:
    """TMDB's id of a credit: one person can have several in one record."""
    return Column("credit_id", Text, primary_key=True)


def _person() -> Column[Any]:
    """Whose credit it is."""
    return Column("person_id", ForeignKey(people.columns.id), nullable=False, index=True)


_MOVIE = Owner(movies, "movie")
movie_genres = _MOVIE.links("genres", "genre_id", "genres.id")
movie_companies = _MOVIE.links("companies", "company_id", "companies.id")
movie_production_countries = _MOVIE.links("production_countries", "iso_3166_1", "countries.iso_3166_1")
movie_origin_countries = _MOVIE.links("origin_countries", "iso_3166_1", "countries.iso_3166_1")
movie_spoken_languages = _MOVIE.links("spoken_languages", "iso_639_1", "languages.iso_639_1")
movie_keywords = _MOVIE.links("keywords", "keyword_id", "keywords.id")
movie_cast = _MOVIE.cast(*integer("cast_id"))
movie_crew = _MOVIE.crew()
movie_images = _MOVIE.images()
movie_videos = _MOVIE.videos()
movie_translations = _MOVIE.translations(
    *text("title", "overview", "tagline", "homepage"), *integer("runtime")
)
movie_external_ids = _MOVIE.external_ids()
movie_alternative_titles = _MOVIE.alternative_titles()
movie_watch_providers = _MOVIE.watch_providers()
movie_release_dates = _MOVIE.parts(
    "release_dates",
    *_text_key("iso_3166_1"),
    *_position(key=True),
    *moment("release_date"),
    *integer("type"),
    *text("certification", "iso_639_1", "note"),
)

_TV_SHOW = Owner(tv_shows, "tv_show")
tv_show_genres = _TV_SHOW.links("genres", "genre_id", "genres.id")
tv_show_companies = _TV_SHOW.links("companies", "company_id", "companies.id")
tv_show_networks = _TV_SHOW.links("networks", "network_id", "networks.id")
tv_show_production_countries = _TV_SHOW.links("production_countries", "iso_3166_1", "countries.iso_3166_1")
tv_show_origin_countries = _TV_SHOW.links("origin_countries", "iso_3166_1", "countries.iso_3166_1")
tv_show_spoken_languages = _TV_SHOW.links("spoken_languages", "iso_639_1", "languages.iso_639_1")
tv_show_languages = _TV_SHOW.links("languages", "iso_639_1", "languages.iso_639_1")
tv_show_episode_run_times = _TV_SHOW.parts("episode_run_times", *_position(key=True), *integer("minutes"))
tv_show_keywords = _TV_SHOW.links("keywords", "keyword_id", "keywords.id")
tv_show_created_by = _TV_SHOW.links("created_by", "person_id", "people.id", *text("credit_id"))
tv_show_cast = _TV_SHOW.cast(*integer("episode_count"))
tv_show_crew = _TV_SHOW.crew(*integer("episode_count"))
tv_show_images = _TV_SHOW.images()
tv_show_videos = _TV_SHOW.videos()
tv_show_translations = _TV_SHOW.translations(*text("name", "overview", "tagline", "homepage"))
tv_show_external_ids = _TV_SHOW.external_ids()
tv_show_alternative_titles = _TV_SHOW.alternative_titles()
tv_show_watch_providers = _TV_SHOW.watch_providers()
tv_show_content_ratings = _TV_SHOW.parts(
    "content_ratings", *_text_key("iso_3166_1"), *_position(key=True), *text("rating")
)

_SEASON = Owner(seasons, "season")
season_cast = _SEASON.cast(*integer("episode_count"))
season_crew = _SEASON.crew(*integer("episode_count"))
season_networks = _SEASON.links("networks", "network_id", "networks.id")
season_images = _SEASON.images()
season_videos = _SEASON.videos()
season_translations = _SEASON.translations(*text("name", "overview"))
season_external_ids = _SEASON.external_ids()
season_watch_providers = _SEASON.watch_providers()

_EPISODE = Owner(episodes, "episode")
episode_cast = _EPISODE.cast()
episode_guest_stars = _EPISODE.parts(
    "guest_stars", _credit(), _person(), *text("character"), *integer("position")
)
episode_crew = _EPISODE.crew()
episode_images = _EPISODE.images()
episode_videos = _EPISODE.videos()
episode_translations = _EPISODE.translations(*text("name", "overview"))
episode_external_ids = _EPISODE.external_ids()

_PERSON = Owner(people, "person")
person_also_known_as = _PERSON.parts("also_known_as", *_position(key=True), *text("name"))
person_images = _PERSON.images()
person_translations = _PERSON.translations(*text("name", "biography"))
person_external_ids = _PERSON.external_ids()

_COLLECTION = Owner(collections, "collection")
collection_images = _COLLECTION.images()
collection_translations = _COLLECTION.translations(*text("title", "overview", "homepage"))

company_images = Owner(companies, "company").images()
network_images = Owner(networks, "network").images()
