"""Base of the commands: unknown arguments and errors end them with a message; text in columns for a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.conf import arglist_to_dict

from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from scrapy.settings import Settings
    from sqlalchemy.engine import Engine


WIDTH = 80
_GAP = "  "
_LEAST_CELL = 8
"""Columns that a cell has at least where a table is made narrower."""


def cut(text: str, width: int) -> str:
    """Return a text, which may be a server's, in one line that is no wider than ``width``."""
    text = printable(text)
    return text if len(text) <= width else f"{text[: width - 1]}…"


def columns(
    rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), widths: Sequence[int] | None = None
) -> list[str]:
    """Return rows as lines whose columns stand under each other; letters may be of any script.

    Cells are cut to ``widths``; ``None`` is for as much as they take.
    """
    from rich.cells import cell_len

    sizes = widths or [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        _GAP.join(
            _cell(text, size, to_the_right=place in right)
            for place, (text, size) in enumerate(zip(row, sizes, strict=True))
        ).rstrip()
        for row in rows
    ]


def _cell(text: str, size: int, *, to_the_right: bool = False) -> str:
    """Return a text that takes so many columns of a terminal."""
    from rich.cells import cell_len, set_cell_size

    room = " " * (size - cell_len(text))
    if cell_len(text) > size:
        return f"{set_cell_size(text, size - 1)}…"
    return room + text if to_the_right else text + room


def grid(
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    width: int | None = None,
) -> Iterator[str]:
    """Yield rows under the names of their columns; each row in lines of its own where there is no room for that.

    ``width`` is that of the terminal; ``None`` for as many columns as it takes.
    """
    from rich.cells import cell_len

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
                    yield _cell(f"{_cell(name, longest)}{_GAP}{cell}".rstrip(), width).rstrip()
                yield ""
            return
        widths = [min(size, cap) for size in widths]
    yield from columns([names, ["-" * size for size in widths], *rows], right=right, widths=widths)


def described(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """Yield rows of a name, a number and a remark, which goes on in the next line where it is long."""
    starts = columns([row[:2] for row in rows], right=(1,))
    for start, (_, _, remark) in zip(starts, rows, strict=True):
        yield paragraph(remark, f"  {start}{_GAP}") if remark else f"  {start}"


def paragraph(text: str, start: str = "", **options: Any) -> str:
    """Return a text in lines of 80 columns: the first begins with ``start``, the others stand under its end."""
    indent = " " * len(start)
    options = {"break_on_hyphens": False, "initial_indent": start, "subsequent_indent": indent, **options}
    return textwrap.fill(text, WIDTH, **options)


def note(text: str) -> str:
    """Return a text, which may be a server's, indented, in three lines of 80 columns at most."""
    return paragraph(printable(text), "  ", max_lines=3, placeholder=" …")


class TMDBCommand(ScrapyCommand):
    """A command that starts no crawl; at most ``most_arguments`` are given beside its options."""

    requires_crawler_process = False
    name = ""
    usage = "[options]"
    summary = ""
    description = ""
    most_arguments = 0

    def syntax(self) -> str:
        return self.usage

    def short_desc(self) -> str:
        return self.summary

    def long_desc(self) -> str:
        return self.description

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what it does; what TMDB, the settings or the database do not let it do is said."""
        try:
            self.execute(args, opts)
        except (ConfigurationError, TMDBError) as error:
            self.fail(printable(str(error)))

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        """Do what it does; a ``ConfigurationError`` or ``TMDBError`` ends it with a message."""
        raise NotImplementedError

    @property
    def project_settings(self) -> Settings:
        """The settings of the project and of the command line."""
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before anything else
        return self.settings

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        # Scrapy leaves what is no option among the arguments.
        options = [argument for argument in args if argument.startswith("-") and argument != "-"]
        unknown = options or args[self.most_arguments :]
        message = f"unrecognized arguments: {' '.join(unknown)}; see scrapy {self.name} --help"
        self.refuse(message, where=unknown)

    def refuse(self, message: str, *, where: object = True) -> None:
        """End the command with status 2 and a message where an option or argument cannot be used."""
        if where:
            raise UsageError(message, print_help=False)

    def named(self, values: list[str], option: str) -> dict[str, str]:
        """Return the values of an option that is given as ``NAME=VALUE``, by their names."""
        try:
            return dict(arglist_to_dict(values))
        except ValueError:
            raise UsageError(f"Invalid {option} value, use {option} NAME=VALUE", print_help=False) from None

    @contextmanager
    def reading(self) -> Iterator[Engine]:
        """Open the database of the crawl to read it; its errors end the command with a message."""
        from sqlalchemy.exc import SQLAlchemyError

        from tmdbfusion_scrapy.commands.project import database_url
        from tmdbfusion_scrapy.storage.backend import reason_of
        from tmdbfusion_scrapy.storage.database import database_label, open_for_reading

        engine = open_for_reading(database_url(self.project_settings))
        try:
            yield engine
        except SQLAlchemyError as error:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={database_label(engine.url)}: {reason_of(error)}. See that it can be reached. "
                "What was done stays done; the same command goes on"
            ) from error
        finally:
            engine.dispose()

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
    """A command that takes a spider and its arguments, as ``scrapy crawl`` does, such as ``example``."""

    most_arguments = 1
    usage = "[options] <spider>"
    example = ""

    def add_options(self, parser: argparse.ArgumentParser) -> None:
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
        super().process_options(args, opts)
        opts.spargs = self.named(opts.spargs, "-a")
        example = f"scrapy {self.name} {self.example}"
        self.refuse(f"the name of a spider is missing: give it, as in {example}", where=not args)


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
    """Return a text without what a terminal obeys, but for the ends of its lines."""
    return "\n".join(map(printable, text.split("\n")))
