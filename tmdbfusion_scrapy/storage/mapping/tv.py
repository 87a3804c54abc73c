"""Series, seasons and episodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tmdbfusion_scrapy.models.tv import TVDetails, whole_seasons
from tmdbfusion_scrapy.models.tv_episodes import Episode, EpisodeDetails
from tmdbfusion_scrapy.models.tv_seasons import SeasonDetails
from tmdbfusion_scrapy.storage.mapping import cast_and_crew, parts
from tmdbfusion_scrapy.storage.mapping.declaration import (
    Children,
    Mention,
    Relation,
    Stored,
    Values,
    fields,
    in_places,
)
from tmdbfusion_scrapy.storage.tables import links, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tmdbfusion_scrapy.models.content_ratings import ContentRating
    from tmdbfusion_scrapy.models.media import SeasonItem
    from tmdbfusion_scrapy.models.record import Record
    from tmdbfusion_scrapy.models.tv import Creator

    R = TypeVar("R", bound=Record)

_LISTED = (
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
)
"""What a list, such as a person's credits, says of a series."""

LISTED_TV_SHOW = Mention(records.tv_shows, _LISTED)
_TV_SHOW_ID = Mention(records.tv_shows, ("id",))
_LISTED_SEASON = Mention(
    records.seasons,
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
_EPISODE_OF_SEASON = Mention(
    records.episodes, ("id", "season_id", "tv_show_id"), fills=frozenset({"season_id", "tv_show_id"})
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
_LISTED_EPISODE = Mention(
    records.episodes,
    ("id", "tv_show_id", "season_id", *_AIRED),
    fills=frozenset({"season_id", "tv_show_id"}),
)


listed_rows = fields(*_LISTED)
"""Reads series as a list names them."""


def _creators(creators: list[Creator]) -> Iterator[Values]:
    """The links to who created a series."""
    return ((creator.id, position, creator.credit_id) for position, creator in in_places(creators))


def _creator_people(creators: list[Creator]) -> Iterator[Values]:
    """Who created a series, as far as the list says."""
    return ((c.id, c.name, c.original_name, c.gender, None, None, None, c.profile_path) for c in creators)


def _episode_run_times(minutes: list[int]) -> Iterable[Values]:
    """How long episodes are."""
    return in_places(minutes)


def _content_ratings(ratings: list[ContentRating]) -> Iterator[Values]:
    """Age ratings by country."""
    return ((rating.iso_3166_1, position, rating.rating) for position, rating in in_places(ratings))


def _listed_seasons(seasons: list[SeasonItem], show_id: int) -> Iterator[Values]:
    """The seasons that a series lists."""
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
    """The episodes that a season lists."""
    return ((episode.id, season_id, episode.show_id) for episode in episodes)


def _aired_episodes(show: TVDetails) -> Iterator[Values]:
    """The last episode that a series showed and the next one that it will show."""
    seasons = {season.season_number: season.id for season in show.seasons}
    for episode in (show.last_episode_to_air, show.next_episode_to_air):
        if episode is not None:
            season_id = seasons.get(episode.season_number)
            yield (episode.id, show.id, season_id, *(getattr(episode, name) for name in _AIRED))


def _show_of(season: SeasonDetails) -> int | None:
    """The series of a season: that in which it came, else its episodes say it."""
    if season._of_show is not None:  # noqa: SLF001 - of what has no place in TMDB's answer
        return season._of_show  # noqa: SLF001
    return next((episode.show_id for episode in season.episodes if episode.show_id is not None), None)


def _show_id_of_season(season: SeasonDetails) -> Iterator[Values]:
    """The series of a season."""
    if (show_id := _show_of(season)) is not None:
        yield (show_id,)


def _show_id_of_episode(episode: Episode) -> Iterator[Values]:
    """The series of an episode."""
    if episode.show_id is not None:
        yield (episode.show_id,)


TV_SHOW = Stored(
    TVDetails,
    records.tv_shows,
    "/tv",
    computed=parts.TEXT_LANGUAGES,
    mentions=((_LISTED_EPISODE, _aired_episodes),),
    relations=(
        parts.genres(links.tv_show_genres),
        parts.companies(links.tv_show_companies),
        parts.networks(links.tv_show_networks),
        parts.production_countries(links.tv_show_production_countries),
        parts.origin_countries(links.tv_show_origin_countries),
        parts.spoken_languages(links.tv_show_spoken_languages),
        parts.languages(links.tv_show_languages),
        Relation(
            links.tv_show_episode_run_times, "episode_run_time", ("position", "minutes"), _episode_run_times
        ),
        parts.keywords(links.tv_show_keywords, "keywords.results"),
        Relation(
            links.tv_show_created_by,
            "created_by",
            ("person_id", "position", "credit_id"),
            _creators,
            ((cast_and_crew.PERSON, _creator_people),),
        ),
        cast_and_crew.series_cast(links.tv_show_cast),
        cast_and_crew.series_crew(links.tv_show_crew),
        parts.images(links.tv_show_images),
        parts.videos(links.tv_show_videos),
        parts.translations(links.tv_show_translations, "name", "overview", "tagline", "homepage"),
        parts.external_ids(links.tv_show_external_ids),
        parts.alternative_titles(links.tv_show_alternative_titles, "alternative_titles.results"),
        parts.watch_providers(links.tv_show_watch_providers),
        Relation(
            links.tv_show_content_ratings,
            "content_ratings.results",
            ("iso_3166_1", "position", "rating"),
            _content_ratings,
        ),
    ),
    children=(Children(records.seasons, "tv_show_id", "seasons", _LISTED_SEASON, _listed_seasons),),
    inner=lambda show: whole_seasons(show, show.appended_seasons),
)

SEASON = Stored(
    SeasonDetails,
    records.seasons,
    "/tv/season",
    computed={"tv_show_id": _show_of, **parts.TEXT_LANGUAGES},
    keeps=frozenset({"tv_show_id"}),
    mentions=((_TV_SHOW_ID, _show_id_of_season),),
    relations=(
        cast_and_crew.series_cast(links.season_cast),
        cast_and_crew.series_crew(links.season_crew),
        parts.networks(links.season_networks),
        parts.images(links.season_images),
        parts.videos(links.season_videos),
        parts.translations(links.season_translations, "name", "overview"),
        parts.external_ids(links.season_external_ids),
        parts.watch_providers(links.season_watch_providers),
    ),
    children=(Children(records.episodes, "season_id", "episodes", _EPISODE_OF_SEASON, _listed_episodes),),
    inner=lambda season: season.episodes,
)

_EPISODE_RELATIONS = (
    cast_and_crew.crew(links.episode_crew, "crew"),
    cast_and_crew.guests(links.episode_guest_stars, "guest_stars"),
)

EPISODE_OF_SEASON = Stored(
    Episode,
    records.episodes,
    "/tv/episode",
    computed={"tv_show_id": lambda episode: episode.show_id, **parts.TEXT_LANGUAGES},
    keeps=frozenset({"tv_show_id"}),
    mentions=((_TV_SHOW_ID, _show_id_of_episode),),
    relations=_EPISODE_RELATIONS,
)

EPISODE = Stored(
    EpisodeDetails,
    records.episodes,
    "/tv/episode",
    computed={"tv_show_id": lambda episode: episode.show_id, **parts.TEXT_LANGUAGES},
    keeps=frozenset({"tv_show_id"}),
    mentions=((_TV_SHOW_ID, _show_id_of_episode),),
    relations=(
        *_EPISODE_RELATIONS,
        cast_and_crew.cast(links.episode_cast),
        parts.images(links.episode_images),
        parts.videos(links.episode_videos),
        parts.translations(links.episode_translations, "name", "overview"),
        parts.external_ids(links.episode_external_ids),
    ),
)
