"""Options of a Parquet feed, its ``item_export_kwargs``; pyarrow is not loaded for it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from scrapy.utils.misc import load_object

from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    from typing_extensions import Self

COMPRESSIONS = ("zstd", "snappy", "gzip", "brotli", "lz4", "none")
"""Compressions of pyarrow's own packages."""


@dataclass(frozen=True)
class ParquetOptions:
    """Options of a Parquet feed.

    Args:
        item_class: The dataclass that the feed holds, or its import path. ``None`` for that of the first item.
        compression: One of :data:`COMPRESSIONS`.
        compression_level: As the compression has them, such as 1 to 22 for ``zstd``; ``None`` for its default.
        row_group_size: Rows of a row group at most.
        row_group_bytes: Size of a row group in memory, before compression, at which it is written. The larger
            the better for reading; but the last one is written while the event loop waits, 10 ms for each MB.
        raw: Whether a record's JSON goes into a column ``raw``.
        fetched_at: Whether the time at which a record came goes into a column ``fetched_at``.

    Raises:
        ConfigurationError: A value is of no use.
    """

    item_class: Any = None
    compression: str = "zstd"
    compression_level: int | None = None
    row_group_size: int = 100_000
    row_group_bytes: int = 4 * 2**20
    raw: bool = False
    fetched_at: bool = True

    def __post_init__(self) -> None:
        if self.compression not in COMPRESSIONS:
            raise ConfigurationError(
                f"compression is {self.compression!r}, not one of {', '.join(COMPRESSIONS)}: set it to one"
            )
        for name in ("row_group_size", "row_group_bytes"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise ConfigurationError(f"{name} is {value!r}, not a whole number from 1: set it to one")
        for name, kinds in (
            ("compression_level", (int, type(None))),
            ("raw", (bool,)),
            ("fetched_at", (bool,)),
        ):
            if type(getattr(self, name)) not in kinds:
                kind = " or ".join(kind.__name__.replace("NoneType", "None") for kind in kinds)
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r}, not of type {kind}: set it to one"
                )
        if self.item_class is not None:
            object.__setattr__(self, "item_class", _dataclass_of(self.item_class))

    @classmethod
    def take_from(cls, given: dict[str, Any]) -> Self:
        """Make the options of what was given, and take them out of it.

        Raises:
            ConfigurationError: A value is of no use.
        """
        names = [field.name for field in dataclasses.fields(cls) if field.name in given]
        return cls(**{name: given.pop(name) for name in names})


@cache
def load_pyarrow() -> Any:
    """Return the module ``pyarrow``, loaded when it is first needed.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigurationError(
            "the feed format parquet needs pyarrow: pip install 'tmdbfusion-scrapy[parquet]'"
        ) from error
    return pa


def _dataclass_of(given: Any) -> Any:
    """The dataclass that is meant."""
    try:
        found = load_object(given)
    except (ImportError, NameError, ValueError, TypeError) as error:
        raise ConfigurationError(
            f"item_class is {given!r}, which cannot be loaded ({error}): name a dataclass by its import path"
        ) from error
    if not isinstance(found, type) or not dataclasses.is_dataclass(found):
        raise ConfigurationError(
            f"item_class is {given!r}, not a dataclass: name one, such as tmdbfusion_scrapy.models.MovieDetails"
        )
    return found
