"""Every setting: its default, its check, and what it comes to with Scrapy's own."""

from __future__ import annotations

from typing import Any

import pytest
from scrapy.settings import BaseSettings, Settings

from tmdbfusion_scrapy.base_urls import check_proxy, check_url, is_loopback
from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.settings import SETTINGS, TMDBSettings


def read(**values: Any) -> TMDBSettings:
    """Settings as a project has them: Scrapy's defaults and some of the user's."""
    settings = Settings()
    for name, value in values.items():
        settings.set(name, value, priority="cmdline")
    return TMDBSettings.from_settings(settings)


def refused(**values: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(**values)
    return str(caught.value)


def test_defaults():
    settings = read()
    assert settings == TMDBSettings(
        enabled=True,
        api_url="https://api.themoviedb.org/3",
        api_urls=("https://api.themoviedb.org/3",),
        exports_url="https://files.tmdb.org/p/exports",
        images_url="https://image.tmdb.org/t/p",
        language=None,
        languages=(),
        region=None,
        session_id=None,
        guest_session_id=None,
        max_connections=8,
        max_keepalive_connections=8,
        slot_concurrency=8,
        keepalive_expiry=30.0,
        requests_per_second=35.0,
        images_requests_per_second=40.0,
        images_max_connections=8,
        proxy=None,
        ip_family="auto",
        verify_tls=True,
        retry_times=2,
        retry_max_delay=120.0,
        retry_http_codes=None,
        conditional=False,
        csv_escape_formulas=False,
    )


def test_every_setting_is_described_and_ours():
    for name, setting in SETTINGS.items():
        assert name == setting.name
        assert name.startswith("TMDB_")
        assert setting.text.endswith(".")


@pytest.mark.parametrize(
    ("values", "total", "slot"),
    [
        ({"CONCURRENT_REQUESTS": 4}, 4, 8),
        ({"CONCURRENT_REQUESTS": 64}, 8, 8),
        ({"CONCURRENT_REQUESTS_PER_DOMAIN": 12}, 12, 12),
        ({"CONCURRENT_REQUESTS": 64, "CONCURRENT_REQUESTS_PER_DOMAIN": 32}, 32, 32),
        ({"DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 3}}}, 3, 3),
        ({"DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 99}}, "CONCURRENT_REQUESTS": 64}, 64, 99),
        ({"DOWNLOAD_SLOTS": {"tmdb": {"delay": 1}}}, 8, 8),
        ({"DOWNLOAD_SLOTS": {"tmdb": {}}}, 8, 8),
        ({"DOWNLOAD_SLOTS": {"tmdb": None}}, 8, 8),
        ({"DOWNLOAD_SLOTS": {"example.com": {"concurrency": 1}}}, 8, 8),
        ({"DOWNLOAD_SLOTS": '{"tmdb": {"concurrency": 5}}'}, 5, 5),
        ({"DOWNLOAD_SLOTS": BaseSettings({"tmdb": {"concurrency": 6}})}, 6, 6),
        ({"DOWNLOAD_SLOTS": {"tmdb": {"concurrency": "7"}}}, 7, 7),
        ({"DOWNLOAD_SLOTS": ""}, 8, 8),
        ({"DOWNLOAD_SLOTS": None}, 8, 8),
        ({"DOWNLOAD_SLOTS": {"tmdb": {"concurrency": 0}}}, 16, None),
        ({"CONCURRENT_REQUESTS_PER_DOMAIN": 0}, 16, None),
        ({"CONCURRENT_REQUESTS": 0}, 8, 8),
        ({"CONCURRENT_REQUESTS": 0, "CONCURRENT_REQUESTS_PER_DOMAIN": 0}, None, None),
        ({"CONCURRENT_REQUESTS": "20", "CONCURRENT_REQUESTS_PER_DOMAIN": "18"}, 18, 18),
        ({"CONCURRENT_REQUESTS": 4.0}, 4, 8),
    ],
)
def test_connections_follow_the_concurrency(values, total, slot):
    settings = read(**values)
    assert settings.max_connections == total
    assert settings.slot_concurrency == slot
    assert settings.max_keepalive_connections == total


@pytest.mark.parametrize(("value", "limit"), [(40, 40), ("40", 40), (0, None), ("0", None)])
def test_own_number_of_connections(value, limit):
    settings = read(TMDB_MAX_CONNECTIONS=value, CONCURRENT_REQUESTS=4)
    assert settings.max_connections == limit
    assert settings.max_keepalive_connections == limit
    assert settings.slot_concurrency == 8


@pytest.mark.parametrize(("value", "kept"), [(3, 3), ("3", 3), (0, 0)])
def test_own_number_of_kept_connections(value, kept):
    assert read(TMDB_MAX_KEEPALIVE_CONNECTIONS=value).max_keepalive_connections == kept


@pytest.mark.parametrize(
    "name",
    [
        "CONCURRENT_REQUESTS",
        "CONCURRENT_REQUESTS_PER_DOMAIN",
        "TMDB_MAX_CONNECTIONS",
        "TMDB_MAX_KEEPALIVE_CONNECTIONS",
        "RETRY_TIMES",
    ],
)
@pytest.mark.parametrize("value", [-1, "-1", "many", "", 2.5, True, [], float("inf"), float("nan"), "1e3"])
def test_bad_whole_number(name, value):
    message = refused(**{name: value})
    assert message.startswith(f"{name} is ")
    assert "set it to" in message


@pytest.mark.parametrize("value", [-1, "x", None, {}])
def test_bad_concurrency_of_the_slot(value):
    message = refused(DOWNLOAD_SLOTS={"tmdb": {"concurrency": value}})
    assert message.startswith('DOWNLOAD_SLOTS["tmdb"]["concurrency"] is ')


@pytest.mark.parametrize("value", ["{", "tmdb", "[1]", 5, [1], {"tmdb": 5}, {"tmdb": "fast"}, '{"tmdb": 5}'])
def test_bad_slots(value):
    # Not scrapy.settings.Settings: newer releases of Scrapy refuse some of these values there.
    settings = BaseSettings({"CONCURRENT_REQUESTS": 16, "CONCURRENT_REQUESTS_PER_DOMAIN": 8})
    settings.set("DOWNLOAD_SLOTS", value)
    with pytest.raises(ConfigurationError, match=r"^DOWNLOAD_SLOTS is "):
        TMDBSettings.from_settings(settings)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("TMDB_KEEPALIVE_EXPIRY", "keepalive_expiry"),
        ("TMDB_REQUESTS_PER_SECOND", "requests_per_second"),
        ("TMDB_RETRY_MAX_DELAY", "retry_max_delay"),
    ],
)
def test_numbers(name, attribute):
    for value, number in ((0, 0.0), ("0", 0.0), (7, 7.0), ("2.5", 2.5)):
        assert getattr(read(**{name: value}), attribute) == number
    for bad in (-1, "-0.1", "fast", "", float("nan"), float("inf"), "inf", True, [], 10**400):
        message = refused(**{name: bad})
        assert message.startswith(f"{name} is ")
        assert "set it to" in message


@pytest.mark.parametrize(
    ("name", "attribute"),
    [("TMDB_ENABLED", "enabled"), ("TMDB_VERIFY_TLS", "verify_tls")],
)
def test_booleans(name, attribute):
    for value in (True, 1, "1", "True", "true", "TRUE", "yes", " on "):
        assert getattr(read(**{name: value}), attribute) is True
    for value in (False, 0, "0", "False", "false", "no", "off", ""):
        assert getattr(read(**{name: value}), attribute) is False
    assert getattr(read(**{name: None}), attribute) is SETTINGS[name].default
    for bad in ("maybe", 2, "2", [], 0.5):
        assert refused(**{name: bad}).startswith(f"{name} is ")


@pytest.mark.parametrize(
    ("value", "language"),
    [(None, None), ("", None), ("fr", "fr"), ("fr-CA", "fr-CA"), (" pt-BR ", "pt-BR"), ("es-419", "es-419")],
)
def test_language(value, language):
    assert read(TMDB_LANGUAGE=value).language == language


@pytest.mark.parametrize("value", ["fr_CA", "french!", "FR", "f", "fr-CA,en", 5, "fr CA"])
def test_bad_language(value):
    assert "TMDB_LANGUAGE is" in refused(TMDB_LANGUAGE=value)


@pytest.mark.parametrize("value", [["fr-CA", "fr", "en"], "fr-CA, fr,en", ("fr-CA", "fr", "fr-CA", "en")])
def test_languages(value):
    settings = read(TMDB_LANGUAGES=value)
    assert settings.languages == ("fr-CA", "fr", "en")
    assert settings.language == "fr-CA"


@pytest.mark.parametrize("value", [None, "", []])
def test_no_languages(value):
    settings = read(TMDB_LANGUAGES=value, TMDB_LANGUAGE="de")
    assert settings.languages == ()
    assert settings.language == "de"


@pytest.mark.parametrize("value", ["fr,french!", ["fr", 5], "fr,", 5, ["fr_CA"]])
def test_bad_languages(value):
    assert refused(TMDB_LANGUAGES=value).startswith("TMDB_LANGUAGES has ")


def test_language_and_languages():
    message = refused(TMDB_LANGUAGE="fr", TMDB_LANGUAGES="fr,en")
    assert message.startswith("TMDB_LANGUAGE and TMDB_LANGUAGES are both set")
    assert "unset TMDB_LANGUAGE" in message


SESSIONS = [("TMDB_SESSION_ID", "session_id"), ("TMDB_GUEST_SESSION_ID", "guest_session_id")]


@pytest.mark.parametrize(("name", "attribute"), SESSIONS)
def test_sessions(monkeypatch, name, attribute):
    assert getattr(read(), attribute) is None
    monkeypatch.setenv(name, "of-the-environment")
    assert getattr(read(), attribute) == "of-the-environment"
    settings = read(**{name: " of-the-settings\n"})
    assert getattr(settings, attribute) == "of-the-settings"
    assert "of-the-settings" not in repr(settings)
    # The way to have none in a shell that has one.
    assert getattr(read(**{name: ""}), attribute) is None


@pytest.mark.parametrize(("name", "attribute"), SESSIONS)
def test_bad_session(monkeypatch, name, attribute):
    for bad in ("hunter2 hunter2", "hünter2", b"hunter2", ["hunter2"], 7, "hunter2\x00"):
        message = refused(**{name: bad})
        assert message.startswith(f"{name} is ")
        assert "hunter2" not in message
    monkeypatch.setenv(name, "hunter2 hunter2")
    message = refused()
    assert message.startswith(f"the environment variable {name} is malformed")
    assert "hunter2" not in message


def test_region():
    assert read(TMDB_REGION="CA").region == "CA"
    assert read(TMDB_REGION="ca").region == "CA"
    assert read(TMDB_REGION="").region is None
    for bad in ("Canada", "C", "C4", "fr-CA"):
        assert "TMDB_REGION is" in refused(TMDB_REGION=bad)


def test_retry_codes_are_the_users_or_left_to_the_error():
    assert read().retry_http_codes is None
    assert read(RETRY_HTTP_CODES=[500, 404]).retry_http_codes == {500, 404}
    assert read(RETRY_HTTP_CODES="500, 404,").retry_http_codes == {500, 404}
    assert read(RETRY_HTTP_CODES=[]).retry_http_codes == frozenset()
    for bad in ("5xx", [None], 500, ["-1"]):
        assert refused(RETRY_HTTP_CODES=bad).startswith("RETRY_HTTP_CODES is ")


@pytest.mark.parametrize("name", ["TMDB_API_URL", "TMDB_EXPORTS_URL", "TMDB_IMAGES_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "api.themoviedb.org/3",
        "localhost:8390/3",
        "/3",
        "https://",
        "https:///3",
        "ftp://api.themoviedb.org/3",
        "https://api.themoviedb.org/3?language=fr",
        "https://api.themoviedb.org/3?",
        "https://api.themoviedb.org/3#top",
        "https://user:hunter2@api.themoviedb.org/3",
        "https://@api.themoviedb.org/3",
        "user:hunter2@api.themoviedb.org/3",
        "https://api.themoviedb.org:port/3",
        "https://api.themoviedb.org:99999/3",
        "https://[::1/3",
        "https://api themoviedb.org/3",
        "https://api.themoviedb.org\\@evil.example/3",
        "https://api.themoviedb.org/3\n",
        "api.themoviedb.org/3?api_key=hunter2",
    ],
)
def test_bad_url(name, value):
    # Settings are stripped, so that a newline at the end does no harm.
    if value.endswith("\n"):
        with pytest.raises(ConfigurationError, match=name):
            check_url(name, value, carries_token=False)
        return
    message = refused(**{name: value})
    assert message.startswith(name)
    assert "hunter2" not in message


@pytest.mark.parametrize("value", ["", None])
def test_url_that_is_not_set_is_the_default_or_refused(value):
    if value is None:
        assert read(TMDB_API_URL=None).api_url == "https://api.themoviedb.org/3"
    else:
        assert "TMDB_API_URL" in refused(TMDB_API_URL="")


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://api.themoviedb.org/3/", "https://api.themoviedb.org/3"),
        ("https://api.themoviedb.org", "https://api.themoviedb.org"),
        (" https://api.tmdb.org/3 ", "https://api.tmdb.org/3"),
        ("HTTPS://API.TheMovieDB.org:443/3", "https://api.themoviedb.org/3"),
        ("https://mirror.example:8443/tmdb/3//", "https://mirror.example:8443/tmdb/3"),
        ("http://127.0.0.1:8390/3", "http://127.0.0.1:8390/3"),
        ("http://127.8.9.1:80/3", "http://127.8.9.1/3"),
        ("http://localhost:8390/3", "http://localhost:8390/3"),
        ("http://[::1]:8390/3", "http://[::1]:8390/3"),
        ("http://[0:0:0:0:0:0:0:1]/3", "http://[0:0:0:0:0:0:0:1]/3"),
    ],
)
def test_api_url(value, url):
    assert read(TMDB_API_URL=value).api_url == url


@pytest.mark.parametrize(
    "value",
    [
        "http://api.themoviedb.org/3",
        "http://10.0.0.1/3",
        "http://127.0.0.1.evil.example/3",
        "http://localhost.evil.example/3",
        "http://notlocalhost/3",
        "http://[2001:db8::1]/3",
        "http://0.0.0.0:8390/3",
    ],
)
def test_the_token_does_not_go_over_plain_http(value):
    message = refused(TMDB_API_URL=value)
    assert "TMDB_API_URL" in message
    assert "https" in message


def test_plain_http_is_fine_where_no_token_goes():
    assert (
        read(TMDB_EXPORTS_URL="http://mirror.example/exports").exports_url == "http://mirror.example/exports"
    )


@pytest.mark.parametrize("host", ["localhost", "api.localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example", "10.0.0.1", "::2", "example.com", "0.0.0.0"])
def test_not_loopback(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.themoviedb.org/3",
        "https://api.themoviedb.org/3/",
        "https://api.themoviedb.org/3/movie/550?language=fr",
        "https://api.themoviedb.org/3?x=1",
        "https://api.themoviedb.org/3#x",
        # Scrapy lowers the host of a Request and keeps the port; these reach TMDB all the same.
        "https://API.TheMovieDB.org/3/movie/550",
        "HTTPS://api.themoviedb.org/3/movie/550",
        "https://api.themoviedb.org:443/3/movie/550",
    ],
)
def test_tmdb_urls(url):
    assert read().is_tmdb(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.themoviedb.org/30/movie/550",
        "https://api.themoviedb.org/4/list/1",
        "https://api.themoviedb.org/",
        "https://api.themoviedb.org.evil.example/3/movie/550",
        "https://api.themoviedb.org@evil.example/3/movie/550",
        "https://api.themoviedb.org\\@evil.example/3/movie/550",
        "https://evil.example/https://api.themoviedb.org/3/movie/550",
        "https://evil.example/3/movie/550?api.themoviedb.org",
        "https://evil.example/3/api.themoviedb.org",
        "https://user@api.themoviedb.org/3/movie/550",
        "http://api.themoviedb.org/3/movie/550",
        "https://api.themoviedb.org:8443/3/movie/550",
        "https://api.themoviedb.org:x/3/movie/550",
        "https://api.themoviedb.org:443@evil.example/3/",
        "https://www.themoviedb.org/movie/550",
        "https://api.themoviedb.org/3\\@evil.example",
        "data:,https://api.themoviedb.org/3/",
        "",
    ],
)
def test_other_urls(url):
    assert not read().is_tmdb(url)


