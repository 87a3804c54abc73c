"""Companies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.companies import AlternativeNames, CompanyDetails
from tmdbfusion_scrapy.models.images import Logos


class Companies(Namespace[E]):
    """Companies that produce movies and series."""

    name: ClassVar[str] = "companies"
    kind: ClassVar[str] = "companies"

    @get("company/{company_id}", operation_id="company-details", echoes={"company_id": "id"})
    @staticmethod
    def details(company_id: int, *, append_to_response: Iterable[str] | str | None = None) -> CompanyDetails:
        """A company, with the parts that are asked for.

        https://developer.themoviedb.org/reference/company-details

        Args:
            company_id: TMDB's id of the company.
            append_to_response: Parts to send along: ``alternative_names``, ``images`` and ``movies``, of which
                TMDB sends the first page.
        """
        raise NotImplementedError

    @get("company/{company_id}/alternative_names", operation_id="company-alternative-names")
    @staticmethod
    def alternative_names(company_id: int) -> AlternativeNames:
        """The other names of a company.

        https://developer.themoviedb.org/reference/company-alternative-names

        Args:
            company_id: TMDB's id of the company.
        """
        raise NotImplementedError

    @get("company/{company_id}/images", operation_id="company-images")
    @staticmethod
    def images(company_id: int) -> Logos:
        """The logos of a company.

        https://developer.themoviedb.org/reference/company-images

        Args:
            company_id: TMDB's id of the company.
        """
        raise NotImplementedError
