"""Companies and networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tmdbfusion_scrapy.models.companies import CompanyDetails, NetworkDetails
from tmdbfusion_scrapy.storage.entities.columns import record_table, reference, text
from tmdbfusion_scrapy.storage.entities.declaration import Stored, Stub, Values
from tmdbfusion_scrapy.storage.entities.parts import Parts

if TYPE_CHECKING:
    from collections.abc import Iterator

companies = record_table(
    "companies",
    *text("name", "origin_country", "headquarters", "homepage", "description", "logo_path"),
    # One company's row may come before its parent's.
    reference("parent_company_id", "companies.id"),
    indexes=(("name",),),
)
networks = record_table("networks", *text("name", "origin_country", "headquarters", "homepage", "logo_path"))

LISTED_COMPANY = Stub(companies, ("id", "name", "logo_path", "origin_country"))
LISTED_NETWORK = Stub(networks, ("id", "name", "logo_path", "origin_country"))


def _parent(company: CompanyDetails) -> Iterator[Values]:
    """Yield the company that a company belongs to."""
    parent = company.parent_company
    if parent is not None:
        yield (parent.id, parent.name, parent.logo_path, parent.origin_country)


COMPANY = Stored(
    CompanyDetails,
    companies,
    "/company",
    computed={"parent_company_id": lambda company: getattr(company.parent_company, "id", None)},
    stubs=((LISTED_COMPANY, _parent),),
    relations=(Parts(companies, "company").logos(),),
)

NETWORK = Stored(NetworkDetails, networks, "/network", relations=(Parts(networks, "network").logos(),))
