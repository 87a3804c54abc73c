"""People as lists name them."""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.media import MovieOrTVItem
from tmdbfusion_scrapy.models.record import Record


@dataclass
class PersonListItem(Record):
    """A person as lists and search name them; ``media_type`` is in mixed lists only.

    ``gender``: 0 not set, 1 female, 2 male, 3 non-binary
    (https://developer.themoviedb.org/reference/person-details).
    """

    id: int | None = None
    adult: bool | None = None
    gender: int | None = None
    known_for: list[MovieOrTVItem] = field(default_factory=list)
    known_for_department: str | None = None
    media_type: str | None = None
    name: str | None = None
    original_name: str | None = None
    popularity: float | None = None
    profile_path: str | None = None
