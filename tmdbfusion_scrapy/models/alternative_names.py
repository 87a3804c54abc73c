"""Other names of a company or network."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class AlternativeName(Record):
    """Another name; ``type`` says of what kind or when (a span of years), an empty string as a rule."""

    name: str | None = None
    type: str | None = None


@dataclass
class AlternativeNames(Record):
    """The other names of a company or network."""

    id: int | None = None
    results: list[AlternativeName] = field(default_factory=list)
