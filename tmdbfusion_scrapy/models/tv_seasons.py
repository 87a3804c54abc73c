"""Seasons."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import cast

from tmdbfusion_scrapy.models.account import SeasonAccountStates
from tmdbfusion_scrapy.models.companies import Network
from tmdbfusion_scrapy.models.credits import AggregateCredits, Credits
from tmdbfusion_scrapy.models.external_ids import SeasonExternalIds
from tmdbfusion_scrapy.models.images import SeasonImages
from tmdbfusion_scrapy.models.record import Record
from tmdbfusion_scrapy.models.translations import SeasonTranslations
from tmdbfusion_scrapy.models.tv_episodes import Episode
from tmdbfusion_scrapy.models.videos import Videos
from tmdbfusion_scrapy.models.watch_providers import WatchProviders


@dataclass
class SeasonDetails(Record):
    """A season, with the parts that were asked for by ``append_to_response``.

    ``_id`` is TMDB's own key, as it sends it beside ``id``. It has no other name here, because a season that was
    appended to a series has it alone: its ``id`` is ``None``. A part that was not asked for is ``None``.
    """

    _needs_id = True

    # Id of the series that it came in; not annotated, for it is no field.
    _of_show = cast("int | None", None)

    _id: str | None = None
    id: int | None = None
    air_date: datetime.date | None = None
    episodes: list[Episode] = field(default_factory=list)
    name: str | None = None
    networks: list[Network] = field(default_factory=list)
    overview: str | None = None
    poster_path: str | None = None
    season_number: int | None = None
    vote_average: float | None = None

    account_states: SeasonAccountStates | None = None
    aggregate_credits: AggregateCredits | None = None
    credits: Credits | None = None
    external_ids: SeasonExternalIds | None = None
    images: SeasonImages | None = None
    translations: SeasonTranslations | None = None
    videos: Videos | None = None
    watch_providers: WatchProviders | None = None
