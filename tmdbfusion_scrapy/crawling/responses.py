"""Responses of Scrapy's from those of the transport: limits of size, signals, decoding."""

from __future__ import annotations

import ipaddress
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, cast

from pydispatch.dispatcher import getAllReceivers
from scrapy import Request, signals
from scrapy.exceptions import StopDownload
from scrapy.http import Headers, JsonResponse, Response
from scrapy.responsetypes import responsetypes
from twisted.python.failure import Failure
from typing_extensions import TypeVar

from tmdbfusion_scrapy.crawling.errors import TooLargeResponseError
from tmdbfusion_scrapy.crawling.session import traffic_of
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.transport import BodyTooLarge, read_body

if TYPE_CHECKING:
    import ssl

    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.transport.answer import Answer

M = TypeVar("M", default=Any)

logger = logging.getLogger(__name__)

_LEFT_ALONE = (b"image/", b"video/", b"audio/", b"font/", b"application/octet-stream", b"application/pdf")
"""Types of what is no text: what a wrong label says of it is Scrapy's business."""

_UNDONE = (b"content-encoding", b"content-length")
"""Headers that are no longer true of a body that was decoded."""

_ip_address = lru_cache(ipaddress.ip_address)


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


class BodyReader:
    """Reads responses as Scrapy's own handlers do: by its settings and meta keys for sizes, with its signals.

    JSON, which is what TMDB sends, is unpacked here, and so is other text, whatever its label says of how it is
    packed: Scrapy's middleware trusts labels, and knows fewer. Images stay as they came.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        settings = crawler.settings
        self._maxsize, self._warnsize = map(settings.getint, ("DOWNLOAD_MAXSIZE", "DOWNLOAD_WARNSIZE"))
        self._fail_on_dataloss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self._tls_is_logged = settings.getbool("DOWNLOADER_CLIENT_TLS_VERBOSE_LOGGING")
        self._warned_of_dataloss = False
        self._traffic = traffic_of(crawler)

    async def read(self, answer: Answer, request: Request) -> Response:
        """Read an answer to its end; the response is a ``TMDBResponse`` if its type is JSON.

        Raises ``StopDownload`` for a signal handler, ``TooLargeResponseError`` for what is larger than
        ``DOWNLOAD_MAXSIZE``, and ``httpx.HTTPError`` for what broke off or cannot be decompressed.
        """
        headers: list[tuple[bytes, bytes]] = answer.headers
        named = {name.lower(): value for name, value in headers}
        content_type = named.get(b"content-type", b"").lower()
        is_json = b"json" in content_type
        arguments = {"url": request.url, "status": answer.status, **self._connection(answer)}
        flags: list[str] = []
        chunks: list[bytes] = []
        try:
            length = named.get(b"content-length", b"")
            expected = int(length) if length.isdigit() else None
            self._check_size(expected or 0, request, "Expected to receive")
            if is_heard(self._crawler, signals.headers_received):
                told = {"headers": Headers(headers), "body_length": expected}
                self._signal(signals.headers_received, request, **told)
            received, heard = 0, is_heard(self._crawler, signals.bytes_received)
            while chunk := await answer.read():
                chunks.append(chunk)
                received += len(chunk)
                if heard:
                    self._signal(signals.bytes_received, request, data=chunk)
                self._check_size(received, request, "Received")
        except StopDownload as stop:
            flags = ["download_stopped"]
            stopped = _response(headers, b"".join(chunks), is_json=is_json, flags=flags, **arguments)
            if stop.fail:
                stop.response = stopped
                raise
            return stopped
        except httpx.RemoteProtocolError:
            if request.meta.get("download_fail_on_dataloss", self._fail_on_dataloss):
                if not self._warned_of_dataloss:
                    self._warned_of_dataloss = True
                    logger.warning(
                        "Got data loss in %s. If you want to process broken responses set the setting "
                        "DOWNLOAD_FAIL_ON_DATALOSS = False -- This message won't be shown in further requests",
                        request.url,
                        extra={"spider": self._crawler.spider},
                    )
                raise
            flags.append("dataloss")
        body = b"".join(chunks)
        self._traffic.received += len(body)
        # Of a 304 they are of the body that is not here, and the HTTP cache gives them to the one that it has.
        is_undone = answer.status == 304
        if is_json or not content_type.startswith(_LEFT_ALONE):
            encoding = answer.headers.get("content-encoding") or ""
            decoded = self._decode(body, encoding, request, is_good=not flags and 200 <= answer.status < 300)
            if encoding or decoded is not body:
                body, is_undone = decoded, True
        if is_undone:
            headers = [(name, value) for name, value in headers if name.lower() not in _UNDONE]
        return _response(headers, body, is_json=is_json, flags=flags, **arguments)

    def _check_size(self, size: int, request: Request, verb: str) -> None:
        """Refuse what is too large, warn of what is large."""
        limit = request.meta.get("download_maxsize", self._maxsize)
        if limit and size > limit:
            raise self._too_large(size, limit, request, verb)
        warn = request.meta.get("download_warnsize", self._warnsize)
        if warn and size > warn and not request.meta.get("tmdb_size_warned"):
            request.meta["tmdb_size_warned"] = True
            problem = "%s %d bytes which is larger than download warn size (%d) in request %s."
            logger.warning(problem, verb, size, warn, request, extra={"spider": self._crawler.spider})

    def _decode(self, body: bytes, encoding: str, request: Request, *, is_good: bool) -> bytes:
        """Undo the encoding, named in the headers or not."""
        limit = request.meta.get("download_maxsize", self._maxsize)
        try:
            return read_body(body, encoding, max_size=limit or None)
        except BodyTooLarge as large:
            raise self._too_large(large.size, limit, request, "Decompressed") from None
        except httpx.DecodingError:
            if is_good:
                raise
            # It broke off, and the request takes that, or its status tells of an error as well.
            return body

    def _too_large(self, size: int, limit: int, request: Request, verb: str) -> TooLargeResponseError:
        """Log that a body is over ``DOWNLOAD_MAXSIZE`` and return the error for it."""
        problem = f"{verb} {size} bytes which is larger than download max size ({limit})"
        logger.warning("%s in request %s.", problem, request, extra={"spider": self._crawler.spider})
        return TooLargeResponseError(f"{problem}: DOWNLOAD_MAXSIZE", method=request.method)

    def _connection(self, answer: Answer) -> dict[str, Any]:
        """Return Scrapy's attributes of a connection: address, certificate, protocol."""
        known: dict[str, Any] = {"protocol": f"HTTP/{answer.version}"}
        stream = answer.connection.network_stream
        if stream is not None:
            peer = stream.get_extra_info("server_addr")
            known["ip_address"] = _ip_address(peer[0]) if peer else None
            tls: ssl.SSLObject | None = stream.get_extra_info("ssl_object")
            known["certificate"] = tls.getpeercert(binary_form=True) if tls is not None else None
            if tls is not None and self._tls_is_logged:
                _log_tls(tls)
        return known

    def _signal(self, signal: object, request: Request, **arguments: Any) -> None:
        """Send a signal; raises ``StopDownload`` if a handler does."""
        arguments |= {"request": request, "spider": self._crawler.spider}
        for _, result in self._crawler.signals.send_catch_log(signal, **arguments):
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                raise result.value


