"""The daily exports as a host of files answers them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from tmdbfusion_scrapy.sandbox.downloads import DOWNLOAD_FAULTS, download
from tmdbfusion_scrapy.sandbox.exports import EXPORTS_PATH

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from tmdbfusion_scrapy.sandbox.exports import Exports
    from tmdbfusion_scrapy.sandbox.faults import Failure

_DENIED = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{}</Code><Message>{}</Message></Error>'
_WORDS = {403: ("AccessDenied", "Access Denied"), 404: ("NoSuchKey", "The specified key does not exist.")}


class ExportHost:
    """Answers requests for export files.

    Args:
        exports: The files.
        missing: Status for a file that is not there.
    """

    def __init__(self, exports: Exports, missing: int) -> None:
        self._exports = exports
        self._missing = missing

    async def respond(
        self, request: web.BaseRequest, maker: Executor | None, failing: Failure | None
    ) -> web.StreamResponse:
        """The file, a range of it, or that it is not there.

        Args:
            request: A request below ``EXPORTS_PATH``.
            maker: Where files are made, one at a time.
            failing: A fault; one that cannot strike a download is passed over.
        """
        named = self._exports.named(request.path.removeprefix(f"{EXPORTS_PATH}/"))
        if named is None or request.method not in {"GET", "HEAD"}:
            body = _DENIED.format(*_WORDS[self._missing])
            return web.Response(status=self._missing, text=body, content_type="application/xml")
        file = self._exports.ready(*named)
        if file is None:
            loop = asyncio.get_running_loop()
            file = await loop.run_in_executor(maker, self._exports.file, *named)
        fault = failing.fault if failing is not None and failing.fault in DOWNLOAD_FAULTS else None
        return await download(file, request, fault)

    def close(self) -> None:
        """Remove the files. May be called again."""
        self._exports.close()
