"""TMDB's error answers: https://developer.themoviedb.org/docs/errors."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5
from typing import Any

import msgspec

JSON_HEADERS: tuple[tuple[str, str], ...] = (
    ("Content-Type", "application/json;charset=utf-8"),
    ("Vary", "Accept-Encoding"),
)

# TMDB code -> (HTTP status, message), those that the sandbox sends.
TMDB_STATUSES = {
    1: (200, "Success."),
    2: (501, "Invalid service: this service does not exist."),
    5: (422, "Invalid parameters: Your request parameters are incorrect."),
    7: (401, "Invalid API key: You must be granted a valid key."),
    9: (503, "Service offline: This service is temporarily offline, try again later."),
    11: (500, "Internal error: Something went wrong, contact TMDB."),
    13: (200, "The item/record was deleted successfully."),
    18: (400, "Validation failed."),
    19: (406, "Invalid accept header."),
    20: (422, "Invalid date range: Should be a range no longer than 14 days."),
    22: (400, "Invalid page: Pages start at 1 and max at 500. They are expected to be an integer."),
    23: (400, "Invalid date: Format needs to be YYYY-MM-DD."),
    24: (504, "Your request to the backend server timed out. Try again."),
    25: (429, "Your request count (#) is over the allowed limit of (40)."),
    27: (400, "Too many append to response objects: The maximum number of remote calls is 20."),
    34: (404, "The resource you requested could not be found."),
    42: (405, "This request method is not supported for this resource."),
    43: (502, "Couldn't connect to the backend server."),
    45: (403, "This user has been suspended."),
    47: (400, "The input is not valid."),
}

# The TMDB code that a bare HTTP status most often carries.
CODE_OF_HTTP_STATUS = {
    400: 18, 401: 7, 403: 45, 404: 34, 405: 42, 406: 19, 422: 5, 429: 25, 500: 11, 501: 2, 502: 43, 503: 9,
    504: 24,
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """One HTTP answer before it meets a client's Accept-Encoding."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class TMDBFailure(Exception):
    """A request that TMDB answers with one of its codes."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def status_reply(code: int, *, message: str | None = None, http_status: int | None = None) -> Reply:
    """The answer that carries a TMDB code.

    Args:
        code: A key of ``TMDB_STATUSES``.
        message: Text instead of TMDB's own.
        http_status: Status instead of the one that TMDB documents for the code.
    """
    status, text = TMDB_STATUSES[code]
    body = msgspec.json.encode(
        {
            "success": code in {1, 13},
            "status_code": code,
            "status_message": text if message is None else message,
        }
    )
    headers = JSON_HEADERS
    if code in {7, 34}:
        # Seen: these two are cacheable by header.
        headers = (*JSON_HEADERS, ("Cache-Control", "public, max-age=300"))
    return Reply(http_status or status, headers, body)


def json_reply(content: Any, max_age: int | None = None) -> Reply:
    """A 200 with the headers that TMDB sends with it.

    Args:
        content: The body as a JSON value.
        max_age: Seconds that caches may keep it; what TMDB's own cache has left by default.
    """
    body = msgspec.json.encode(content)
    digest = md5(body, usedforsecurity=False)
    # TMDB sends the time that is left in its own cache, at most 8 h: another number for each body.
    age = max_age or 2_400 + int.from_bytes(digest.digest()[:4], "big") % 26_400
    cache_headers = (("Cache-Control", f"public, max-age={age}"), ("ETag", f'W/"{digest.hexdigest()}"'))
    return Reply(200, (*JSON_HEADERS, *cache_headers), body)
