"""Changes of records, with their times."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from tmdbfusion_scrapy.models.record import Record


@dataclass
class ChangeItem(Record):
    """One edit; ``value`` and ``original_value`` are of the shape of the field that changed."""

    id: str | None = None
    action: str | None = None
    time: datetime.datetime | None = None
    iso_639_1: str | None = None
    iso_3166_1: str | None = None
    value: Any = None
    original_value: Any = None


@dataclass
class Change(Record):
    """The edits of one field."""

    key: str | None = None
    items: list[ChangeItem] = field(default_factory=list)


@dataclass
class Changes(Record):
    """The edits of one movie, series or person."""

    changes: list[Change] = field(default_factory=list)


@dataclass
class ChangedItem(Record):
    """A movie, series or person that was edited; ``adult`` may be null."""

    id: int | None = None
    adult: bool | None = None
    softcore: bool | None = None
