"""The three ways to run a sandbox: in the running event loop, in a thread, as a child process."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from select import select
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from tmdbfusion_scrapy.sandbox.faults import Failure
from tmdbfusion_scrapy.sandbox.http import JSON_HEADERS, HTTPServer, Response
from tmdbfusion_scrapy.sandbox.options import SandboxOptions
from tmdbfusion_scrapy.sandbox.population import Clock
from tmdbfusion_scrapy.sandbox.service import EXPORTS_PATH, IMAGES_PATH, Responder, Service, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from typing_extensions import Self

    from tmdbfusion_scrapy.sandbox.http import Answer, RecordedRequest
    from tmdbfusion_scrapy.sandbox.service import ConnectionCounts

CONTROL_PATH = "/_sandbox/"
_STOP_SECONDS = 10.0
_RUNS_ALREADY = "this sandbox runs already; stop() it first or make another one"


class _Addresses:
    """The addresses to use instead of TMDB's; empty before ``start()``."""

    _root = ""

    @property
    def base_url(self) -> str:
        """The address to use instead of ``https://api.themoviedb.org/3``. Empty before ``start()``."""
        return self._root and f"{self._root}/3"

    @property
    def exports_url(self) -> str:
        """The address to use instead of ``https://files.tmdb.org/p/exports``. Empty before ``start()``."""
        return self._root and self._root + EXPORTS_PATH

    @property
    def images_url(self) -> str:
        """The address to use instead of ``https://image.tmdb.org/t/p``. Empty before ``start()``."""
        return self._root and self._root + IMAGES_PATH


