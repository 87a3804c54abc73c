"""Addresses of images, from a configuration that is asked for once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, overload

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.forking import Renewal
from tmdbfusion_scrapy.models.images import check_path

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import API, Asynchronous, Blocking
    from tmdbfusion_scrapy.models.images import ImageKind
    from tmdbfusion_scrapy.models.reference import ConfigurationDetails, ImagesConfiguration


_renewal = Renewal()


class Images:
    """Addresses of TMDB's images, ``TMDBClient.images``. Threads may share it."""

    def __init__(self, api: API[Blocking]) -> None:
        self._api = api
        self._configuration: ImagesConfiguration | None = None
        self.begin_anew()
        _renewal.add(self)

    def begin_anew(self) -> None:
        """Leave the lock to the parent, in a child process."""
        self._lock = threading.Lock()

    def configuration(self) -> ImagesConfiguration:
        """Return where images are and in which sizes; asked for once, and kept as long as the client.

        Raises:
            TMDBError: The call failed; the next one asks again.
        """
        with self._lock:
            if self._configuration is None:
                self._configuration = _images_of(self._api.configuration.details())
            return self._configuration

    @overload
    def url(self, path: str, size: str = "original", *, kind: ImageKind | None = None) -> str: ...
    @overload
    def url(self, path: None, size: str = "original", *, kind: ImageKind | None = None) -> None: ...
    def url(self, path: str | None, size: str = "original", *, kind: ImageKind | None = None) -> str | None:
        """Return the address of an image.

        See :meth:`~tmdbfusion_scrapy.models.reference.ImagesConfiguration.url` for arguments and errors. The
        first call asks TMDB for its configuration, and raises what that raises.
        """
        if path is None:
            return None
        check_path(path)
        return (self._configuration or self.configuration()).url(path, size, kind=kind)


class AsyncImages:
    """Addresses of TMDB's images, ``AsyncTMDBClient.images``. Tasks may share it."""

    def __init__(self, api: API[Asynchronous]) -> None:
        self._api = api
        self._configuration: ImagesConfiguration | None = None
        self.begin_anew()
        _renewal.add(self)

    def begin_anew(self) -> None:
        """Leave the lock to the parent, in a child process."""
        self._lock = asyncio.Lock()

    async def configuration(self) -> ImagesConfiguration:
        """Return where images are and in which sizes, as :meth:`Images.configuration` does."""
        async with self._lock:
            if self._configuration is None:
                self._configuration = _images_of(await self._api.configuration.details())
            return self._configuration

    @overload
    async def url(self, path: str, size: str = "original", *, kind: ImageKind | None = None) -> str: ...
    @overload
    async def url(self, path: None, size: str = "original", *, kind: ImageKind | None = None) -> None: ...
    async def url(
        self, path: str | None, size: str = "original", *, kind: ImageKind | None = None
    ) -> str | None:
        """Return the address of an image, as :meth:`Images.url` does."""
        if path is None:
            return None
        check_path(path)
        return (self._configuration or await self.configuration()).url(path, size, kind=kind)


def _images_of(details: ConfigurationDetails) -> ImagesConfiguration:
    """The part on images; one that cannot be used is not kept."""
    images = details.images
    if images is None or not images.secure_base_url:
        raise ResponseError("TMDB's configuration does not say where images are", path="/configuration")
    return images
