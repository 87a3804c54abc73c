"""The command line of the sandbox, for ``python -m tmdbfusion_scrapy.sandbox`` and for whoever embeds it."""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import stat
import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.sandbox.faults import FAULT_NAMES
from tmdbfusion_scrapy.sandbox.options import SandboxOptions, check_fault_probabilities
from tmdbfusion_scrapy.sandbox.people import PEOPLE
from tmdbfusion_scrapy.sandbox.population import Churn
from tmdbfusion_scrapy.sandbox.server import Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_PARENT_CHECK_SECONDS = 0.5


def duration(raw: str) -> float:
    """Seconds of a text such as ``50ms`` or ``0.5s``."""
    match = _DURATION.fullmatch(raw.strip())
    if match is None:
        raise argparse.ArgumentTypeError(f"{raw!r} is no duration: write 50ms or 0.5s")
    return float(match[1]) / (1000 if match[2] == "ms" else 1)


def moment(raw: str) -> date:
    """The day of a text such as ``2026-11-22``, or the moment of ``2026-11-22T05:00``."""
    try:
        return date.fromisoformat(raw) if len(raw) == 10 else datetime.fromisoformat(raw)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{raw!r} is no day: write 2026-11-22 or 2026-11-22T05:00") from None


def fault_probabilities(raw: str) -> dict[str, float]:
    """The probabilities of a text such as ``timeout=0.01,500=0.02``."""
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sandbox's options to a parser."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="loopback address to listen on (default: %(default)s)")
    add("--port", type=int, default=8390, help="port to listen on; 0 takes a free one (default: %(default)s)")
    add(
        "--movies", type=int, default=10_000, help="highest id of the generated movies (default: %(default)s)"
    )
    add("--series", type=int, default=2_000, help="highest id of the series (default: %(default)s)")
    add("--people", type=int, default=PEOPLE, help="highest id of the people (default: %(default)s)")
    add(
        "--seed",
        type=int,
        default=1,
        help="seed of the generated movies and of the faults (default: %(default)s)",
    )
    add("--gaps", type=float, default=0.03, help="share of ids that do not exist (default: %(default)s)")
    add(
        "--today", type=moment, metavar="DATE",
        help="stand still on a day, 2026-11-22, or a moment in UTC, 2026-11-22T05:00 (default: the real time)",
    )  # fmt: skip
    for name, what in (("changed", "change"), ("new", "appear"), ("gone", "vanish")):
        add(
            f"--daily-{name}", type=float, default=getattr(Churn, name), metavar="SHARE",
            help=f"share of the movies, series and people that {what} each day (default: %(default)s)",
        )  # fmt: skip
    add(
        "--replay", type=Path, action="append", default=[], metavar="PATH",
        help="serve a .jsonl or .jsonl.gz of movie bodies, or a folder of recorded exchanges, instead; repeatable",
    )  # fmt: skip
    add(
        "--rate-limit",
        type=int,
        metavar="N",
        help="requests a second and client address, 429 above (default: none)",
    )
    add(
        "--retry-after", type=int, nargs="?", const=1, metavar="SECONDS",
        help="send Retry-After with the 429 of --rate-limit (1 second unless given)",
    )  # fmt: skip
    add("--latency", type=duration, default=0.0, metavar="TIME", help="wait before each answer, e.g. 50ms")
    add(
        "--faults", type=fault_probabilities, default={}, metavar="NAME=P,...",
        help=f"spoil answers with these probabilities, e.g. 429=0.01,500=0.02; names: {', '.join(FAULT_NAMES)}",
    )  # fmt: skip
    add(
        "--exports-missing", type=int, choices=(403, 404), default=403,
        help="status of daily exports that are not there yet or any more (default: %(default)s)",
    )  # fmt: skip
    add(
        "--etag", choices=("ignore", "304"), default="ignore",
        help="what an If-None-Match with the current ETag does (default: %(default)s)",
    )  # fmt: skip
    add("--token", help="accept this bearer token or api_key only (default: any but 'invalid')")
    add(
        "--cache-mb",
        type=int,
        default=128,
        metavar="MB",
        help="memory for ready bodies (default: %(default)s)",
    )
    add(
        "--exit-with-parent",
        action="store_true",
        help="end when the parent process ends or closes standard input",
    )


def options_of(arguments: argparse.Namespace) -> SandboxOptions:
    """The options of parsed arguments.

    Raises:
        ValueError: An argument is outside its range.
    """
    return SandboxOptions(
        host=arguments.host,
        port=arguments.port,
        movies=arguments.movies,
        series=arguments.series,
        people=arguments.people,
        seed=arguments.seed,
        gaps=arguments.gaps,
        today=arguments.today,
        daily_changed=arguments.daily_changed,
        daily_new=arguments.daily_new,
        daily_gone=arguments.daily_gone,
        exports_missing=arguments.exports_missing,
        etag=arguments.etag,
        replay=tuple(arguments.replay),
        rate_limit=arguments.rate_limit,
        retry_after=arguments.retry_after,
        latency=arguments.latency,
        faults=arguments.faults,
        token=arguments.token,
        cache_bytes=arguments.cache_mb * 1024 * 1024,
        # Nobody can read them in a process of its own.
        keep_requests=0,
    )


async def serve(sandbox: Sandbox, *, exit_with_parent: bool = False) -> None:
    """Print the base URL when it listens, and serve until SIGINT, SIGTERM or the end of the parent process.

    Args:
        sandbox: A sandbox that does not run yet.
        exit_with_parent: End with the parent process, too.
    """
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
    loop = asyncio.get_running_loop()
    parent = os.getppid()
    stdin = 0
    is_pipe = stat.S_ISFIFO(os.fstat(stdin).st_mode)

    def read() -> None:
        if not os.read(stdin, 4096):
            ended.set()

    if is_pipe:
        loop.add_reader(stdin, read)
    try:
        # The system tells nobody that a parent is gone.
        while os.getppid() == parent:  # noqa: ASYNC110
            await asyncio.sleep(_PARENT_CHECK_SECONDS)
        ended.set()
    finally:
        if is_pipe:
            loop.remove_reader(stdin)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 after a signal, 1 if it cannot listen, 2 for bad arguments.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
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
    """Serve until it is told to end; 0 after a signal, 1 if it cannot listen.

    Args:
        sandbox: A sandbox that does not run yet.
        program: Name of the command, for messages.
        exit_with_parent: End with the parent process, too.
    """
    try:
        asyncio.run(serve(sandbox, exit_with_parent=exit_with_parent))
    except OSError as error:
        host, port = sandbox.options.host, sandbox.options.port
        sys.stderr.write(
            f"{program}: cannot listen on {host}, port {port}: {error.strerror}; --port 0 takes a free one\n"
        )
        return 1
    except KeyboardInterrupt:
        # Ctrl-C before the signal handlers were in place.
        return 0
    return 0
