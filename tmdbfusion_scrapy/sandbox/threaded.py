"""The sandbox in a background thread, for tests with any event loop or none."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from typing_extensions import Self

    from tmdbfusion_scrapy.sandbox.options import SandboxOptions
    from tmdbfusion_scrapy.sandbox.traffic import ConnectionCounts, RecordedRequest


class ThreadedSandbox:
    """A ``Sandbox`` in a thread and event loop of its own.

    It serves blocking, asyncio and Scrapy tests alike: the test's own loop may be busy, blocked or missing.

    Args:
        options: What to serve; None is the defaults of ``SandboxOptions``.

    Raises:
        ValueError: A replay file or folder cannot be used.
    """

    def __init__(self, options: SandboxOptions | None = None) -> None:
        self._sandbox = Sandbox(options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None

    @property
    def options(self) -> SandboxOptions:
        """The options it was made with."""
        return self._sandbox.options

    @property
    def base_url(self) -> str:
        """The address to use instead of ``https://api.themoviedb.org/3``. Empty before ``start()``."""
        return self._sandbox.base_url

    @property
    def exports_url(self) -> str:
        """The address to use instead of ``https://files.tmdb.org/p/exports``. Empty before ``start()``."""
        return self._sandbox.exports_url

    @property
    def images_url(self) -> str:
        """The address to use instead of ``https://image.tmdb.org/t/p``. Empty before ``start()``."""
        return self._sandbox.images_url

    @property
    def today(self) -> date:
        """The day that is served, in UTC."""
        return self._sandbox.today

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the sandbox's clock forward; see ``Sandbox.advance``."""
        self._sandbox.advance(days=days, hours=hours)

    @property
    def requests(self) -> list[RecordedRequest]:
        """The newest requests, oldest first."""
        return self._sandbox.requests

    @property
    def connections(self) -> ConnectionCounts:
        """The connections that clients opened."""
        return self._sandbox.connections

    @property
    def movie_ids(self) -> list[int]:
        """The ids of all movies that exist today, ascending."""
        return self._sandbox.movie_ids

    @property
    def series_ids(self) -> list[int]:
        """The ids of all series that exist today, ascending."""
        return self._sandbox.series_ids

    @property
    def person_ids(self) -> list[int]:
        """The ids of all people who exist today, ascending."""
        return self._sandbox.person_ids

    def state(self) -> dict[str, Any]:
        """What ``GET /_sandbox/state`` answers."""
        return self._sandbox.state()

    def fail_next(
        self,
        fault: str | int,
        *,
        times: int = 1,
        path: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | dict[str, Any] | list[Any] | None = None,
    ) -> None:
        """Let the next requests fail; see ``Sandbox.fail_next``."""
        self._sandbox.fail_next(fault, times=times, path=path, headers=headers, body=body)

    def set_rate_limit(self, limit: int | None) -> None:
        """Change the rate limit; see ``Sandbox.set_rate_limit``."""
        self._sandbox.set_rate_limit(limit)

    def clear(self) -> None:
        """Forget requests, counts and failures that wait."""
        self._sandbox.clear()

    def start(self) -> None:
        """Listen; returns when requests are answered.

        Raises:
            OSError: The address cannot be listened on.
            RuntimeError: The sandbox runs already.
        """
        if self._thread is not None:
            raise RuntimeError("this sandbox runs already; stop() it first or make another one")
        loop = asyncio.new_event_loop()
        thread = Thread(target=loop.run_forever, name="tmdb-sandbox", daemon=True)
        thread.start()
        self._loop, self._thread = loop, thread
        try:
            asyncio.run_coroutine_threadsafe(self._sandbox.start(), loop).result()
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
            asyncio.run_coroutine_threadsafe(self._sandbox.stop(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
