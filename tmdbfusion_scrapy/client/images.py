"""Addresses of images, from a configuration that is asked for once."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar, overload

from tmdbfusion_scrapy.exceptions import ResponseError
from tmdbfusion_scrapy.forking import renew_in_children
from tmdbfusion_scrapy.models.images import check_path

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api import API
    from tmdbfusion_scrapy.models.images import ImageKind
    from tmdbfusion_scrapy.models.reference import ConfigurationDetails, ImagesConfiguration


class _KeptConfiguration:
    """Configuration of images that is asked for once."""

    _LOCK: ClassVar[Any]

    def __init__(self, api: API[Any]) -> None:
        self._api = api
        self._configuration: ImagesConfiguration | None = None
        self.begin_anew()
        renew_in_children(self)

    def begin_anew(self) -> None:
        """Leave the lock to the parent, in a child process."""
        self._lock = self._LOCK()

    def _keep(self, details: ConfigurationDetails) -> ImagesConfiguration:
        """Keep the part on images, unless it cannot be used."""
        images = details.images
        if images is None or not images.secure_base_url:
            raise ResponseError("TMDB's configuration does not say where images are", path="/configuration")
        self._configuration = images
        return images


class Images(_KeptConfiguration):
    """Addresses of TMDB's images, ``TMDBClient.images``. Threads may share it."""

    _LOCK = threading.Lock

    def configuration(self) -> ImagesConfiguration:
        """Return where images are and in which sizes; asked for once, and kept as long as the client.

        Raises:
            TMDBError: The call failed; the next one asks again.
        """
        with self._lock:
            return self._configuration or self._keep(self._api.configuration.details())

    @overload
    def url(self, path: str, size: str = "original", *, kind: ImageKind | None = None) -> str: ...
    @overload
    def url(self, path: None, size: str = "original", *, kind: ImageKind | None = None) -> None: ...
    def url(self, path: str | None, size: str = "original", *, kind: ImageKind | None = None) -> str | None:
        """Return the address of an image.

        See :meth:`~tmdbfusion_scrapy.models.ImagesConfiguration.url` for arguments and errors. The
        first call asks TMDB for its configuration, and raises what that raises.
        """
        if path is None:
            return None
        check_path(path)
        return (self._configuration or self.configuration()).url(path, size, kind=kind)


class AsyncImages(_KeptConfiguration):
    """Addresses of TMDB's images, ``AsyncTMDBClient.images``. Tasks may share it."""

    _LOCK = asyncio.Lock

    async def configuration(self) -> ImagesConfiguration:
        """Return where images are and in which sizes, as :meth:`Images.configuration` does."""
        async with self._lock:
            return self._configuration or self._keep(await self._api.configuration.details())

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
