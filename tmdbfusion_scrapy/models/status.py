"""TMDB's own notice of success or failure."""

from __future__ import annotations

from dataclasses import dataclass

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Status(Record):
    """A notice; ``status_code`` is TMDB's, see :data:`tmdbfusion_scrapy.exceptions.TMDB_CODES`."""

    success: bool | None = None
    status_code: int | None = None
    status_message: str | None = None
