"""The tables of TMDB's records. Column names are TMDB's field names.

Every field may be null or missing at TMDB, so every column may be NULL but the keys.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from tmdbfusion_scrapy.storage.tables.columns import (
    date,
    document,
    flag,
    index_where_known,
    integer,
    long_integer,
    metadata,
    number,
    parent,
    record_table,
    reference,
    text,
    tmdb_id,
)

genres = Table("genres", metadata, tmdb_id(), *text("name"))

countries = Table("countries", metadata, Column("iso_3166_1", Text, primary_key=True), *text("name"))

languages = Table(
    "languages", metadata, Column("iso_639_1", Text, primary_key=True), *text("english_name", "name")
)

watch_providers = Table("watch_providers", metadata, tmdb_id(), *text("name", "logo_path"))

collections = record_table(
    "collections",
    *text("name", "original_name", "original_language", "overview", "poster_path", "backdrop_path"),
    *document("text_languages"),
)

companies = record_table(
    "companies",
    *text("name", "origin_country", "headquarters", "homepage", "description", "logo_path"),
    # One company's row may come before its parent's.
    reference("parent_company_id", "companies.id"),
)

networks = record_table("networks", *text("name", "origin_country", "headquarters", "homepage", "logo_path"))

keywords = record_table("keywords", *text("name"))

people = record_table(
    "people",
    *text("name", "original_name", "known_for_department"),
    *integer("gender"),
    *date("birthday", "deathday"),
    *text("place_of_birth", "biography"),
    *number("popularity"),
    *flag("adult"),
    *text("imdb_id", "homepage", "profile_path"),
    *document("text_languages"),
)

movies = record_table(
    "movies",
    *text("title", "original_title", "original_language"),
    *date("release_date"),
    *text("status"),
    *integer("runtime"),
    # Grosses passed the 2,147,483,647 of a 32-bit integer long ago.
    *long_integer("budget", "revenue"),
    *number("popularity", "vote_average"),
    *integer("vote_count"),
    *flag("adult", "video", "softcore"),
    reference("belongs_to_collection_id", "collections.id", index=True),
    *text("imdb_id", "homepage", "tagline", "overview", "poster_path", "backdrop_path"),
    *document("text_languages"),
)

tv_shows = record_table(
    "tv_shows",
    *text("name", "original_name", "original_language"),
    *date("first_air_date", "last_air_date"),
    *text("status", "type"),
    *flag("in_production"),
    *integer("number_of_seasons", "number_of_episodes"),
    *number("popularity", "vote_average"),
    *integer("vote_count"),
    *flag("adult", "softcore"),
    *text("homepage", "tagline", "overview", "poster_path", "backdrop_path"),
    *document("text_languages"),
)

seasons = record_table(
    "seasons",
    parent("tv_show_id", "tv_shows.id"),
    *integer("season_number"),
    *text("name"),
    *date("air_date"),
    *integer("episode_count"),
    *number("vote_average"),
    *text("overview", "poster_path"),
    *document("text_languages"),
)

episodes = record_table(
    "episodes",
    parent("tv_show_id", "tv_shows.id"),
    parent("season_id", "seasons.id", index=True),
    *integer("season_number", "episode_number"),
    *text("name"),
    *date("air_date"),
    *integer("runtime"),
    *text("episode_type", "production_code"),
    *number("vote_average"),
    *integer("vote_count"),
    *text("overview", "still_path"),
    *document("text_languages"),
)

# What people look records up by.
for _table, _names in (
    (movies, ("title",)),
    (movies, ("release_date",)),
    (movies, ("popularity",)),
    (tv_shows, ("name",)),
    (tv_shows, ("first_air_date",)),
    (tv_shows, ("popularity",)),
    (seasons, ("tv_show_id", "season_number")),
    (episodes, ("tv_show_id", "season_number", "episode_number")),
    (episodes, ("air_date",)),
    (people, ("name",)),
    (people, ("popularity",)),
    (companies, ("name",)),
    (keywords, ("name",)),
):
    Index(f"ix_{_table.name}_{'_'.join(_names)}", *(_table.columns[_name] for _name in _names))
for _table in (movies, people):
    index_where_known(_table, "imdb_id")
# Whether there are some is asked before each export is planned.
for _table in (movies, tv_shows, people):
    _is_adult = _table.columns.adult.is_(True)
    Index(f"ix_{_table.name}_adult", _table.columns.adult, sqlite_where=_is_adult, postgresql_where=_is_adult)
