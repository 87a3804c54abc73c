"""The backend for PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.backend import Backend, RowWriter, with_owner
from tmdbfusion_scrapy.storage.entities import metadata
from tmdbfusion_scrapy.storage.entities.declaration import UTCDateTime
from tmdbfusion_scrapy.storage.upserts import in_slices, probes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy.engine import URL, Connection, Engine

    from tmdbfusion_scrapy.storage.backend import Links
    from tmdbfusion_scrapy.storage.entities.declaration import Relation
    from tmdbfusion_scrapy.storage.upserts import Row, Upsert

for _table in metadata.tables.values():
    for _index in _table.indexes:
        _index.dialect_options["postgresql"]["where"] = _index.dialect_options["sqlite"]["where"]

LOCK_SECONDS = 5
"""How long one statement waits for another program's lock; the writer tries a batch again after that."""

IDLE_SECONDS = 60
"""After so long without a statement the server ends a transaction: a crawl that hangs must not hold the others."""

_RECYCLE_SECONDS = 3600
"""Age of a connection that is replaced when it is next asked for: the clocks are compared again then."""

_CLOCK_OFFSET = "tmdb_clock_offset"
"""Key of a connection's ``info``."""

_CONNECT_ARGUMENTS: dict[str, Any] = {
    # A server that went away without a word must not hold the crawl for the hours TCP would wait.
    "connect_timeout": 10,
    # psycopg gives bytes for text where the database is of SQL_ASCII, as one made in the C locale is.
    "client_encoding": "utf8",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""What a URL may say otherwise in its query string."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LIMIT_CLASS = "54"
"""A value is too large for the server, which psycopg takes for an operational error."""
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57"})
"""Connection lost, deadlock, out of resources, locked, shut down by an operator."""
_SCHEMA_STATES = frozenset({"3F000", "42501", "42703", "42P01"})
"""No such schema, no permission, no such column, no such table."""

_LOCK_TIMEOUT = "55P03"

# For the server a client that hangs within a COPY is at work, for as long as it hangs: no time-out ends it.
_END_HANGING = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE locktype = 'advisory' AND granted AND pg_locks.database = datid AND datname = current_database() "
    "AND classid = CAST(:lock AS bigint) >> 32 AND objid = CAST(:lock AS bigint) & 4294967295 AND objsubid = 1 "
    "AND state = 'active' AND wait_event = 'ClientRead' "
    "AND query_start < clock_timestamp() - make_interval(secs => :seconds)"
)

_DIALECT: Any = postgresql.dialect()  # type: ignore[no-untyped-call]


class PostgreSQLRows(RowWriter):
    """Writer of rows with COPY, which costs the client a tenth of what INSERT does.

    An upsert copies into a temporary table and inserts from there.
    https://www.psycopg.org/psycopg3/docs/basic/copy.html
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._staged: set[str] = set()

    def upsert(self, upsert: Upsert, rows: Iterable[Row]) -> None:
        # New rows are copied into the table itself: by way of another a document of 20 KB is compressed and
        # written twice.
        ordered = upsert.in_key_order(rows)
        key, *others = upsert.table.primary_key
        if ordered and not others:
            place = upsert.columns.index(key.name)
            keys = {"keys": [row[place] for row in ordered]}
            known = set(self._connection.scalars(_keys_statement(key), keys))
            self._insert(upsert, [row for row in ordered if row[place] not in known])
            ordered = [row for row in ordered if row[place] in known]
        self._write(upsert, ordered)

    def _without_new(self, relation: Relation, rows: Links) -> Links:
        # A row that is written costs PostgreSQL a look at what it refers to, and a new version in each index.
        known = {owner for owner, _ in self._counts(relation, list(rows))}
        self._insert(
            relation.upsert, with_owner({owner: part for owner, part in rows.items() if owner not in known})
        )
        return {owner: rows[owner] for owner in known}

    def _counts(self, relation: Relation, owners: Sequence[Any]) -> Iterable[Sequence[Any]]:
        owner = relation.table.columns[relation.owner]
        return self._connection.execute(_count_statement(owner), {"keys": owners}).all()

    def _write(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        if not rows:
            return
        table = upsert.table
        staging = self._staging(table)
        self._copy(staging, upsert, rows)
        source = sa.select(*(staging.columns[name] for name in upsert.names))
        statement = postgresql.insert(table).from_select(list(upsert.names), source)
        self._connection.execute(upsert.on_conflict(statement))

    def _insert(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Insert rows that are not there."""
        if rows:
            self._copy(upsert.table, upsert, rows)

    def _staging(self, table: sa.Table) -> sa.Table:
        """Return an empty temporary table with the columns of a table and none of its constraints."""
        staging = _staging_of(table)
        is_used = staging.name in self._staged
        if not is_used:
            self._connection.execute(CreateTable(staging, if_not_exists=True))
        # Within a savepoint, the records that were stored one by one before have left their rows.
        if is_used or self._connection.in_nested_transaction():
            self._connection.exec_driver_sql(f"TRUNCATE {staging.name}")
        self._staged.add(staging.name)
        return staging

    def _copy(self, table: sa.Table, upsert: Upsert, rows: Sequence[Row]) -> None:
        """Copy rows into the table itself or a temporary one."""
        columns = ", ".join(_DIALECT.identifier_preparer.quote(name) for name in upsert.names)
        statement = f"COPY {table.name} ({columns}) FROM STDIN"
        connection: Any = self._connection.connection
        dialect = self._connection.dialect
        # SQLAlchemy knows no COPY: the driver's errors are raised as it does.
        driver: Any = dialect.loaded_dbapi
        try:
            with connection.cursor() as cursor, cursor.copy(statement) as copy:
                for part in in_slices(upsert.prepared(rows, _processor_of)):
                    for row in part:
                        copy.write_row(row)
        except driver.Error as error:
            lost = dialect.is_disconnect(error, connection, None)
            if lost:
                self._connection.invalidate(error)
            raise DBAPIError.instance(
                statement,
                None,
                error,
                driver.Error,
                hide_parameters=True,
                connection_invalidated=lost,
                dialect=dialect,
            ) from error


