"""Every ``TMDB_*`` setting: its default, its check, and what it comes to together with Scrapy's own."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.pacing import DEFAULT_REQUESTS_PER_SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

API_URL = "https://api.themoviedb.org/3"
EXPORTS_URL = "https://files.tmdb.org/p/exports"
IMAGES_URL = "https://image.tmdb.org/t/p"
SLOT = "tmdb"
"""Name of the download slot that all TMDB requests share."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of ours.

    Args:
        name: Its name.
        default: Its default; ``None`` where it has none or is worked out.
        text: What it does, for the documentation.
    """

    name: str
    default: Any
    text: str


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("TMDB_ENABLED", True, "``False`` leaves Scrapy as it is, as if the add-on were not there."),
        Setting(
            "TMDB_ACCESS_TOKEN",
            None,
            "The v4 API Read Access Token (a v3 key is recognised). By default the environment variable of "
            "the same name.",
        ),
        Setting(
            "TMDB_API_KEY", None, "The v3 API key. By default the environment variable of the same name."
        ),
        Setting(
            "TMDB_API_URL",
            API_URL,
            "A request is TMDB's when its URL begins with this. Plain ``http`` is taken for loopback only.",
        ),
        Setting("TMDB_EXPORTS_URL", EXPORTS_URL, "Where the daily ID exports are."),
        Setting("TMDB_IMAGES_URL", IMAGES_URL, "Where images are."),
        Setting("TMDB_LANGUAGE", None, "``language`` of calls that give none, such as ``fr-CA``."),
        Setting("TMDB_REGION", None, "``region`` of calls that give none, an ISO 3166-1 code."),
        Setting(
            "TMDB_MAX_CONNECTIONS",
            None,
            "Most open connections to TMDB; 0 for no limit. By default the smaller of "
            "``CONCURRENT_REQUESTS`` and the concurrency of the slot ``tmdb`` (``DOWNLOAD_SLOTS``, else "
            "``CONCURRENT_REQUESTS_PER_DOMAIN``).",
        ),
        Setting(
            "TMDB_MAX_KEEPALIVE_CONNECTIONS",
            None,
            "Most idle connections that are kept; 0 for none. By default all that are open.",
        ),
        Setting("TMDB_KEEPALIVE_EXPIRY", 30.0, "Seconds that an idle connection is kept."),
        Setting(
            "TMDB_REQUESTS_PER_SECOND",
            DEFAULT_REQUESTS_PER_SECOND,
            "Most requests a second, retries included; 0 for no limit. TMDB allows about 40 per IP address.",
        ),
        Setting("TMDB_HTTP2", False, "``True`` uses HTTP/2, one connection (extra ``http2``)."),
        Setting("TMDB_PROXY", None, "URL of a proxy for TMDB only."),
        Setting("TMDB_VERIFY_TLS", True, "``False`` takes any certificate of TMDB's. Not advised."),
        Setting(
            "TMDB_RETRY_MAX_DELAY",
            120.0,
            "Seconds; no retry waits longer, and a longer ``Retry-After`` ends the retries.",
        ),
    )
}
"""The settings of the crawl, in the order of the documentation. Storage declares its own."""


class SettingsReader(Protocol):
    """What of ``scrapy.settings.BaseSettings`` is used."""

    def get(self, name: Any, default: Any = None) -> Any:
        """Return a setting."""

    def getpriority(self, name: Any) -> int | None:
        """Return the priority that a setting was set with."""


@dataclass(frozen=True, slots=True)
class TMDBSettings:
    """The settings of a crawl, checked.

    Attributes:
        api_url: Without a slash at its end.
        max_connections: ``None`` for no limit.
        max_keepalive_connections: ``None`` for no limit.
        slot_concurrency: Concurrency of the slot ``tmdb``; ``None`` for no limit.
        keepalive_expiry: Seconds.
        requests_per_second: 0 for no limit.
        retry_max_delay: Seconds.
    """

    enabled: bool
    api_url: str
    exports_url: str
    images_url: str
    language: str | None
    region: str | None
    max_connections: int | None
    max_keepalive_connections: int | None
    slot_concurrency: int | None
    keepalive_expiry: float
    requests_per_second: float
    http2: bool
    proxy: str | None
    verify_tls: bool
    retry_times: int
    retry_max_delay: float
    retry_http_codes: frozenset[int] | None
    """Statuses to retry where the user chose them; ``None`` leaves it to the error."""

    @classmethod
    def from_settings(cls, settings: SettingsReader) -> TMDBSettings:
        """Read and check all settings.

        Raises:
            ConfigurationError: One cannot be used; the message names it and the fix.
        """
        read = _Reader(settings)
        total = read.limit("CONCURRENT_REQUESTS")
        slot_concurrency = _slot_concurrency(settings, read)
        limits = [limit for limit in (total, slot_concurrency) if limit is not None]
        max_connections = min(limits, default=None)
        if settings.get("TMDB_MAX_CONNECTIONS") is not None:
            max_connections = read.limit("TMDB_MAX_CONNECTIONS")
        keepalive = max_connections
        if settings.get("TMDB_MAX_KEEPALIVE_CONNECTIONS") is not None:
            keepalive = read.integer("TMDB_MAX_KEEPALIVE_CONNECTIONS")
        chosen = (settings.getpriority("RETRY_HTTP_CODES") or 0) > 0
        return cls(
            enabled=read.boolean("TMDB_ENABLED"),
            api_url=read.url("TMDB_API_URL", carries_token=True),
            exports_url=read.url("TMDB_EXPORTS_URL"),
            images_url=read.url("TMDB_IMAGES_URL"),
            language=read.text("TMDB_LANGUAGE"),
            region=read.text("TMDB_REGION"),
            max_connections=max_connections,
            max_keepalive_connections=keepalive,
            slot_concurrency=slot_concurrency,
            keepalive_expiry=read.number("TMDB_KEEPALIVE_EXPIRY"),
            requests_per_second=read.number("TMDB_REQUESTS_PER_SECOND"),
            http2=read.boolean("TMDB_HTTP2"),
            proxy=read.text("TMDB_PROXY"),
            verify_tls=read.boolean("TMDB_VERIFY_TLS"),
            retry_times=read.integer("RETRY_TIMES"),
            retry_max_delay=read.number("TMDB_RETRY_MAX_DELAY"),
            retry_http_codes=read.codes("RETRY_HTTP_CODES") if chosen else None,
        )

    def is_tmdb(self, url: str) -> bool:
        """Whether a URL lies below :attr:`api_url`, so that the token may go with it."""
        base = self.api_url
        return url.startswith(base) and url[len(base) : len(base) + 1] in ("/", "?", "")


def _slot_concurrency(settings: SettingsReader, read: _Reader) -> int | None:
    """The concurrency of the slot ``tmdb``."""
    slot = dict(settings.get("DOWNLOAD_SLOTS") or {}).get(SLOT, {})
    if "concurrency" in slot:
        return _limit(f'DOWNLOAD_SLOTS["{SLOT}"]["concurrency"]', slot["concurrency"])
    return read.limit("CONCURRENT_REQUESTS_PER_DOMAIN")


def _limit(name: str, value: Any) -> int | None:
    """A limit of which 0 means none."""
    return _integer(name, value) or None


def _integer(name: str, value: Any) -> int:
    """A whole number from 0."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name} is {value!r}: set it to a whole number") from None
    if number < 0:
        raise ConfigurationError(f"{name} is {number}: set it to 0 or more")
    return number


