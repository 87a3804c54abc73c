"""The download handler: TMDB requests through the pool, all others to the handler that was there before."""

from __future__ import annotations

import inspect
import logging
import time
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import NotConfigured, NotSupported
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object
from scrapy.utils.python import global_object_name

from tmdbfusion_scrapy import exceptions
from tmdbfusion_scrapy.api.call import Secret, fill_target, values_in
from tmdbfusion_scrapy.attempts import tell
from tmdbfusion_scrapy.base_urls import is_loopback
from tmdbfusion_scrapy.crawling.calls import call_of, call_secrets_of
from tmdbfusion_scrapy.crawling.errors import download_error
from tmdbfusion_scrapy.crawling.responses import BodyReader
from tmdbfusion_scrapy.crawling.scrapy_internals import has_environment_proxy
from tmdbfusion_scrapy.crawling.session import Channel, CrawlSession, session_of, traffic_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.settings import previous, settings_of
from tmdbfusion_scrapy.transport.outgoing import NO_BODY, Outgoing

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from scrapy import Request
    from scrapy.core.downloader.handlers import DownloadHandlerProtocol
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.credentials import Credentials
    from tmdbfusion_scrapy.transport import PooledTransport
    from tmdbfusion_scrapy.transport.answer import Answer

logger = logging.getLogger(__name__)

_NOT_SENT = frozenset({b"Proxy-Authorization", b"Host", b"Content-Length"})
"""Headers, as Scrapy writes them, that are not the server's business, or that httpx writes itself."""

_NOT_SHOWN = _NOT_SENT | {b"Authorization"}
"""The same for a host that is to see no credentials: DEFAULT_REQUEST_HEADERS of a project may hold some."""


class TMDBDownloadHandler(BaseDownloadHandler):
    """Downloads what is TMDB's through the pooled httpx transport.

    The add-on installs it for ``http`` and ``https``. A request is TMDB's when its URL begins with
    ``TMDB_API_URL``; the token goes with those only. The requests of ``TMDBImagesPipeline`` have a pool and a rate
    limit of their own. All others go to the handler that was there before, built when Scrapy would build it.

    Attributes:
        scheme: What an instance is for, ``None`` for any.
    """

    scheme: ClassVar[str | None] = None

    # Because the handler that was there before may not be. What is TMDB's here is made with its first request.
    lazy = False

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._stats = crawler.stats
        self._warned_of_bindaddress = False
        self._secrets = call_secrets_of(crawler)
        self._reader = BodyReader(crawler)
        self._traffic = traffic_of(crawler)
        self._previous = crawler.settings.getdict(previous("DOWNLOAD_HANDLERS"))
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
        """Close the pool and the fallback handlers."""
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
            if skip_lazy and getattr(handler_class, "lazy", True):
                return None
            handler: DownloadHandlerProtocol = build_from_crawler(handler_class, self.crawler)
        except NotConfigured as reason:
            self._failed[scheme] = str(reason)
        except Exception as error:
            extra = {"crawler": self.crawler}
            logger.exception("Cannot build the download handler for %s", scheme, extra=extra)
            self._failed[scheme] = str(error)
        else:
            return self._fallbacks.setdefault(scheme, handler)
        return None

    async def _download(self, request: Request, channel: Channel) -> Response:
        meta, session = request.meta, self._session
        if meta.get("bindaddress") and not self._warned_of_bindaddress:
            self._warned_of_bindaddress = True
            logger.warning(
                "The 'bindaddress' request meta key is not supported by %s and will be ignored: set "
                "DOWNLOAD_BIND_ADDRESS. This message won't be shown in further requests.",
                type(self).__name__,
                extra={"spider": self.crawler.spider},
            )
        begun = sent_at = time.monotonic()
        answer = response = None
        cause: Any = None
        try:
            answer = await self._send(request, channel)
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
            await channel.limiter.answered(sent_at, status, exceptions.parse_retry_after(asked))
            session.report_if_due(now)
            response = _unechoed(await self._reader.read(answer, request), channel.credentials)
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            if answer is None:
                self._stats.inc_value(channel.request_count)
            cause = session.credentials.cleaned(exception, self._secrets.values_of(request))
        finally:
            if answer is not None:
                answer.abandon()
        if cause is not None:
            exceptions.without_frames(cause)
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

    def _send(self, request: Request, channel: Channel) -> Coroutine[Any, Any, Answer]:
        secrets = self._secrets.secrets_of(request)
        if channel.failover is None:
            outgoing = prepare(request, channel.pool, channel.credentials, secrets)
            if outgoing is not None:
                return channel.pool.send(outgoing, {"total": request.meta.get("download_timeout")})
        uses_environment, send = channel.uses_environment, channel.pool.send_request
        sent = outgoing_request(
            request, channel.credentials, secrets=secrets, uses_environment=uses_environment
        )
        return send(sent) if channel.failover is None else channel.failover.reach(sent, send)


