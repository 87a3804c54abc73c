"""A Dagster job that keeps a mirror of TMDB current: each day at 10:15 UTC.

FILMS=/srv/films dagster dev -f daily_crawl.py
"""

import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import dagster as dg

PROJECT = Path(os.environ.get("FILMS", "/srv/films"))
"""The folder with scrapy.cfg, as scrapy tmdb-init makes it."""

DONE, LEFT = 0, 3
"""Exit statuses of scrapy crawl: 0 is all done, 3 that the same command goes on with what is left."""


class Crawl(dg.Config):
    """What is crawled; a run may give other values."""

    command: str = "crawl movies -a source=changes"
    tries: int = 3
    seconds_between: float = 600


@dg.asset
def movies(
    context: dg.AssetExecutionContext, config: Crawl
) -> dg.MaterializeResult[None]:
    """Crawl what changed at TMDB since the last time; fail where records are missing."""
    command = [sys.executable, "-m", "scrapy", *shlex.split(config.command)]
    # A process of its own: Scrapy wants an event loop for itself. Its log goes to that of the step.
    status = subprocess.run(command, cwd=PROJECT, check=False).returncode
    context.log.info("scrapy crawl ended with status %s", status)
    if status == LEFT:
        # The same command goes on where this one ended.
        if context.retry_number + 1 < config.tries:
            raise dg.RetryRequested(config.tries - 1, config.seconds_between)
        raise dg.Failure(
            "Records are missing: the crawl was cut short each time",
            allow_retries=False,
        )
    if status != DONE:
        raise dg.Failure(
            f"The crawl could not do its work (status {status}): see its log",
            allow_retries=False,
        )
    return dg.MaterializeResult(metadata=counts(PROJECT / "tmdb.db"))


def counts(database: Path) -> dict[str, int]:
    """Count what is stored and what failed for good; Dagster draws both over time."""
    with closing(sqlite3.connect(database)) as connection:
        stored = connection.execute(
            "SELECT count(*) FROM movies WHERE fetched_at IS NOT NULL"
        ).fetchone()
        failed = connection.execute("SELECT count(*) FROM tmdb_failures").fetchone()
    return {"movies": stored[0], "failed_calls": failed[0]}


daily_crawl = dg.define_asset_job("daily_crawl", selection=[movies])

defs = dg.Definitions(
    assets=[movies],
    jobs=[daily_crawl],
    schedules=[
        dg.ScheduleDefinition(
            job=daily_crawl, cron_schedule="15 10 * * *", execution_timezone="UTC"
        )
    ],
)
