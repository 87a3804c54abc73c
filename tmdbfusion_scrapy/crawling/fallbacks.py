"""The download handlers that were there before ours, for all that is not TMDB's."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from scrapy.exceptions import NotConfigured, NotSupported
from scrapy.utils.defer import maybe_deferred_to_future
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler, load_object
from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.core.downloader.handlers import DownloadHandlerProtocol
    from scrapy.crawler import Crawler
    from scrapy.http import Response

logger = logging.getLogger(__name__)

FALLBACK_SETTING = "TMDB_FALLBACK_HANDLERS"
"""Set by the add-on: the download handlers that were there before, by scheme."""


class FallbackHandlers:
    """Handlers that were there before, built and closed as Scrapy does it.

    Args:
        crawler: The crawler.
    """

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._handlers: dict[str, DownloadHandlerProtocol] = {}
        self._failed: dict[str, str] = {}

    def start(self, scheme: str) -> None:
        """Build the handler of a scheme if it is not lazy: it may wait for the signal that the engine has started.

        One that nobody chose is Scrapy's own, which waits for nothing.
        """
        if scheme in self._chosen():
            self._build(scheme, skip_lazy=True)

    async def download_request(self, request: Request) -> Response:
        """Download a request.

        Raises:
            NotSupported: There is no handler for its scheme, or it could not be built.
        """
        scheme = urlparse_cached(request).scheme
        handler = self._handlers.get(scheme)
        if handler is None and scheme not in self._failed:
            handler = self._build(scheme)
        if handler is None:
            raise NotSupported(f"Unsupported URL scheme '{scheme}': {self._failed[scheme]}")
        if inspect.iscoroutinefunction(handler.download_request):
            return await handler.download_request(request)
        # The older form, which Scrapy still takes: a Deferred, and a spider argument.
        old_style: Any = handler.download_request
        response: Response = await maybe_deferred_to_future(old_style(request, self._crawler.spider))
        return response

    async def close(self) -> None:
        """Close the handlers."""
        handlers, self._handlers = self._handlers, {}
        for handler in handlers.values():
            closing: Any = handler.close() if hasattr(handler, "close") else None
            if isinstance(closing, Deferred):
                await maybe_deferred_to_future(closing)
            elif inspect.isawaitable(closing):
                await closing

    def _build(self, scheme: str, *, skip_lazy: bool = False) -> DownloadHandlerProtocol | None:
        """Build a handler; what comes in the way is told to each request."""
        try:
            handler_class = self._load(scheme)
            if handler_class is None:
                self._failed[scheme] = "its download handler is set to None"
                return None
            if skip_lazy and getattr(handler_class, "lazy", True):
                return None
            handler: DownloadHandlerProtocol = build_from_crawler(handler_class, self._crawler)
        except NotConfigured as reason:
            self._failed[scheme] = str(reason)
            return None
        except Exception as error:
            logger.exception(
                "Cannot build the download handler for %s", scheme, extra={"crawler": self._crawler}
            )
            self._failed[scheme] = str(error)
            return None
        self._handlers[scheme] = handler
        return handler

    def _load(self, scheme: str) -> Any:
        """The class of a handler, ``None`` for none.

        Scrapy's default is read now: without a reactor Scrapy changes it after the add-ons have run.
        """
        chosen = self._chosen()
        default = self._crawler.settings["DOWNLOAD_HANDLERS_BASE"].get(scheme)
        path = chosen.get(scheme, default)
        return None if path is None else load_object(path)

    def _chosen(self) -> dict[str, Any]:
        """The handlers of the user or of another add-on."""
        return dict(self._crawler.settings.getdict(FALLBACK_SETTING))
