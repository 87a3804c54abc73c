"""The sandbox as a child process."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from queue import Empty, Queue
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from tmdbfusion_scrapy.sandbox.exports import EXPORTS_PATH
from tmdbfusion_scrapy.sandbox.pictures import IMAGES_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Self

_STOP_SECONDS = 10.0


class SandboxProcess:
    """``python -m tmdbfusion_scrapy.sandbox`` on a free port, which ends with this process whatever happens to it.

    Args:
        arguments: Arguments of the command, for example ``["--movies", "10000"]``. ``--port 0`` unless given.
        timeout: Seconds to wait for the base URL.
        python: Interpreter to run it with; the current one by default.
    """

    def __init__(
        self, arguments: Sequence[str] = (), *, timeout: float = 30.0, python: str = sys.executable
    ) -> None:
        self._command = [
            python,
            "-m",
            "tmdbfusion_scrapy.sandbox",
            "--port",
            "0",
            "--exit-with-parent",
            *arguments,
        ]
        self._timeout = timeout
        self._child: subprocess.Popen[str] | None = None
        self._errors: IO[str] | None = None
        self._base_url = ""

    @property
    def base_url(self) -> str:
        """The address to use instead of ``https://api.themoviedb.org/3``. Empty before ``start()``."""
        return self._base_url

    @property
    def exports_url(self) -> str:
        """The address to use instead of ``https://files.tmdb.org/p/exports``. Empty before ``start()``."""
        return self._base_url and self._root + EXPORTS_PATH

    @property
    def images_url(self) -> str:
        """The address to use instead of ``https://image.tmdb.org/t/p``. Empty before ``start()``."""
        return self._base_url and self._root + IMAGES_PATH

    @property
    def _root(self) -> str:
        return self._base_url.removesuffix("/3")

    def advance(self, *, days: float = 0, hours: float = 0) -> None:
        """Move the sandbox's clock forward; see ``Sandbox.advance``.

        Raises:
            OSError: The sandbox refused the step, or does not run.
        """
        if not self._base_url:
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
            raise RuntimeError("this sandbox runs already; stop() it first or make another one")
        # A file, not a pipe: a pipe that nobody reads would block the child one day.
        self._errors = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - stop() closes it
        self._child = subprocess.Popen(  # noqa: S603 - the command is this package's own
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            # Ctrl-C goes to the whole session: the sandbox has to outlive a crawl that is closing down.
            start_new_session=True,
        )
        line = self._first_line(self._child)
        if not line.startswith("http"):
            state = self._child.poll()
            self._child.kill()
            self._child.wait()
            self._errors.seek(0)
            said = self._errors.read().strip() or "nothing"
            self.stop()
            ended = (
                f"ended with status {state}"
                if state is not None
                else f"did not listen in {self._timeout:g} s"
            )
            raise RuntimeError(f"the sandbox {ended}; it wrote to standard error: {said}")
        self._base_url = line.strip()

    def _first_line(self, child: subprocess.Popen[str]) -> str:
        """The first line on standard output, empty when the child ends or takes too long."""
        lines: Queue[str] = Queue()
        reader = Thread(
            target=lambda: lines.put(child.stdout.readline() if child.stdout else ""), daemon=True
        )
        reader.start()
        try:
            line = lines.get(timeout=self._timeout)
        except Empty:
            child.kill()
            line = ""
        reader.join()
        if not line:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(1)
        return line

    def stop(self) -> None:
        """End the process and wait for it. May be called again."""
        child, self._child = self._child, None
        self._base_url = ""
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

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
