"""Base of the commands: unknown arguments and errors end them with a message; text in columns for a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.conf import arglist_to_dict

from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from scrapy.settings import Settings


WIDTH = 80
_GAP = "  "
_MOST_LINES = 3
_LEAST_CELL = 8
"""Columns that a cell has at least where a table is made narrower."""


def shown(text: str) -> str:
    """Return a text of a server as it may go to a terminal: in one line, without control characters."""
    return printable(text)


def cut(text: str, width: int) -> str:
    """Return a text that is no wider than ``width``."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Return rows as lines whose columns stand under each other.

    Args:
        rows: Cells, as many in each row.
        right: Numbers of the columns that are aligned to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(_GAP.join(cells).rstrip())
    return lines


def grid(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    width: int | None = None,
) -> Iterator[str]:
    """Yield rows under the names of their columns; each row in lines of its own where there is no room for that.

    Args:
        names: Names of the columns.
        rows: Cells, as many in each row as there are names; letters may be of any script.
        right: Numbers of the columns that are aligned to the right.
        width: Columns of the terminal; ``None`` for as many as it takes.
    """
    from rich.cells import cell_len, set_cell_size

    def fitted(text: str, size: int, *, to_the_right: bool = False) -> str:
        length = cell_len(text)
        if length > size:
            return f"{set_cell_size(text, size - 1)}…"
        return " " * (size - length) + text if to_the_right else text + " " * (size - length)

    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    if width is not None:
        room = width - len(_GAP) * (len(names) - 1)
        # The widest ones give way.
        cap = max(widths)
        while sum(min(size, cap) for size in widths) > room and cap >= _LEAST_CELL:
            cap -= 1
        if cap < _LEAST_CELL:
            longest = max(map(cell_len, names))
            for row in rows:
                for name, cell in zip(names, row, strict=True):
                    line = f"{fitted(name, longest)}{_GAP}{cell}".rstrip()
                    yield fitted(line, width).rstrip()
                yield ""
            return
        widths = [min(size, cap) for size in widths]
    for row in (names, ["-" * size for size in widths], *rows):
        yield _GAP.join(
            fitted(cell, size, to_the_right=place in right)
            for place, (cell, size) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def described(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield rows of a name, a number and a remark, which goes on in the next line where it is long."""
    names, numbers = (max(len(row[place]) for row in rows) for place in (0, 1))
    for name, number, remark in rows:
        start = f"  {name.ljust(names)}{_GAP}{number.rjust(numbers)}{_GAP}"
        yield (
            textwrap.fill(
                remark,
                WIDTH,
                initial_indent=start,
                subsequent_indent=" " * len(start),
                break_on_hyphens=False,
            )
            if remark
            else start.rstrip()
        )


def paragraph(text: str, *, indent: str = "") -> str:
    """Return a text in lines of 80 columns; words that are longer than that are broken."""
    return textwrap.fill(text, WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def note(text: str) -> str:
    """Return a text, indented, in three lines of 80 columns at most."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent="  ",
        subsequent_indent="  ",
        max_lines=_MOST_LINES,
        placeholder=" …",
        break_on_hyphens=False,
    )


class TMDBCommand(ScrapyCommand):
    """A command that starts no crawl.

    Attributes:
        name: Its name.
        usage: Its arguments, as the help shows them.
        summary: What it does, in a line for the list of commands.
        description: Text of its help.
        most_arguments: How many arguments it takes beside its options.
    """

    requires_crawler_process = False
    name = ""
    usage = "[options]"
    summary = ""
    description = ""
    most_arguments = 0

    def syntax(self) -> str:
        """Return the arguments after the name."""
        return self.usage

    def short_desc(self) -> str:
        """Return the line for the list of commands."""
        return self.summary

    def long_desc(self) -> str:
        """Return the text of the help."""
        return self.description

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what it does; what TMDB, the settings or the database do not let it do is said."""
        try:
            self.execute(args, opts)
        except (ConfigurationError, TMDBError) as error:
            self.fail(shown(str(error)))

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what it does.

        Raises:
            ConfigurationError: Something cannot be used.
            TMDBError: TMDB could not be asked.
        """
        raise NotImplementedError

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


class SpiderCommand(TMDBCommand):
    """A command that takes a spider and its arguments, as ``scrapy crawl`` does.

    Attributes:
        example: A spider and arguments, for the message where there is none.
    """

    most_arguments = 1
    usage = "[options] <spider>"
    example = ""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Add the option for the arguments of the spider."""
        super().add_options(parser)
        parser.add_argument(
            "-a",
            dest="spargs",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="argument of the spider, as for scrapy crawl (may be repeated)",
        )

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Check the spider and its arguments."""
        super().process_options(args, opts)
        try:
            opts.spargs = arglist_to_dict(opts.spargs)
        except ValueError:
            raise UsageError("Invalid -a value, use -a NAME=VALUE", print_help=False) from None
        if not args:
            raise UsageError(
                f"the name of a spider is missing: give it, as in scrapy {self.name} {self.example}",
                print_help=False,
            )


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
