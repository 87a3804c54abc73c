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
    from tmdbfusion_scrapy.models.account import AccountStates as AccountStates
    from tmdbfusion_scrapy.models.account import Avatar as Avatar
    from tmdbfusion_scrapy.models.account import CreatedList as CreatedList
    from tmdbfusion_scrapy.models.account import EpisodeRating as EpisodeRating
    from tmdbfusion_scrapy.models.account import Gravatar as Gravatar
    from tmdbfusion_scrapy.models.account import GuestSession as GuestSession
    from tmdbfusion_scrapy.models.account import ListDetails as ListDetails
    from tmdbfusion_scrapy.models.account import ListItemStatus as ListItemStatus
    from tmdbfusion_scrapy.models.account import RequestToken as RequestToken
    from tmdbfusion_scrapy.models.account import Review as Review
    from tmdbfusion_scrapy.models.account import ReviewAuthor as ReviewAuthor
    from tmdbfusion_scrapy.models.account import ReviewDetails as ReviewDetails
    from tmdbfusion_scrapy.models.account import SeasonAccountStates as SeasonAccountStates
    from tmdbfusion_scrapy.models.account import Session as Session
    from tmdbfusion_scrapy.models.account import Status as Status
    from tmdbfusion_scrapy.models.account import TMDBAvatar as TMDBAvatar
    from tmdbfusion_scrapy.models.companies import AlternativeName as AlternativeName
    from tmdbfusion_scrapy.models.companies import AlternativeNames as AlternativeNames
    from tmdbfusion_scrapy.models.companies import CollectionDetails as CollectionDetails
    from tmdbfusion_scrapy.models.companies import CollectionImages as CollectionImages
    from tmdbfusion_scrapy.models.companies import CollectionPart as CollectionPart
    from tmdbfusion_scrapy.models.companies import CompanyDetails as CompanyDetails
    from tmdbfusion_scrapy.models.companies import Genre as Genre
    from tmdbfusion_scrapy.models.companies import GenreList as GenreList
    from tmdbfusion_scrapy.models.companies import Keyword as Keyword
    from tmdbfusion_scrapy.models.companies import MovieKeywords as MovieKeywords
    from tmdbfusion_scrapy.models.companies import Network as Network
    from tmdbfusion_scrapy.models.companies import NetworkDetails as NetworkDetails
    from tmdbfusion_scrapy.models.companies import ProductionCompany as ProductionCompany
    from tmdbfusion_scrapy.models.companies import ProductionCountry as ProductionCountry
    from tmdbfusion_scrapy.models.companies import SpokenLanguage as SpokenLanguage
    from tmdbfusion_scrapy.models.credits import AggregateCastMember as AggregateCastMember
    from tmdbfusion_scrapy.models.credits import AggregateCredits as AggregateCredits
    from tmdbfusion_scrapy.models.credits import AggregateCrewMember as AggregateCrewMember
    from tmdbfusion_scrapy.models.credits import AggregatePerson as AggregatePerson
    from tmdbfusion_scrapy.models.credits import CastMember as CastMember
    from tmdbfusion_scrapy.models.credits import CombinedCastCredit as CombinedCastCredit
    from tmdbfusion_scrapy.models.credits import CombinedCrewCredit as CombinedCrewCredit
    from tmdbfusion_scrapy.models.credits import CreditDetails as CreditDetails
    from tmdbfusion_scrapy.models.credits import CreditedPerson as CreditedPerson
    from tmdbfusion_scrapy.models.credits import CreditMedia as CreditMedia
    from tmdbfusion_scrapy.models.credits import Credits as Credits
    from tmdbfusion_scrapy.models.credits import CrewMember as CrewMember
    from tmdbfusion_scrapy.models.credits import EpisodeCredits as EpisodeCredits
    from tmdbfusion_scrapy.models.credits import GuestStar as GuestStar
    from tmdbfusion_scrapy.models.credits import Job as Job
    from tmdbfusion_scrapy.models.credits import MovieCastCredit as MovieCastCredit
    from tmdbfusion_scrapy.models.credits import MovieCrewCredit as MovieCrewCredit
    from tmdbfusion_scrapy.models.credits import PersonCombinedCredits as PersonCombinedCredits
    from tmdbfusion_scrapy.models.credits import PersonMovieCredits as PersonMovieCredits
    from tmdbfusion_scrapy.models.credits import PersonTVCredits as PersonTVCredits
    from tmdbfusion_scrapy.models.credits import Role as Role
    from tmdbfusion_scrapy.models.credits import TVCastCredit as TVCastCredit
    from tmdbfusion_scrapy.models.credits import TVCrewCredit as TVCrewCredit
    from tmdbfusion_scrapy.models.images import EpisodeImages as EpisodeImages
    from tmdbfusion_scrapy.models.images import Image as Image
    from tmdbfusion_scrapy.models.images import Images as Images
    from tmdbfusion_scrapy.models.images import Logo as Logo
    from tmdbfusion_scrapy.models.images import Logos as Logos
    from tmdbfusion_scrapy.models.images import SeasonImages as SeasonImages
    from tmdbfusion_scrapy.models.images import Trailer as Trailer
    from tmdbfusion_scrapy.models.images import Trailers as Trailers
    from tmdbfusion_scrapy.models.images import Video as Video
    from tmdbfusion_scrapy.models.images import Videos as Videos
    from tmdbfusion_scrapy.models.list_items import Change as Change
    from tmdbfusion_scrapy.models.list_items import ChangedItem as ChangedItem
    from tmdbfusion_scrapy.models.list_items import ChangeItem as ChangeItem
    from tmdbfusion_scrapy.models.list_items import Changes as Changes
    from tmdbfusion_scrapy.models.list_items import CollectionListItem as CollectionListItem
    from tmdbfusion_scrapy.models.list_items import EpisodeItem as EpisodeItem
    from tmdbfusion_scrapy.models.list_items import FindResults as FindResults
    from tmdbfusion_scrapy.models.list_items import MediaItem as MediaItem
    from tmdbfusion_scrapy.models.list_items import MovieListItem as MovieListItem
    from tmdbfusion_scrapy.models.list_items import MovieOrTVItem as MovieOrTVItem
    from tmdbfusion_scrapy.models.list_items import PersonListItem as PersonListItem
    from tmdbfusion_scrapy.models.list_items import RatedEpisode as RatedEpisode
    from tmdbfusion_scrapy.models.list_items import RatedMovie as RatedMovie
    from tmdbfusion_scrapy.models.list_items import RatedTV as RatedTV
    from tmdbfusion_scrapy.models.list_items import SeasonItem as SeasonItem
    from tmdbfusion_scrapy.models.list_items import TVListItem as TVListItem
    from tmdbfusion_scrapy.models.movies import CollectionSummary as CollectionSummary
    from tmdbfusion_scrapy.models.movies import ListSummary as ListSummary
    from tmdbfusion_scrapy.models.movies import MovieDetails as MovieDetails
    from tmdbfusion_scrapy.models.movies import MovieExternalIds as MovieExternalIds
    from tmdbfusion_scrapy.models.paging import DateRange as DateRange
    from tmdbfusion_scrapy.models.people import PersonDetails as PersonDetails
    from tmdbfusion_scrapy.models.people import PersonExternalIds as PersonExternalIds
    from tmdbfusion_scrapy.models.people import PersonImages as PersonImages
    from tmdbfusion_scrapy.models.people import TaggedImage as TaggedImage
    from tmdbfusion_scrapy.models.people import TaggedMedia as TaggedMedia
    from tmdbfusion_scrapy.models.reference import ConfigurationDetails as ConfigurationDetails
    from tmdbfusion_scrapy.models.reference import Country as Country
    from tmdbfusion_scrapy.models.reference import CountryTimezones as CountryTimezones
    from tmdbfusion_scrapy.models.reference import CountryWatchProviders as CountryWatchProviders
    from tmdbfusion_scrapy.models.reference import Department as Department
    from tmdbfusion_scrapy.models.reference import ImagesConfiguration as ImagesConfiguration
    from tmdbfusion_scrapy.models.reference import Language as Language
    from tmdbfusion_scrapy.models.reference import WatchProvider as WatchProvider
    from tmdbfusion_scrapy.models.reference import WatchProviderList as WatchProviderList
    from tmdbfusion_scrapy.models.reference import WatchProviderListItem as WatchProviderListItem
    from tmdbfusion_scrapy.models.reference import WatchProviders as WatchProviders
    from tmdbfusion_scrapy.models.reference import WatchRegions as WatchRegions
    from tmdbfusion_scrapy.models.releases import AlternativeTitle as AlternativeTitle
    from tmdbfusion_scrapy.models.releases import AlternativeTitles as AlternativeTitles
    from tmdbfusion_scrapy.models.releases import Certification as Certification
    from tmdbfusion_scrapy.models.releases import Certifications as Certifications
    from tmdbfusion_scrapy.models.releases import ContentRating as ContentRating
    from tmdbfusion_scrapy.models.releases import ContentRatings as ContentRatings
    from tmdbfusion_scrapy.models.releases import CountryRelease as CountryRelease
    from tmdbfusion_scrapy.models.releases import CountryReleases as CountryReleases
    from tmdbfusion_scrapy.models.releases import Release as Release
    from tmdbfusion_scrapy.models.releases import ReleaseDates as ReleaseDates
    from tmdbfusion_scrapy.models.releases import Releases as Releases
    from tmdbfusion_scrapy.models.releases import TVAlternativeTitles as TVAlternativeTitles
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
    from tmdbfusion_scrapy.models.tv import Episode as Episode
    from tmdbfusion_scrapy.models.tv import EpisodeDetails as EpisodeDetails
    from tmdbfusion_scrapy.models.tv import EpisodeExternalIds as EpisodeExternalIds
    from tmdbfusion_scrapy.models.tv import EpisodeGroup as EpisodeGroup
    from tmdbfusion_scrapy.models.tv import EpisodeGroupDetails as EpisodeGroupDetails
    from tmdbfusion_scrapy.models.tv import EpisodeGroups as EpisodeGroups
    from tmdbfusion_scrapy.models.tv import EpisodeGroupSummary as EpisodeGroupSummary
    from tmdbfusion_scrapy.models.tv import GroupedEpisode as GroupedEpisode
    from tmdbfusion_scrapy.models.tv import ScreenedEpisode as ScreenedEpisode
    from tmdbfusion_scrapy.models.tv import ScreenedTheatrically as ScreenedTheatrically
    from tmdbfusion_scrapy.models.tv import SeasonDetails as SeasonDetails
    from tmdbfusion_scrapy.models.tv import SeasonExternalIds as SeasonExternalIds
    from tmdbfusion_scrapy.models.tv import TVDetails as TVDetails
    from tmdbfusion_scrapy.models.tv import TVExternalIds as TVExternalIds
    from tmdbfusion_scrapy.models.tv import TVKeywords as TVKeywords