class TMDBHTTPDownloadHandler(TMDBDownloadHandler):
    """The handler for ``http``."""

    scheme = "http"


class TMDBHTTPSDownloadHandler(TMDBDownloadHandler):
    """The handler for ``https``."""

    scheme = "https"


def prepare(
    request: Request, pool: PooledTransport, credentials: Credentials | None, secrets: Sequence[Secret] = ()
) -> Outgoing | None:
    """Return what a pool sends for a TMDB request; ``None`` for one with a body or a proxy of its own.

    :func:`outgoing_request`, which is for any request, takes three times as long (benchmarks/transport.py).
    """
    if request.body or request.method not in NO_BODY or "proxy" in request.meta:
        return None
    origin, target = _split(request.url)
    head = pool.head(origin, _fields(request, origin, credentials))
    if head.frames_body:
        return None
    return head.without_body(request.method, _filled(target, credentials, secrets))


def outgoing_request(
    request: Request,
    credentials: Credentials | None,
    *,
    secrets: Sequence[Secret] = (),
    uses_environment: bool = True,
) -> httpx.Request:
    """Return what is sent for a TMDB request, which itself stays without credentials and secrets.

    Path and query go along as httpx's extension ``target``, as Scrapy has escaped them. ``None`` are the
    credentials for a host that is to see none. ``ValidationError`` where a secret would reach another endpoint by
    its place in the path, or the proxy of the request cannot be one, or would read the token.
    """
    origin, target = _split(request.url)
    headers = _fields(request, origin, credentials)
    body = request.body
    if in_body := values_in("body", secrets):
        body = msgspec.json.encode({**msgspec.json.decode(body or b"{}"), **in_body})
    # Scrapy's time-out is for all of the download.
    timeout = {"total": request.meta.get("download_timeout")}
    extensions: dict[str, Any] = {"target": _filled(target, credentials, secrets), "timeout": timeout}
    if "proxy" in request.meta and (uses_environment or not has_environment_proxy(request)):
        carries_token = credentials is not None and bool(credentials.headers or credentials.query)
        extensions["proxy"] = _proxy_of(request, origin, carries_token=carries_token)
    content = body if body or request.method not in NO_BODY else None
    return httpx.Request(request.method, origin, headers=headers, content=content, extensions=extensions)


def _fields(
    request: Request, origin: httpx.URL, credentials: Credentials | None
) -> list[tuple[bytes, bytes]]:
    unsent = _NOT_SENT if credentials is not None else _NOT_SHOWN
    fields = [(b"Host", origin.netloc)]
    # As stored: names are in title case and values are bytes, which Headers.items() would make sure of once more.
    for name, values in dict.items(request.headers):
        if name not in unsent:
            fields += [(name, value) for value in values]
    if credentials is not None and b"Authorization" not in request.headers:
        fields += [(name.encode(), value.encode()) for name, value in credentials.headers.items()]
    return fields


def _filled(target: str, credentials: Credentials | None, secrets: Sequence[Secret]) -> bytes:
    if secrets or (credentials is not None and credentials.query):
        target = fill_target(target, secrets, credentials.query if credentials is not None else {})
    return target.encode("ascii")


def _split(url: str) -> tuple[httpx.URL, str]:
    """Return the origin and the target of a URL that Scrapy has escaped."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    if not slash:
        host, _, query = host.partition("?")
        path = f"?{query}" if query else ""
    return _origin(f"{scheme}://{host}"), f"/{path}"


_origin = lru_cache(maxsize=16)(httpx.URL)


def _proxy_of(request: Request, origin: httpx.URL, *, carries_token: bool) -> httpx.Proxy | None:
    """Return the proxy that a request names, ``None`` for none at all."""
    url = request.meta["proxy"]
    if not url:
        return None
    if origin.scheme == "http" and carries_token:
        raise ValidationError(
            f'request.meta["proxy"] is set for {origin}, plain http, so the proxy would read your token: leave it '
            f"out, which loopback does not need, or set TMDB_API_URL to an https URL"
        )
    if origin.scheme == "http" and is_loopback(origin.host):
        return None
    # HttpProxyMiddleware has moved user and password here, in HTTPPROXY_AUTH_ENCODING and of whatever scheme.
    authorization = request.headers.get(b"Proxy-Authorization")
    headers = [(b"Proxy-Authorization", authorization)] if authorization is not None else None
    try:
        proxy = httpx.Proxy(url if "://" in url else f"http://{url}", headers=headers)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        raise ValidationError("the proxy of the request must be a URL that begins with http:// or https://")
    return proxy


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
