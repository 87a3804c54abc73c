"""SQLite or PostgreSQL is a question for the backends alone."""

from __future__ import annotations

import re
from pathlib import Path

import tmdbfusion_scrapy

PACKAGE = Path(tmdbfusion_scrapy.__file__).parent
BACKENDS = {"backend.py", "sqlite.py", "postgresql.py"}
ASKS = re.compile(r"\.dialect\b|dialect_name|get_backend_name\(\) *[!=]=|\bdialect *=|drivername *[!=]=")


def test_only_backends_ask_for_the_dialect() -> None:
    asking = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if ASKS.search(path.read_text(encoding="utf-8"))
    }
    assert asking <= {f"storage/{name}" for name in BACKENDS}
    assert asking
