"""Scrapy's downloader, with less between its middlewares."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.core.downloader import Downloader
from scrapy.http import Response
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.deprecate import argument_is_required
from scrapy.utils.python import global_object_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scrapy.crawler import Crawler


class SparingDownloader(Downloader):
    """Scrapy's downloader, which calls its middlewares one after the other as if they were one.

    Scrapy makes a coroutine of each middleware's answer and writes down its name for a warning, some twenty times
    a request. Which of them are called, in which order and with which outcome, stays the same.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        for name, joined in (("process_request", _RequestMethods), ("process_response", _ResponseMethods)):
            methods = self.middleware.methods[name]
            each = [method for method in methods if method is not None]
            groups = groupby(each, lambda method: argument_is_required(method, "spider"))
            methods.clear()
            for needs_spider, group in groups:
                # The older form is Scrapy's to serve.
                methods.extend(group if needs_spider else [joined(list(group))])


class _Methods:
    """Methods of several middlewares, called as one. In Scrapy's messages it is the one that answered last."""

    def __init__(self, methods: Sequence[Callable[..., Any]]) -> None:
        self._methods = methods
        self._answers_for(methods[-1])

    def _answers_for(self, method: Callable[..., Any]) -> None:
        """Take the name of a method."""
        self.__module__ = method.__module__
        self.__qualname__ = method.__qualname__


class _RequestMethods(_Methods):
    async def __call__(self, request: Request) -> Any:
        for method in self._methods:
            answer = method(request=request)
            if answer is None:
                continue
            if not isinstance(answer, (Request, Response)):
                answer = await ensure_awaitable(answer, _warn=global_object_name(method))
            if answer is not None:
                self._answers_for(method)
                return answer
        return None


class _ResponseMethods(_Methods):
    async def __call__(self, request: Request, response: Any) -> Any:
        for method in self._methods:
            response = method(request=request, response=response)
            if not isinstance(response, Response):
                response = await ensure_awaitable(response, _warn=global_object_name(method))
                if not isinstance(response, Response):
                    # A request, or what Scrapy refuses.
                    self._answers_for(method)
                    return response
        return response
