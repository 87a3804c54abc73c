"""``scrapy tmdb-query``."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.commands.command import TMDBCommand, columns, paragraph
from tmdbfusion_scrapy.exceptions import ConfigurationError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from tmdbfusion_scrapy.storage.queries import Query

_DEFAULT_LIMIT = 100


class QueryCommand(TMDBCommand):
    """Answers a question from ``TMDB_DATABASE_URL``: one of the package's, or one in a file."""

    name = "tmdb-query"
    most_arguments = 1
    usage = "[options] <name, file or ->"
    summary = "Answer a question in SQL from the crawl's database"
    description = (
        "Run a query on TMDB_DATABASE_URL and print the answer as a table: one of those that --list shows, or "
        "the SELECT in a file, or on standard input (-). The database is only read; a query that would change "
        "it is refused."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add = parser.add_argument
        add("--list", action="store_true", help="show the queries that there are, and their values")
        add(
            "-p", dest="values", action="append", default=[], metavar="NAME=VALUE",
            help="value to put into the query (may be repeated)",
        )  # fmt: skip
        limits = f"most rows (default: {_DEFAULT_LIMIT} in a table, else all)"
        add("--limit", metavar="N", type=int, help=limits)
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true", help="write CSV, in UTF-8")
        form.add_argument("--json", action="store_true", help="write a JSON array of objects")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        opts.values = self.named(opts.values, "-p")
        is_number = opts.limit is None or opts.limit >= 1
        self.refuse(f"--limit {opts.limit}: use a whole number from 1", where=not is_number)
        is_missing = not args and not opts.list
        self.refuse("the name of a query is missing: --list shows them", where=is_missing)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from tmdbfusion_scrapy.storage.queries import answered, shipped_queries

        if opts.list:
            self.say(_list_lines(list(shipped_queries().values())))
            return
        query = _query(args[0])
        with self.reading() as engine, answered(engine, query, opts.values) as answer:
            if opts.csv or opts.json:
                write = _json if opts.json else self._csv
                self.write(write(answer.columns, islice(answer.rows, opts.limit)))
                return
            limit = opts.limit or _DEFAULT_LIMIT
            rows = list(islice(answer.rows, limit + 1))
            self.say(_table_lines(query, answer.columns, rows, limit, self.width))

    def _csv(self, names: Any, rows: Iterator[Any]) -> Iterator[str]:
        """Yield lines of CSV."""
        from tmdbfusion_scrapy.formulas import FormulaWriter
        from tmdbfusion_scrapy.settings import read_boolean

        # A writer returns what its file does of each line.
        file: Any = SimpleNamespace(write=str)
        plain = csv.writer(file, lineterminator="\n")
        escape = read_boolean(self.project_settings, "TMDB_CSV_ESCAPE_FORMULAS")
        writer = FormulaWriter(plain) if escape else plain
        yield writer.writerow(names)
        for row in rows:
            yield writer.writerow([_cell(value) for value in row])


def _query(name: str) -> Query:
    """Return the query of a name, of a file, or of standard input."""
    from tmdbfusion_scrapy.storage.queries import query_of_text, shipped_queries

    queries = shipped_queries()
    if name == "-":
        return query_of_text("the query on standard input", sys.stdin.read())
    if name in queries:
        return queries[name]
    try:
        return query_of_text(name, Path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no query and no file {name!r}: use one of {', '.join(queries)}, the path of a file with a "
            "SELECT, or - to read one"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"cannot read {name}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name} is no text in UTF-8: {error.reason}") from error


def _list_lines(queries: list[Query]) -> Iterator[str]:
    """Yield a line for each query, and how the values are changed."""
    cells = [(query.name, query.title, _options(query)) for query in queries]
    yield from columns([("NAME", "WHAT IT ASKS", "VALUES"), *cells])
    yield ""
    yield "scrapy tmdb-query NAME runs one, -p NAME=VALUE changes a value."


def _table_lines(query: Query, names: Any, rows: list[Any], limit: int, width: int | None) -> Iterator[str]:
    """Yield the answer as a table."""
    from tmdbfusion_scrapy.commands.command import grid

    if query.title:
        yield f"{query.title} ({_options(query)})" if query.values else query.title
        yield ""
    if not rows:
        yield "No rows."
        if query.values:
            yield paragraph(f"Another value may have some: scrapy tmdb-query {query.name} {_options(query)}")
        if "Needs" in query.about:
            needs = query.about.replace("\n", " ").replace("`", "")
            yield paragraph(f"{needs[needs.index('Needs') :]} See -a append in docs/mirroring.md.")
        return
    cells = [[printable(_cell(value)) for value in row] for row in rows[:limit]]
    numbers = [[value is None or _is_number(value) for value in column] for column in zip(*rows, strict=True)]
    right = [place for place, are_numbers in enumerate(numbers) if all(are_numbers)]
    yield from grid(list(map(printable, names)), cells, right=right, width=width)
    yield ""
    if len(rows) > limit:
        yield paragraph(f"The first {limit:,} rows: --limit N gives more, --csv and --json give all.")
    else:
        yield f"{len(rows):,} row{'s' * (len(rows) != 1)}."


def _json(names: Any, rows: Iterator[Any]) -> Iterator[str]:
    """Yield an array of objects, one a line."""
    start = "["
    for row in rows:
        found = dict(zip(names, row, strict=True))
        yield f"{start}\n{json.dumps(found, ensure_ascii=False, default=_plain)}"
        start = ","
    yield "\n]\n" if start == "," else "[]\n"


def _options(query: Query) -> str:
    """Return the values of a query as options."""
    return " ".join(f"-p {name}={shlex.quote(value)}" for name, value in query.values.items())


def _is_number(value: Any) -> bool:
    from decimal import Decimal

    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _plain(value: Any) -> Any:
    """Return what JSON has no word for as a number or a text."""
    return float(value) if _is_number(value) else _cell(value)


def _cell(value: Any) -> str:
    """Return a value as text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
