"""Networks that show series."""

from __future__ import annotations

from dataclasses import dataclass

from tmdbfusion_scrapy.models.alternative_names import AlternativeNames
from tmdbfusion_scrapy.models.images import Logos
from tmdbfusion_scrapy.models.record import Record


@dataclass
class NetworkDetails(Record):
    """A network, with the parts that were asked for by ``append_to_response``.

    ``origin_country`` is an ISO 3166-1 code, an empty string where unknown. A part that was not asked for is
    ``None``.
    """

    _needs_id = True

    id: int | None = None
    name: str | None = None
    headquarters: str | None = None
    homepage: str | None = None
    logo_path: str | None = None
    origin_country: str | None = None

    alternative_names: AlternativeNames | None = None
    images: Logos | None = None