def test_tmdb_urls_of_a_base_without_a_path():
    settings = read(TMDB_API_URL="http://127.0.0.1:8390")
    assert settings.is_tmdb("http://127.0.0.1:8390/movie/550")
    assert settings.is_tmdb("http://127.0.0.1:8390?x")
    assert not settings.is_tmdb("http://127.0.0.1:83901/movie/550")
    assert not settings.is_tmdb("http://127.0.0.1:8390@evil.example/movie/550")
    assert not settings.is_tmdb("http://127.0.0.1:8390.evil.example/")


@pytest.mark.parametrize("value", ["http://proxy.example:3128", "https://user:hunter2@proxy.example"])
def test_proxy(value):
    assert read(TMDB_PROXY=f" {value} ").proxy == value
    assert check_proxy("proxy", None) is None
    assert read(TMDB_PROXY="").proxy is None


@pytest.mark.parametrize(
    "value",
    [
        "proxy.example:3128",
        "socks5://user:hunter2@proxy.example",
        "socks5://user:hun?hunter2@proxy.example",
        "http://",
        "user:hunter2@proxy",
        "x y",
    ],
)
def test_bad_proxy(value):
    message = refused(TMDB_PROXY=value)
    assert message.startswith("TMDB_PROXY is ")
    assert "http://proxy.example:3128" in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    "value",
    [
        "https://api.themoviedb.org/3, https://api.tmdb.org/3/",
        ["https://API.themoviedb.org:443/3", "https://api.tmdb.org/3", "https://api.themoviedb.org/3"],
        ("https://api.themoviedb.org/3", "", "https://api.tmdb.org/3"),
    ],
)
def test_several_base_urls(value):
    settings = read(TMDB_API_URLS=value)
    assert settings.api_urls == ("https://api.themoviedb.org/3", "https://api.tmdb.org/3")
    assert settings.api_url == "https://api.themoviedb.org/3"
    assert settings.is_tmdb("https://api.themoviedb.org/3/movie/1")
    assert not settings.is_tmdb("https://api.tmdb.org/3/movie/1")


