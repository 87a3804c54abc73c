"""Certifications."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.releases import Certifications as CertificationsByCountry


class Certifications(Namespace[E]):
    """The certifications of each country: ``PG-13``, ``TV-MA``."""

    name: ClassVar[str] = "certifications"

    @get("certification/movie/list", operation_id="certification-movie-list")
    @staticmethod
    def movie_list() -> CertificationsByCountry:
        """The certifications of movies.

        https://developer.themoviedb.org/reference/certification-movie-list
        """
        raise NotImplementedError

    @get("certification/tv/list", operation_id="certifications-tv-list")
    @staticmethod
    def tv_list() -> CertificationsByCountry:
        """The certifications of series.

        https://developer.themoviedb.org/reference/certifications-tv-list
        """
        raise NotImplementedError
