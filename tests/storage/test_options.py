from __future__ import annotations

from typing import Any

import pytest
from scrapy.settings import Settings

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.options import DatabaseOptions, database_options


def test_defaults() -> None:
    options = database_options({})
    assert options == DatabaseOptions("sqlite:///tmdb.db", 500, 1.0, 60.0, 2)
    assert options.capacity == 1000


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
