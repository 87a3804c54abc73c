"""From an answer to the bytes on the wire, including the ways to spoil them."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

from aiohttp import web
from multidict import CIMultiDict

from tmdbfusion_scrapy.sandbox.faults import BODY_FAULTS, STATUS_FAULTS, Failure
from tmdbfusion_scrapy.sandbox.statuses import CODE_OF_HTTP_STATUS, JSON_HEADERS, Reply, status_reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tmdbfusion_scrapy.sandbox.service import PreparedReply

_CHUNK = 64 * 1024
# Time for bytes to reach the client before a reset overtakes them.
_BEFORE_RESET = 0.05


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    for item in accept_encoding.split(","):
        name, _, parameter = item.strip().partition(";")
        if name.strip().lower() == "gzip":
            return parameter.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def good_response(
    prepared: PreparedReply, request: web.BaseRequest, *, conditional: bool = False
) -> web.Response:
    """The answer as TMDB sends it: compressed only if asked for.

    Args:
        prepared: The answer.
        request: The request.
        conditional: Answer 304 for an ETag that the client has.
    """
    reply = prepared.reply
    headers: CIMultiDict[str] = CIMultiDict(reply.headers)
    if conditional and prepared.etag and request.headers.get("If-None-Match") == prepared.etag:
        headers.popall("Content-Type", None)
        return web.Response(status=304, headers=headers)
    if reply.body and accepts_gzip(request.headers.get("Accept-Encoding", "")):
        headers["Content-Encoding"] = "gzip"
        return web.Response(status=reply.status, headers=headers, body=prepared.compressed)
    return web.Response(status=reply.status, headers=headers, body=reply.body)


def is_status_fault(failure: Failure) -> bool:
    """Whether the failure is an answer of its own and needs no good one to spoil."""
    return failure.fault in STATUS_FAULTS or failure.fault.isdecimal()


def status_fault_reply(failure: Failure, retry_after: int) -> Reply:
    """TMDB's error body for a status, or what the test gave instead.

    Args:
        failure: A failure that ``is_status_fault``.
        retry_after: Seconds that the two ``429-...`` faults announce.
    """
    status = int(failure.fault.partition("-")[0])
    headers = failure.headers
    if failure.fault == "429-retry-after":
        headers = (("Retry-After", str(retry_after)), *headers)
    elif failure.fault == "429-http-date":
        # An HTTP date has whole seconds: one more, lest the wait round down to nothing.
        moment = datetime.now(timezone.utc) + timedelta(seconds=retry_after + 1)
        headers = (("Retry-After", format_datetime(moment, usegmt=True)), *headers)
    if failure.body is None and status in CODE_OF_HTTP_STATUS:
        base = status_reply(CODE_OF_HTTP_STATUS[status])
    else:
        base = Reply(status, JSON_HEADERS, failure.body or b"")
    given = {name.lower() for name, _ in headers}
    kept = tuple(pair for pair in base.headers if pair[0].lower() not in given)
    return Reply(status, (*kept, *headers), base.body if failure.body is None else failure.body)


def damage(data: bytes, at: int) -> bytes:
    """The bytes with some of them changed, so that a checksum fails."""
    return data[:at] + bytes(255 - byte for byte in data[at : at + 64]) + data[at + 64 :]


class SeveredResponse(web.Response):
    """An answer that ends the connection instead of finishing.

    Args:
        sever: Does the harm to the connection.
    """

    def __init__(self, sever: Callable[[asyncio.Transport], Awaitable[None]]) -> None:
        super().__init__()
        self._sever = sever

    async def prepare(self, request: web.BaseRequest) -> None:
        """Harm the connection; the error tells aiohttp that there is nothing left to finish."""
        transport = request.transport
        if transport is not None:
            await self._sever(transport)
        raise ConnectionResetError("severed on purpose")


def _abort(transport: asyncio.Transport) -> None:
    """Close with a TCP reset: a linger time of 0 turns the FIN into a RST."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def reset(transport: asyncio.Transport) -> None:
    """Reset the connection at once."""
    _abort(transport)


async def finish(transport: asyncio.Transport) -> None:
    """Close the connection after what was written."""
    transport.close()


def _raw(reply: Reply, share: float) -> bytes:
    """The head of an answer that announces the whole body, and a share of the body."""
    head = [f"HTTP/1.1 {reply.status} OK", *(f"{name}: {value}" for name, value in reply.headers)]
    head.append(f"Content-Length: {len(reply.body)}")
    return "\r\n".join([*head, "", ""]).encode("latin-1") + reply.body[: int(len(reply.body) * share)]


def _reset_body(reply: Reply) -> Callable[[asyncio.Transport], Awaitable[None]]:
    async def sever(transport: asyncio.Transport) -> None:
        transport.write(_raw(reply, 0.5))
        await asyncio.sleep(_BEFORE_RESET)
        _abort(transport)

    return sever


def _truncate(reply: Reply) -> Callable[[asyncio.Transport], Awaitable[None]]:
    async def sever(transport: asyncio.Transport) -> None:
        transport.write(_raw(reply, 0.5))
        transport.close()

    return sever


def _close_idle(reply: Reply) -> Callable[[asyncio.Transport], Awaitable[None]]:
    async def sever(transport: asyncio.Transport) -> None:
        transport.write(_raw(reply, 1.0))
        transport.close()

    return sever


async def _large(reply: Reply, request: web.BaseRequest, size: int) -> web.StreamResponse:
    """The good object with one field more, which makes it ``size`` bytes long at least."""
    opening = reply.body.removesuffix(b"}") + b',"sandbox_padding":"'
    chunks, rest = divmod(size, _CHUNK)
    response = web.StreamResponse(status=reply.status, headers=CIMultiDict(reply.headers))
    response.content_length = len(opening) + chunks * _CHUNK + rest + 2
    try:
        await response.prepare(request)
        await response.write(opening)
        padding = b"x" * _CHUNK
        for _ in range(chunks):
            await response.write(padding)
        await response.write(padding[:rest] + b'"}')
        await response.write_eof()
    except ConnectionError:
        # The client had enough, which is what the fault is for.
        return SeveredResponse(reset)
    return response


async def spoiled_response(
    failure: Failure, prepared: PreparedReply, request: web.BaseRequest, large_body_bytes: int
) -> web.StreamResponse:
    """The good answer, spoiled.

    Args:
        failure: One of the faults that need a good answer.
        prepared: The good answer.
        request: The request.
        large_body_bytes: Size for the fault ``large``.
    """
    reply = prepared.reply
    if failure.fault in BODY_FAULTS:
        content_type = "text/html; charset=utf-8" if failure.fault == "html" else JSON_HEADERS[0][1]
        body = BODY_FAULTS[failure.fault](reply.body)
        return web.Response(status=reply.status, headers={"Content-Type": content_type}, body=body)
    if failure.fault == "gzip-unlabelled":
        return web.Response(
            status=reply.status, headers=CIMultiDict(reply.headers), body=gzip.compress(reply.body)
        )
    if failure.fault == "gzip-corrupt":
        headers = CIMultiDict(reply.headers)
        headers["Content-Encoding"] = "gzip"
        body = damage(prepared.compressed, len(prepared.compressed) // 2)
        return web.Response(status=reply.status, headers=headers, body=body)
    if failure.fault == "large":
        return await _large(reply, request, large_body_bytes)
    sever = {"reset-body": _reset_body, "truncate": _truncate, "close-idle": _close_idle}[failure.fault]
    return SeveredResponse(sever(reply))
