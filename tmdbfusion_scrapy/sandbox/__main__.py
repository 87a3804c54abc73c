"""Command line of the sandbox, for ``python -m tmdbfusion_scrapy.sandbox`` and for ``scrapy tmdb-sandbox``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import inspect
import os
import re
import signal
import stat
import sys
from dataclasses import MISSING, fields
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.sandbox.options import SandboxOptions, check_fault_probabilities
from tmdbfusion_scrapy.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_PARENT_CHECK_SECONDS = 0.5
# An argument of a docstring and its text, up to the next one.
_EXPLAINED = re.compile(r"^    (\w+): ((?:.+\n?(?:        .*\n?)*))", re.MULTILINE)


def duration(raw: str) -> float:
    """Return the seconds of a text such as ``50ms`` or ``0.5s``."""
    match = _DURATION.fullmatch(raw.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{raw!r} is no duration: write 50ms or 0.5s")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def moment(raw: str) -> date:
    """Return the day of a text such as ``2026-11-22``, or the moment of ``2026-11-22T05:00``."""
    try:
        return date.fromisoformat(raw) if len(raw) == 10 else datetime.fromisoformat(raw)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{raw!r} is no day: write 2026-11-22 or 2026-11-22T05:00") from None


def fault_probabilities(raw: str) -> dict[str, float]:
    """Return the probabilities of a text such as ``timeout=0.01,500=0.02``."""
    faults: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in raw.split(","))):
        name, separator, value = item.partition("=")
        try:
            faults[name.strip()] = float(value)
        except ValueError:
            what = f"{value!r} is no probability" if separator else "a probability is missing"
            raise argparse.ArgumentTypeError(f"{item!r}: {what}; write NAME=0.01") from None
    try:
        check_fault_probabilities(faults)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("faults: ")) from None
    return faults


_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    **{name: {} for name in ("host", "movies", "series", "people", "seed", "gaps")},
    "port": {"default": 8390},
    "today": {"type": moment, "metavar": "DATE"},
    **{f"daily_{name}": {"metavar": "SHARE"} for name in ("changed", "new", "gone")},
    "replay": {"type": Path, "action": "append", "default": [], "metavar": "PATH"},
    "rate_limit": {"type": int, "metavar": "N"},
    "retry_after": {"type": int, "nargs": "?", "const": 1, "metavar": "SECONDS"},
    "latency": {"type": duration, "metavar": "TIME"},
    "faults": {"type": fault_probabilities, "default": {}, "metavar": "NAME=P,..."},
    "exports_missing": {"choices": (403, 404)},
    "etag": {"choices": ("ignore", "304")},
    "token": {"type": str},
}
"""The fields of ``SandboxOptions`` that are options here, and what argparse needs to know beside them."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's options to a parser: those of ``SandboxOptions``, explained by its docstring."""
    explained = dict(_EXPLAINED.findall(inspect.getdoc(SandboxOptions) or ""))
    for option in fields(SandboxOptions):
        if option.name in _ARGUMENTS:
            text = " ".join(explained.get(option.name, "").split()).replace("%", "%%")
            default = None if option.default is MISSING else option.default
            given: dict[str, Any] = {"type": type(default), "default": default, "help": text}
            given |= _ARGUMENTS[option.name]
            if given["default"]:
                given["help"] += " (default: %(default)s)"
            parser.add_argument(f"--{option.name.replace('_', '-')}", **given)
    memory = "memory for ready bodies (default: %(default)s)"
    parser.add_argument("--cache-mb", type=int, default=128, metavar="MB", help=memory)
    ending = "end when the parent process ends or closes standard input"
    parser.add_argument("--exit-with-parent", action="store_true", help=ending)


def options_of(arguments: argparse.Namespace) -> SandboxOptions:
    """Return the options of parsed arguments; ``ValueError`` where one is outside its range."""
    given = {name: getattr(arguments, name) for name in _ARGUMENTS}
    # Nobody can read the requests in a process of its own.
    return SandboxOptions(**given, cache_bytes=arguments.cache_mb * 1024 * 1024, keep_requests=0)


async def serve(sandbox: Sandbox, *, exit_with_parent: bool = False) -> None:
    """Print the base URL when it listens, and serve until SIGINT, SIGTERM or the end of the parent process."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with sandbox:
        sys.stdout.write(f"{sandbox.base_url}\n")
        sys.stdout.flush()
        watch = asyncio.create_task(_parent_gone(ended)) if exit_with_parent else None
        await ended.wait()
        if watch is not None:
            watch.cancel()


async def _parent_gone(ended: asyncio.Event) -> None:
    """Set ``ended`` when the parent process is gone.

    A pipe on standard input tells at once, even if the parent died before this process could ask for its id.
    Without one, the process that took over as parent tells.
    """
    loop, parent, stdin = asyncio.get_running_loop(), os.getppid(), 0

    def read() -> None:
        if not os.read(stdin, 4096):
            loop.remove_reader(stdin)
            ended.set()

    if stat.S_ISFIFO(os.fstat(stdin).st_mode):
        loop.add_reader(stdin, read)
    # The system tells nobody that a parent is gone.
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(_PARENT_CHECK_SECONDS)
    ended.set()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 after a signal, 1 if it cannot listen, 2 for bad arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m tmdbfusion_scrapy.sandbox",
        description="A TMDB-compatible server on loopback. Prints its base URL when it listens. Ctrl-C ends it.",
    )
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    try:
        sandbox = Sandbox(options_of(arguments))
    except ValueError as error:
        parser.error(str(error))
    return run(sandbox, parser.prog, exit_with_parent=arguments.exit_with_parent)


def run(sandbox: Sandbox, program: str, *, exit_with_parent: bool) -> int:
    """Serve until it is told to end; 0 after a signal, 1 if it cannot listen."""
    try:
        # Ctrl-C may come before the signal handlers are in place.
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(sandbox, exit_with_parent=exit_with_parent))
    except OSError as error:
        where = f"{sandbox.options.host}, port {sandbox.options.port}: {error.strerror}"
        sys.stderr.write(f"{program}: cannot listen on {where}; --port 0 takes a free one\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
