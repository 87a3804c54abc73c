"""Base of the commands: unknown arguments end them, and so do errors, with a message."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from tmdbfusion_scrapy.hidden import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from scrapy.settings import Settings


class TMDBCommand(ScrapyCommand):
    """A command that starts no crawl."""

    requires_crawler_process = False
    name = ""
    most_arguments = 0

    @property
    def project_settings(self) -> Settings:
        """The settings of the project and of the command line."""
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before anything else
        return self.settings

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Refuse what is no option; Scrapy leaves it among the arguments."""
        super().process_options(args, opts)
        options = [argument for argument in args if argument.startswith("-") and argument != "-"]
        unknown = options or args[self.most_arguments :]
        if unknown:
            raise UsageError(
                f"unrecognized arguments: {' '.join(unknown)}; see scrapy {self.name} --help",
                print_help=False,
            )

    @property
    def width(self) -> int | None:
        """Columns of the terminal; ``None`` where standard output is none."""
        return shutil.get_terminal_size().columns if sys.stdout.isatty() else None

    def say(self, lines: Iterable[str]) -> None:
        """Write lines to standard output, as they come."""
        encoding = sys.stdout.encoding or "utf-8"
        with _until_nobody_reads():
            for line in lines:
                # TMDB's texts are of all languages, a terminal's letters may be of one.
                sys.stdout.write(_plain(line).encode(encoding, "replace").decode(encoding) + "\n")

    def write(self, parts: Iterable[str]) -> None:
        """Write a file to standard output: in UTF-8, every character as it is."""
        with _until_nobody_reads():
            for part in parts:
                sys.stdout.buffer.write(part.encode("utf-8", "surrogatepass"))

    def fail(self, message: str) -> None:
        """Say what went wrong; the command ends with status 1."""
        sys.stderr.write(f"scrapy {self.name}: {_plain(message)}\n")
        self.exitcode = 1


@contextmanager
def _until_nobody_reads() -> Iterator[None]:
    """Write all of it, or end quietly where who reads has had enough."""
    try:
        sys.stdout.flush()
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _plain(text: str) -> str:
    """Text without what a terminal obeys, but for the ends of its lines."""
    return "\n".join(map(printable, text.split("\n")))
