"""The crawl's own tables."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text

from tmdbfusion_scrapy.storage.entities.declaration import (
    UTCDateTime,
    integer,
    long_integer,
    metadata,
    number,
    text,
)

tmdb_failures = Table(
    "tmdb_failures",
    metadata,
    # NULL in a key would make every row another one: kind is '' for calls outside the catalogue.
    Column("kind", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    # Text, so that an id that fits no number is on record too.
    Column("id", Text),
    Column("error", Text, nullable=False),
    Column("status_code", Integer),
    Column("tmdb_code", Integer),
    Column("message", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retryable", Boolean, nullable=False),
    Column("tried_at", UTCDateTime, nullable=False),
    # Every stored record looks for its failure by this.
    Index("ix_tmdb_failures_kind_id", "kind", "id"),
)

tmdb_watermarks = Table(
    "tmdb_watermarks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("set_at", UTCDateTime, nullable=False),
)

tmdb_runs = Table(
    "tmdb_runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("spider", Text, nullable=False),
    # The table of its records, such as movies.
    Column("kind", Text, nullable=False),
    # The arguments as JSON, their names in order: the same text for the same command.
    Column("arguments", Text, nullable=False),
    Column("started_at", UTCDateTime, nullable=False),
    # What was stored from then on is done; NULL if what was stored at any time is.
    Column("since", UTCDateTime),
    # The watermark that stands when the run is finished.
    Column("upto", Text),
    # NULL until the whole frontier stands in tmdb_frontier.
    Column("planned_at", UTCDateTime),
    # How many records were listed, those that were stored already among them.
    Column("listed", Integer),
    # The export that it was planned from, without its day, and how many lines that has.
    Column("export", Text),
    Column("export_size", Integer),
    # The languages that texts are asked for in, best first, with commas; '' for TMDB's own choice.
    Column("language", Text),
    # What a crawl of discover in parts found, as JSON.
    Column("coverage", Text),
    # NULL while there is something left to do.
    Column("finished_at", UTCDateTime),
    # Not of arguments, which may be a long list of ids: PostgreSQL takes no index entry beyond 2,704 bytes.
    Index("ix_tmdb_runs_spider", "spider"),
)

tmdb_frontier = Table(
    "tmdb_frontier",
    metadata,
    Column("run_id", ForeignKey("tmdb_runs.id", ondelete="CASCADE"), primary_key=True),
    # In the order in which they are to be fetched.
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("id", BigInteger, nullable=False),
    # Whether it is stored, and fetched all the same because TMDB lists it no more.
    Column("vanished", Boolean, nullable=False),
    # The key is what is asked for, in its order: SQLite keeps the rows in it.
    sqlite_with_rowid=False,
)

tmdb_run_samples = Table(
    "tmdb_run_samples",
    metadata,
    Column("run_id", ForeignKey("tmdb_runs.id", ondelete="CASCADE"), primary_key=True),
    # The processes of a run and the samples of each, counted from 0. Samples are thinned out: numbers are missing.
    Column("process", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", UTCDateTime, nullable=False),
    # Seconds since the process began to crawl; counts are since then, too.
    *number("elapsed"),
    *long_integer("wanted", "done", "stored", "unchanged", "gone", "failed", "requests", "bytes"),
    *long_integer("retries", "rate_limited", "pauses"),
    # Counts by HTTP status, by error and by field of a wrong type, as JSON.
    *text("responses", "failures", "drift"),
    # What was so at that moment; 0 requests a second stand for no limit.
    *number("rate_limit", "rate_now", "paused_for"),
    *integer("connections_active", "connections_open", "connections_most", "waiting", "retries_waiting"),
    *number("latency_p50", "latency_p95", "latency_p99"),
    *long_integer("memory"),
    *text("limited_by"),
    sqlite_with_rowid=False,
)

tmdb_schema = Table(
    "tmdb_schema", metadata, Column("version", Integer, primary_key=True, autoincrement=False)
)
