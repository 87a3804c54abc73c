"""The records: dataclasses with TMDB's field names, decoded by :func:`decode`.

``from tmdbfusion_scrapy.models import MovieDetails`` works for each of them; its module is loaded then.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.models.decoding import decode as decode
from tmdbfusion_scrapy.models.paging import DatedPage as DatedPage
from tmdbfusion_scrapy.models.paging import Page as Page
from tmdbfusion_scrapy.models.record import Record as Record

if TYPE_CHECKING:
    from tmdbfusion_scrapy.models.account import AccountDetails as AccountDetails
    from tmdbfusion_scrapy.models.account import Avatar as Avatar
    from tmdbfusion_scrapy.models.account import Gravatar as Gravatar
    from tmdbfusion_scrapy.models.account import TMDBAvatar as TMDBAvatar
    from tmdbfusion_scrapy.models.account_states import AccountStates as AccountStates
    from tmdbfusion_scrapy.models.account_states import EpisodeRating as EpisodeRating
    from tmdbfusion_scrapy.models.account_states import SeasonAccountStates as SeasonAccountStates
    from tmdbfusion_scrapy.models.alternative_names import AlternativeName as AlternativeName
    from tmdbfusion_scrapy.models.alternative_names import AlternativeNames as AlternativeNames
    from tmdbfusion_scrapy.models.certifications import Certification as Certification
    from tmdbfusion_scrapy.models.certifications import Certifications as Certifications
    from tmdbfusion_scrapy.models.changes import Change as Change
    from tmdbfusion_scrapy.models.changes import ChangedItem as ChangedItem
    from tmdbfusion_scrapy.models.changes import ChangeItem as ChangeItem
    from tmdbfusion_scrapy.models.changes import Changes as Changes
    from tmdbfusion_scrapy.models.collections import CollectionDetails as CollectionDetails
    from tmdbfusion_scrapy.models.collections import CollectionImages as CollectionImages
    from tmdbfusion_scrapy.models.collections import CollectionPart as CollectionPart
    from tmdbfusion_scrapy.models.companies import CompanyDetails as CompanyDetails
    from tmdbfusion_scrapy.models.companies import Network as Network
    from tmdbfusion_scrapy.models.companies import ProductionCompany as ProductionCompany
    from tmdbfusion_scrapy.models.companies import ProductionCountry as ProductionCountry
    from tmdbfusion_scrapy.models.companies import SpokenLanguage as SpokenLanguage
    from tmdbfusion_scrapy.models.configuration import ConfigurationDetails as ConfigurationDetails
    from tmdbfusion_scrapy.models.configuration import Country as Country
    from tmdbfusion_scrapy.models.configuration import CountryTimezones as CountryTimezones
    from tmdbfusion_scrapy.models.configuration import Department as Department
    from tmdbfusion_scrapy.models.configuration import ImagesConfiguration as ImagesConfiguration
    from tmdbfusion_scrapy.models.configuration import Language as Language
    from tmdbfusion_scrapy.models.content_ratings import ContentRating as ContentRating
    from tmdbfusion_scrapy.models.content_ratings import ContentRatings as ContentRatings
    from tmdbfusion_scrapy.models.credits import CastMember as CastMember
    from tmdbfusion_scrapy.models.credits import Credits as Credits
    from tmdbfusion_scrapy.models.credits import CrewMember as CrewMember
    from tmdbfusion_scrapy.models.episode_groups import EpisodeGroup as EpisodeGroup
    from tmdbfusion_scrapy.models.episode_groups import EpisodeGroupDetails as EpisodeGroupDetails
    from tmdbfusion_scrapy.models.episode_groups import EpisodeGroups as EpisodeGroups
    from tmdbfusion_scrapy.models.episode_groups import EpisodeGroupSummary as EpisodeGroupSummary
    from tmdbfusion_scrapy.models.episode_groups import GroupedEpisode as GroupedEpisode
    from tmdbfusion_scrapy.models.external_ids import EpisodeExternalIds as EpisodeExternalIds
    from tmdbfusion_scrapy.models.external_ids import SeasonExternalIds as SeasonExternalIds
    from tmdbfusion_scrapy.models.external_ids import TVExternalIds as TVExternalIds
    from tmdbfusion_scrapy.models.find import FindResults as FindResults
    from tmdbfusion_scrapy.models.genres import Genre as Genre
    from tmdbfusion_scrapy.models.genres import GenreList as GenreList
    from tmdbfusion_scrapy.models.images import EpisodeImages as EpisodeImages
    from tmdbfusion_scrapy.models.images import Image as Image
    from tmdbfusion_scrapy.models.images import Images as Images
    from tmdbfusion_scrapy.models.images import Logo as Logo
    from tmdbfusion_scrapy.models.images import Logos as Logos
    from tmdbfusion_scrapy.models.images import SeasonImages as SeasonImages
    from tmdbfusion_scrapy.models.keywords import Keyword as Keyword
    from tmdbfusion_scrapy.models.keywords import MovieKeywords as MovieKeywords
    from tmdbfusion_scrapy.models.lists import CreatedList as CreatedList
    from tmdbfusion_scrapy.models.lists import ListDetails as ListDetails
    from tmdbfusion_scrapy.models.lists import ListItemStatus as ListItemStatus
    from tmdbfusion_scrapy.models.media import EpisodeItem as EpisodeItem
    from tmdbfusion_scrapy.models.media import MediaItem as MediaItem
    from tmdbfusion_scrapy.models.media import MovieOrTVItem as MovieOrTVItem
    from tmdbfusion_scrapy.models.media import SeasonItem as SeasonItem
    from tmdbfusion_scrapy.models.movie_list_item import MovieListItem as MovieListItem
    from tmdbfusion_scrapy.models.movies import CollectionSummary as CollectionSummary
    from tmdbfusion_scrapy.models.movies import ListSummary as ListSummary
    from tmdbfusion_scrapy.models.movies import MovieDetails as MovieDetails
    from tmdbfusion_scrapy.models.movies import MovieExternalIds as MovieExternalIds
    from tmdbfusion_scrapy.models.networks import NetworkDetails as NetworkDetails
    from tmdbfusion_scrapy.models.paging import DateRange as DateRange
    from tmdbfusion_scrapy.models.people import PersonDetails as PersonDetails
    from tmdbfusion_scrapy.models.people import PersonExternalIds as PersonExternalIds
    from tmdbfusion_scrapy.models.people import PersonImages as PersonImages
    from tmdbfusion_scrapy.models.people import TaggedImage as TaggedImage
    from tmdbfusion_scrapy.models.people import TaggedMedia as TaggedMedia
    from tmdbfusion_scrapy.models.person_credits import CombinedCastCredit as CombinedCastCredit
    from tmdbfusion_scrapy.models.person_credits import CombinedCrewCredit as CombinedCrewCredit
    from tmdbfusion_scrapy.models.person_credits import CreditDetails as CreditDetails
    from tmdbfusion_scrapy.models.person_credits import CreditMedia as CreditMedia
    from tmdbfusion_scrapy.models.person_credits import MovieCastCredit as MovieCastCredit
    from tmdbfusion_scrapy.models.person_credits import MovieCrewCredit as MovieCrewCredit
    from tmdbfusion_scrapy.models.person_credits import PersonCombinedCredits as PersonCombinedCredits
    from tmdbfusion_scrapy.models.person_credits import PersonMovieCredits as PersonMovieCredits
    from tmdbfusion_scrapy.models.person_credits import PersonTVCredits as PersonTVCredits
    from tmdbfusion_scrapy.models.person_credits import TVCastCredit as TVCastCredit
    from tmdbfusion_scrapy.models.person_credits import TVCrewCredit as TVCrewCredit
    from tmdbfusion_scrapy.models.person_list_item import PersonListItem as PersonListItem
    from tmdbfusion_scrapy.models.rated import RatedEpisode as RatedEpisode
    from tmdbfusion_scrapy.models.rated import RatedMovie as RatedMovie
    from tmdbfusion_scrapy.models.rated import RatedTV as RatedTV
    from tmdbfusion_scrapy.models.releases import AlternativeTitle as AlternativeTitle
    from tmdbfusion_scrapy.models.releases import AlternativeTitles as AlternativeTitles
    from tmdbfusion_scrapy.models.releases import CountryRelease as CountryRelease
    from tmdbfusion_scrapy.models.releases import CountryReleases as CountryReleases
    from tmdbfusion_scrapy.models.releases import Release as Release
    from tmdbfusion_scrapy.models.releases import ReleaseDates as ReleaseDates
    from tmdbfusion_scrapy.models.releases import Releases as Releases
    from tmdbfusion_scrapy.models.releases import TVAlternativeTitles as TVAlternativeTitles
    from tmdbfusion_scrapy.models.reviews import Review as Review
    from tmdbfusion_scrapy.models.reviews import ReviewAuthor as ReviewAuthor
    from tmdbfusion_scrapy.models.reviews import ReviewDetails as ReviewDetails
    from tmdbfusion_scrapy.models.search import CollectionListItem as CollectionListItem
    from tmdbfusion_scrapy.models.sessions import GuestSession as GuestSession
    from tmdbfusion_scrapy.models.sessions import RequestToken as RequestToken
    from tmdbfusion_scrapy.models.sessions import Session as Session
    from tmdbfusion_scrapy.models.status import Status as Status
    from tmdbfusion_scrapy.models.translations import CollectionTranslation as CollectionTranslation
    from tmdbfusion_scrapy.models.translations import CollectionTranslationData as CollectionTranslationData
    from tmdbfusion_scrapy.models.translations import CollectionTranslations as CollectionTranslations
    from tmdbfusion_scrapy.models.translations import EpisodeTranslations as EpisodeTranslations
    from tmdbfusion_scrapy.models.translations import MovieTranslation as MovieTranslation
    from tmdbfusion_scrapy.models.translations import MovieTranslationData as MovieTranslationData
    from tmdbfusion_scrapy.models.translations import MovieTranslations as MovieTranslations
    from tmdbfusion_scrapy.models.translations import PersonTranslation as PersonTranslation
    from tmdbfusion_scrapy.models.translations import PersonTranslationData as PersonTranslationData
    from tmdbfusion_scrapy.models.translations import PersonTranslations as PersonTranslations
    from tmdbfusion_scrapy.models.translations import SeasonTranslation as SeasonTranslation
    from tmdbfusion_scrapy.models.translations import SeasonTranslationData as SeasonTranslationData
    from tmdbfusion_scrapy.models.translations import SeasonTranslations as SeasonTranslations
    from tmdbfusion_scrapy.models.translations import TVTranslation as TVTranslation
    from tmdbfusion_scrapy.models.translations import TVTranslationData as TVTranslationData
    from tmdbfusion_scrapy.models.translations import TVTranslations as TVTranslations
    from tmdbfusion_scrapy.models.tv import Creator as Creator
    from tmdbfusion_scrapy.models.tv import ScreenedEpisode as ScreenedEpisode
    from tmdbfusion_scrapy.models.tv import ScreenedTheatrically as ScreenedTheatrically
    from tmdbfusion_scrapy.models.tv import TVDetails as TVDetails
    from tmdbfusion_scrapy.models.tv import TVKeywords as TVKeywords
    from tmdbfusion_scrapy.models.tv_credits import AggregateCastMember as AggregateCastMember
    from tmdbfusion_scrapy.models.tv_credits import AggregateCredits as AggregateCredits
    from tmdbfusion_scrapy.models.tv_credits import AggregateCrewMember as AggregateCrewMember
    from tmdbfusion_scrapy.models.tv_credits import AggregatePerson as AggregatePerson
    from tmdbfusion_scrapy.models.tv_credits import EpisodeCredits as EpisodeCredits
    from tmdbfusion_scrapy.models.tv_credits import GuestStar as GuestStar
    from tmdbfusion_scrapy.models.tv_credits import Job as Job
    from tmdbfusion_scrapy.models.tv_credits import Role as Role
    from tmdbfusion_scrapy.models.tv_episodes import Episode as Episode
    from tmdbfusion_scrapy.models.tv_episodes import EpisodeDetails as EpisodeDetails
    from tmdbfusion_scrapy.models.tv_list_item import TVListItem as TVListItem
    from tmdbfusion_scrapy.models.tv_seasons import SeasonDetails as SeasonDetails
    from tmdbfusion_scrapy.models.videos import Trailer as Trailer
    from tmdbfusion_scrapy.models.videos import Trailers as Trailers
    from tmdbfusion_scrapy.models.videos import Video as Video
    from tmdbfusion_scrapy.models.videos import Videos as Videos
    from tmdbfusion_scrapy.models.watch_providers import CountryWatchProviders as CountryWatchProviders
    from tmdbfusion_scrapy.models.watch_providers import WatchProvider as WatchProvider
    from tmdbfusion_scrapy.models.watch_providers import WatchProviderList as WatchProviderList
    from tmdbfusion_scrapy.models.watch_providers import WatchProviderListItem as WatchProviderListItem
    from tmdbfusion_scrapy.models.watch_providers import WatchProviders as WatchProviders
    from tmdbfusion_scrapy.models.watch_providers import WatchRegions as WatchRegions

# Loading all of them takes longer than the rest of the client together.
_RECORDS = {
    "account": ("AccountDetails", "Avatar", "Gravatar", "TMDBAvatar"),
    "account_states": ("AccountStates", "EpisodeRating", "SeasonAccountStates"),
    "alternative_names": ("AlternativeName", "AlternativeNames"),
    "certifications": ("Certification", "Certifications"),
    "changes": ("Change", "ChangeItem", "ChangedItem", "Changes"),
    "collections": ("CollectionDetails", "CollectionImages", "CollectionPart"),
    "companies": ("CompanyDetails", "Network", "ProductionCompany", "ProductionCountry", "SpokenLanguage"),
    "configuration": (
        "ConfigurationDetails",
        "Country",
        "CountryTimezones",
        "Department",
        "ImagesConfiguration",
        "Language",
    ),
    "content_ratings": ("ContentRating", "ContentRatings"),
    "credits": ("CastMember", "Credits", "CrewMember"),
    "episode_groups": (
        "EpisodeGroup",
        "EpisodeGroupDetails",
        "EpisodeGroupSummary",
        "EpisodeGroups",
        "GroupedEpisode",
    ),
    "external_ids": ("EpisodeExternalIds", "SeasonExternalIds", "TVExternalIds"),
    "find": ("FindResults",),
    "genres": ("Genre", "GenreList"),
    "images": ("EpisodeImages", "Image", "Images", "Logo", "Logos", "SeasonImages"),
    "keywords": ("Keyword", "MovieKeywords"),
    "lists": ("CreatedList", "ListDetails", "ListItemStatus"),
    "media": ("EpisodeItem", "MediaItem", "MovieOrTVItem", "SeasonItem"),
    "movie_list_item": ("MovieListItem",),
    "movies": ("CollectionSummary", "ListSummary", "MovieDetails", "MovieExternalIds"),
    "networks": ("NetworkDetails",),
    "paging": ("DateRange",),
    "people": ("PersonDetails", "PersonExternalIds", "PersonImages", "TaggedImage", "TaggedMedia"),
    "person_credits": (
        "CombinedCastCredit",
        "CombinedCrewCredit",
        "CreditDetails",
        "CreditMedia",
        "MovieCastCredit",
        "MovieCrewCredit",
        "PersonCombinedCredits",
        "PersonMovieCredits",
        "PersonTVCredits",
        "TVCastCredit",
        "TVCrewCredit",
    ),
    "person_list_item": ("PersonListItem",),
    "rated": ("RatedEpisode", "RatedMovie", "RatedTV"),
    "releases": (
        "AlternativeTitle",
        "AlternativeTitles",
        "CountryRelease",
        "CountryReleases",
        "Release",
        "ReleaseDates",
        "Releases",
        "TVAlternativeTitles",
    ),
    "reviews": ("Review", "ReviewAuthor", "ReviewDetails"),
    "search": ("CollectionListItem",),
    "sessions": ("GuestSession", "RequestToken", "Session"),
    "status": ("Status",),
    "translations": (
        "CollectionTranslation",
        "CollectionTranslationData",
        "CollectionTranslations",
        "EpisodeTranslations",
        "MovieTranslation",
        "MovieTranslationData",
        "MovieTranslations",
        "PersonTranslation",
        "PersonTranslationData",
        "PersonTranslations",
        "SeasonTranslation",
        "SeasonTranslationData",
        "SeasonTranslations",
        "TVTranslation",
        "TVTranslationData",
        "TVTranslations",
    ),
    "tv": ("Creator", "ScreenedEpisode", "ScreenedTheatrically", "TVDetails", "TVKeywords"),
    "tv_credits": (
        "AggregateCastMember",
        "AggregateCredits",
        "AggregateCrewMember",
        "AggregatePerson",
        "EpisodeCredits",
        "GuestStar",
        "Job",
        "Role",
    ),
    "tv_episodes": ("Episode", "EpisodeDetails"),
    "tv_list_item": ("TVListItem",),
    "tv_seasons": ("SeasonDetails",),
    "videos": ("Trailer", "Trailers", "Video", "Videos"),
    "watch_providers": (
        "CountryWatchProviders",
        "WatchProvider",
        "WatchProviderList",
        "WatchProviderListItem",
        "WatchProviders",
        "WatchRegions",
    ),
}
"""The other records by their modules."""

_MODULES = {name: module for module, names in _RECORDS.items() for name in names}

if not TYPE_CHECKING:
    # Type checkers go by the imports above; they read no list that is put together.
    __all__ = ["DatedPage", "Page", "Record", "decode"]
    __all__ += list(_MODULES)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    record = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return record


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})
