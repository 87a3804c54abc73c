"""The base class of spiders that crawl TMDB."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from scrapy import Request, Spider
from scrapy.settings import SETTINGS_PRIORITIES

from tmdbfusion_scrapy.api import Endpoint, RequestAPI
from tmdbfusion_scrapy.crawling.addon import Addon
from tmdbfusion_scrapy.crawling.failed import failed_call
from tmdbfusion_scrapy.crawling.requests import REQUEST_ARGUMENTS, build_request
from tmdbfusion_scrapy.exceptions import TMDBError
from tmdbfusion_scrapy.settings import TMDBSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scrapy.settings import BaseSettings
    from twisted.python.failure import Failure

    from tmdbfusion_scrapy.crawling.items import FailedCall


class TMDBSpider(Spider):
    """A spider with TMDB's API at hand.

    ::

        class MySpider(TMDBSpider):
            name = "my"

            async def start(self):
                yield self.tmdb.movies.details(550, callback=self.parse_movie)

            def parse_movie(self, response):
                yield response.record

    The add-on is installed with it. A callback gets a :class:`~tmdbfusion_scrapy.crawling.responses.TMDBResponse`
    with the decoded record; a call that failed for good goes to its errback, by default to
    :meth:`record_failure`.
    """

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        """Install the add-on, if the project has not."""
        super().update_settings(settings)
        settings.setdefault_in_component_priority_dict("ADDONS", Addon, 500)
        # Scrapy 2.19 updates a Crawler that is given to a runner with the runner's settings, ADDONS included,
        # unless the crawler's are of higher priority.
        priority = max(settings.getpriority("ADDONS") or 0, SETTINGS_PRIORITIES["spider"])
        settings.set("ADDONS", settings.getdict("ADDONS"), priority=priority)

    @cached_property
    def tmdb(self) -> RequestAPI:
        """TMDB's API: each call returns a ``scrapy.Request``.

        A call takes the endpoint's arguments and those of ``Request`` (``callback``, ``errback``, ``priority``,
        ``meta``, ``cb_kwargs``, ``headers``, ``flags``, ``dont_filter``). ``TMDB_LANGUAGE`` and ``TMDB_REGION``
        stand for the arguments ``language`` and ``region`` that it does not give.

        Raises:
            RuntimeError: The crawl has not begun: use it in ``start()`` and in callbacks, not in ``__init__``.
        """
        if not self.crawler.settings.frozen:
            raise RuntimeError("the settings are not complete yet: use self.tmdb in start() and in callbacks")
        return RequestAPI(self.tmdb_request)

    def tmdb_request(self, endpoint: Endpoint[..., Any], *args: Any, **kwargs: Any) -> Request:
        """Return the request for an endpoint of the catalogue; see :attr:`tmdb` for the arguments."""
        arguments: dict[str, Any] = {"errback": self.record_failure}
        for name in REQUEST_ARGUMENTS & kwargs.keys():
            arguments[name] = kwargs.pop(name)
        settings = self._tmdb_settings
        defaults = {"language": settings.language, "region": settings.region}
        return build_request(endpoint.call(defaults, *args, **kwargs), settings.api_url, arguments)

    @cached_property
    def _tmdb_settings(self) -> TMDBSettings:
        return TMDBSettings.from_settings(self.crawler.settings)

    def record_failure(self, failure: Failure) -> Iterator[FailedCall]:
        """Yield the item that puts a call that failed for good on record."""
        error = failure.value
        if not isinstance(error, TMDBError):
            failure.raiseException()
        yield failed_call(error, failure.request, self._tmdb_settings.api_url)  # type: ignore[attr-defined]
