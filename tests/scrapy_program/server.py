"""The server of the program ``scrapy`` of the tests: ``python -m tests.scrapy_program.server SOCKET``."""

from __future__ import annotations

import array
import contextlib
import gc
import importlib
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import warnings
from pathlib import Path

IMPORTED = (
    "scrapy",
    "scrapy.commands",
    "scrapy.core",
    "scrapy.core.downloader",
    "scrapy.core.downloader.handlers",
    "scrapy.downloadermiddlewares",
    "scrapy.extensions",
    "scrapy.spidermiddlewares",
    "tmdbfusion_scrapy.commands",
    "tmdbfusion_scrapy.crawling",
    "tmdbfusion_scrapy.feeds",
    "tmdbfusion_scrapy.images",
    "tmdbfusion_scrapy.monitoring",
    "tmdbfusion_scrapy.sandbox",
    "tmdbfusion_scrapy.storage",
)
"""Packages whose modules commands import one after the other."""

INSTALLING = "twisted.internet.reactor"


def import_all() -> None:
    """Import what commands need, without a reactor: a command installs one."""
    for name in IMPORTED:
        package = importlib.import_module(name)
        for module in pkgutil.iter_modules(getattr(package, "__path__", ()), f"{name}."):
            # Some need what is not installed, others are deprecated.
            with contextlib.suppress(ImportError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(module.name)
            assert INSTALLING not in sys.modules, module.name


def received(connection: socket.socket) -> tuple[list[str], list[int]]:
    """Return an order and the files that came with it."""
    files = array.array("i")
    length, control, _, _ = connection.recvmsg(4, socket.CMSG_SPACE(3 * files.itemsize))
    files.frombytes(control[0][2])
    order = b""
    while len(order) < int.from_bytes(length, "big"):
        order += connection.recv(1 << 16)
    return [os.fsdecode(part) for part in order.split(b"\0")], list(files)


def become(order: list[str], files: list[int]) -> None:
    """Make this process one that began with a command."""
    folder, count, *rest = order
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stdout = sys.__stdout__ = open(1, "w", closefd=False)  # type: ignore[misc] # noqa: SIM115
    sys.stderr = sys.__stderr__ = open(  # type: ignore[misc] # noqa: SIM115
        2, "w", buffering=1, errors="backslashreplace", closefd=False
    )
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(
        {name: value for name, _, value in (each.partition("=") for each in rest[int(count) :])}
    )
    sys.path[0] = folder
    sys.argv[1:] = rest[: int(count)]


def serve(address: str) -> None:
    """Fork for each order; returns in the process of a command, and when the tests have ended."""
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen(64)
        # Nobody waits for those that wait for the commands.
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        while True:
            if sys.stdin in select.select([sys.stdin, listening], [], [])[0]:
                os._exit(0)
            connection = listening.accept()[0]
            if not os.fork():
                break
            connection.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection:
        order, files = received(connection)
        pid = os.fork()
        if pid:
            for file in files:
                os.close(file)
            connection.sendall(pid.to_bytes(4, "big"))
            # The program says nothing more: it was killed, and with it the command.
            if connection.fileno() in select.select([connection.fileno(), os.pidfd_open(pid)], [], [])[0]:
                os.kill(pid, signal.SIGKILL)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            # The program may have been killed.
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(status.to_bytes(4, "big", signed=True))
            os._exit(0)
    become(order, files)


if __name__ == "__main__":
    import_all()
    # Of what never becomes garbage there is no copy in each process.
    gc.freeze()
    serve(sys.argv[1])
    sys.argv[0] = str(Path(sys.executable).parent / "scrapy")
    runpy.run_module("scrapy", run_name="__main__", alter_sys=True)
