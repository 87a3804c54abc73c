"""Whose fault a database error is: the record's, the moment's, or the database's.

A record's fault costs that record only, one of the moment is tried again, the database's ends the crawl.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    StatementError,
)

RECORD_ERRORS = (StatementError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a record that fits no row may raise, besides what the database says (a ``StatementError`` too)."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_LIMIT_CLASS = "54"
"""A value is too large for the server, which psycopg takes for an operational error."""
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57"})
"""Connection lost, deadlock, out of resources, locked, shut down by an operator."""
_SCHEMA_STATES = frozenset({"3F000", "42501", "42703", "42P01"})
"""No such schema, no permission, no such column, no such table."""


def is_record_fault(error: Exception) -> bool:
    """Whether other records may be stored although this error came."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, RECORD_ERRORS)
    if error.connection_invalidated:
        return False
    state = _sqlstate(error)
    if isinstance(error, DataError | IntegrityError):
        return True
    if isinstance(error, OperationalError | InternalError):
        return state[:2] == _LIMIT_CLASS
    if isinstance(error, ProgrammingError):
        # Both drivers report a Python value that they cannot send as this.
        return state not in _SCHEMA_STATES
    # sqlite3 did so before Python 3.12.
    return isinstance(error.orig, sqlite3.InterfaceError)


def may_pass(error: Exception) -> bool:
    """Whether the same batch may be stored a little later."""
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        # sqlite3 gives no code before Python 3.11.
        return isinstance(error, OperationalError) and "locked" in str(error.orig)
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    # An error that is not of the server has no state: it is the connection's.
    return (_sqlstate(error)[:2] or "08") in _PASSING_CLASSES


def reason_of(error: Exception) -> str:
    """What went wrong, in the driver's own words: one line, without the statement and the row."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else type(cause).__name__


def _sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's code of an error, empty where it has none."""
    return getattr(error.orig, "sqlstate", None) or ""
