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
    try:
        module = import_module(_HOME_OF[name])
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
