"""Episodes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.account_states import AccountStates
from tmdbfusion_scrapy.models.credits import CrewMember
from tmdbfusion_scrapy.models.external_ids import EpisodeExternalIds
from tmdbfusion_scrapy.models.images import EpisodeImages
from tmdbfusion_scrapy.models.media import EpisodeItem
from tmdbfusion_scrapy.models.translations import EpisodeTranslations
from tmdbfusion_scrapy.models.tv_credits import EpisodeCredits, GuestStar
from tmdbfusion_scrapy.models.videos import Videos


@dataclass
class Episode(EpisodeItem):
    """An episode as its season names it, with crew and guests; ``runtime`` is in minutes."""

    crew: list[CrewMember] = field(default_factory=list)
    guest_stars: list[GuestStar] = field(default_factory=list)


@dataclass
class EpisodeDetails(Episode):
    """An episode, with the parts that were asked for by ``append_to_response``.

    ``runtime`` is in minutes. A part that was not asked for is ``None``.
    """

    _needs_id = True

    account_states: AccountStates | None = None
    credits: EpisodeCredits | None = None
    external_ids: EpisodeExternalIds | None = None
    images: EpisodeImages | None = None
    translations: EpisodeTranslations | None = None
    videos: Videos | None = None
