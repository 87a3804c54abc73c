"""Stores of images, and the images of stored records that could not be had.

Beside an image stands a small file with the path that TMDB has for it. That path changes with the image, so it
tells whether the image is still the one that TMDB names.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from contextlib import suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from scrapy.pipelines.files import FSFilesStore, GCSFilesStore, S3FilesStore
from scrapy.utils.asyncio import run_in_thread
from scrapy.utils.defer import deferred_from_coro, ensure_awaitable
from sqlalchemy import select

from tmdbfusion_scrapy.images.choice import ImageFile
from tmdbfusion_scrapy.storage.database import reading
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.marks import parts_of

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping

    from scrapy.pipelines.files import FilesStoreProtocol
    from scrapy.pipelines.media import MediaPipeline
    from sqlalchemy.engine import Connection, Engine
    from twisted.internet.defer import Deferred

    from tmdbfusion_scrapy.models.images import ImageKind

    SpiderInfo = MediaPipeline.SpiderInfo
    Failing = Mapping[str, Mapping[int, Collection[str]]]
    """Addresses of the images that could not be had, by kind and id of their record."""

PARTS_FOLDER = ".parts"
"""Folder of the store in which files are written before they get their names."""

_PART_SECONDS = 3600.0
"""A part that is older is left of a process that was killed: another crawl may be writing the younger ones."""


class AtomicFilesStore(FSFilesStore):
    """Scrapy's local store, written by threads, and each file in one step.

    A file is written under another name on the same file system, and then renamed: a process that is killed leaves
    no half of a file under its name. It remembers no folders, of which there is one for each record.
    """

    def __init__(self, basedir: str | os.PathLike[str]) -> None:
        super().__init__(basedir)
        self._parts = Path(self.basedir, PARTS_FOLDER)

    def persist_file(  # type: ignore[override]  # Scrapy's other stores return a Deferred, too.
        self,
        path: str | os.PathLike[str],
        buf: BytesIO,
        info: SpiderInfo,  # noqa: ARG002
        meta: dict[str, Any] | None = None,  # noqa: ARG002
        headers: dict[str, str] | None = None,  # noqa: ARG002
    ) -> Deferred[None]:
        """Write a file; an ``OSError`` comes with the result."""
        return deferred_from_coro(run_in_thread(self.write, str(path), buf.getvalue()))

    def write(self, path: str, data: bytes) -> None:
        """Write a file at once."""
        part = self._parts / uuid.uuid4().hex
        self._parts.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(data)
            target = Path(self.basedir, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise

    def holds(self, path: str, source_path: str, source: bytes) -> bool | None:
        """Return whether a file is there and of this source, ``None`` where there is no source at all."""
        try:
            written = Path(self.basedir, source_path).read_bytes()
        except OSError:
            return None
        try:
            size = Path(self.basedir, path).stat().st_size
        except OSError:
            return False
        return size > 0 and written == source

    def sweep(self) -> None:
        """Remove what processes that were killed have left."""
        oldest = time.time() - _PART_SECONDS
        for part in self._parts.glob("*"):
            with suppress(OSError):
                if part.stat().st_mtime < oldest:
                    part.unlink()


class ImagesS3Store(S3FilesStore):
    """Scrapy's store; a class of its own, for Scrapy keeps its settings in the class."""


class ImagesGCSStore(GCSFilesStore):
    """Scrapy's store, as above."""


class ImageShelf:
    """Images by path, each with its source beside it: ``movies/550/w500.source`` for ``movies/550/w500.jpg``."""

    def __init__(self, store: FilesStoreProtocol, info: SpiderInfo) -> None:
        self._store = store
        self._info = info

    async def holds(self, path: str, file_path: str) -> bool | None:
        """Return whether the image at a path is the one that TMDB names; ``None`` where there never was one."""
        source = file_path.encode()
        if isinstance(self._store, AtomicFilesStore):
            return await run_in_thread(self._store.holds, path, source_of(path), source)
        # Of what a store keeps its protocol tells the MD5 only, with every store of Scrapy's.
        known = await self._stat(source_of(path))
        if not known:
            return None
        if known.get("checksum") != hashlib.md5(source, usedforsecurity=False).hexdigest():
            return False
        return bool(await self._stat(path))

    async def put(self, path: str, file_path: str, body: bytes, media_type: str, *, replaces: bool) -> None:
        """Store an image, and then its source: who is killed between the two fetches the image again."""
        if replaces:
            # The source of the other one must not outlive it.
            await self._persist(source_of(path), b"", "text/plain")
        await self._persist(path, body, media_type)
        await self._persist(source_of(path), file_path.encode(), "text/plain")

    async def _persist(self, path: str, data: bytes, media_type: str) -> None:
        await ensure_awaitable(
            self._store.persist_file(path, BytesIO(data), self._info, headers={"Content-Type": media_type})
        )

    async def _stat(self, path: str) -> dict[str, Any]:
        """Return the facts that a store has of a file, nothing where there is none."""
        try:
            return dict(await ensure_awaitable(self._store.stat_file(path, self._info)))
        except Exception:  # noqa: BLE001 - for S3 a file that is not there is an error as any other
            return {}


def source_of(path: str) -> str:
    """Return the path of the source of an image: without its suffix, for a changed image may have another."""
    return str(PurePosixPath(path).with_suffix(".source"))


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
    """
    with reading(engine) as connection:
        owners = [(kind, key)]
        for table, column in parts_of(metadata.tables[kind]):
            if failing.get(table.name):
                query = select(table.columns.id).where(column == key)
                owners += [(table.name, number) for number in connection.scalars(query)]
        found: dict[ImageFile, None] = {}
        for of_kind, number in owners:
            addresses = failing.get(of_kind, {}).get(number)
            files = sorted(_files(connection, of_kind, number)) if addresses else ()
            for address in sorted(addresses or ()):
                size = address.rsplit("/", 2)[-2]
                images = (ImageFile(of_kind, number, image, size, file_path) for image, file_path in files)
                found.update((image, None) for image in images if address.endswith(image.target))
        return list(found)


def _files(connection: Connection, kind: str, key: int) -> set[tuple[ImageKind, str]]:
    """Return the images that the row of a record names, and those that it lists."""
    table = metadata.tables[kind]
    columns = [column for column in table.columns if column.name.endswith("_path")]
    row = connection.execute(select(*columns).where(table.columns.id == key)).first() if columns else None
    names: Any = (column.name.removesuffix("_path") for column in columns)
    found = {(image, path) for image, path in zip(names, row or (), strict=False) if path}
    if kind in _LISTS:
        listed = metadata.tables[_LISTS[kind]]
        query = select(listed.columns.image_type, listed.columns.file_path)
        owner = next(iter(listed.primary_key))
        found.update((image, path) for image, path in connection.execute(query.where(owner == key)))
    return found
