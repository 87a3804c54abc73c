"""Images of stored records that could not be had, as they are asked for again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from tmdbfusion_scrapy.images.choice import ImageFile
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.marks import parts_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlalchemy import Table
    from sqlalchemy.engine import Connection, Engine

    from tmdbfusion_scrapy.models.images import ImageKind

    Failing = Mapping[str, Mapping[int, Collection[str]]]
    """Addresses of the images that could not be had, by kind and id of their record."""

_LISTS = {
    "movies": "movie_images",
    "tv_shows": "tv_show_images",
    "seasons": "season_images",
    "episodes": "episode_images",
    "people": "person_images",
}
"""The tables with the images of records, beside the one that a record itself names."""


def may_miss_images(kind: str, key: int, failing: Failing) -> bool:
    """Return whether a record, or something of a kind that may have come inside it, is among what failed."""
    return key in failing.get(kind, ()) or any(
        failing.get(table.name) for table, _ in parts_of(metadata.tables[kind])
    )


def missing_images(engine: Engine, kind: str, key: int, failing: Failing) -> list[ImageFile]:
    """Return the images of a stored record, and of what came inside it, that could not be had. Blocks.

    What an image is stands in no failure: the record's row and its list of images tell it by the file.

    Args:
        engine: The database.
        kind: Table of the record.
        key: TMDB's id of it.
        failing: What could not be had.
    """
    with reading(engine) as connection:
        owners = [(kind, key)]
        for table, column in parts_of(metadata.tables[kind]):
            if failing.get(table.name):
                query = select(table.columns.id).where(column == key)
                owners += [(table.name, number) for number in connection.scalars(query)]
        found: dict[ImageFile, None] = {}
        for of_kind, number in owners:
            addresses = failing.get(of_kind, {}).get(number, ())
            found.update(dict.fromkeys(_images(connection, of_kind, number, tuple(addresses))))
        return list(found)


def _images(connection: Connection, kind: str, key: int, addresses: Collection[str]) -> Iterator[ImageFile]:
    """The images of a record that have one of these addresses."""
    files = {*_named(connection, metadata.tables[kind], key), *_listed(connection, kind, key)}
    for address in sorted(addresses):
        size = address.rsplit("/", 2)[-2]
        for image, file_path in sorted(files):
            found = ImageFile(kind, key, image, size, file_path)
            if address.endswith(found.target):
                yield found


def _named(connection: Connection, table: Table, key: int) -> Iterator[tuple[ImageKind, str]]:
    """The images that the row of a record names."""
    columns = [column for column in table.columns if column.name.endswith("_path")]
    row = connection.execute(select(*columns).where(table.columns.id == key)).first() if columns else None
    for column, path in zip(columns, row or (), strict=False):
        if path:
            image: Any = column.name.removesuffix("_path")
            yield image, path


def _listed(connection: Connection, kind: str, key: int) -> Iterator[tuple[ImageKind, str]]:
    """The images that a record lists."""
    if kind not in _LISTS:
        return
    table = metadata.tables[_LISTS[kind]]
    owner = next(iter(table.primary_key))
    query = select(table.columns.image_type, table.columns.file_path).where(owner == key)
    yield from ((image, path) for image, path in connection.execute(query))
