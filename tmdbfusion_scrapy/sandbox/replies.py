"""Good answers and error answers as TMDB sends them: https://developer.themoviedb.org/docs/errors."""

from __future__ import annotations

import gzip
from dataclasses import replace
from functools import cached_property
from hashlib import md5
from typing import TYPE_CHECKING, Any

import msgspec

from tmdbfusion_scrapy.sandbox.http import Response
from tmdbfusion_scrapy.sandbox.reference import STATUSES

if TYPE_CHECKING:
    from tmdbfusion_scrapy.sandbox.http import RecordedRequest

JSON_HEADERS = (("Content-Type", "application/json;charset=utf-8"), ("Vary", "Accept-Encoding"))

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
    """Return the answer that carries a TMDB code."""
    status, text = STATUSES[code]
    content = {"success": code in {1, 13}, "status_code": code, "status_message": message or text}
    # Seen: these two are cacheable by header.
    cached = (("Cache-Control", "public, max-age=300"),) if code in {7, 34} else ()
    return Response(http_status or status, (*JSON_HEADERS, *cached), msgspec.json.encode(content))


def json_reply(content: Any, max_age: int | None = None) -> Response:
    """Return a 200 with the headers that TMDB sends with it."""
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
        return replace(self.plain, headers=(*self.plain.headers, ("Content-Encoding", "gzip")), body=body)

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
