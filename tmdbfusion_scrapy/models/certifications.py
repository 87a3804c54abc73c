"""Certifications: for which age a country approves a movie or series."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class Certification(Record):
    """A certification; ``order`` is its place in its country, the mildest first."""

    certification: str | None = None
    meaning: str | None = None
    order: int | None = None


@dataclass
class Certifications(Record):
    """The certifications by country: an ISO 3166-1 code, or one of a region (``CA-QC``)."""

    certifications: dict[str, list[Certification]] = field(default_factory=dict)
