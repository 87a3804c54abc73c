"""Chooses the answer to a request: a good one, a spoiled one, none."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from aiohttp import web

from tmdbfusion_scrapy.sandbox.answers import (
    SeveredResponse,
    good_response,
    is_status_fault,
    reset,
    spoiled_response,
    status_fault_reply,
)
from tmdbfusion_scrapy.sandbox.export_host import ExportHost
from tmdbfusion_scrapy.sandbox.exports import EXPORTS_PATH
from tmdbfusion_scrapy.sandbox.faults import FailureQueue, RandomFaults
from tmdbfusion_scrapy.sandbox.pictures import IMAGES_PATH, picture
from tmdbfusion_scrapy.sandbox.service import PreparedReply
from tmdbfusion_scrapy.sandbox.statuses import Reply, status_reply
from tmdbfusion_scrapy.sandbox.traffic import RateLimit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor

    from tmdbfusion_scrapy.sandbox.faults import Failure
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions
    from tmdbfusion_scrapy.sandbox.service import Service
    from tmdbfusion_scrapy.sandbox.traffic import Traffic

_IMAGE_FAULTS = frozenset({"reset-body", "truncate", "close-idle", "html", "empty"})


class Responder:
    """Answers the requests of a running sandbox.

    ``stopping`` ends waits of requests that are never answered, ``worker`` does what takes long; the server sets
    both when it starts. ``rate_limit`` may change at any time.

    Args:
        options: How the sandbox behaves.
        service: Gives the good answers.
        traffic: Counts the answers.
    """

    def __init__(self, options: SandboxOptions, service: Service, traffic: Traffic) -> None:
        self.options = options
        self._service = service
        self._traffic = traffic
        self.exports = ExportHost(service.exports(), options.exports_missing)
        self.failures = FailureQueue()
        self._random_faults = RandomFaults(options.faults, options.seed)
        self.rate_limit = None if options.rate_limit is None else RateLimit(options.rate_limit)
        self.stopping = asyncio.Event()
        self.worker: Executor | None = None

    async def respond(
        self, request: web.BaseRequest, query: dict[str, str], number: int
    ) -> web.StreamResponse:
        """Choose between the good answer and all others."""
        if request.path.startswith((f"{EXPORTS_PATH}/", f"{IMAGES_PATH}/")):
            return await self._download(request, number)
        if self.rate_limit is not None and not self.rate_limit.admits(request.remote or "", monotonic()):
            return self._answered(request, PreparedReply(self._over_limit(self.rate_limit.limit)))
        path = request.path.removeprefix("/3/").strip("/")
        failing = self.failures.take(path) or self._random_faults.choose(number)
        if failing is not None:
            unanswered = await self._failed(request, failing)
            if unanswered is not None:
                return unanswered
            self._traffic.answered(request.method, request.path, failing.fault)
        if not self._is_authorised(request.headers.get("Authorization", ""), query):
            prepared = PreparedReply(status_reply(7))
        elif not request.path.startswith("/3/"):
            prepared = PreparedReply(status_reply(34))
        else:
            prepared = await self._prepared(request.method, path, query)
        if failing is not None:
            return await spoiled_response(failing, prepared, request, self.options.large_body_bytes)
        return self._answered(request, prepared)

    async def _failed(self, request: web.BaseRequest, failing: Failure) -> web.StreamResponse | None:
        """The answer of a failure that needs no good one to spoil; None for one that does."""
        if is_status_fault(failing):
            reply = status_fault_reply(failing, self.options.retry_after or 1)
            return self._answered(request, PreparedReply(reply))
        if failing.fault not in {"timeout", "reset"}:
            return None
        self._traffic.answered(request.method, request.path, failing.fault)
        if failing.fault == "timeout":
            # Silence until the client leaves or the sandbox stops.
            await self.stopping.wait()
        return SeveredResponse(reset)

    async def _download(self, request: web.BaseRequest, number: int) -> web.StreamResponse:
        """A daily export or an image: other hosts at TMDB, so without token and rate limit."""
        failing = self.failures.take(request.path.strip("/")) or self._random_faults.choose(number)
        failed = None if failing is None else await self._failed(request, failing)
        if failed is not None:
            return failed
        if request.path.startswith(f"{IMAGES_PATH}/"):
            response = await self._image(request, failing)
        else:
            response = await self.exports.respond(request, self.worker, failing)
        self._traffic.answered(request.method, request.path, response.status)
        return response

    async def _image(self, request: web.BaseRequest, failing: Failure | None) -> web.StreamResponse:
        """An image, whole or spoiled by a fault that needs no JSON."""
        found = picture(request.path.removeprefix(f"{IMAGES_PATH}/"))
        if found is None or request.method not in {"GET", "HEAD"}:
            return web.Response(status=404)
        media_type, body = found
        if failing is not None and failing.fault in _IMAGE_FAULTS:
            prepared = PreparedReply(Reply(200, (("Content-Type", media_type),), body))
            return await spoiled_response(failing, prepared, request, self.options.large_body_bytes)
        return web.Response(body=body, content_type=media_type)

    def _answered(self, request: web.BaseRequest, prepared: PreparedReply) -> web.Response:
        """An unspoiled answer, counted before the client can see it."""
        response = good_response(prepared, request, conditional=self.options.etag == "304")
        self._traffic.answered(request.method, request.path, response.status)
        return response

    async def _prepared(self, method: str, path: str, query: dict[str, str]) -> PreparedReply:
        """The good answer, from memory if it was asked for before."""
        key = self._service.key(method, path, query)
        ready = self._service.ready(key)
        if ready is not None:
            return ready
        if self._service.is_slow(path) and self.worker is not None:
            loop = asyncio.get_running_loop()
            reply = await loop.run_in_executor(self.worker, self._service.answer, method, path, query)
        else:
            reply = self._service.answer(method, path, query)
        return self._service.keep(key, reply)

    def _is_authorised(self, authorization: str, query: Mapping[str, str]) -> bool:
        """Whether the request carries a bearer token or an api_key that is accepted."""
        scheme, _, token = authorization.partition(" ")
        credential = token.strip() if scheme.lower() == "bearer" else ""
        credential = credential or query.get("api_key", "")
        if not credential or credential == "invalid":
            return False
        return self.options.token is None or credential == self.options.token

    def _over_limit(self, limit: int) -> Reply:
        """The 429 of a client that is too fast; bare, because TMDB announces no Retry-After."""
        message = f"Your request count ({limit + 1}) is over the allowed limit of {limit}."
        reply = status_reply(25, message=message)
        if self.options.retry_after is None:
            return reply
        return Reply(
            reply.status, (*reply.headers, ("Retry-After", str(self.options.retry_after))), reply.body
        )
