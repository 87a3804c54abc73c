"""``scrapy tmdb-failures``."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmdbfusion_scrapy.commands.command import WIDTH, TMDBCommand, columns, cut, note, paragraph
from tmdbfusion_scrapy.exceptions import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from tmdbfusion_scrapy.storage.failures import FailureFilter, FailureGroup, FailuresReport

_DEFAULT_LIMIT = 20
_NO_KIND = "-"
_MOST_KIND, _MOST_ID, _MOST_ERROR = 14, 12, 21


class FailuresCommand(TMDBCommand):
    """Lists what failed for good in the crawls into ``TMDB_DATABASE_URL``, groups it, or writes it to a file."""

    name = "tmdb-failures"
    summary = "List, group or export the TMDB calls that failed for good"
    description = (
        "List what stands in tmdb_failures of TMDB_DATABASE_URL, the newest first: calls whose retries are "
        "spent, or for which a retry is of no use. The database is only read."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add = parser.add_argument
        add("--group", action="store_true", help="count them by kind, error, HTTP status and permanence")
        add("--export", metavar="FILE", help="write all columns to a .csv, .jsonl or .json file")
        limits = f"most failures (default: {_DEFAULT_LIMIT} shown, all exported)"
        add("--limit", metavar="N", type=int, help=limits)
        add(
            "--kind", metavar="KIND", action="append", default=[],
            help="only those of a kind, such as movies; repeatable. - is for calls outside the catalogue",
        )  # fmt: skip
        add(
            "--error", metavar="NAME", action="append", default=[],
            help="only those with an error, such as NotFoundError; repeatable",
        )  # fmt: skip
        lasting = parser.add_mutually_exclusive_group()
        again = "only those that will fail again, such as a 404"
        lasting.add_argument("--permanent", action="store_true", help=again)
        lasting.add_argument("--temporary", action="store_true", help="only those that may work later")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        from tmdbfusion_scrapy.storage.failures import EXPORT_FORMATS

        super().process_options(args, opts)
        is_number = opts.limit is None or opts.limit >= 1
        self.refuse(f"--limit {opts.limit}: use a whole number from 1", where=not is_number)
        is_asked = opts.group and (opts.export or opts.limit)
        self.refuse("--group counts all of them: leave --export and --limit out", where=is_asked)
        is_known = opts.export is None or Path(opts.export).suffix.lower() in EXPORT_FORMATS
        message = f"--export {opts.export}: use a name that ends in {', '.join(EXPORT_FORMATS)}"
        self.refuse(message, where=not is_known)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        from tmdbfusion_scrapy.settings import read_boolean
        from tmdbfusion_scrapy.storage.failures import FailureFilter, FailuresReport

        wanted = FailureFilter(
            tuple("" if kind == _NO_KIND else kind for kind in opts.kind),
            tuple(opts.error),
            (not opts.permanent) if opts.permanent or opts.temporary else None,
        )
        with self.reading() as engine:
            report = FailuresReport(engine)
            if opts.export is None:
                self.say(self._lines(report, wanted, opts))
                return
            escape = read_boolean(self.project_settings, "TMDB_CSV_ESCAPE_FORMULAS")
            try:
                count = report.export(wanted, Path(opts.export), opts.limit, escape_formulas=escape)
            except OSError as error:
                raise ConfigurationError(f"cannot write {opts.export}: {error.strerror}") from error
            self.say([f"Wrote {_failures(count)} to {opts.export}"])

    def _lines(
        self, report: FailuresReport, wanted: FailureFilter, opts: argparse.Namespace
    ) -> Iterator[str]:
        """Yield the lines that are printed."""
        from tmdbfusion_scrapy.commands.project import spider_names
        from tmdbfusion_scrapy.storage.failures import FailureFilter

        groups = report.groups(wanted)
        if not groups:
            others = sum(group.count for group in report.groups(FailureFilter()))
            yield f"No such failures; {others} others stand there." if others else "No failures."
            return
        if opts.group:
            yield from _group_lines(groups)
        else:
            yield from _list_lines(list(report.newest(wanted, opts.limit or _DEFAULT_LIMIT)))
        yield ""
        total = sum(group.count for group in groups)
        permanent = sum(group.count for group in groups if not group.retryable)
        line = f"{_failures(total)}: {total - permanent:,} temporary, {permanent:,} permanent."
        limit = opts.limit or _DEFAULT_LIMIT
        if not opts.group and total > limit:
            line += f" The newest {limit:,} are shown: --limit {total} or --export FILE gives all."
        yield paragraph(line)
        yield from _advice(groups, spider_names(self.project_settings))


def _list_lines(rows: Sequence[Any]) -> Iterator[str]:
    """Yield two lines or more for each failure: what and when, then where and why."""
    cells = [("TRIED (UTC)", "KIND", "ID", "ERROR", "HTTP", "LASTING")]
    cells += [
        (
            f"{row.tried_at:%Y-%m-%d %H:%M}",
            cut(row.kind or _NO_KIND, _MOST_KIND),
            cut(row.id or _NO_KIND, _MOST_ID),
            cut(row.error, _MOST_ERROR),
            *_kind_of(row),
        )
        for row in rows
    ]
    head, *lines = columns(cells, right=(4,))
    yield head
    for line, row in zip(lines, rows, strict=True):
        yield line
        tries = f" ({row.attempts} tries)" if row.attempts > 1 else ""
        yield note(f"{row.path}: {row.message}{tries}")


def _group_lines(groups: Sequence[FailureGroup]) -> Iterator[str]:
    """Yield a line for each group."""
    cells = [("COUNT", "KIND", "ERROR", "HTTP", "LASTING", "NEWEST (UTC)")]
    cells += [
        (
            f"{group.count:,}",
            cut(group.kind or _NO_KIND, _MOST_KIND),
            cut(group.error, _MOST_ERROR),
            *_kind_of(group),
            f"{group.newest:%Y-%m-%d %H:%M}",
        )
        for group in groups
    ]
    yield from columns(cells, right=(0, 3))


def _advice(groups: Sequence[FailureGroup], spiders: dict[str, str]) -> Iterator[str]:
    """Yield advice on how to try again."""
    by_kind: dict[str, int] = defaultdict(int)
    for group in groups:
        by_kind[group.kind if group.with_id else ""] += group.count
    commands = [
        (f"scrapy crawl {spiders[kind]} -a source=failed", f"{_failures(count)} of {kind}")
        for kind, count in sorted(by_kind.items())
        if kind in spiders
    ]
    if commands:
        yield "Try again, and clear what works:"
        yield from (cut(f"  {line}", WIDTH) for line in columns(commands))
    else:
        yield paragraph("Try again, and clear what works: scrapy crawl <spider> -a source=failed")
    others = sum(count for kind, count in by_kind.items() if kind not in spiders)
    if commands and others:
        yield paragraph(
            f"{_failures(others)} of lists, pages or parts: the crawl that wanted them asks for them again."
        )
    if any(not group.retryable for group in groups):
        yield paragraph(
            "Permanent ones will fail again: TMDB has no such record (404), or refuses the call. They are left "
            "out, unless -a permanent=true is added."
        )


def _failures(count: int) -> str:
    """Return a number of failures in words."""
    return f"{count:,} failure{'s' * (count != 1)}"


def _kind_of(failure: Any) -> tuple[str, str]:
    """Return the status of a failure, and whether it lasts."""
    status = _NO_KIND if failure.status_code is None else str(failure.status_code)
    return status, "temporary" if failure.retryable else "permanent"
