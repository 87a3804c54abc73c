"""Series, seasons and episodes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.models.list_items import EpisodeItem, SeasonItem, TVListItem
from tmdbfusion_scrapy.models.tv import Episode, EpisodeDetails, SeasonDetails, TVDetails, whole_seasons
from tmdbfusion_scrapy.storage.entities.declaration import (
    Children,
    Stored,
    Stub,
    date,
    document,
    fields,
    flag,
    integer,
    number,
    parent,
    position_key,
    record_table,
    shared,
    text,
    text_key,
)
from tmdbfusion_scrapy.storage.entities.parts import (
    COUNTRY,
    GENRE,
    KEYWORD,
    LANGUAGE,
    TEXT_LANGUAGES,
    Parts,
    in_places,
    link_columns,
)
from tmdbfusion_scrapy.storage.entities.people import (
    LISTED_COMPANY,
    LISTED_NETWORK,
    LISTED_PERSON,
    cast,
    credits_of_person,
    crew,
    guest_stars,
    series_cast,
    series_crew,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.models.releases import ContentRating
    from tmdbfusion_scrapy.models.tv import Creator
    from tmdbfusion_scrapy.storage.entities.declaration import Values

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
    indexes=(("name",), ("first_air_date",), ("popularity",)),
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
    indexes=(("tv_show_id", "season_number"),),
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
    indexes=(("tv_show_id", "season_number", "episode_number"), ("air_date",)),
)

LISTED_TV_SHOW = Stub(tv_shows, shared(tv_shows, TVListItem))
"""A series in a list, such as a person's credits."""
_TV_SHOW_ID = Stub(tv_shows, ("id",))
_SEASON_COLUMNS = shared(seasons, SeasonItem)[1:]
_LISTED_SEASON = Stub(
    seasons, ("id", "tv_show_id", *_SEASON_COLUMNS), fills=frozenset({"tv_show_id", "episode_count"})
)
_OF_SEASON = frozenset({"season_id", "tv_show_id"})
_EPISODE_OF_SEASON = Stub(episodes, ("id", "season_id", "tv_show_id"), fills=_OF_SEASON)
_AIRED = shared(episodes, EpisodeItem)[1:]
_LISTED_EPISODE = Stub(episodes, ("id", "tv_show_id", "season_id", *_AIRED), fills=_OF_SEASON)


def _creators(creators: list[Creator]) -> Iterator[Values]:
    """Return who created a series, in the order of the list."""
    return ((c.id, position, c.credit_id) for position, c in in_places(creators))


def _listed_creators(creators: list[Creator]) -> Iterator[Values]:
    """Return the people who created a series, as far as the list says."""
    return (tuple(getattr(c, name, None) for name in LISTED_PERSON.columns) for c in creators)


def _content_ratings(ratings: list[ContentRating]) -> Iterator[Values]:
    """Return age ratings by country."""
    return ((rating.iso_3166_1, position, rating.rating) for position, rating in in_places(ratings))


def _listed_seasons(seasons: list[SeasonItem], show_id: int) -> Iterator[Values]:
    """Return the seasons that a series lists."""
    return ((key, show_id, *row) for key, *row in fields("id", *_SEASON_COLUMNS)(seasons))


def _listed_episodes(episodes: list[Episode], season_id: int) -> Iterator[Values]:
    """Return the episodes that a season lists."""
    return ((episode.id, season_id, episode.show_id) for episode in episodes)


def _aired_episodes(show: TVDetails) -> Iterator[Values]:
    """Yield the last episode that a series showed and the next one that it will show."""
    seasons = {season.season_number: season.id for season in show.seasons}
    for episode in (show.last_episode_to_air, show.next_episode_to_air):
        if episode is not None:
            season_id = seasons.get(episode.season_number)
            yield (episode.id, show.id, season_id, *(getattr(episode, name) for name in _AIRED))


def _show_of(season: SeasonDetails) -> int | None:
    """Return the series of a season: that in which it came, else its episodes say it."""
    if season._of_show is not None:  # noqa: SLF001 - of what has no place in TMDB's answer
        return season._of_show  # noqa: SLF001
    return next((episode.show_id for episode in season.episodes if episode.show_id is not None), None)


def _id_row(key: int | None) -> tuple[Values, ...]:
    """Return the row of an id that is known."""
    return () if key is None else ((key,),)