class _Blocking(_Addresses):
    """A sandbox that is started and stopped by blocking calls, or by ``with``."""

    @abstractmethod
    def start(self) -> None:
        """Start it."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()


class _Controls(_Addresses):
    """The side of a sandbox that tests see and steer, from any thread."""

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self.options = options or SandboxOptions()
        self._clock = Clock(self.options.today)
        self._service = Service(self.options, self._clock)
        self._traffic = Traffic(self.options.keep_requests)
        self._responder = Responder(self.options, self._service, self._traffic)
        self._server: HTTPServer | None = None

    @property
    def today(self) -> date:
        """The day that is served, in UTC."""
        return self._clock.today()

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the sandbox's clock forward: records change, appear and vanish, and new exports are published.

        Raises:
            ValueError: The step is negative, or goes beyond a century in all.
        """
        self._clock.advance(days=days, hours=hours)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The newest requests, oldest first, at most ``keep_requests`` of them."""
        return self._traffic.requests()

    @property
    def connections(self) -> ConnectionCounts:
        """The connections that clients opened."""
        return self._traffic.connections()

    @property
    def movie_ids(self) -> list[int]:
        """The ids of all movies that exist today, ascending. Empty when only recorded exchanges are replayed."""
        return self._service.ids("movie")

    @property
    def series_ids(self) -> list[int]:
        """The ids of all series that exist today, ascending. Empty for a replay."""
        return self._service.ids("tv")

    @property
    def person_ids(self) -> list[int]:
        """The ids of all people who exist today, ascending. Empty for a replay."""
        return self._service.ids("person")

    def state(self) -> dict[str, Any]:
        """Return the body of ``GET /_sandbox/state``: time, counts of requests and connections, highest rate."""
        return {"now": self._clock.now().isoformat(timespec="seconds"), **self._traffic.state()}

    def fail_next(
        self, fault: str | int, *, times: int = 1, path: str | None = None,
        headers: Mapping[str, str] | None = None, body: bytes | str | dict[str, Any] | list[Any] | None = None,
    ) -> None:  # fmt: skip
        """Let the next requests fail.

        Args:
            fault: A fault name of ``docs/sandbox.md``, or an HTTP status from 200 to 599.
            times: How many requests.
            path: Only requests of this path below ``/3/``; ``*`` stands for anything (``movie/*``).
            headers: Headers to add to the answer, for a status only.
            body: Body instead of TMDB's, for a status only. A dict or list is sent as JSON.

        Raises:
            ValueError: The fault is unknown, or headers or a body were given for one that is no status.
        """
        if isinstance(body, str):
            body = body.encode()
        elif body is not None and not isinstance(body, bytes):
            body = msgspec.json.encode(body)
        pattern = None if path is None else path.removeprefix("/3/").strip("/")
        failure = Failure(str(fault), tuple((headers or {}).items()), body, pattern)
        self._responder.failures.add(failure, times)

    def set_rate_limit(self, limit: int | None) -> None:
        """Change the option ``rate_limit`` while it runs, as TMDB may; what was let through counts.

        Raises:
            ValueError: The limit is below 1.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"rate_limit must be at least 1, not {limit!r}")
        self._responder.rate_limit.limit = limit

    def clear(self) -> None:
        """Forget requests, counts and failures that wait. The numbers of random faults start anew."""
        self._responder.failures.clear()
        self._traffic.clear()

    async def _start(self) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be listened on.
            RuntimeError: The sandbox runs already.
        """
        if self._server is not None:
            raise RuntimeError(_RUNS_ALREADY)
        host = "127.0.0.1" if self.options.host == "localhost" else self.options.host
        self._responder.stopping = asyncio.Event()
        self._responder.worker = ThreadPoolExecutor(1, "tmdb-sandbox-worker")
        server = HTTPServer(self._handle, self._traffic)
        try:
            port = await server.start(host, self.options.port)
        except BaseException:
            await self._stop()
            raise
        self._server = server
        self._root = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def _stop(self) -> None:
        """Close all connections and stop listening. May be called again."""
        self._responder.stopping.set()
        server, self._server = self._server, None
        if server is not None:
            await server.stop()
        if self._responder.worker is not None:
            self._responder.worker.shutdown(wait=False, cancel_futures=True)
            self._responder.worker = None
        self._responder.exports.close()

    def _handle(self, request: RecordedRequest) -> Answer:
        if request.path.startswith(CONTROL_PATH):
            return self._control(request)
        number = self._traffic.arrived(request)
        if not self.options.latency:
            return self._responder.respond(request, number)

        async def later() -> Response:
            await asyncio.sleep(self.options.latency)
            answer = self._responder.respond(request, number)
            return answer if isinstance(answer, Response) else await answer()

        return later

    def _control(self, request: RecordedRequest) -> Response:
        """Answer ``GET state`` and ``POST advance?days=1&hours=2``, for whoever runs the sandbox as a process."""
        name = request.path.removeprefix(CONTROL_PATH)
        if name == "advance" and request.method == "POST":
            try:
                self.advance(**{unit: float(request.query.get(unit, "0")) for unit in ("days", "hours")})
            except (ValueError, OverflowError) as error:
                return Response(400, [("Content-Type", "text/plain; charset=utf-8")], str(error).encode())
        elif name != "state":
            return Response(404)
        return Response(200, JSON_HEADERS, msgspec.json.encode(self.state()))


class Sandbox(_Controls):
    """A TMDB-compatible server in the running event loop.

    ``async with Sandbox() as sandbox:`` starts and stops it. All but ``start`` and ``stop`` may be used from any
    thread.

    Args:
        options: What to serve; None is the defaults of ``SandboxOptions``.

    Raises:
        ValueError: A replay file or folder cannot be used.
    """

    start = _Controls._start  # noqa: SLF001 - its own
    stop = _Controls._stop  # noqa: SLF001

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()


class ThreadedSandbox(_Controls, _Blocking):
    """A TMDB-compatible server in a thread and event loop of its own.

    It serves blocking, asyncio and Scrapy tests alike: the test's own loop may be busy, blocked or missing. It is
    made as a ``Sandbox`` is.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _thread: Thread | None = None

    def start(self) -> None:
        """Listen; returns when requests are answered.

        Raises:
            OSError: The address cannot be listened on.
            RuntimeError: The sandbox runs already.
        """
        if self._thread is not None:
            raise RuntimeError(_RUNS_ALREADY)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="tmdb-sandbox", daemon=True)
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close all connections and end the thread. May be called again."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        try:
            asyncio.run_coroutine_threadsafe(self._stop(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


class SandboxProcess(_Blocking):
    """``python -m tmdbfusion_scrapy.sandbox`` on a free port, which ends with this process whatever happens to it.

    Args:
        arguments: Arguments of the command, for example ``["--movies", "10000"]``. ``--port 0`` unless given.
        timeout: Seconds to wait for the base URL.
        python: Interpreter to run it with; the current one by default.
    """

    def __init__(
        self, arguments: Sequence[str] = (), *, timeout: float = 30.0, python: str = sys.executable
    ) -> None:
        module = "tmdbfusion_scrapy.sandbox"
        self._command = [python, "-m", module, "--port", "0", "--exit-with-parent", *arguments]
        self._timeout = timeout
        self._child: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the sandbox's clock forward; see ``Sandbox.advance``.

        Raises:
            OSError: The sandbox refused the step, or does not run.
        """
        if not self._root:
            raise ConnectionError("this sandbox does not run")
        query = urlencode({"days": days, "hours": hours})
        request = Request(f"{self._root}/_sandbox/advance?{query}", method="POST")  # noqa: S310 - its own server
        # A proxy of the environment is not for loopback.
        with build_opener(ProxyHandler({})).open(request, timeout=self._timeout):
            pass

    @property
    def pid(self) -> int | None:
        """Process id, None while it does not run."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the process and wait until it listens.

        Raises:
            RuntimeError: It ended or stayed silent; the message holds what it wrote to its standard error.
        """
        if self._child is not None:
            raise RuntimeError(_RUNS_ALREADY)
        # A file, not a pipe: a pipe that nobody reads would block the child one day.
        self._errors = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - stop() closes it
        pipe = subprocess.PIPE
        # Ctrl-C goes to the whole session: the sandbox has to outlive a crawl that is closing down.
        self._child = subprocess.Popen(  # noqa: S603 - the command is this package's own
            self._command, stdin=pipe, stdout=pipe, stderr=self._errors, text=True, start_new_session=True
        )
        line = ""
        if self._child.stdout is not None and select([self._child.stdout], [], [], self._timeout)[0]:
            line = self._child.stdout.readline()
        if line.startswith("http"):
            self._root = line.strip().removesuffix("/3")
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            # What ended the output may be the end of the process.
            self._child.wait(0 if line else 1)
        state = self._child.poll()
        self._child.kill()
        self._errors.seek(0)
        said = self._errors.read().strip() or "nothing"
        self.stop()
        ended = f"did not listen in {self._timeout:g} s" if state is None else f"ended with status {state}"
        raise RuntimeError(f"the sandbox {ended}; it wrote to standard error: {said}")

    def stop(self) -> None:
        """End the process and wait for it. May be called again."""
        child, self._child = self._child, None
        self._root = ""
        if child is not None:
            child.terminate()
            try:
                child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    stream.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None
