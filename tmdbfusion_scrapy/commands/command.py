"""Base of the commands: unknown arguments end them, and so do errors, with a message."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from tmdbfusion_scrapy.hidden import printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

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
        unknown = [argument for argument in args if argument.startswith("-")] or args[self.most_arguments :]
        if unknown:
            raise UsageError(
                f"unrecognized arguments: {' '.join(unknown)}; see scrapy {self.name} --help",
                print_help=False,
            )

    def say(self, lines: Iterable[str]) -> None:
        """Write lines to standard output, as they come."""
        encoding = sys.stdout.encoding or "utf-8"
        try:
            for line in lines:
                # TMDB's texts are of all languages, a terminal's letters may be of one.
                sys.stdout.write(_plain(line).encode(encoding, "replace").decode(encoding) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            # Who reads has had enough. https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def fail(self, message: str) -> None:
        """Say what went wrong; the command ends with status 1."""
        sys.stderr.write(f"scrapy {self.name}: {_plain(message)}\n")
        self.exitcode = 1


def _plain(text: str) -> str:
    """Text without what a terminal obeys, but for the ends of its lines."""
    return "\n".join(map(printable, text.split("\n")))