class PostgreSQL(Backend):
    """All that is particular to PostgreSQL."""

    # SQLAlchemy 2.0 takes psycopg2 for the bare name, 2.1 psycopg 3, which is what the extra installs.
    name = "PostgreSQL"
    drivers = ("postgresql", "postgres", "postgresql+psycopg")
    driver = "postgresql+psycopg"
    rows = PostgreSQLRows

    def engine(self, url: URL, *, read_only: bool, **options: Any) -> Engine:
        arguments = {name: value for name, value in _CONNECT_ARGUMENTS.items() if name not in url.query}
        engine = sa.create_engine(url, connect_args=arguments, pool_recycle=_RECYCLE_SECONDS, **options)
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _limit_waiting)
        return engine.execution_options(postgresql_readonly=True) if read_only else engine

    def advice(self, reason: str) -> str:  # noqa: ARG002 - as for SQLite
        return "Check user, password, host, port and database, and that the server runs"

    def is_record_fault(self, error: DBAPIError) -> bool:
        if isinstance(error, OperationalError | InternalError):
            return _state(error)[:2] == _LIMIT_CLASS
        # psycopg reports a Python value that it cannot send as this.
        return isinstance(error, ProgrammingError) and _state(error) not in _SCHEMA_STATES

    def may_pass(self, error: DBAPIError) -> bool:
        if not isinstance(error, OperationalError | InterfaceError):
            return False
        # An error that is not of the server has no state: it is the connection's.
        return (_state(error)[:2] or "08") in _PASSING_CLASSES

    def take_lock(self, connection: Connection, lock: int) -> None:
        # As long as it takes: whoever holds it is at work, however large the other crawl's batch.
        while self.is_locked(connection, lock):
            try:
                with connection.begin_nested():
                    connection.exec_driver_sql(
                        f"SET LOCAL lock_timeout = '{IDLE_SECONDS}s'; SELECT pg_advisory_xact_lock({lock}); "
                        f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
                    )
                return
            except OperationalError as error:
                if _state(error) != _LOCK_TIMEOUT:
                    raise
            connection.execute(_END_HANGING, {"lock": lock, "seconds": IDLE_SECONDS})

    def is_locked(self, connection: Connection, lock: int) -> bool:
        taken = connection.execute(sa.text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock})
        return not taken.scalar_one()

    def clock_offset(self, connection: Connection) -> timedelta:
        offset: timedelta = connection.info[_CLOCK_OFFSET]
        return offset

    def check_encoding(self, connection: Connection, label: str) -> None:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        # jsonb takes no \u escape elsewhere. https://www.postgresql.org/docs/current/datatype-json.html
        if encoding != "UTF8":
            raise ConfigurationError(
                f"TMDB_DATABASE_URL={label} is a database with the encoding {encoding}, which cannot hold all "
                "of TMDB's texts: name another one, made with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE "
                "template0"
            )

    def probe(self, connection: Connection, tables: Sequence[sa.Table]) -> None:
        # Nothing into any table, in one go: hundreds of questions are seconds where the server is far.
        connection.exec_driver_sql("; ".join(map(_probe, tables)))

    def size(self, connection: Connection, tables: Sequence[str]) -> int:
        query = sa.text(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n "
            "ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relname = ANY(:names)"
        )
        return int(connection.scalar(query, {"names": list(tables)}) or 0)

    def document_bytes(self, column: sa.Column[Any]) -> sa.ColumnElement[int]:
        return sa.func.octet_length(sa.cast(column, sa.Text))

    def fill(self, connection: Connection, table: sa.Table, entries: Iterable[tuple[Any, ...]]) -> None:
        names = ", ".join(table.columns.keys())
        types = ", ".join(
            f"{column.name} {column.type.compile(connection.dialect)}" for column in table.columns
        )
        # COPY does not take an id twice, so that is left to a query.
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE tmdb_rows (place BIGSERIAL, {types})")
        # SQLAlchemy knows no COPY.
        driver: Any = connection.connection
        with driver.cursor() as cursor, cursor.copy(f"COPY tmdb_rows ({names}) FROM STDIN") as copy:
            for row in entries:
                copy.write_row(row)
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE {table.name} AS "  # noqa: S608
            f"SELECT DISTINCT ON (id) {names} FROM tmdb_rows ORDER BY id, place DESC"
        )
        connection.exec_driver_sql("DROP TABLE tmdb_rows")
        # Without knowing how many there are, PostgreSQL would look for each one in all others.
        self.analyze(connection, table)

    def expect_many(self, connection: Connection) -> None:
        # The statistics know nothing of what was stored a moment ago: it would look through the whole frontier for
        # each of a few that turn out to be half a million.
        connection.exec_driver_sql("SET LOCAL enable_nestloop = off; SET LOCAL work_mem = '64MB'")

    def analyze(self, connection: Connection, table: sa.Table) -> None:
        connection.exec_driver_sql(f"ANALYZE {table.name}")

    def forbid_writing(self, connection: Connection) -> None:
        # In this transaction and those after it.
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")


