"""Tables of the queue beside PgQueuer's own: which runs were enqueued, and which workers there are.

They are made by ``scrapy tmdb-enqueue``: the database of a crawl on one machine does not have them.
"""

from __future__ import annotations

from sqlalchemy import Column, Integer, MetaData, Table, Text

from tmdbfusion_scrapy.storage.entities.declaration import UTCDateTime

metadata = MetaData()

tmdb_queued_runs = Table(
    "tmdb_queued_runs",
    metadata,
    # Key of tmdb_runs.
    Column("run_id", Integer, primary_key=True, autoincrement=False),
    Column("spider", Text, nullable=False),
    Column("kind", Text, nullable=False),
    # Languages that texts are asked for in, best first, with commas; empty for TMDB's own choice.
    Column("language", Text, nullable=False),
    # How many jobs and ids were enqueued.
    Column("jobs", Integer, nullable=False),
    Column("ids", Integer, nullable=False),
    # NULL until all jobs are in the queue.
    Column("enqueued_at", UTCDateTime),
    # NULL but while no worker is to take a job of it.
    Column("paused_at", UTCDateTime),
    # NULL until the run is finished.
    Column("finished_at", UTCDateTime),
)

tmdb_workers = Table(
    "tmdb_workers",
    metadata,
    # PgQueuer's queue_manager_id of the jobs that it holds.
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("spiders", Text, nullable=False),
    Column("started_at", UTCDateTime, nullable=False),
    Column("seen_at", UTCDateTime, nullable=False),
)
