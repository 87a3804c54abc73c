"""The item pipeline that keeps records in a database.

The public names are loaded on first use, so that reading the settings does not load SQLAlchemy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.storage.database import check_database
    from tmdbfusion_scrapy.storage.sql import SQLPipeline

_HOME_OF = {
    "SQLPipeline": "tmdbfusion_scrapy.storage.sql",
    "check_database": "tmdbfusion_scrapy.storage.database",
}

__all__ = ["SQLPipeline", "check_database"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
