"""TMDB's API in a spider: each call is a ``scrapy.Request``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypedDict

from scrapy import Request
from typing_extensions import override

from tmdbfusion_scrapy.api import API, Crawling
from tmdbfusion_scrapy.api.catalogue import BoundEndpoint
from tmdbfusion_scrapy.api.plain import hide_sessions, plain_call
from tmdbfusion_scrapy.crawling.calls import REQUEST_ARGUMENTS
from tmdbfusion_scrapy.hidden import with_hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from typing_extensions import Unpack

    from tmdbfusion_scrapy.api import Call, Endpoint
    from tmdbfusion_scrapy.api.namespaces import Execute


class RequestArguments(TypedDict, total=False):
    """The arguments of ``scrapy.Request`` that a call takes besides its own."""

    callback: Callable[..., Any] | None
    errback: Callable[..., Any] | None
    priority: int
    meta: Mapping[str, Any] | None
    cb_kwargs: Mapping[str, Any] | None
    headers: Mapping[str, str] | None
    flags: list[str] | None
    dont_filter: bool


class SpiderAPI(API[Crawling]):
    """TMDB's API, ``TMDBSpider.tmdb``.

    Args:
        execute: Is given an endpoint and the arguments of each call.
        build: Makes the request for a call, with arguments of ``scrapy.Request``.
        defaults: As of :meth:`~tmdbfusion_scrapy.api.Endpoint.call`.
    """

    def __init__(
        self,
        execute: Execute,
        build: Callable[[Call[Any], Mapping[str, Any]], Request],
        defaults: Mapping[str, Any],
    ) -> None:
        super().__init__(execute)
        self._build = build
        self._defaults = defaults

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Mapping[str, Any] | None = None,
        **arguments: Unpack[RequestArguments],
    ) -> Request:
        """Return the request for what the catalogue does not know; ``response.record`` is plain JSON.

        ``TMDB_LANGUAGE`` and ``TMDB_REGION`` go along with it.

        Args:
            method: HTTP method.
            path: Path below the base URL, such as ``movie/550/new_thing``. Escape what you put into it; letters
                beyond ASCII are escaped here.
            params: Query parameters by TMDB's names; ``None`` leaves one out. Give a session id, a token or a
                password here or in ``json``, under TMDB's name of it: there it is a secret that nothing shows.
                In a path only the session of a guest (``guest_session/<id>/...``) and the sessions of the settings
                are hidden.
            json: What to send as JSON.
            arguments: Those of ``scrapy.Request``, such as ``callback``.

        Raises:
            ValidationError: The method is no HTTP method, the path is none below the base URL, or a parameter has
                no form in a URL.
            TypeError: ``json`` cannot be written as JSON, or an argument is unknown.
        """
        params, json = with_hidden(params), with_hidden(json)
        path = hide_sessions(path, self._defaults)
        unknown = arguments.keys() - REQUEST_ARGUMENTS
        if unknown:
            raise TypeError(f"request() got an unexpected keyword argument {min(unknown)!r}")
        return self._build(plain_call(self._defaults, method, path, params, json), arguments)

    @override
    def _bind(self, endpoint: Endpoint[..., Any]) -> BoundEndpoint:
        return BoundEndpoint(endpoint, self._execute_call, "tmdb", _request_signature(endpoint))


def _request_signature(endpoint: Endpoint[..., Any]) -> inspect.Signature:
    """The signature of a call in a spider."""
    signature = endpoint.call_signature
    scrapys = inspect.signature(Request, eval_str=False).parameters
    added = [
        scrapys[name].replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name in scrapys
        if name in REQUEST_ARGUMENTS
    ]
    return signature.replace(parameters=[*signature.parameters.values(), *added], return_annotation=Request)
