"""``scrapy tmdb-report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import TMDBCommand, columns, cut, note, paragraph
from tmdbfusion_scrapy.exceptions import ConfigurationError, printable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

_DEFAULT_FILE = "report.html"
_MOST_LISTED = 20


class ReportCommand(TMDBCommand):
    """Writes the report of a run in ``TMDB_DATABASE_URL`` to an HTML file, or lists the runs."""

    name = "tmdb-report"
    summary = "Write the report of a TMDB crawl to an HTML file"
    description = (
        "Write what a run did, what failed and what its records are like to one HTML file, which needs no "
        "network. By default of the run that a crawl was at last. The database is only read."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add = parser.add_argument
        add("--run", metavar="N", type=int, help="number of the run, of --list (default: the latest)")
        add("--list", action="store_true", help=f"list the newest {_MOST_LISTED} runs, and write nothing")
        add(
            "-o", "--output", metavar="FILE", dest="file", default=None,
            help=f"the file (default: {_DEFAULT_FILE}); one of this name is replaced",
        )  # fmt: skip

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        is_asked = opts.list and (opts.run is not None or opts.file is not None)
        self.refuse("--list writes nothing: leave --run and -o out", where=is_asked)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        with self.reading() as engine:
            if opts.list:
                self.say(_list_lines(engine))
            else:
                self._write(engine, opts.run, Path(opts.file or _DEFAULT_FILE))

    def _write(self, engine: Engine, run_id: int | None, path: Path) -> None:
        """Write the report of a run."""
        from tmdbfusion_scrapy.monitoring.report_page import write_report
        from tmdbfusion_scrapy.monitoring.run_report import report_of_run
        from tmdbfusion_scrapy.monitoring.series import stored_run
        from tmdbfusion_scrapy.storage.database import database_label

        found = stored_run(engine, run_id)
        if found is None:
            none = "there is no run yet: crawl first, with a spider that takes -a source="
            raise ConfigurationError(
                none if run_id is None else f"there is no run {run_id}: --list names them"
            )
        run, samples = found
        report = report_of_run(engine, run, samples, database=database_label(engine.url))
        try:
            write_report(report, path)
        except OSError as error:
            raise ConfigurationError(f"cannot write {path}: {error.strerror}") from error
        self.say([f"Wrote the report of run {run.id} ({printable(run.spider)}) to {path}"])


def _list_lines(engine: Engine) -> Iterator[str]:
    """Yield the lines on the newest runs."""
    from tmdbfusion_scrapy.monitoring.charts import duration
    from tmdbfusion_scrapy.monitoring.series import stored_runs

    runs = stored_runs(engine, _MOST_LISTED + 1)
    if not runs:
        yield "No runs."
        return
    cells = [("RUN", "BEGAN (UTC)", "SPIDER", "STATE", "DONE", "FAILED", "REQUESTS", "TIME")]
    cells += [
        (
            str(run.id),
            f"{run.started_at:%Y-%m-%d %H:%M}",
            cut(run.spider, 16),
            "open" if run.finished_at is None else "finished",
            f"{total.done:,}",
            f"{total.failed + total.gone:,}",
            f"{total.requests:,}",
            duration(total.elapsed),
        )
        for run, total in runs[:_MOST_LISTED]
    ]
    head, *lines = columns(cells, right=(0, 4, 5, 6))
    yield head
    for line, (run, _) in zip(lines, runs, strict=False):
        yield line
        if run.arguments:
            yield note(" ".join(f"-a {name}={value}" for name, value in run.arguments.items()))
    if len(runs) > _MOST_LISTED:
        yield paragraph(f"The newest {_MOST_LISTED} are shown; --run N takes any.")
