"""The failures that are over when their call comes, kept at hand: each answer of a crawl may be one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import not_, select

from tmdbfusion_scrapy.storage.failing import is_with_record, with_record
from tmdbfusion_scrapy.storage.known import reading
from tmdbfusion_scrapy.storage.tables.crawl import tmdb_failures

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


class FailingCalls:
    """The failures of a crawl's database that are over when the call comes: of parts, of lists, of images.

    Attributes:
        images: Addresses of the images that could not be had, by kind and id of their record.
    """

    def __init__(self) -> None:
        self._keys: dict[tuple[str, str], str | None] = {}
        self.images: dict[str, dict[int, set[str]]] = {}

    def __contains__(self, call: object) -> bool:
        return call in self._keys

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, kind: str | None, path: str, key: str | None) -> None:
        """Note a failure, with the id that it names."""
        kind = kind or ""
        if is_with_record(kind, path):
            return
        self._keys[kind, path] = key
        if _is_image(path, key):
            self.images.setdefault(kind, {}).setdefault(int(key or 0), set()).add(path)

    def discard(self, kind: str | None, path: str) -> bool:
        """Forget a failure, and say whether there was one."""
        kind = kind or ""
        if (kind, path) not in self._keys:
            return False
        key = self._keys.pop((kind, path))
        if _is_image(path, key):
            of_record = self.images[kind][int(key or 0)]
            of_record.discard(path)
            if not of_record:
                del self.images[kind][int(key or 0)]
        return True


def failing_calls(engine: Engine) -> FailingCalls:
    """Return the failures that a database has and that are over when the call comes. Blocks."""
    failed = tmdb_failures.columns
    query = select(failed.kind, failed.path, failed.id).where(not_(with_record()))
    found = FailingCalls()
    with reading(engine) as connection:
        for kind, path, key in connection.execute(query):
            found.add(kind, path, key)
    return found


def _is_image(path: str, key: str | None) -> bool:
    """Whether what failed is an image of a record."""
    return "://" in path and key is not None and key.isdecimal()
