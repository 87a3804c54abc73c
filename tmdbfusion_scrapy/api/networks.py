"""Networks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import E, Namespace
from tmdbfusion_scrapy.models.companies import AlternativeNames, NetworkDetails
from tmdbfusion_scrapy.models.images import Logos


class Networks(Namespace[E]):
    """Networks that show series."""

    name: ClassVar[str] = "networks"
    kind: ClassVar[str] = "networks"

    @get("network/{network_id}", operation_id="network-details", echoes={"network_id": "id"})
    @staticmethod
    def details(network_id: int, *, append_to_response: Iterable[str] | str | None = None) -> NetworkDetails:
        """A network, with the parts that are asked for.

        https://developer.themoviedb.org/reference/network-details

        Args:
            network_id: TMDB's id of the network.
            append_to_response: Parts to send along: ``alternative_names`` and ``images``.
        """
        raise NotImplementedError

    @get("network/{network_id}/alternative_names", operation_id="details-copy")
    @staticmethod
    def alternative_names(network_id: int) -> AlternativeNames:
        """The other names of a network.

        https://developer.themoviedb.org/reference/details-copy

        Args:
            network_id: TMDB's id of the network.
        """
        raise NotImplementedError

    @get("network/{network_id}/images", operation_id="alternative-names-copy")
    @staticmethod
    def images(network_id: int) -> Logos:
        """The logos of a network.

        https://developer.themoviedb.org/reference/alternative-names-copy

        Args:
            network_id: TMDB's id of the network.
        """
        raise NotImplementedError