class _Reader:
    """Reads settings by name, with our defaults, and checks them."""

    def __init__(self, settings: SettingsReader) -> None:
        self._settings = settings

    def value(self, name: str) -> Any:
        """The value as set, else our default."""
        value = self._settings.get(name)
        if value is None and name in SETTINGS:
            return SETTINGS[name].default
        return value

    def integer(self, name: str) -> int:
        return _integer(name, self.value(name))

    def limit(self, name: str) -> int | None:
        return _limit(name, self.value(name))

    def number(self, name: str) -> float:
        """Seconds or a rate, from 0."""
        value = self.value(name)
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ConfigurationError(f"{name} is {value!r}: set it to a number") from None
        if not 0 <= number < float("inf"):
            raise ConfigurationError(f"{name} is {number}: set it to 0 or more")
        return number

    def boolean(self, name: str) -> bool:
        """The values that Scrapy's ``getbool`` takes."""
        value = self.value(name)
        if isinstance(value, str):
            known = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False, "": False}
            if value.lower() not in known:
                raise ConfigurationError(f"{name} is {value!r}: set it to True or False")
            return known[value.lower()]
        return bool(value)

    def text(self, name: str) -> str | None:
        """Text; an empty one counts as not set."""
        value = self.value(name)
        return str(value).strip() or None if value is not None else None

    def codes(self, name: str) -> frozenset[int]:
        """HTTP statuses, a list or text with commas."""
        value = self.value(name) or ()
        parts = value.split(",") if isinstance(value, str) else value
        return frozenset(_integer(name, part) for part in parts if str(part).strip())

    def url(self, name: str, *, carries_token: bool = False) -> str:
        """An absolute URL without a slash at its end."""
        value = str(self.value(name) or "").strip()
        return check_url(name, value, carries_token=carries_token)


def check_url(name: str, value: str, *, carries_token: bool) -> str:
    """Return a base URL without a slash at its end.

    Args:
        name: The setting or argument, for the message.
        value: The URL.
        carries_token: Whether the token is sent there: then it must be ``https``, or loopback.

    Raises:
        ConfigurationError: It cannot be used.
    """
    try:
        parts = urlsplit(value)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"{name} is no URL ({error}): use one such as {API_URL}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(
            f"{name} is {_without_userinfo(value)!r}: it needs a scheme and a host, such as {API_URL}"
        )
    if parts.query or parts.fragment:
        raise ConfigurationError(f"{name} has a query or fragment: give the base alone, such as {API_URL}")
    if parts.username is not None:
        raise ConfigurationError(f"{name} has a user name in it: give the URL without one, such as {API_URL}")
    if carries_token and parts.scheme == "http" and not is_loopback(host):
        raise ConfigurationError(
            f"{name} is plain http to {host}, which would show your token to the network: use https "
            f"(http is taken for loopback addresses only)"
        )
    return value.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _without_userinfo(url: str) -> str:
    """A URL for a message."""
    before, at, after = url.rpartition("@")
    return after if at and before else url
