"""The download handler: TMDB requests through the pool, all others to the handler that was there before."""

from __future__ import annotations

import inspect
import logging
import time
from typing import TYPE_CHECKING, Any

import httpx
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.exceptions import NotSupported
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object
from twisted.internet.defer import Deferred

from tmdbfusion_scrapy.crawling.body import BodyReader
from tmdbfusion_scrapy.crawling.errors import download_error
from tmdbfusion_scrapy.crawling.failed import public_path
from tmdbfusion_scrapy.crawling.outgoing import outgoing_request
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.crawling.vault import vault_of
from tmdbfusion_scrapy.exceptions import parse_retry_after
from tmdbfusion_scrapy.hidden import without_frames

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.core.downloader.handlers import DownloadHandlerProtocol
    from scrapy.crawler import Crawler
    from scrapy.http import Response

    from tmdbfusion_scrapy.crawling.session import Channel

logger = logging.getLogger(__name__)

FALLBACK_SETTING = "TMDB_FALLBACK_HANDLERS"
"""Set by the add-on: the download handlers that were there before, by scheme."""


class TMDBDownloadHandler(BaseDownloadHandler):
    """Downloads what is TMDB's through the pooled httpx transport.

    The add-on installs it for ``http`` and ``https``. A request is TMDB's when its URL begins with
    ``TMDB_API_URL``; the token goes with those only. The requests of ``TMDBImagesPipeline`` have a pool and a pace
    of their own. All others go to the handler that was there before, which is built when it is first needed.
    """

    # Built with the first request: an error in a handler's constructor would be swallowed.
    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._session = session_of(crawler)
        self._vault = vault_of(crawler)
        self._stats = crawler.stats
        self._reader = BodyReader(crawler)
        self._warned_of_bindaddress = False
        self._fallbacks: dict[str, DownloadHandlerProtocol] = {}

    async def download_request(self, request: Request) -> Response:
        """Download a request.

        Raises:
            TMDBError: A TMDB request failed without a response; it is one of Scrapy's download exceptions, too.
            PacerClosed: The spider is being closed, and the request need not wait for its turn any longer.
        """
        channel = self._session.channel_of(request)
        if channel is not None:
            return await self._download(request, channel)
        return await self._fall_back(request)

    async def close(self) -> None:
        """Close the pool and the fallback handlers."""
        await self._session.close()
        for handler in self._fallbacks.values():
            closing: Any = handler.close() if hasattr(handler, "close") else None
            if isinstance(closing, Deferred):
                await maybe_deferred_to_future(closing)
            elif inspect.isawaitable(closing):
                await closing
        self._fallbacks.clear()

    async def _download(self, request: Request, channel: Channel) -> Response:
        """Send a TMDB request: pace, credentials, pool."""
        if request.meta.get("bindaddress"):
            self._warn_of_bindaddress()
        session = self._session
        secrets = self._vault.secrets_of(request)
        outgoing = outgoing_request(
            request, channel.credentials, secrets=secrets, has_proxy=session.settings.proxy is not None
        )
        sent_at = await channel.pacer.acquire()
        self._stats.inc_value(channel.request_count)
        in_body = False
        started = time.monotonic()
        try:
            response = await channel.transport.handle_async_request(outgoing)
            now = time.monotonic()
            request.meta["download_latency"] = now - started
            in_body = True
            self._note_status(response, sent_at, channel)
            session.report_if_due(now)
            return self._unechoed(await self._reader.read(response, request), channel)
        except httpx.HTTPError as exception:
            cause = session.credentials.cleaned(exception, self._vault.values_of(request))
        without_frames(cause)
        path = public_path(request.url, channel.base_url, with_query=False)
        # Not in the except clause: what was caught, which may quote a secret, would be the error's context.
        raise download_error(cause, method=request.method, path=path, in_body=in_body) from cause

    def _unechoed(self, response: Response, channel: Channel) -> Response:
        """The response without the token or key, should a server have sent it back in a header or the body.

        What is stored, cached or exported of a response is not to hold it.
        """
        credentials = channel.credentials
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

    def _warn_of_bindaddress(self) -> None:
        """Tell once that a pool has one address for all its connections."""
        if not self._warned_of_bindaddress:
            self._warned_of_bindaddress = True
            logger.warning(
                "The 'bindaddress' request meta key is not supported by %s and will be ignored: set "
                "DOWNLOAD_BIND_ADDRESS. This message won't be shown in further requests.",
                type(self).__name__,
                extra={"spider": self.crawler.spider},
            )

    def _note_status(self, response: httpx.Response, sent_at: float, channel: Channel) -> None:
        """Count the response and tell the pace of it."""
        status = response.status_code
        self._stats.inc_value(f"{channel.status_count}/{status}")
        asked = response.headers.get("retry-after") if status >= 400 else None
        channel.pacer.answered(sent_at, status, parse_retry_after(asked))

    async def _fall_back(self, request: Request) -> Response:
        """Download with the handler that was there before."""
        scheme = urlparse_cached(request).scheme
        handler = self._fallbacks.get(scheme)
        if handler is None:
            handler = self._fallbacks[scheme] = self._build_fallback(scheme)
        if inspect.iscoroutinefunction(handler.download_request):
            return await handler.download_request(request)
        # The older form, which Scrapy still takes: a Deferred, and a spider argument.
        old_style: Any = handler.download_request
        response: Response = await maybe_deferred_to_future(old_style(request, self.crawler.spider))
        return response

    def _build_fallback(self, scheme: str) -> DownloadHandlerProtocol:
        """Build the handler that was there before, with what the user set before Scrapy's default.

        The default is read now: without a reactor Scrapy changes it after the add-ons have run.
        """
        settings = self.crawler.settings
        chosen = dict(settings.getdict(FALLBACK_SETTING))
        path = chosen[scheme] if scheme in chosen else settings["DOWNLOAD_HANDLERS_BASE"].get(scheme)
        if path is None:
            raise NotSupported(f"Unsupported URL scheme '{scheme}': its download handler is set to None")
        handler: DownloadHandlerProtocol = build_from_crawler(load_object(path), self.crawler)
        return handler
