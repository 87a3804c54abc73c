"""The download handler: TMDB requests through the pool, all others to the handler that was there before."""

from __future__ import annotations

import inspect
import ipaddress
import logging
import time
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from scrapy import signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import NotConfigured, NotSupported, StopDownload
from scrapy.http import Headers, Response
from scrapy.responsetypes import responsetypes
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.python import global_object_name
from twisted.python.failure import Failure

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy.attempts import tell
from tmdbfusion_scrapy.crawling.calls import call_of, call_secrets_of
from tmdbfusion_scrapy.crawling.errors import TooLargeResponseError, download_error
from tmdbfusion_scrapy.crawling.responses import TMDBResponse, is_heard
from tmdbfusion_scrapy.crawling.session import Channel, CrawlSession, session_of, traffic_of
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.settings import previous, settings_of
from tmdbfusion_scrapy.transport import BodyTooLarge, read_body

if TYPE_CHECKING:
    import ssl

    from scrapy import Request
    from scrapy.core.downloader.handlers import DownloadHandlerProtocol
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.credentials import Credentials
    from tmdbfusion_scrapy.transport.answer import Answer

logger = logging.getLogger(__name__)

_LEFT_ALONE = (b"image/", b"video/", b"audio/", b"font/", b"application/octet-stream", b"application/pdf")
"""Types of what is no text: what a wrong label says of it is Scrapy's business."""

_UNDONE = (b"content-encoding", b"content-length")
"""Headers that are no longer true of a body that was decoded."""

_ip_address = lru_cache(ipaddress.ip_address)


