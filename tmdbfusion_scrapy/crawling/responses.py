"""The response of a TMDB request."""

from __future__ import annotations

from typing import Any, Generic, cast

from scrapy.http import JsonResponse
from typing_extensions import TypeVar

M = TypeVar("M", default=Any)


class TMDBResponse(JsonResponse, Generic[M]):
    """A ``JsonResponse`` with the decoded record.

    A callback can name the record for type checkers, as they cannot tell it from the request::

        def parse_movie(self, response: TMDBResponse[MovieDetails]): ...

    Attributes:
        record: The record of the endpoint that was called (``MovieDetails`` and so on), plain JSON for a URL
            outside the catalogue. ``None`` until the response has passed ``TMDBRetryMiddleware``, and for a
            status that the request handles itself (``handle_httpstatus_list``).
    """

    __slots__ = ("record",)

    record: M

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record = cast("M", None)
