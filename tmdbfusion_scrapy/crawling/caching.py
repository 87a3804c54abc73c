"""The policy of the HTTP cache for TMDB's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.utils.misc import load_object

from tmdbfusion_scrapy.api.call import judge
from tmdbfusion_scrapy.crawling.calls import call_of
from tmdbfusion_scrapy.crawling.reading import assembly_of
from tmdbfusion_scrapy.exceptions import TMDBError
from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.http import Response
    from scrapy.settings import BaseSettings

POLICY_SETTING = "TMDB_CACHE_POLICY"
"""Set by the add-on: the ``HTTPCACHE_POLICY`` that was there before."""

_BROKEN = frozenset({"dataloss", "download_stopped", "partial"})
"""Flags of a response that is not whole."""


class TMDBCachePolicy:
    """Keeps what is no good answer of TMDB out of the HTTP cache; all else is up to the policy that was there.

    The cache stores an answer before anything judges it, and TMDB lets a 401 be cached for 300 seconds and a 404
    for hours. A good answer is a 2xx that is whole, is what was asked for, and lacks no part that may come yet.
    """

    def __init__(self, settings: BaseSettings) -> None:
        before = settings.get(POLICY_SETTING, "scrapy.extensions.httpcache.DummyPolicy")
        self._policy: Any = load_object(before)(settings)
        self._settings = settings_of(settings)

    def should_cache_request(self, request: Request) -> bool:
        """Return whether the cache may answer a request."""
        return bool(self._policy.should_cache_request(request))

    def should_cache_response(self, response: Response, request: Request) -> bool:
        """Return whether the cache may keep an answer."""
        if self._settings.is_tmdb(request.url) and not _is_good(request, response, self._settings.api_url):
            return False
        return bool(self._policy.should_cache_response(response, request))

    def is_cached_response_fresh(self, cachedresponse: Response, request: Request) -> bool:
        """Return whether an answer from the cache needs no look at TMDB."""
        if self._is_bad(cachedresponse, request):
            return False
        return bool(self._policy.is_cached_response_fresh(cachedresponse, request))

    def is_cached_response_valid(
        self, cachedresponse: Response, response: Response, request: Request
    ) -> bool:
        """Return whether an answer from the cache still holds after a look at TMDB."""
        if self._is_bad(cachedresponse, request):
            return False
        if response.status == 304 and request.headers.get("If-None-Match") != cachedresponse.headers.get(
            "ETag"
        ):
            # The 304 is about what the database has.
            return False
        return bool(self._policy.is_cached_response_valid(cachedresponse, response, request))

    def _is_bad(self, cachedresponse: Response, request: Request) -> bool:
        """Return whether the cache has what it would not keep: without the add-on it may."""
        return not 200 <= cachedresponse.status < 300 and self._settings.is_tmdb(request.url)


def _is_good(request: Request, response: Response, api_url: str) -> bool:
    """Return whether an answer is the record that was asked for."""
    if not 200 <= response.status < 300 or _BROKEN.intersection(response.flags):
        return False
    call = call_of(request, api_url)
    try:
        record = judge(call, response.status, {}, response.body)
    except TMDBError:
        return False
    assembly = assembly_of(request, call)
    return assembly is None or not assembly.parts_to_ask_again(record, assembly.portions[0])
