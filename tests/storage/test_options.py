from __future__ import annotations

from typing import Any

import pytest
from scrapy.settings import Settings

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.sql import DatabaseOptions, database_options


def test_defaults() -> None:
    options = database_options({})
    assert options == DatabaseOptions(
        "sqlite:///tmdb.db",
        batch_size=500,
        flush_interval=1.0,
        retry_seconds=60.0,
        batch_bytes=2_000_000,
        batches_ahead=2,
        store_raw=True,
    )


@pytest.mark.parametrize(
    ("items", "size", "fills", "too_much"),
    [
        (0, 0, False, False),
        (9, 999, False, False),
        (10, 10, True, False),
        (1, 1000, True, False),
        (29, 2999, True, False),
        (30, 0, True, True),
        (3, 3000, True, True),
    ],
)
def test_a_batch_is_full_by_number_or_by_bytes(items: int, size: int, fills: bool, too_much: bool) -> None:
    options = DatabaseOptions(batch_size=10, batch_bytes=1000, batches_ahead=3)
    assert options.fills_batch(items, size) is fills
    assert options.is_too_much(items, size) is too_much


def test_settings_from_the_command_line_are_text() -> None:
    settings = Settings(
        {
            "TMDB_DATABASE_URL": " sqlite:///x.db ",
            "TMDB_DATABASE_BATCH_SIZE": "20",
            "TMDB_DATABASE_FLUSH_INTERVAL": "0.5",
        }
    )
    options = database_options(settings)
    assert (options.url, options.batch_size, options.flush_interval) == ("sqlite:///x.db", 20, 0.5)


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(database_options({"TMDB_DATABASE_URL": "postgresql://u:hunter2@h/d"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("TMDB_DATABASE_URL", value) for value in ("", "  ", None, 7)),
        *(("TMDB_DATABASE_BATCH_SIZE", value) for value in (0, -1, "many", None, 10_001, "1.5")),
        *(("TMDB_DATABASE_FLUSH_INTERVAL", value) for value in (0, -1, "soon", None, "nan", "inf", 3601)),
    ],
)
def test_a_useless_value_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name}.*set "):
        database_options({name: value})
