"""Good answers and error answers as TMDB sends them: https://developer.themoviedb.org/docs/errors."""

from __future__ import annotations

import gzip
from functools import cached_property
from hashlib import md5
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.sandbox.http import Response

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox.http import RecordedRequest

JSON_HEADERS = (("Content-Type", "application/json;charset=utf-8"), ("Vary", "Accept-Encoding"))

# TMDB code -> (HTTP status, message), those that the sandbox sends.
_STATUSES = {
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


class TMDBFailure(Exception):
    """A request that TMDB answers with one of its codes."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def status_reply(code: int, *, message: str | None = None, http_status: int | None = None) -> Response:
    """Return the answer that carries a TMDB code.

    Args:
        code: TMDB's code.
        message: Text instead of TMDB's own.
        http_status: Status instead of the one that TMDB documents for the code.
    """
    status, text = _STATUSES[code]
    content = {"success": code in {1, 13}, "status_code": code, "status_message": message or text}
    # Seen: these two are cacheable by header.
    cached = (("Cache-Control", "public, max-age=300"),) if code in {7, 34} else ()
    return Response(http_status or status, (*JSON_HEADERS, *cached), msgspec.json.encode(content))


def json_reply(content: Any, max_age: int | None = None) -> Response:
    """Return a 200 with the headers that TMDB sends with it.

    Args:
        content: The body as a JSON value.
        max_age: Seconds that caches may keep it; the rest of 8 hours in TMDB's own cache by default, another
            number for each body.
    """
    body = msgspec.json.encode(content)
    digest = md5(body, usedforsecurity=False)
    age = max_age or 2_400 + int.from_bytes(digest.digest()[:4], "big") % 26_400
    etag = f'W/"{digest.hexdigest()}"'
    return Response(200, (*JSON_HEADERS, ("Cache-Control", f"public, max-age={age}"), ("ETag", etag)), body)


class PreparedReply:
    """A good answer with all that is made of it once, however often it is asked for."""

    def __init__(self, plain: Response) -> None:
        self.plain = plain
        self._etag = next((value for name, value in plain.headers if name.lower() == "etag"), None)

    @cached_property
    def gzipped(self) -> Response:
        """The compressed answer, the same bytes each time."""
        body = gzip.compress(self.plain.body, compresslevel=4, mtime=0)
        return Response(self.plain.status, (*self.plain.headers, ("Content-Encoding", "gzip")), body)

    @property
    def size(self) -> int:
        """The bytes to reckon: the body, a third of it for the compressed one, and the objects around it."""
        return len(self.plain.body) * 4 // 3 + 1500

    def response(self, request: RecordedRequest, *, conditional: bool) -> Response:
        """Return the answer as a client takes it; 304 for an ETag that it has if that is ``conditional``."""
        if conditional and self._etag and request.headers.get("if-none-match") == self._etag:
            return Response(304, [pair for pair in self.plain.headers if pair[0].lower() != "content-type"])
        if self.plain.body and accepts_gzip(request.headers.get("accept-encoding", "")):
            return self.gzipped
        return self.plain


def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an Accept-Encoding header takes gzip."""
    for item in accept_encoding.split(","):
        name, _, parameter = item.strip().partition(";")
        if name.strip().lower() == "gzip":
            return parameter.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
