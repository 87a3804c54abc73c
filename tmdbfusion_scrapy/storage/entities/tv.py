"""Series, seasons and episodes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.models.tv import Episode, EpisodeDetails, SeasonDetails, TVDetails, whole_seasons
from tmdbfusion_scrapy.storage.entities.columns import (
    COUNTRY,
    GENRE,
    KEYWORD,
    LANGUAGE,
    date,
    document,
    flag,
    integer,
    number,
    parent,
    record_table,
    text,
)
from tmdbfusion_scrapy.storage.entities.companies import LISTED_COMPANY, LISTED_NETWORK
from tmdbfusion_scrapy.storage.entities.declaration import Children, Stored, Stub, Values
from tmdbfusion_scrapy.storage.entities.parts import TEXT_LANGUAGES, Parts, in_places, position_key, text_key
from tmdbfusion_scrapy.storage.entities.people import (
    LISTED_PERSON,
    cast,
    credits_of_person,
    crew,
    guest_stars,
    series_cast,
    series_crew,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tmdbfusion_scrapy.models.list_items import SeasonItem
    from tmdbfusion_scrapy.models.releases import ContentRating
    from tmdbfusion_scrapy.models.tv import Creator

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

LISTED_TV_SHOW = Stub(
    tv_shows,
    (
        "id",
        "name",
        "original_name",
        "original_language",
        "first_air_date",
        "popularity",
        "vote_average",
        "vote_count",
        "adult",
        "softcore",
        "overview",
        "poster_path",
        "backdrop_path",
    ),
)
"""A series in a list, such as a person's credits."""
_TV_SHOW_ID = Stub(tv_shows, ("id",))
_LISTED_SEASON = Stub(
    seasons,
    (
        "id",
        "tv_show_id",
        "season_number",
        "name",
        "air_date",
        "episode_count",
        "vote_average",
        "overview",
        "poster_path",
    ),
    fills=frozenset({"tv_show_id", "episode_count"}),
)
_EPISODE_OF_SEASON = Stub(
    episodes, ("id", "season_id", "tv_show_id"), fills=frozenset({"season_id", "tv_show_id"})
)
_AIRED = (
    "season_number",
    "episode_number",
    "name",
    "air_date",
    "runtime",
    "episode_type",
    "production_code",
    "vote_average",
    "vote_count",
    "overview",
    "still_path",
)
_LISTED_EPISODE = Stub(
    episodes,
    ("id", "tv_show_id", "season_id", *_AIRED),
    fills=frozenset({"season_id", "tv_show_id"}),
)


def _creators(creators: list[Creator]) -> Iterator[Values]:
    """Return who created a series, as far as the list says."""
    return ((c.id, c.name, c.original_name, c.gender, None, None, None, c.profile_path) for c in creators)


def _episode_run_times(minutes: list[int]) -> Iterable[Values]:
    """Return how long episodes are."""
    return in_places(minutes)


def _content_ratings(ratings: list[ContentRating]) -> Iterator[Values]:
    """Return age ratings by country."""
    return ((rating.iso_3166_1, position, rating.rating) for position, rating in in_places(ratings))


def _listed_seasons(seasons: list[SeasonItem], show_id: int) -> Iterator[Values]:
    """Yield the seasons that a series lists."""
    for s in seasons:
        yield (
            s.id,
            show_id,
            s.season_number,
            s.name,
            s.air_date,
            s.episode_count,
            s.vote_average,
            s.overview,
            s.poster_path,
        )


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


def _show_id_of_season(season: SeasonDetails) -> Iterator[Values]:
    """Yield the series of a season."""
    if (show_id := _show_of(season)) is not None:
        yield (show_id,)


def _show_id_of_episode(episode: Episode) -> Iterator[Values]:
    """Yield the series of an episode."""
    if episode.show_id is not None:
        yield (episode.show_id,)


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
            "episode_run_times",
            (position_key(), *integer("minutes")),
            "episode_run_time",
            _episode_run_times,
        ),
        _PARTS.links("keywords", "keyword_id", KEYWORD, "keywords.results"),
        _PARTS.links(
            "created_by",
            "person_id",
            LISTED_PERSON,
            None,
            *text("credit_id"),
            stub_rows=_creators,
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
    stubs=((_TV_SHOW_ID, _show_id_of_season),),
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
    stubs=((_TV_SHOW_ID, _show_id_of_episode),),
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
