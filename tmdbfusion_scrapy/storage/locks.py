"""Locks that crawls into one PostgreSQL database take, each for a transaction.

SQLite has one writer at a time anyway, which ``BEGIN IMMEDIATE`` waits for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

# Any numbers, the same in every process.
TABLES_LOCK = 8_471_263
"""Held while tables are created or changed: two crawls that start at once would both find them missing."""
WRITE_LOCK = 8_471_264
"""Held while a batch is written: two batches name the same genres and people, and each would wait for rows that
the other holds."""
RUNS_LOCK = 8_471_265
"""Held while a run is begun: the same command started twice is to be one run."""
_RUN_LOCKS = 8_471_266 << 32

LOCK_SECONDS = 5
"""How long one statement waits for another program's lock; the writer tries a batch again after that."""

IDLE_SECONDS = 60
"""After so long without a statement the server ends a transaction: a crawl that hangs must not hold the others."""


def limit_waiting(connection: Connection) -> None:
    """Begin a transaction that neither waits for ever nor makes others wait for ever."""
    connection.exec_driver_sql(
        f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; "
        f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'"
    )


def take_lock(connection: Connection, lock: int) -> None:
    """Wait for one of these locks, as long as it takes; without effect in SQLite.

    Whoever holds it is at work, so this is no failure, however large the other crawl's batch.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock({lock}); "
            f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"
        )


def run_lock(run_id: int) -> int:
    """Return the lock that is held while a run is planned or finished; others go on meanwhile."""
    return _RUN_LOCKS + run_id


def is_taken(connection: Connection, lock: int) -> bool:
    """Whether another transaction holds the lock; else this one has it. Always false in SQLite."""
    if connection.dialect.name != "postgresql":
        return False
    taken = connection.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": lock})
    return not taken.scalar_one()