@pytest.mark.parametrize("value", [None, "", " , ", []])
def test_no_several_base_urls(value):
    assert read(TMDB_API_URLS=value, TMDB_API_URL="http://localhost/3").api_urls == ("http://localhost/3",)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (5, "is 5: give a list"),
        ("https://a.example/3,b.example", "needs a scheme and a host"),
        (["https://a.example/3", "http://b.example/3"], "plain http to b.example"),
        (["https://user:hunter2@a.example/3"], "has a user name in it"),
        (["https://a.example/3?api_key=hunter2"], "has a query"),
    ],
)
def test_bad_base_urls(value, words):
    message = refused(TMDB_API_URLS=value)
    assert message.startswith("TMDB_API_URLS ")
    assert words in message
    assert "hunter2" not in message


def test_one_setting_for_base_urls_at_a_time():
    message = refused(TMDB_API_URLS=["https://a.example/3"], TMDB_API_URL="https://a.example/3")
    assert message.startswith("TMDB_API_URL and TMDB_API_URLS are both set")


@pytest.mark.parametrize(("value", "family"), [("IPv4", "ipv4"), (" ipv6 ", "ipv6"), ("auto", "auto")])
def test_ip_family(value, family):
    assert read(TMDB_IP_FAMILY=value).ip_family == family


@pytest.mark.parametrize("value", ["", "4", "ip", 4, True])
def test_bad_ip_family(value):
    assert refused(TMDB_IP_FAMILY=value).startswith(f"TMDB_IP_FAMILY is {value!r}: use auto, ipv4, ipv6")
