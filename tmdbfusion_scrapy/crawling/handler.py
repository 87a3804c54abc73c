"""The download handler: TMDB requests through the pool, all others to the handler that was there before."""

from __future__ import annotations

import logging
import time
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.utils.misc import load_object
from scrapy.utils.python import global_object_name

from tmdbfusion_scrapy.crawling.calls import call_of, call_secrets_of
from tmdbfusion_scrapy.crawling.errors import download_error
from tmdbfusion_scrapy.crawling.fallbacks import FallbackHandlers
from tmdbfusion_scrapy.crawling.outgoing import outgoing_request
from tmdbfusion_scrapy.crawling.responses import BodyReader
from tmdbfusion_scrapy.crawling.session import session_of
from tmdbfusion_scrapy.exceptions import ConfigurationError, parse_retry_after
from tmdbfusion_scrapy.hidden import without_frames
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.crawler import Crawler
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

    from tmdbfusion_scrapy.crawling.calls import CallSecrets
    from tmdbfusion_scrapy.crawling.session import Channel, CrawlSession

logger = logging.getLogger(__name__)


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
        self._fallbacks = FallbackHandlers(crawler)
        if self.scheme is not None:
            self._fallbacks.start(self.scheme)

    @cached_property
    def _session(self) -> CrawlSession:
        return session_of(self.crawler)

    @cached_property
    def _secrets(self) -> CallSecrets:
        return call_secrets_of(self.crawler)

    @cached_property
    def _reader(self) -> BodyReader:
        return BodyReader(self.crawler)

    async def download_request(self, request: Request) -> Response:
        """Download a request.

        Raises:
            TMDBError: A TMDB request failed without a response; it is one of Scrapy's download exceptions, too.
            RateLimiterClosed: The spider is being closed, and the request need not wait any longer.
        """
        channel = self._session.channel_of(request)
        if channel is not None:
            return await self._download(request, channel)
        return await self._fallbacks.download_request(request)

    async def close(self) -> None:
        """Close the pool and the fallback handlers."""
        if "_session" in vars(self):
            await self._session.close()
        await self._fallbacks.close()

    async def _download(self, request: Request, channel: Channel) -> Response:
        """Send a TMDB request, with its credentials, through the pool."""
        if request.meta.get("bindaddress"):
            self._warn_of_bindaddress()
        session = self._session
        secrets = self._secrets.secrets_of(request)
        outgoing = outgoing_request(
            request, channel.credentials, secrets=secrets, uses_environment=channel.uses_environment
        )
        in_body = False
        try:
            response = await channel.transport.handle_async_request(outgoing)
            self._stats.inc_value(channel.request_count)
            now = time.monotonic()
            # Without the waits for a connection and for the rate limit.
            request.meta["download_latency"] = now - response.extensions["sent_at"]
            in_body = True
            await self._note_status(response, channel)
            session.report_if_due(now)
            return self._unechoed(await self._reader.read(response, request), channel)
        except (httpx.HTTPError, httpx.InvalidURL) as exception:
            if not in_body:
                self._stats.inc_value(channel.request_count)
            cause = session.credentials.cleaned(exception, self._secrets.values_of(request))
        without_frames(cause)
        path = call_of(request, channel.base_url).path
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

    async def _note_status(self, response: httpx.Response, channel: Channel) -> None:
        """Count the response and tell the rate limiter of it."""
        status = response.status_code
        self._stats.inc_value(f"{channel.status_count}/{status}")
        asked = response.headers.get("retry-after") if status >= 400 else None
        await channel.limiter.answered(response.extensions["sent_at"], status, parse_retry_after(asked))


class TMDBHTTPDownloadHandler(TMDBDownloadHandler):
    """The handler for ``http``."""

    scheme = "http"


class TMDBHTTPSDownloadHandler(TMDBDownloadHandler):
    """The handler for ``https``."""

    scheme = "https"


def check_handlers(settings: BaseSettings) -> None:
    """Refuse settings with which TMDB's requests do not come to our handler.

    Args:
        settings: Of a crawl, complete.

    Raises:
        ConfigurationError: An add-on after ours has put its own handler there; the message gives the fix.
    """
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