_PARTS = Parts(tv_shows, "tv_show")

TV_SHOW = Stored(
    TVDetails,
    tv_shows,
    "/tv",
    computed=TEXT_LANGUAGES,
    stubs=((_LISTED_EPISODE, _aired_episodes),),
    relations=(
        _PARTS.links("genres", "genre_id", GENRE),
        _PARTS.links("companies", "company_id", LISTED_COMPANY, "production_companies"),
        _PARTS.links("networks", "network_id", LISTED_NETWORK),
        _PARTS.links("production_countries", "iso_3166_1", COUNTRY),
        _PARTS.codes("origin_countries", COUNTRY, "origin_country"),
        _PARTS.links("spoken_languages", "iso_639_1", LANGUAGE),
        _PARTS.codes("languages", LANGUAGE),
        _PARTS.relation(
            "episode_run_times", (position_key(), *integer("minutes")), "episode_run_time", in_places
        ),
        _PARTS.links("keywords", "keyword_id", KEYWORD, "keywords.results"),
        _PARTS.relation(
            "created_by",
            (*link_columns("person_id", LISTED_PERSON), *text("credit_id")),
            "created_by",
            _creators,
            ((LISTED_PERSON, _listed_creators),),
        ),
        _CAST := series_cast(_PARTS),
        _CREW := series_crew(_PARTS),
        _PARTS.images(),
        _PARTS.videos(),
        _PARTS.translations(*text("name", "overview", "tagline", "homepage")),
        _PARTS.external_ids(),
        _PARTS.alternative_titles("alternative_titles.results"),
        _PARTS.watch_providers(),
        _PARTS.relation(
            "content_ratings",
            (*text_key("iso_3166_1"), position_key(), *text("rating")),
            "content_ratings.results",
            _content_ratings,
        ),
    ),
    children=(Children(seasons, "tv_show_id", "seasons", _LISTED_SEASON, _listed_seasons),),
    inner=lambda show: whole_seasons(show, show.appended_seasons),
)

CREDITS_OF_PERSON = (
    *credits_of_person("tv", "cast", _CAST, LISTED_TV_SHOW, "character", "episode_count"),
    *credits_of_person("tv", "crew", _CREW, LISTED_TV_SHOW, "department", "job", "episode_count"),
)

_SEASON_PARTS = Parts(seasons, "season")

SEASON = Stored(
    SeasonDetails,
    seasons,
    "/tv/season",
    computed={"tv_show_id": _show_of, **TEXT_LANGUAGES},
    keeps=frozenset({"tv_show_id"}),
    stubs=((_TV_SHOW_ID, lambda season: _id_row(_show_of(season))),),
    relations=(
        series_cast(_SEASON_PARTS),
        series_crew(_SEASON_PARTS),
        _SEASON_PARTS.links("networks", "network_id", LISTED_NETWORK),
        _SEASON_PARTS.images(),
        _SEASON_PARTS.videos(),
        _SEASON_PARTS.translations(*text("name", "overview")),
        _SEASON_PARTS.external_ids(),
        _SEASON_PARTS.watch_providers(),
    ),
    children=(Children(episodes, "season_id", "episodes", _EPISODE_OF_SEASON, _listed_episodes),),
    inner=lambda season: season.episodes,
)

_EPISODE_PARTS = Parts(episodes, "episode")
_EPISODE_CAST = cast(_EPISODE_PARTS)

EPISODE_OF_SEASON = Stored(
    Episode,
    episodes,
    "/tv/episode",
    computed={"tv_show_id": lambda episode: episode.show_id, **TEXT_LANGUAGES},
    keeps=frozenset({"tv_show_id"}),
    stubs=((_TV_SHOW_ID, lambda episode: _id_row(episode.show_id)),),
    relations=(guest_stars(_EPISODE_PARTS), crew(_EPISODE_PARTS, "crew")),
)

EPISODE = dataclasses.replace(
    EPISODE_OF_SEASON,
    record=EpisodeDetails,
    relations=(
        *EPISODE_OF_SEASON.relations,
        _EPISODE_CAST,
        _EPISODE_PARTS.images(),
        _EPISODE_PARTS.videos(),
        _EPISODE_PARTS.translations(*text("name", "overview")),
        _EPISODE_PARTS.external_ids(),
    ),
)