def is_heard(crawler: Crawler, signal: object) -> bool:
    """Return whether a signal has a handler; sending one that most crawls have none for costs more."""
    return next(iter(getAllReceivers(crawler, signal)), None) is not None


def _response(
    headers: list[tuple[bytes, bytes]], body: bytes, *, is_json: bool, **arguments: Any
) -> Response:
    """Return a response: ours for JSON, else of the class that Scrapy has for the type."""
    # As Headers stores them; it would look at each name and value, once more in a response that is given it.
    stored: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        stored.setdefault(name.title(), []).append(value)
    made_of = Headers()
    dict.update(made_of, stored)
    cls: type[Response] = TMDBResponse
    if not is_json:
        cls = responsetypes.from_args(headers=made_of, url=arguments["url"], body=body)
    response = cls(body=body, **arguments)
    response.headers = made_of
    return response


def _log_tls(tls: ssl.SSLObject) -> None:
    cipher = tls.cipher()
    told = tls.server_hostname, tls.version(), cipher[0] if cipher else None
    logger.debug("SSL connection to %s using protocol %s, cipher %s", *told)
    # Read only where it is verified.
    if certificate := tls.getpeercert():
        issuer, subject = certificate.get("issuer"), certificate.get("subject")
        logger.debug('SSL connection certificate: issuer "%s", subject "%s"', issuer, subject)
