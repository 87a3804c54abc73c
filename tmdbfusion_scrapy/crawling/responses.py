"""The response of a TMDB request."""

from __future__ import annotations

from typing import Any

from scrapy.http import JsonResponse


class TMDBResponse(JsonResponse):
    """A ``JsonResponse`` with the decoded record.

    Attributes:
        record: The record of the endpoint that was called (``MovieDetails`` and so on), plain JSON for a URL
            outside the catalogue. ``None`` until the response has passed ``TMDBRetryMiddleware``, and for a
            status that the request handles itself (``handle_httpstatus_list``).
    """

    __slots__ = ("record",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.record: Any = None
