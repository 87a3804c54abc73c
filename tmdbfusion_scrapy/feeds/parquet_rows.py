"""Which columns the feed of a dataclass has, and its rows."""

from __future__ import annotations

import dataclasses
import typing
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tmdbfusion_scrapy.feeds.parquet_columns import TIME, column_of, getter_of
from tmdbfusion_scrapy.models.fields import field_hints
from tmdbfusion_scrapy.models.objects import hint_of
from tmdbfusion_scrapy.models.record import Record

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping, Sequence

RAW, FETCHED_AT = "raw", "fetched_at"

ADDED = {RAW: pa.string(), FETCHED_AT: TIME}
"""Columns of a record beside its fields."""


class RowBuilder:
    """Builds batches of rows from instances of one dataclass.

    Args:
        hint: The dataclass, with its arguments if it is generic: ``Page[MovieListItem]``.
        fields: The columns, all fields and ``added`` for ``None``. A mapping gives them other names.
        added: Of :data:`ADDED`, those a record has where ``fields`` does not say.

    Attributes:
        schema: The columns, the same whatever the data.
        unknown: What of ``fields`` the dataclass does not have.
    """

    def __init__(
        self, hint: Any, fields: Mapping[str, str] | Iterable[str] | None, added: Sequence[str] = ()
    ) -> None:
        self._nulled: Counter[str] = Counter()
        model = typing.get_origin(hint) or hint
        hints = field_hints(hint)
        can_add = [name for name in ADDED if issubclass(model, Record) and name not in hints]
        if fields is None:
            fields = [*hints, *(name for name in can_add if name in added)]
        names = dict(fields) if isinstance(fields, dict) else {name: name for name in fields}
        self.unknown = [name for name in names if name not in hints and name not in can_add]
        self._columns = {
            name: column_of(hints[name], f"{model.__name__}.{name}", self._nulled, (hint,))
            for name in names
            if name in hints
        }
        self._added = [name for name in names if name in can_add and name not in hints]
        types = {name: column.type for name, column in self._columns.items()}
        order = [name for name in names if name not in self.unknown]
        self.schema = pa.schema([(names[name], types.get(name) or ADDED[name]) for name in order])
        self._order = order
        self._get = getter_of(self._columns) if self._columns else None

    def batch(
        self, items: Sequence[Any], times: Sequence[datetime.datetime]
    ) -> tuple[pa.RecordBatch, Counter[str]]:
        """Return the rows, and how many values became null by the field they were in.

        A whole number beyond 64 bits is such a value.

        Args:
            items: Instances of the dataclass, one at least.
            times: When each of them came.

        Raises:
            TypeError: A value is not of its field's type; only an item that was built by hand can have one.
            ValueError: A text cannot be written in UTF-8.
        """
        self._nulled.clear()
        arrays: dict[str, pa.Array] = {}
        if self._get is not None:
            parts = zip(*map(self._get, items), strict=True)
            for (name, column), values in zip(self._columns.items(), parts, strict=True):
                arrays[name] = column.build(values)
        for name in self._added:
            added = times if name == FETCHED_AT else [item.raw_text for item in items]
            arrays[name] = pa.array(added, ADDED[name])
        batch = pa.RecordBatch.from_arrays([arrays[name] for name in self._order], schema=self.schema)
        return batch, Counter(self._nulled)


def fits(item: Any, hint: Any) -> bool:
    """Return whether an item has the fields of a dataclass, and no others."""
    if hint_of(item) == hint:
        return True
    model = typing.get_origin(hint) or hint
    kind: Any = type(item)
    if not issubclass(kind, model) or getattr(kind, "__parameters__", False):
        return False
    return len(dataclasses.fields(kind)) == len(dataclasses.fields(model))
