"""State of a rate limit in an SQLite file: a fixed number of tokens for all who have the file."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tmdbfusion_scrapy.rate_limit import RateLimitMember


class SQLiteState:
    """State of one limiter that shares a file of tokens with others, which may be in other processes.

    It asks the file in a thread, so it suspends the limiter as a driver of a database would.

    Args:
        path: The file; see `put_tokens`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def join(self, member: RateLimitMember, now: float) -> None:
        member.allow(0.0)

    def leave(self, member: RateLimitMember, now: float) -> None:
        pass

    async def acquire(self, member: RateLimitMember, now: float) -> float:
        taken = await asyncio.to_thread(
            changed, self._path, "UPDATE bucket SET tokens = tokens - 1 WHERE tokens > 0"
        )
        return 0.0 if taken else 0.01

    async def answered(self, now: float, sent_at: float, status: int, retry_after: float | None) -> float:
        if status != 429:
            return 0.0
        await asyncio.to_thread(changed, self._path, "UPDATE bucket SET tokens = 0, refused = refused + 1")
        return retry_after or 0.0


def put_tokens(path: Path, tokens: int) -> None:
    """Put tokens into a file, which is made if need be."""
    changed(path, "CREATE TABLE IF NOT EXISTS bucket (tokens INTEGER, refused INTEGER)")
    if not changed(path, "UPDATE bucket SET tokens = tokens + ?", tokens):
        changed(path, "INSERT INTO bucket VALUES (?, 0)", tokens)


def tokens_and_refused(path: Path) -> tuple[int, int]:
    """Return the tokens that are left, and how many 429s were noted."""
    database = sqlite3.connect(path)
    try:
        tokens, refused = database.execute("SELECT tokens, refused FROM bucket").fetchone()
    finally:
        database.close()
    return tokens, refused


def changed(path: Path, statement: str, *values: int) -> bool:
    """Run a statement and return whether it changed a row."""
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        return database.execute(statement, values).rowcount > 0
    finally:
        database.close()