class TMDBDownloadHandler(BaseDownloadHandler):
    """Downloads what is TMDB's through the pooled httpx transport.

    A request is TMDB's when its URL begins with ``TMDB_API_URL``; the token goes with those only. The requests of
    ``TMDBImagesPipeline`` have a pool and a rate limit of their own. All others go to the handler that was there
    before, built when Scrapy would build it.

    Sizes, data loss and signals are as with Scrapy's own handlers. Text is unpacked here, whatever its label
    says of how it is packed: Scrapy's middleware trusts labels, and knows fewer. Images stay as they came.

    Attributes:
        scheme: The scheme that an instance is for, ``None`` for any.
    """

    scheme: ClassVar[str | None] = None

    # Because the handler that was there before may not be. What is TMDB's here is made with its first request.
    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self._maxsize, self._warnsize = map(settings.getint, ("DOWNLOAD_MAXSIZE", "DOWNLOAD_WARNSIZE"))
        self._fail_on_dataloss = settings.getbool("DOWNLOAD_FAIL_ON_DATALOSS")
        self._tls_is_logged = settings.getbool("DOWNLOADER_CLIENT_TLS_VERBOSE_LOGGING")
        self._said: set[str] = set()
        self._stats = crawler.stats
        self._secrets = call_secrets_of(crawler)
        self._traffic = traffic_of(crawler)
        self._previous = settings.getdict(previous("DOWNLOAD_HANDLERS"))
        self._fallbacks: dict[str, DownloadHandlerProtocol] = {}
        self._failed: dict[str, str] = {}
        if self.scheme is not None and self.scheme in self._previous:
            # It may wait for the signal that the engine has started; Scrapy's own waits for nothing.
            self._build_fallback(self.scheme, skip_lazy=True)

    @cached_property
    def _session(self) -> CrawlSession:
        return session_of(self.crawler)

    async def download_request(self, request: Request) -> Response:
        """Download a request.

        Raises:
            TMDBError: A TMDB request failed without a response; it is one of Scrapy's download exceptions, too.
            RateLimiterClosed: The spider is being closed, and the request need not wait any longer.
            NotSupported: There is no other handler for its scheme, or it could not be built.
        """
        channel = self._session.channel_of(request)
        if channel is not None:
            return await self._download(request, channel)
        scheme = urlparse_cached(request).scheme
        handler = self._fallbacks.get(scheme)
        if handler is None and scheme not in self._failed:
            handler = self._build_fallback(scheme)
        if handler is None:
            raise NotSupported(f"Unsupported URL scheme '{scheme}': {self._failed[scheme]}")
        download: Any = handler.download_request
        # The older form, which Scrapy still takes, has a spider argument and returns a Deferred.
        spider = () if inspect.iscoroutinefunction(download) else (self.crawler.spider,)
        response: Response = await ensure_awaitable(download(request, *spider))
        return response

    async def close(self) -> None:
        if "_session" in vars(self):
            await self._session.close()
        for handler in self._fallbacks.values():
            if hasattr(handler, "close"):
                await ensure_awaitable(handler.close())

    def _build_fallback(self, scheme: str, *, skip_lazy: bool = False) -> DownloadHandlerProtocol | None:
        """Build the handler that was there before, as Scrapy does; what is in the way is told to each request."""
        # Scrapy's default is read now: without a reactor Scrapy changes it after the add-ons have run.
        path = self._previous.get(scheme, self.crawler.settings["DOWNLOAD_HANDLERS_BASE"].get(scheme))
        if path is None:
            self._failed[scheme] = "its download handler is set to None"
            return None
        try:
            handler_class: Any = load_object(path)
            if not (skip_lazy and getattr(handler_class, "lazy", True)):
                return self._fallbacks.setdefault(scheme, build_from_crawler(handler_class, self.crawler))
        except NotConfigured as reason:
            self._failed[scheme] = str(reason)
        except Exception as error:
            extra = {"crawler": self.crawler}
            logger.exception("Cannot build the download handler for %s", scheme, extra=extra)
            self._failed[scheme] = str(error)
        return None

    async def _download(self, request: Request, channel: Channel) -> Response:
        meta, session = request.meta, self._session
        if meta.get("bindaddress"):
            self._warn_once(
                "The 'bindaddress' request meta key is not supported by %s and will be ignored: set "
                "DOWNLOAD_BIND_ADDRESS. This message won't be shown in further requests.",
                type(self).__name__,
            )
        begun = sent_at = time.monotonic()
        answer = response = None
        cause: Any = None
        try:
            answer = await channel.send(request, self._secrets.secrets_of(request))
            status = answer.status
            self._stats.inc_value(channel.request_count)
            now = time.monotonic()
            sent_at = answer.sent_at or begun
            # Without the waits for a connection and for the rate limit.
            latency = meta["download_latency"] = now - sent_at
            if channel is session.api:
                self._traffic.answers.append((now, latency))
            self._stats.inc_value(f"{channel.status_count}/{status}")
            asked = answer.headers.get("retry-after") if status >= 400 else None
            retry_after = None if asked is None else exceptions.parse_retry_after(asked)
            await channel.limiter.answered(sent_at, status, retry_after)
            session.report_if_due(now)
            response = _unechoed(await self._read(answer, request), channel.credentials)
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            if answer is None:
                self._stats.inc_value(channel.request_count)
            cause = session.credentials.cleaned(exception, self._secrets.values_of(request))
            exceptions.without_frames(cause)
        finally:
            if answer is not None:
                answer.abandon()
        if self._traffic.observers:
            is_api = channel.credentials is not None
            tell(
                self._traffic.observers,
                begun=begun,
                sent_at=sent_at,
                error=cause,
                method=request.method,
                url=request.url,
                base_url=channel.base_url,
                operation_id=call_of(request, channel.base_url).operation_id if is_api else None,
                retries=meta.get("retry_times", 0),
                status=None if answer is None else answer.status,
                size=None if response is None else len(response.body),
                memory=meta,
            )
        if response is not None:
            return response
        path = call_of(request, channel.base_url).path
        # Not in the except clause: what was caught, which may quote a secret, would be the error's context.
        raise download_error(cause, method=request.method, path=path, in_body=answer is not None) from cause

    async def _read(self, answer: Answer, request: Request) -> Response:
        """Read an answer to its end; the response is a ``TMDBResponse`` if its type is JSON."""
        headers: list[tuple[bytes, bytes]] = answer.headers
        named = {name.lower(): value for name, value in headers}
        content_type, length = named.get(b"content-type", b"").lower(), named.get(b"content-length", b"")
        is_json, expected = b"json" in content_type, int(length) if length.isdigit() else None
        arguments = {"url": request.url, "status": answer.status, **self._connection(answer)}
        flags: list[str] = []
        chunks: list[bytes] = []
        try:
            self._check_size(expected or 0, request, "Expected to receive")
            if is_heard(self.crawler, signals.headers_received):
                told = {"headers": Headers(headers), "body_length": expected}
                self._signal(signals.headers_received, request, **told)
            received, heard = 0, is_heard(self.crawler, signals.bytes_received)
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
                self._warn_once(
                    "Got data loss in %s. If you want to process broken responses set the setting "
                    "DOWNLOAD_FAIL_ON_DATALOSS = False -- This message won't be shown in further requests",
                    request.url,
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
        limit = request.meta.get("download_maxsize", self._maxsize)
        if limit and size > limit:
            raise self._too_large(size, limit, request, verb)
        warn = request.meta.get("download_warnsize", self._warnsize)
        if warn and size > warn and not request.meta.get("tmdb_size_warned"):
            request.meta["tmdb_size_warned"] = True
            problem = "%s %d bytes which is larger than download warn size (%d) in request %s."
            logger.warning(problem, verb, size, warn, request, extra={"spider": self.crawler.spider})

    def _too_large(self, size: int, limit: int, request: Request, verb: str) -> TooLargeResponseError:
        """Log that a body is over ``DOWNLOAD_MAXSIZE`` and return the error for it."""
        problem = f"{verb} {size} bytes which is larger than download max size ({limit})"
        logger.warning("%s in request %s.", problem, request, extra={"spider": self.crawler.spider})
        return TooLargeResponseError(f"{problem}: DOWNLOAD_MAXSIZE", method=request.method)

    def _decode(self, body: bytes, encoding: str, request: Request, *, is_good: bool) -> bytes:
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
                cipher = tls.cipher()
                told = tls.server_hostname, tls.version(), cipher[0] if cipher else None
                logger.debug("SSL connection to %s using protocol %s, cipher %s", *told)
                # Read only where it is verified.
                if certificate := tls.getpeercert():
                    names = certificate.get("issuer"), certificate.get("subject")
                    logger.debug('SSL connection certificate: issuer "%s", subject "%s"', *names)
        return known

    def _signal(self, signal: object, request: Request, **arguments: Any) -> None:
        """Send a signal; raises ``StopDownload`` if a handler does."""
        arguments |= {"request": request, "spider": self.crawler.spider}
        for _, result in self.crawler.signals.send_catch_log(signal, **arguments):
            if isinstance(result, Failure) and isinstance(result.value, StopDownload):
                raise result.value

    def _warn_once(self, message: str, *args: Any) -> None:
        if message not in self._said:
            self._said.add(message)
            logger.warning(message, *args, extra={"spider": self.crawler.spider})


class TMDBHTTPDownloadHandler(TMDBDownloadHandler):
    """The handler for ``http``."""

    scheme = "http"


class TMDBHTTPSDownloadHandler(TMDBDownloadHandler):
    """The handler for ``https``."""

    scheme = "https"


def _unechoed(response: Response, credentials: Credentials | None) -> Response:
    """Return the response without the token or key, should a server have sent it back in a header or the body."""
    if credentials is None:
        return response
    body = credentials.unechoed(response.body)
    if body is not response.body:
        response = response.replace(body=body)
    values = b"\n".join(value for values in dict.values(response.headers) for value in values)
    if credentials.unechoed(values) is not values:
        for name in list(response.headers):
            kept = [credentials.unechoed(value) for value in response.headers.getlist(name)]
            response.headers.setlist(name, kept)
    return response


def _response(
    headers: list[tuple[bytes, bytes]], body: bytes, *, is_json: bool, **arguments: Any
) -> Response:
    """Return a response: ours for JSON, else of the class that Scrapy has for the type."""
    # As Headers stores them; it would look at each name and value, once more in a response that is given it.
    made_of = Headers()
    for name, value in headers:
        dict.setdefault(made_of, name.title(), []).append(value)
    cls: type[Response] = TMDBResponse
    if not is_json:
        cls = responsetypes.from_args(headers=made_of, url=arguments["url"], body=body)
    response = cls(body=body, **arguments)
    response.headers = made_of
    return response


def check_handlers(settings: BaseSettings) -> None:
    """Refuse, with ``ConfigurationError``, settings with which TMDB's requests do not come to our handler."""
    ours = settings_of(settings)
    handlers = settings.getwithbase("DOWNLOAD_HANDLERS")
    for url in (*ours.api_urls, ours.images_url):
        scheme = url.partition(":")[0]
        handler = load_object(handlers[scheme]) if handlers.get(scheme) is not None else None
        if isinstance(handler, type) and issubclass(handler, TMDBDownloadHandler):
            continue
        name = "None" if handler is None else global_object_name(handler)
        last = max((order for order in settings.getdict("ADDONS").values() if order is not None), default=0)
        raise ConfigurationError(
            f"DOWNLOAD_HANDLERS has {name} for {scheme}, so TMDB's requests would go there: an add-on after "
            f"tmdbfusion_scrapy.Addon has put it there. Let ours be the last one, "
            f'ADDONS = {{..., "tmdbfusion_scrapy.Addon": {last + 100}}}'
        )
