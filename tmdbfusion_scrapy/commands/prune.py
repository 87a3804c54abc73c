"""``scrapy tmdb-prune``."""

from __future__ import annotations

import shlex
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import TMDBCommand, columns, paragraph

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sqlalchemy.engine import Engine

    from tmdbfusion_scrapy.storage.prune import Expired

_DAYS = 180
"""Days after which a record is too old; any six months are longer."""


class PruneCommand(TMDBCommand):
    """Deletes what was fetched too long ago, or has it fetched again."""

    name = "tmdb-prune"
    summary = "Delete, or fetch again, what was fetched from TMDB too long ago"
    description = (
        "Show what stands in TMDB_DATABASE_URL longer than TMDB's terms allow, six months; with --delete or "
        "--refetch do something about it. Nothing is changed without one of them."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        action = parser.add_mutually_exclusive_group()
        delete = "delete these records, what belongs to them, and what nothing names any more"
        action.add_argument("--delete", action="store_true", help=delete)
        refetch = "run the crawls that fetch these records again"
        action.add_argument("--refetch", action="store_true", help=refetch)
        parser.add_argument(
            "--older-than", metavar="DAYS", type=int, default=_DAYS,
            help=f"records that were fetched more than so many days ago (default: {_DAYS})",
        )  # fmt: skip
        parser.add_argument("--dry-run", action="store_true", help="only show what there is to do")
        parser.add_argument("--yes", action="store_true", help="do not ask before deleting")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        is_number = 1 <= opts.older_than <= 36_500
        self.refuse(f"--older-than {opts.older_than}: use a number of days from 1", where=not is_number)

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:  # noqa: ARG002 - Scrapy's signature
        from tmdbfusion_scrapy.storage.prune import expired

        before = datetime.now(timezone.utc) - timedelta(days=opts.older_than)
        with self.reading() as engine:
            found = expired(engine, before)
            self.say(_found_lines(found, before, opts.older_than))
            commands = self._crawls(engine, found, opts.older_than)
            if opts.refetch and found and not opts.dry_run:
                given = [part for setting in opts.set for part in ("-s", setting)]
                for command in commands.values():
                    self.say([f"scrapy {shlex.join(command)}"])
                    process = [sys.executable, "-m", "scrapy", *command, *given]
                    status = subprocess.run(process, check=False).returncode  # noqa: S603
                    # That of the first one that does not end well.
                    self.exitcode = self.exitcode or status
                self.say(_left_lines(expired(engine, before)))
            elif opts.delete and not opts.dry_run:
                if opts.yes or self._agreed(found):
                    self._delete(before)
            elif found:
                self.say(_choice_lines(commands, found, opts.older_than))

    def _agreed(self, found: Sequence[Expired]) -> bool:
        """Ask whether to delete; whoever cannot be asked has to say so before."""
        if not sys.stdin.isatty():
            self.fail("nothing was deleted: add --yes where nobody can be asked")
            return False
        total = sum(expired.records for expired in found)
        sys.stdout.write(f"Delete {total:,} records, and what nothing names any more? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() in {"y", "yes"}:
            return True
        self.say(["Nothing was deleted."])
        return False

    def _delete(self, before: datetime) -> None:
        """Delete, and say what."""
        from tmdbfusion_scrapy.commands.project import database_url, images_folder
        from tmdbfusion_scrapy.storage.database import reopen_database
        from tmdbfusion_scrapy.storage.prune import Pruning

        store, images = images_folder(self.project_settings), 0
        engine = reopen_database(database_url(self.project_settings))
        try:
            pruning = Pruning(engine, before, lambda reason: self.say([f"Waiting: {reason}"]))
            for table, keys in pruning.expire():
                if store is not None:
                    images += sum(_delete_images(store / table / str(key)) for key in keys)
            pruning.sweep()
        finally:
            engine.dispose()
        self.say(_deleted_lines(pruning.deleted, images))
        other = self.project_settings.get("IMAGES_STORE") or self.project_settings.get("FILES_STORE")
        if store is None and other and "://" in str(other):
            kind = str(other).partition("://")[0]
            self.say([paragraph(f"Images in the store at {kind}:// are not deleted: do that there.")])

    def _crawls(self, engine: Engine, found: Sequence[Expired], days: int) -> dict[str, list[str]]:
        """Return the arguments of scrapy that fetch the records of a table again."""
        from tmdbfusion_scrapy.commands.project import spider_names
        from tmdbfusion_scrapy.storage.crawl_state import newest_arguments

        spiders = spider_names(self.project_settings)
        commands = {}
        with engine.connect() as connection:
            for table in dict.fromkeys(_fetched_with(expired.table) for expired in found):
                if table in spiders:
                    command = ["crawl", spiders[table], "-a", "source=stale", "-a", f"days={days}"]
                    parts = newest_arguments(connection, spiders[table]).get("append")
                    commands[table] = command if parts is None else [*command, "-a", f"append={parts}"]
        return commands


def _fetched_with(table: str) -> str:
    """Return the table of the records that bring those of a table."""
    return "tv_shows" if table in {"seasons", "episodes"} else table


def _delete_images(folder: Path) -> int:
    """Delete the stored images of a record; what else is there stays. Return how many they were."""
    count = 0
    for source in folder.glob("*.source"):
        for file in folder.glob(f"{source.stem}.*"):
            file.unlink(missing_ok=True)
            count += file.suffix != source.suffix
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    return count


def _found_lines(found: Sequence[Expired], before: datetime, days: int) -> Iterator[str]:
    """Yield what is too old, by table."""
    if not found:
        yield f"Nothing was fetched more than {days} days ago, before {before:%Y-%m-%d %H:%M} UTC."
        return
    yield f"Fetched more than {days} days ago, before {before:%Y-%m-%d %H:%M} UTC:"
    cells = [(e.table, f"{e.records:,}", f"{e.parts:,}", f"{e.oldest:%Y-%m-%d %H:%M}") for e in found]
    yield from columns([("TABLE", "RECORDS", "ROWS OF THEIRS", "OLDEST (UTC)"), *cells], right=(1, 2))


def _choice_lines(commands: dict[str, list[str]], found: Sequence[Expired], days: int) -> Iterator[str]:
    """Yield what may be done about it."""
    option = "" if days == _DAYS else f" --older-than {days}"
    yield ""
    yield f"Delete them:       scrapy tmdb-prune --delete{option}"
    yield f"Fetch them again:  scrapy tmdb-prune --refetch{option}, which runs"
    for command in commands.values():
        yield f"  scrapy {shlex.join(command)}"
    others = sorted({e.table for e in found if _fetched_with(e.table) not in commands})
    if others:
        yield paragraph(f"No spider of the project fetches {', '.join(others)}.", "  ")


def _left_lines(left: Sequence[Expired]) -> Iterator[str]:
    """Yield what was not fetched again."""
    if not left:
        yield "All of it was fetched again."
        return
    records = ", ".join(f"{expired.records:,} {expired.table}" for expired in left)
    yield paragraph(
        f"Left: {records}. TMDB has them no more, or they failed, or no spider fetches them: scrapy tmdb-prune "
        "--delete."
    )


def _deleted_lines(deleted: dict[str, int], images: int) -> Iterator[str]:
    """Yield what was deleted, by table."""
    rows = [(table, f"{count:,}") for table, count in sorted(deleted.items()) if count]
    if images:
        rows.append(("(images)", f"{images:,}"))
    if not rows:
        yield "Nothing was deleted."
        return
    yield "Deleted:"
    yield from columns([("TABLE", "ROWS"), *rows], right=(1,))
    yield paragraph("What newer records name keeps a row with its name, and what every list says of it.")