# Loading all of them takes longer than the rest of the client together.
_RECORDS = {
    "account": """
        AccountDetails AccountStates Avatar CreatedList EpisodeRating Gravatar GuestSession
        ListDetails ListItemStatus RequestToken Review ReviewAuthor ReviewDetails SeasonAccountStates
        Session Status TMDBAvatar
    """,
    "companies": """
        AlternativeName AlternativeNames CollectionDetails CollectionImages CollectionPart
        CompanyDetails Genre GenreList Keyword MovieKeywords Network NetworkDetails ProductionCompany
        ProductionCountry SpokenLanguage
    """,
    "credits": """
        AggregateCastMember AggregateCredits AggregateCrewMember AggregatePerson CastMember
        CombinedCastCredit CombinedCrewCredit CreditDetails CreditMedia CreditedPerson Credits
        CrewMember EpisodeCredits GuestStar Job MovieCastCredit MovieCrewCredit PersonCombinedCredits
        PersonMovieCredits PersonTVCredits Role TVCastCredit TVCrewCredit
    """,
    "images": """
        EpisodeImages Image Images Logo Logos SeasonImages Trailer Trailers Video Videos
    """,
    "list_items": """
        Change ChangeItem ChangedItem Changes CollectionListItem EpisodeItem FindResults MediaItem
        MovieListItem MovieOrTVItem PersonListItem RatedEpisode RatedMovie RatedTV SeasonItem
        TVListItem
    """,
    "movies": """
        CollectionSummary ListSummary MovieDetails MovieExternalIds
    """,
    "paging": """
        DateRange
    """,
    "people": """
        PersonDetails PersonExternalIds PersonImages TaggedImage TaggedMedia
    """,
    "reference": """
        ConfigurationDetails Country CountryTimezones CountryWatchProviders Department
        ImagesConfiguration Language WatchProvider WatchProviderList WatchProviderListItem
        WatchProviders WatchRegions
    """,
    "releases": """
        AlternativeTitle AlternativeTitles Certification Certifications ContentRating ContentRatings
        CountryRelease CountryReleases Release ReleaseDates Releases TVAlternativeTitles
    """,
    "translations": """
        CollectionTranslation CollectionTranslationData CollectionTranslations EpisodeTranslations
        MovieTranslation MovieTranslationData MovieTranslations PersonTranslation
        PersonTranslationData PersonTranslations SeasonTranslation SeasonTranslationData
        SeasonTranslations TVTranslation TVTranslationData TVTranslations
    """,
    "tv": """
        Creator Episode EpisodeDetails EpisodeExternalIds EpisodeGroup EpisodeGroupDetails
        EpisodeGroupSummary EpisodeGroups GroupedEpisode ScreenedEpisode ScreenedTheatrically
        SeasonDetails SeasonExternalIds TVDetails TVExternalIds TVKeywords
    """,
}
"""The other records by their modules."""

_MODULES = {name: module for module, names in _RECORDS.items() for name in names.split()}

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