POSTGRESQL = PostgreSQL()


def _set_up(connection: Any, record: Any) -> None:
    """Prepare a new connection."""
    with connection.cursor() as cursor:
        record.info[_CLOCK_OFFSET] = _measured_offset(cursor)
        # PostgreSQL's own compression takes most of the time of storing a document. From version 14, where the
        # server was built with LZ4. https://www.postgresql.org/docs/current/runtime-config-client.html
        cursor.execute(
            "SELECT set_config(name, 'lz4', false) FROM pg_settings "
            "WHERE name = 'default_toast_compression' AND 'lz4' = ANY(enumvals)"
        )
    connection.commit()


def _measured_offset(cursor: Any) -> timedelta:
    """Return what the server's clock is ahead of this machine's; none where the two cannot be told apart."""
    best, shortest = timedelta(), timedelta.max
    for _ in range(3):
        before = datetime.now(timezone.utc)
        now = cursor.execute("SELECT clock_timestamp()").fetchone()[0]
        after = datetime.now(timezone.utc)
        if before <= now <= after:
            return timedelta()
        if after - before < shortest:
            best, shortest = now - before - (after - before) / 2, after - before
    return best


def _limit_waiting(connection: Connection) -> None:
    """Begin a transaction that neither waits for ever nor makes others wait for ever."""
    connection.exec_driver_sql(
        f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; "
        f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
    )


def _state(error: DBAPIError) -> str:
    """Return the server's code of an error, empty where it has none."""
    return getattr(error.orig, "sqlstate", None) or ""


def _processor_of(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """Return the function for a value of a type; psycopg takes a document as JSON text."""
    if isinstance(kind, sa.Boolean | sa.Date | sa.DateTime | UTCDateTime):
        return kind.dialect_impl(_DIALECT).bind_processor(_DIALECT)
    return None


@cache
def _probe(table: sa.Table) -> str:
    """Return what a batch does to a table, done to no row; a crawl asks several times."""
    return "; ".join(str(probe.compile(dialect=_DIALECT)) for probe in probes(table))


@cache
def _staging_of(table: sa.Table) -> sa.Table:
    """Return the temporary table for the rows of a table."""
    return sa.Table(
        f"tmdb_staging_{table.name}",
        sa.MetaData(),
        *(sa.Column(column.name, column.type) for column in table.columns),
        prefixes=["TEMPORARY"],
        postgresql_on_commit="DELETE ROWS",
    )


@cache
def _keys_statement(column: sa.Column[Any]) -> sa.Select[Any]:
    """Return the statement that finds which values of the parameter ``keys``, one array, are there."""
    keys = sa.bindparam("keys", type_=postgresql.ARRAY(column.type))
    return sa.select(column).where(column == sa.any_(keys))


@cache
def _count_statement(column: sa.Column[Any]) -> sa.Select[Any]:
    """Return the statement that counts the rows that belong to some records."""
    return _keys_statement(column).add_columns(sa.func.count()).group_by(column)
