"""Files on the wire: ranges, conditional requests, and downloads that break."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import datetime, timezone
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING

from aiohttp import web

from tmdbfusion_scrapy.sandbox.answers import SeveredResponse, damage, finish, reset

if TYPE_CHECKING:
    from pathlib import Path

DOWNLOAD_FAULTS = frozenset({"truncate", "reset-body", "gzip-corrupt"})
"""Faults that can strike a download; others of a body leave it alone."""

_CHUNK = 128 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def download(path: Path, request: web.BaseRequest, fault: str | None) -> web.StreamResponse:
    """A file, or the range of it that the request asks for.

    Args:
        path: The file; its time of modification becomes ``Last-Modified``.
        request: The request: ``GET`` or ``HEAD``.
        fault: One of ``DOWNLOAD_FAULTS`` or None.
    """
    with path.open("rb") as stream:
        status = os.fstat(stream.fileno())
        size = status.st_size
        modified = datetime.fromtimestamp(int(status.st_mtime), timezone.utc)
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Type": "application/gzip",
            "ETag": f'"{int(status.st_mtime):x}-{size:x}"',
            "Last-Modified": format_datetime(modified, usegmt=True),
        }
        if _is_known(request, headers["ETag"], modified):
            return web.Response(status=304, headers=headers)
        wanted = _wanted_range(request, headers)
        asked = (0, size) if wanted is None else _asked(wanted, size)
        if asked is None:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        first, end = asked
        if wanted is not None:
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
        response = web.StreamResponse(status=200 if wanted is None else 206, headers=headers)
        response.content_length = end - first
        if request.method == "HEAD":
            await response.prepare(request)
            return response
        stop = first + (end - first) // 2 if fault in {"truncate", "reset-body"} else end
        damaged = size // 2 if fault == "gzip-corrupt" else -1
        try:
            await response.prepare(request)
            stream.seek(first)
            while first < stop:
                chunk = stream.read(min(_CHUNK, stop - first))
                if first <= damaged < first + len(chunk):
                    chunk = damage(chunk, damaged - first)
                await response.write(chunk)
                first += len(chunk)
            if stop < end:
                # What was written has to leave before the connection ends.
                await asyncio.sleep(0)
                return SeveredResponse(finish if fault == "truncate" else reset)
            await response.write_eof()
        except ConnectionError:
            # The client had enough.
            return SeveredResponse(reset)
        return response


def _is_known(request: web.BaseRequest, etag: str, modified: datetime) -> bool:
    """Whether the client has this version of the file."""
    tags = request.headers.get("If-None-Match")
    if tags is not None:
        return tags.strip() == "*" or etag in (tag.strip() for tag in tags.split(","))
    since = _moment(request.headers.get("If-Modified-Since"))
    return since is not None and modified <= since


def _wanted_range(request: web.BaseRequest, headers: dict[str, str]) -> re.Match[str] | None:
    """The range that is asked for; None if there is none, or ``If-Range`` names another version of the file."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    condition = request.headers.get("If-Range")
    return match if condition is None or condition in {headers["ETag"], headers["Last-Modified"]} else None


def _asked(match: re.Match[str], size: int) -> tuple[int, int] | None:
    """First byte and end of a range; None if the file has nothing there."""
    if not match[1]:
        # The last bytes.
        return (max(0, size - int(match[2])), size) if match[2].strip("0") else None
    first = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    return (first, end) if first < end else None


def _moment(raw: str | None) -> datetime | None:
    """An HTTP date, None for what is none."""
    try:
        return parsedate_to_datetime(raw) if raw else None
    except ValueError:
        return None
