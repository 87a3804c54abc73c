"""The writer: a thread with its own connection, fed from the event loop.

The event loop only puts an item into a list. Rows are built and written in the thread, so that neither the
database nor the building of rows holds up a response.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.storage.backend import patiently, reason_of
from tmdbfusion_scrapy.storage.batches import store_batch
from tmdbfusion_scrapy.storage.database import open_database
from tmdbfusion_scrapy.storage.failures import FailingCalls, failing_calls

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Engine

    from tmdbfusion_scrapy.storage.batches import BatchResult
    from tmdbfusion_scrapy.storage.rows import Entry, Item
    from tmdbfusion_scrapy.storage.sql import DatabaseOptions


class Writer:
    """Writes items to the database in batches, in the order in which they came.

    The callbacks are called on the event loop that :meth:`start` runs in.

    Attributes:
        failing: The failures that the database had when it was opened.
        engine: The database, while it is open.
        lost: Items that are not stored because the database failed.

    Args:
        options: The database and the batches.
        on_batch: Called after each batch with what became of it.
        on_wait: Called with the reason when a batch has to be tried again, once a batch.
        on_failure: Called once with the reason when the database failed for good, after which nothing is
            written.
    """

    def __init__(
        self,
        options: DatabaseOptions,
        *,
        on_batch: Callable[[BatchResult], None],
        on_wait: Callable[[str], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._options = options
        self._on_batch = on_batch
        self._on_wait = on_wait
        self._on_failure = on_failure
        self._changed = threading.Condition()
        # The condition guards these.
        self._waiting: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        self._closing = False
        self._ended = False
        self.lost = 0
        self._failed = False
        self._thread: threading.Thread | None = None
        self.engine: Engine | None = None
        self.failing = FailingCalls()

    @property
    def running(self) -> bool:
        """True from when the database was opened until :meth:`close`."""
        return self._thread is not None

    @property
    def is_behind(self) -> bool:
        """True while the crawl has to wait for batches to be written."""
        return self._options.is_too_much(len(self._waiting), self._waiting_bytes)

    async def start(self) -> None:
        """Open the database in the writer's thread.

        Raises:
            ConfigurationError: The database cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._opened: Future[None] = Future()
        # From now on the thread may set it even if nobody waits for it any more.
        self._opened.set_running_or_notify_cancel()
        self._thread_ended = asyncio.Event()
        # A daemon: a second Ctrl-C ends the process at once; what is not committed is rolled back.
        self._thread = threading.Thread(target=self._run, name="tmdb-database-writer", daemon=True)
        self._thread.start()
        try:
            await asyncio.wrap_future(self._opened)
        except Exception:
            self._thread.join()
            self._thread = None
            raise

    async def put(self, item: Item) -> None:
        """Hand an item over; waits only while the writer is :attr:`DatabaseOptions.batches_ahead` behind.

        Raises:
            RuntimeError: The writer was closed; the item is not stored.
        """
        entry = (item, datetime.now(timezone.utc))
        while not self._take(entry):
            self._room.clear()
            # Set by a callback on this loop, so it cannot have been between the two lines.
            await self._room.wait()

    def _take(self, entry: Entry) -> bool:
        """Append an item where there is room."""
        options = self._options
        with self._changed:
            if self._failed:
                self.lost += 1
                return True
            if self._ended:
                raise RuntimeError("the writer to the database is closed")
            number = len(self._waiting)
            if options.is_too_much(number, self._waiting_bytes):
                return False
            was_full = options.fills_batch(number, self._waiting_bytes)
            self._waiting.append(entry)
            self._waiting_bytes += _size(entry)
            if number == 0:
                self._waiting_since = time.monotonic()
            # The thread sleeps until there is a first item to time, or a batch is full.
            if number == 0 or (not was_full and options.fills_batch(number + 1, self._waiting_bytes)):
                self._changed.notify()
        return True

    async def close(self) -> None:
        """Write what is left, close the database and end the thread; may be called twice."""
        if self._thread is None:
            return
        with self._changed:
            self._closing = True
            self._changed.notify()
        await self._thread_ended.wait()
        # Two that close at once both come here.
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        """Be the thread."""
        try:
            try:
                self.engine = engine = open_database(self._options.url)
                self.failing = failing_calls(engine)
            except BaseException as error:  # noqa: BLE001 - it belongs to the one who waits for the thread
                self._opened.set_exception(error)
                return
            self._opened.set_result(None)
            try:
                while batch := self._next_batch():
                    self._post(self._room.set)
                    self._store(engine, batch)
            finally:
                self.engine = None
                engine.dispose()
        finally:
            with self._changed:
                self._ended = True
            # Whoever waits for room learns of it.
            self._post(self._room.set)
            self._post(self._thread_ended.set)

    def _next_batch(self) -> list[Entry]:
        """Wait for a batch: full, or old enough, or the last one; empty when there is no more to come."""
        options = self._options
        with self._changed:
            while not options.fills_batch(len(self._waiting), self._waiting_bytes) and not self._closing:
                if not self._waiting:
                    self._changed.wait()
                    continue
                rest = self._waiting_since + options.flush_interval - time.monotonic()
                if rest <= 0:
                    break
                self._changed.wait(rest)
            batch: list[Entry] = []
            size = 0
            while self._waiting and not options.fills_batch(len(batch), size):
                entry = self._waiting.popleft()
                size += _size(entry)
                batch.append(entry)
            self._waiting_bytes -= size
            self._waiting_since = time.monotonic()
            # What is put from now on would be written by nobody.
            self._ended = not batch
            return batch

    def _store(self, engine: Engine, batch: list[Entry]) -> None:
        """Store a batch, or give up storing."""
        if self._failed:
            return
        try:
            result = patiently(
                lambda: store_batch(engine, batch, store_raw=self._options.store_raw),
                self._options.retry_seconds,
                lambda reason: self._post(self._on_wait, reason),
            )
        except Exception as error:  # noqa: BLE001 - the crawl must hear of it, whatever it is
            with self._changed:
                self._failed = True
                self.lost += len(batch) + len(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
            self._post(self._room.set)
            self._post(self._on_failure, reason_of(error))
        else:
            self._post(self._on_batch, result)

    def _post(self, callback: Callable[..., object], *arguments: Any) -> None:
        """Call something on the event loop."""
        # The loop is closed where the process is ending without waiting for anyone.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *arguments)


def _size(entry: Entry) -> int:
    """Return the bytes of the document of an item."""
    return len(getattr(entry[0], "raw", b""))
