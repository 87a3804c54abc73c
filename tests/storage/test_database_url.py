"""Database URLs with a password that is not percent-encoded: no part of it is shown, and the fix is named."""

from __future__ import annotations

import pytest

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.storage.database import database_label, parse_database_url


@pytest.mark.parametrize("place", [0, 3, 6])
@pytest.mark.parametrize("odd", ["@", "@/", "/@", "@:", "@?", "@#", "@?a=", "@%"])
def test_no_part_of_a_password_is_shown(odd: str, place: int) -> None:
    password = f"{'sEcReT'[:place]}{odd}{'sEcReT'[place:]}"
    with pytest.raises(ConfigurationError, match="%40") as caught:
        parse_database_url(f"postgresql://user:{password}@host:5432/tmdb")
    message = str(caught.value)
    assert "percent-encode" in message.lower()
    assert not [part for part in ("sEc", "ReT", "sEcReT") if part in message]


@pytest.mark.parametrize("password", ["s%40%2Fx", "s/x", "s:x", "s#x"])
def test_a_password_that_can_be_read_is_not_shown(password: str) -> None:
    url = parse_database_url(f"postgresql://user:{password}@host/tmdb")
    assert (url.host, url.database) == ("host", "tmdb")
    assert database_label(url) == "postgresql://user:***@host/tmdb"


def test_an_at_sign_in_the_name_of_a_file_is_none_of_a_password() -> None:
    assert parse_database_url("sqlite:///a@b@c.db").database == "a@b@c.db"
