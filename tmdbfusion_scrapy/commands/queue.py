"""``scrapy tmdb-queue``."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.commands.command import TMDBCommand, grid

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from tmdbfusion_scrapy.distributed.status import QueueReader


class QueueCommand(TMDBCommand):
    """Shows what is in the queue of ``TMDB_DATABASE_URL``, and what an operator wants to be done with it."""

    name = "tmdb-queue"
    most_arguments = 1000
    usage = "[options] [<run> ...]"
    summary = (
        "Show the jobs of scrapy tmdb-worker: waiting, running, done, failed; pause, cancel or retry them"
    )
    description = (
        "Show how many records wait, are with a worker, are done or failed, for the runs that are named or "
        "for all; which workers there are, and what is left at the rate of the last minute. With an option, "
        "do it first. A cancelled run is not finished: scrapy tmdb-enqueue with the same arguments puts what "
        "is left of it back into the queue."
    )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        wish = parser.add_mutually_exclusive_group()
        for name, text in (
            ("retry", "put failed jobs back into the queue"),
            ("pause", "have workers take no job any more; those that they have are ended"),
            ("resume", "have jobs taken again"),
            ("cancel", "take all jobs out of the queue; workers let go what they have"),
        ):
            wish.add_argument(f"--{name}", dest="wish", action="store_const", const=name, help=text)
        parser.add_argument("--json", action="store_true", help="as JSON")

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        super().process_options(args, opts)
        for run in args:
            message = f"{run}: use the number of a run, as scrapy tmdb-queue shows it"
            self.refuse(message, where=not run.isdecimal())

    def execute(self, args: list[str], opts: argparse.Namespace) -> None:
        from tmdbfusion_scrapy.distributed.queue import check_queue
        from tmdbfusion_scrapy.exceptions import ConfigurationError
        from tmdbfusion_scrapy.storage.database import (
            database_label,
            open_for_reading,
            parse_database_url,
            reopen_database,
        )
        from tmdbfusion_scrapy.storage.sql import database_options

        url = database_options(self.project_settings).url
        check_queue(url)
        # It has to be a database of a crawl.
        open_for_reading(url).dispose()
        engine = reopen_database(url)
        # SQLAlchemy and PgQueuer are there by now.
        from sqlalchemy.exc import SQLAlchemyError

        from tmdbfusion_scrapy.distributed.status import QueueReader
        from tmdbfusion_scrapy.storage.backend import reason_of

        try:
            lines = asyncio.run(self._answer(QueueReader(engine), [int(run) for run in args], opts))
        except SQLAlchemyError as error:
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={database_label(parse_database_url(url))}: the queue cannot be asked "
                f"({reason_of(error)}); see that the server runs and that the user may change its tables, and "
                "give the command again"
            ) from error
        finally:
            engine.dispose()
        self.say(lines)

    async def _answer(self, reader: QueueReader, runs: Sequence[int], opts: argparse.Namespace) -> list[str]:
        """Do what is wanted, and return the lines to be shown."""
        from tmdbfusion_scrapy.distributed.status import lines_of
        from tmdbfusion_scrapy.monitoring.words import duration

        said = [] if opts.wish is None else [await _do(reader, opts.wish, runs)]
        status = await reader.status(runs)
        if opts.json:
            return [status.to_json()]
        return [*said, *lines_of(status, partial(grid, width=self.width), duration)]


async def _do(reader: QueueReader, wish: str, runs: Sequence[int]) -> str:
    """Do what is wanted with some runs, or all that are open, and say what was done."""
    status = await reader.status(runs, with_finished=False)
    keys = [run.run for run in status.runs]
    if wish == "retry":
        await reader.queue.retry([failed.job for failed in status.failed])
        return f"{len(status.failed)} failed jobs are back in the queue"
    if wish == "cancel":
        await reader.queue.cancel([(run.spider, run.run) for run in status.runs])
        return f"{len(keys)} runs are taken out of the queue"
    await reader.queue.pause(keys, paused=wish == "pause")
    return f"{len(keys)} runs are {'paused' if wish == 'pause' else 'resumed'}"
