"""Authentication."""

from __future__ import annotations

from typing import ClassVar

from tmdbfusion_scrapy.api.endpoint import get
from tmdbfusion_scrapy.api.namespaces import (
    AwaitableNamespace,
    BlockingNamespace,
    Namespace,
    RequestNamespace,
)
from tmdbfusion_scrapy.models.status import Status


class Authentication(Namespace):
    """What a token or key is good for."""

    kind: ClassVar[str] = "authentication"

    @get("authentication", operation_id="authentication-validate-key")
    @staticmethod
    def validate_key() -> Status:
        """Whether the token or key is accepted.

        A bad one raises ``AuthenticationError``.

        https://developer.themoviedb.org/reference/authentication-validate-key
        """
        raise NotImplementedError


class BlockingAuthentication(Authentication, BlockingNamespace):
    """:class:`Authentication` of ``TMDBClient``."""


class AwaitableAuthentication(Authentication, AwaitableNamespace):
    """:class:`Authentication` of ``AsyncTMDBClient``."""


class RequestAuthentication(Authentication, RequestNamespace):
    """:class:`Authentication` of a spider."""
