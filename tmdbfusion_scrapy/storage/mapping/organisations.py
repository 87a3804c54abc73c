"""Companies, networks, keywords and genres."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.models.companies import CompanyDetails
from tmdbfusion_scrapy.models.genres import GenreList
from tmdbfusion_scrapy.models.keywords import Keyword
from tmdbfusion_scrapy.models.networks import NetworkDetails
from tmdbfusion_scrapy.storage.mapping import parts
from tmdbfusion_scrapy.storage.mapping.declaration import Stored, StoredList, Values
from tmdbfusion_scrapy.storage.tables import links, records

if TYPE_CHECKING:
    from collections.abc import Iterator


def _parent(company: CompanyDetails) -> Iterator[Values]:
    """The company that a company belongs to."""
    parent = company.parent_company
    if parent is not None:
        yield (parent.id, parent.name, parent.logo_path, parent.origin_country)


def _genres(genres: GenreList) -> Iterator[Values]:
    """The genres of a list."""
    return ((genre.id, genre.name) for genre in genres.genres)


COMPANY = Stored(
    CompanyDetails,
    records.companies,
    "/company",
    computed={"parent_company_id": lambda company: getattr(company.parent_company, "id", None)},
    mentions=((parts.COMPANY, _parent),),
    relations=(parts.logos(links.company_images),),
)

NETWORK = Stored(NetworkDetails, records.networks, "/network", relations=(parts.logos(links.network_images),))

KEYWORD = Stored(Keyword, records.keywords, "/keyword")

GENRES = StoredList(GenreList, "/genre", parts.GENRE, _genres)
