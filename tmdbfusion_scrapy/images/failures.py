"""Images that are not there, and the items that keep them on record."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.crawling.errors import error_name
from tmdbfusion_scrapy.hidden import printable
from tmdbfusion_scrapy.items import FailedCall

if TYPE_CHECKING:
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.images.choice import ImageFile

_STOPPED = "Stopped"


@dataclass(frozen=True)
class ImageLost:
    """Why an image is not there; the fields are those of ``FailedCall``."""

    error: str
    message: str
    attempts: int
    retryable: bool = True

    @classmethod
    def of(cls, error: TMDBError, attempts: int) -> ImageLost:
        """It could not be downloaded."""
        status = f"HTTP {error.status_code}: " if error.status_code is not None else ""
        return cls(error_name(error), f"{status}{error.message}", attempts, error.retryable)

    @classmethod
    def by(cls, error: Exception, attempts: int) -> ImageLost:
        """Something in between did not let it pass."""
        return cls(type(error).__name__, printable(str(error)) or type(error).__name__, attempts)

    @classmethod
    def not_stored(cls, error: Exception) -> ImageLost:
        """It came, and the store did not take it."""
        return cls("StorageError", printable(f"{type(error).__name__}: {error}"), 1)

    @classmethod
    def stopped(cls, attempts: int = 0) -> ImageLost:
        """The crawl ended before its turn."""
        return cls(_STOPPED, "the crawl was stopped before the image was there", attempts)

    @property
    def is_stop(self) -> bool:
        """Whether nothing went wrong."""
        return self.error == _STOPPED


def failed_image(image: ImageFile, url: str, lost: ImageLost) -> FailedCall:
    """Return the item that tells of an image that is not there.

    It has kind and id of the record: when that comes again, or TMDB says that it has not changed, the
    image is tried again, and the failure is over when it is there. Its path is the whole URL, which tells it from
    calls of the API. It has no status, for a 404 of this kind and id would say that the record is gone, and not
    its image.
    """
    return FailedCall(
        kind=image.kind,
        id=str(image.id),
        path=url,
        error=lost.error,
        status_code=None,
        tmdb_code=None,
        message=lost.message,
        attempts=lost.attempts,
        retryable=lost.retryable,
        tried_at=datetime.datetime.now(datetime.timezone.utc),
    )
