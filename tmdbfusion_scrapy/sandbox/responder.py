"""The choice of the answer to a request: a good one, a spoiled one, none."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.sandbox.faults import IMAGE_FAULTS, FailureQueue, RandomFaults
from tmdbfusion_scrapy.sandbox.files import download, missing, picture
from tmdbfusion_scrapy.sandbox.http import RESET, Response
from tmdbfusion_scrapy.sandbox.replies import PreparedReply, status_reply
from tmdbfusion_scrapy.sandbox.traffic import RateLimit

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from tmdbfusion_scrapy.sandbox.faults import Failure
    from tmdbfusion_scrapy.sandbox.http import Answer, RecordedRequest
    from tmdbfusion_scrapy.sandbox.options import SandboxOptions
    from tmdbfusion_scrapy.sandbox.service import Service
    from tmdbfusion_scrapy.sandbox.traffic import Traffic

EXPORTS_PATH = "/p/exports"
IMAGES_PATH = "/t/p"


class Responder:
    """Answers the requests of a running sandbox.

    ``stopping`` ends waits of requests that are never answered, ``worker`` does what takes long; the server sets
    both when it starts. ``rate_limit`` may change at any time.
    """

    def __init__(self, options: SandboxOptions, service: Service, traffic: Traffic) -> None:
        self._options = options
        self._service = service
        self._traffic = traffic
        self.exports = service.exports()
        self.failures = FailureQueue()
        self._random_faults = RandomFaults(options.faults, options.seed)
        self.rate_limit = None if options.rate_limit is None else RateLimit(options.rate_limit)
        self.stopping = asyncio.Event()
        self.worker: Executor | None = None

    def respond(self, request: RecordedRequest, number: int) -> Answer:
        """Choose between the good answer and all others."""
        of_api = not request.path.startswith((f"{EXPORTS_PATH}/", f"{IMAGES_PATH}/"))
        # Exports and images are on other hosts at TMDB, without token and rate limit.
        limit = self.rate_limit if of_api else None
        if limit is not None and not limit.admits(request.remote, request.received_at):
            return self._answered(request, self._over_limit(limit.limit))
        path = request.path.removeprefix("/3/").strip("/")
        failing = self.failures.take(path) or self._random_faults.choose(number)
        if failing is not None and failing.is_status:
            reply = failing.status_response(self._options.retry_after or 1)
            return self._answered(request, PreparedReply(reply))
        if failing is not None and failing.fault in {"timeout", "reset"}:
            self._traffic.answered(request.method, request.path, failing.fault)
            return RESET if failing.fault == "reset" else self._silence
        if not of_api:
            return self._download(request, failing)
        if not self._is_authorised(request):
            return self._finished(request, PreparedReply(status_reply(7)), failing)
        if not request.path.startswith("/3/"):
            return self._finished(request, PreparedReply(status_reply(34)), failing)
        key = self._service.key(request.method, path, request.query)
        ready = self._service.ready(key)
        if ready is None and self._service.is_slow(path):

            async def later() -> Response:
                loop = asyncio.get_running_loop()
                asked = (request.method, path, request.query)
                reply = await loop.run_in_executor(self.worker, self._service.answer, *asked)
                return self._finished(request, self._service.keep(key, reply), failing)

            return later
        if ready is None:
            ready = self._service.keep(key, self._service.answer(request.method, path, request.query))
        return self._finished(request, ready, failing)

    async def _silence(self) -> Response:
        """Wait until the client leaves or the sandbox stops."""
        await self.stopping.wait()
        return RESET

    def _finished(self, request: RecordedRequest, good: PreparedReply, failing: Failure | None) -> Response:
        if failing is None:
            return self._answered(request, good)
        self._traffic.answered(request.method, request.path, failing.fault)
        return failing.spoiled(good, self._options.large_body_bytes)

    def _answered(self, request: RecordedRequest, prepared: PreparedReply) -> Response:
        """Return an unspoiled answer, counted before the client can see it."""
        response = prepared.response(request, conditional=self._options.etag == "304")
        self._traffic.answered(request.method, request.path, response.status)
        return response

    def _download(self, request: RecordedRequest, failing: Failure | None) -> Answer:
        fault = None if failing is None else failing.fault
        readable = request.method in {"GET", "HEAD"}

        def counted(response: Response) -> Response:
            self._traffic.answered(request.method, request.path, response.status)
            return response

        if request.path.startswith(f"{IMAGES_PATH}/"):
            found = picture(request.path.removeprefix(f"{IMAGES_PATH}/")) if readable else None
            if found is None:
                return counted(Response(404))
            image = Response(200, [("Content-Type", found[0])], found[1])
            if failing is not None and fault in IMAGE_FAULTS:
                image = failing.spoiled(PreparedReply(image), self._options.large_body_bytes)
            return counted(image)
        named = self.exports.named(request.path.removeprefix(f"{EXPORTS_PATH}/")) if readable else None
        if named is None:
            return counted(missing(self._options.exports_missing))

        async def later() -> Response:
            file = await asyncio.get_running_loop().run_in_executor(self.worker, self.exports.file, *named)
            return counted(download(file, request, fault))

        return later

    def _is_authorised(self, request: RecordedRequest) -> bool:
        """Tell whether the request carries a bearer token or an api_key that is accepted."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        credential = token.strip() if scheme.lower() == "bearer" else ""
        credential = credential or request.query.get("api_key", "")
        if not credential or credential == "invalid":
            return False
        return self._options.token is None or credential == self._options.token

    def _over_limit(self, limit: int) -> PreparedReply:
        """Return the 429 of a client that is too fast; bare, because TMDB announces no Retry-After."""
        reply = status_reply(
            25, message=f"Your request count ({limit + 1}) is over the allowed limit of {limit}."
        )
        if self._options.retry_after is not None:
            reply = replace(reply, headers=(*reply.headers, ("Retry-After", str(self._options.retry_after))))
        return PreparedReply(reply)
