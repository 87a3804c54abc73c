"""Fetching a daily export to the disk: resumed where it broke off, and looked at before it is used."""

from __future__ import annotations

import asyncio
import datetime
import logging
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from tmdbfusion_scrapy.exceptions import ResponseError, ServerError, printable
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.sources.export_file import check_file, export_file, newest_day

logger = logging.getLogger(__name__)

TRIES = 5
"""Requests for a file before it is given up."""

DAYS_BACK = 3
"""Days to go back where the newest file is not there."""

_FIRST_WAIT = 1.0
_NOT_THERE = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


@dataclass(frozen=True)
class Export:
    """An export on the disk.

    Args:
        path: The file, compressed as it came.
        day: Its day, UTC.
    """

    path: Path
    day: datetime.date


class ExportDownload:
    """Fetches exports.

    Args:
        client: Takes the requests; nothing secret goes with them.
        base_url: ``TMDB_EXPORTS_URL``.
        folder: Where the files are kept; those of other days are removed.
    """

    def __init__(self, client: httpx.AsyncClient, base_url: str, folder: Path) -> None:
        self._client = client
        self._base_url = base_url
        self._folder = folder

    async def fetch(self, kind: str, day: datetime.date | None = None, *, adult: bool = False) -> Export:
        """Return the export of a day, by default the newest that is there.

        Args:
            kind: Table of the records.
            day: The day, UTC.
            adult: Whether the records for adults are wanted, which are in a file of their own.

        Raises:
            ServerError: There is none, or it could not be had.
        """
        newest = day or newest_day(datetime.datetime.now(datetime.timezone.utc))
        for back in range(1 if day is not None else DAYS_BACK):
            tried = newest - datetime.timedelta(days=back)
            path = await self._file(export_file(kind, tried, adult=adult))
            if path is not None:
                await asyncio.to_thread(_remove_others, path)
                return Export(path, tried)
        raise ServerError(
            f"TMDB has no export {export_file(kind, newest, adult=adult)} under {self._base_url}"
            f"{'' if day is not None else f', and none of the {DAYS_BACK - 1} days before'}: "
            "files are kept for three months, give another -a day=",
            # A day that is not there will not come, unless it is one that is about to be.
            retryable=day is None,
        )

    async def _file(self, name: str) -> Path | None:
        """A file, complete; ``None`` where the server has none of this name."""
        path = self._folder / name
        if await asyncio.to_thread(_is_complete, path):
            return path
        part = _Part(path)
        wait = _FIRST_WAIT
        for attempt in range(1, TRIES + 1):
            try:
                if not await self._get(name, part):
                    return None
                await asyncio.to_thread(part.finish)
            except ResponseError as error:
                await asyncio.to_thread(part.remove)
                reason: Exception = error
            except (httpx.RequestError, ServerError) as error:
                reason = error
            else:
                return path
            if attempt < TRIES:
                logger.warning("Cannot fetch %s (%s): trying again in %g seconds", name, _said(reason), wait)
                await asyncio.sleep(wait)
                wait *= 2
        raise ServerError(f"cannot fetch {self._base_url}/{name}, {TRIES} times: {_said(reason)}")

    async def _get(self, name: str, part: _Part) -> bool:
        """Fetch what is missing of a file; say whether the server has it at all."""
        have, validator = await asyncio.to_thread(part.state)
        headers = {"Accept-Encoding": "identity"}
        if have:
            # Another file under this name, a broken one that was replaced, comes as a whole.
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        async with self._client.stream("GET", f"{self._base_url}/{name}", headers=headers) as response:
            if response.status_code in _NOT_THERE:
                return False
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                # All of it is there already, or it shrank: the check tells.
                return True
            if response.status_code not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise ServerError(f"HTTP {response.status_code}", status_code=response.status_code)
            goes_on = response.status_code == HTTPStatus.PARTIAL_CONTENT
            if goes_on and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                raise ResponseError("the server sent another part of the file than was asked for")
            await self._save(response, part, goes_on=goes_on)
        return True

    async def _save(self, response: httpx.Response, part: _Part, *, goes_on: bool) -> None:
        """Write the body as it comes."""
        file = await asyncio.to_thread(part.open, response.headers.get("ETag", ""), goes_on=goes_on)
        try:
            # A piece has some 64 KB: to hand it to a thread costs less than to write it.
            async for chunk in response.aiter_raw():
                await asyncio.to_thread(file.write, chunk)
        finally:
            # Also where the crawl is stopped: what came need not come again.
            file.close()


class _Part:
    """Part of a file that has come, beside it until all is there. All methods block."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data = path.with_suffix(".part")
        self._tag = path.with_suffix(".etag")

    def state(self) -> tuple[int, str]:
        """Return the bytes that can be gone on from, and the ETag of the file that they are of."""
        try:
            return self._data.stat().st_size, self._tag.read_text(encoding="ascii")
        except FileNotFoundError:
            return 0, ""

    def open(self, validator: str, *, goes_on: bool) -> BinaryIO:
        """Open it to be written, at its end or anew."""
        if not goes_on:
            self.remove()
            self._data.parent.mkdir(parents=True, exist_ok=True)
            # A weak one does not promise the same bytes.
            if validator and validator.isascii() and not validator.startswith("W/"):
                self._tag.write_text(validator, encoding="ascii")
        return self._data.open("ab")

    def finish(self) -> None:
        """Make it the file.

        Raises:
            ResponseError: It is not complete.
        """
        check_file(self._data)
        self._data.replace(self._path)
        self.remove()

    def remove(self) -> None:
        """Forget what there is."""
        # First what says that the data can be gone on from.
        self._tag.unlink(missing_ok=True)
        self._data.unlink(missing_ok=True)


def _is_complete(path: Path) -> bool:
    """Return whether a file is there; a broken one, as a power cut may leave it, is removed."""
    try:
        check_file(path)
    except FileNotFoundError:
        return False
    except ResponseError:
        path.unlink(missing_ok=True)
        return False
    return True


def _remove_others(path: Path) -> None:
    """Remove the exports of other days."""
    name = path.name.rsplit("_", 3)[0]
    for other in path.parent.glob(f"{name}_*"):
        if other != path:
            other.unlink(missing_ok=True)


def _said(error: Exception) -> str:
    """Return the text of an error; some of httpx say nothing."""
    return printable(str(error)) or type(error).__name__


def export_client(transport: httpx.AsyncBaseTransport, timeout: float) -> httpx.AsyncClient:
    """Return a client for :class:`ExportDownload`.

    Args:
        transport: Carries the requests; it is closed with the client.
        timeout: Seconds without a byte.
    """
    options: dict[str, Any] = {"trust_env": False, "follow_redirects": True}
    return httpx.AsyncClient(transport=transport, timeout=timeout, **options)
