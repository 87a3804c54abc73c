"""A PostgreSQL server that a test may stop."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class PrivateServer:
    """A server of its own in a folder, with a database ``postgres``.

    Args:
        folder: An empty folder that the server's user may write to.
        command: What begins each command: nothing, or what runs it as that user.
        programs: Where PostgreSQL's programs are.
    """

    def __init__(self, folder: Path, command: list[str], programs: Path) -> None:
        self._folder = folder
        self._command = command
        self._programs = programs
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._run("initdb", "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8")

    @property
    def url(self) -> str:
        """URL of the database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def is_running(self) -> bool:
        """Whether it was started and not stopped."""
        return (self._folder / "data" / "postmaster.pid").exists()

    def start(self) -> None:
        """Start, and wait until it takes connections; without effect where it runs."""
        if self.is_running:
            return
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run(
            "pg_ctl", "-w", "-l", str(self._folder / "log"), "-o", f"{options} -k {self._folder}", "start"
        )

    def stop(self) -> None:
        """End all connections and stop; without effect where it is stopped."""
        if self.is_running:
            self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the data of this server."""
        subprocess.run(
            [*self._command, str(self._programs / program), "-D", str(self._folder / "data"), *arguments],
            check=True,
            # The server holds what it inherits open: a pipe would never end.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            cwd=self._folder,
            env={**os.environ, "LC_ALL": "C"},
        )


@contextlib.contextmanager
def private_server() -> Iterator[PrivateServer]:
    """A server that is started; skip where that cannot be done."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("/usr/lib/postgresql is not there: no PostgreSQL server to stop")
    as_root = os.geteuid() == 0
    if as_root and not shutil.which("runuser"):
        pytest.skip("runuser is not there: PostgreSQL refuses to run as root")
    # Not tmp_path: the server's user may not enter it.
    with tempfile.TemporaryDirectory(prefix="tmdb-postgres-") as name:
        folder = Path(name)
        if as_root:
            shutil.chown(folder, "postgres")
        server = PrivateServer(
            folder, ["runuser", "-u", "postgres", "--"] if as_root else [], programs[-1].parent
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
