"""Every ``TMDB_*`` setting: its default, its check, and what it comes to together with Scrapy's own.

What reads or checks one raises ``ConfigurationError`` where it cannot be used: its message names the setting, or
argument, and the fix.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, Protocol, TypeVar
from weakref import finalize

from tmdbfusion_scrapy.api import parameters
from tmdbfusion_scrapy.base_urls import (
    API_URL,
    IPFamily,
    check_ip_family,
    check_no_clear_token,
    check_proxy,
    check_url,
    check_urls,
    is_below,
)
from tmdbfusion_scrapy.credentials import resolve_session
from tmdbfusion_scrapy.exceptions import ConfigurationError, ValidationError
from tmdbfusion_scrapy.rate_limit import DEFAULT_REQUESTS_PER_SECOND, SharedLimit

EXPORTS_URL = "https://files.tmdb.org/p/exports"
IMAGES_URL = "https://image.tmdb.org/t/p"
SLOT = "tmdb"
"""Name of the download slot that all TMDB requests share."""

IMAGES_SLOT = "tmdb-images"
"""Name of the download slot of ``TMDBImagesPipeline``, whose requests have a pool of their own."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of ours.

    Args:
        name: Its name.
        text: What it does, for the documentation.
        default: Its default; ``None`` where it has none or is worked out.
    """

    name: str
    text: str
    default: Any = None


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("TMDB_ENABLED", "``False`` leaves Scrapy as it is, as if the add-on were not there.", True),
        Setting(
            "TMDB_ACCESS_TOKEN",
            "The v4 API Read Access Token (a v3 key is recognised). By default the environment variable of "
            "the same name.",
        ),
        Setting("TMDB_API_KEY", "The v3 API key. By default the environment variable of the same name."),
        Setting(
            "TMDB_API_URL",
            "A request is TMDB's when its URL begins with this. Plain ``http`` is taken for loopback only.",
            API_URL,
        ),
        Setting(
            "TMDB_API_URLS",
            "Instead of ``TMDB_API_URL``: several, best first, such as "
            "``https://api.themoviedb.org/3,https://api.tmdb.org/3``. Requests name the first; where its host "
            "cannot be reached, the next one is called in its place.",
        ),
        Setting("TMDB_EXPORTS_URL", "Where the daily ID exports are.", EXPORTS_URL),
        Setting("TMDB_IMAGES_URL", "Where images are.", IMAGES_URL),
        Setting(
            "TMDB_SESSION_ID",
            "``session_id`` of calls that take one and give none. By default the environment variable of the "
            "same name.",
        ),
        Setting(
            "TMDB_GUEST_SESSION_ID",
            "``guest_session_id`` of calls that take one and give none. By default the environment variable "
            "of the same name.",
        ),
        Setting("TMDB_LANGUAGE", "``language`` of calls that give none, such as ``fr-CA``."),
        Setting(
            "TMDB_LANGUAGES",
            "Languages to take texts from, best first, such as ``fr-CA,fr,en``: ``languages`` of calls for "
            "details, and the first is the ``language`` of all others. It takes the place of ``TMDB_LANGUAGE``.",
        ),
        Setting("TMDB_REGION", "``region`` of calls that give none, an ISO 3166-1 code."),
        Setting(
            "TMDB_MAX_CONNECTIONS",
            "Most open connections to TMDB; 0 for no limit. By default the smaller of "
            "``CONCURRENT_REQUESTS`` and the concurrency of the slot ``tmdb`` (``DOWNLOAD_SLOTS``, else "
            "``CONCURRENT_REQUESTS_PER_DOMAIN``).",
        ),
        Setting(
            "TMDB_MAX_KEEPALIVE_CONNECTIONS",
            "Most idle connections that are kept; 0 for none. By default all that are open.",
        ),
        Setting("TMDB_KEEPALIVE_EXPIRY", "Seconds that an idle connection is kept.", 30.0),
        Setting(
            "TMDB_REQUESTS_PER_SECOND",
            "Most requests a second, retries included; 0 for no limit. TMDB allows about 40 per IP address, so "
            "all crawls and clients of a process that use one host share the limit, the lowest that is set.",
            DEFAULT_REQUESTS_PER_SECOND,
        ),
        Setting(
            "TMDB_RATE_LIMIT_KEY",
            "Name of a rate limit that processes and machines behind one address share, such as that address: all "
            "crawls and clients with the same key and ``TMDB_RATE_LIMIT_STORE`` make "
            "``TMDB_REQUESTS_PER_SECOND`` together, and a 429 to one of them stops all.",
        ),
        Setting(
            "TMDB_RATE_LIMIT_STORE",
            "URL of the database that holds that rate limit, in a table of its own: PostgreSQL, or an SQLite file "
            "for the processes of one machine, such as ``sqlite:////var/tmp/tmdb-rate.db``. By default "
            "``TMDB_DATABASE_URL``, if that is PostgreSQL.",
        ),
        Setting(
            "TMDB_PROXY",
            "URL of a proxy for TMDB only, ``http://`` or ``https://``, with user and password if need be. "
            '``request.meta["proxy"]`` goes before it, and it before ``http_proxy`` and ``https_proxy`` of the '
            "environment. Not with an API in plain http, whose token the proxy would read.",
        ),
        Setting(
            "TMDB_IP_FAMILY",
            "``ipv4`` or ``ipv6`` connects to addresses of that kind only; ``auto`` to whichever answers first.",
            "auto",
        ),
        Setting("TMDB_VERIFY_TLS", "``False`` takes any certificate of TMDB's. Not advised.", True),
        Setting(
            "TMDB_RETRY_MAX_DELAY",
            "Seconds; no retry waits longer, and a longer ``Retry-After`` ends the retries.",
            120.0,
        ),
        Setting(
            "TMDB_DATABASE_URL",
            "SQLAlchemy URL of the database, SQLite or PostgreSQL. A path is relative to the working directory.",
            "sqlite:///tmdb.db",
        ),
        Setting("TMDB_DATABASE_BATCH_SIZE", "Most records in one transaction, 1 to 10000.", 500),
        Setting(
            "TMDB_DATABASE_FLUSH_INTERVAL", "Seconds that a record waits for its batch to fill, at most.", 1.0
        ),
        Setting(
            "TMDB_STORE_RAW", "``False`` leaves the column ``raw``, TMDB's own JSON of a record, empty.", True
        ),
        Setting(
            "TMDB_CONDITIONAL",
            "``True`` asks for a stored record with its ETag, so that TMDB need not send what did not change. For "
            "spiders with ``-a source=...``. Whether TMDB answers 304 is not known.",
            False,
        ),
        Setting(
            "TMDB_CSV_ESCAPE_FORMULAS",
            "``True`` puts an apostrophe before texts in CSV that a spreadsheet would take for formulas, in feeds "
            "and in what ``tmdb-failures`` writes. Anyone can edit TMDB's texts.",
            False,
        ),
        Setting(
            "TMDB_EXIT_STATUS",
            "``False`` leaves the exit status of ``scrapy crawl`` and ``scrapy tmdb-crawl`` to Scrapy, see "
            "docs/commands.md.",
            True,
        ),
        Setting(
            "TMDB_REPORT",
            "File for the report of the crawl, such as ``report.html``, written when it ends; see docs/report.md.",
        ),
        Setting(
            "TMDB_IMAGES",
            "Images to download, see docs/images.md: a list of ``poster``, ``backdrop``, ``profile``, ``still`` "
            'and ``logo``, or a mapping with sizes, ``{"poster": "w342", "backdrop": ["w780", "original"]}``. '
            "They go to Scrapy's ``IMAGES_STORE``, else its ``FILES_STORE``.",
        ),
        Setting(
            "TMDB_IMAGES_LANGUAGES",
            "Languages that an image is taken in, best first, such as ``de,null,en``, where ``images`` was "
            "appended; ``null`` is for one without text. By default the image that the record itself names.",
        ),
        Setting(
            "TMDB_IMAGES_SEASONS",
            "``True`` stores the posters of the seasons that a series has as well, and the stills of the episodes "
            "that came with it or with a season, where ``TMDB_IMAGES`` has these sorts.",
            False,
        ),
        Setting(
            "TMDB_IMAGES_REQUESTS_PER_SECOND",
            "Most requests a second for images, beside those of the API; 0 for no limit. TMDB names none.",
            40.0,
        ),
        Setting(
            "TMDB_IMAGES_MAX_CONNECTIONS",
            "Most open connections for images, beside those of the API; 0 for no limit.",
            8,
        ),
        Setting(
            "TMDB_METRICS_FILE",
            "File to write metrics to for the textfile collector of Prometheus's node_exporter, such as "
            "``/var/lib/node_exporter/%(spider)s.prom``; ``%(spider)s`` is the name of the spider. See "
            "docs/observability.md.",
        ),
        Setting("TMDB_METRICS_INTERVAL", "Seconds between two writes of ``TMDB_METRICS_FILE``.", 15.0),
        Setting(
            "TMDB_METRICS_PORT",
            "Port on which Prometheus finds the metrics at ``/metrics`` while the crawl runs; 0 takes a free one, "
            "which the log names. The crawls of a process share a port.",
        ),
        Setting(
            "TMDB_METRICS_HOST",
            "Address that ``TMDB_METRICS_PORT`` is opened on; ``0.0.0.0`` lets other machines read the metrics.",
            "127.0.0.1",
        ),
        Setting(
            "TMDB_TRACING",
            "``True`` tells OpenTelemetry of each request, as a span and in the histogram "
            "``http.client.request.duration``. Where they go is up to the SDK of your process.",
            False,
        ),
        Setting("TMDB_LOG_JSON", "``True`` makes each line of Scrapy's log a JSON object.", False),
        Setting(
            "TMDB_JOB_TIMEOUT",
            "Seconds in which the records of a job of ``scrapy tmdb-worker`` must come along, else it ends as "
            "failed: after a third of them without any it is given back, for another worker to try.",
            600.0,
        ),
        Setting(
            "TMDB_JOB_HEARTBEAT",
            "Seconds after which a worker that was not heard of counts as dead, and others take up its jobs. The "
            "same for all workers.",
            60.0,
        ),
        Setting(
            "TMDB_MONITOR_MIN_COVERAGE",
            "Part of the wanted records, 0 to 1, that must be done at the end: a monitor of Spidermon's.",
            0.95,
        ),
        Setting(
            "TMDB_MONITOR_MAX_FAILURE_RATE",
            "Part of the calls, 0 to 1, that may have failed for good: a monitor of Spidermon's.",
            0.05,
        ),
        Setting(
            "TMDB_MONITOR_MAX_DRIFT",
            "Values of the wrong type for each record that came, at most: a monitor of Spidermon's.",
            0.01,
        ),
        Setting(
            "TMDB_PROGRESS",
            "Progress of a crawl: ``live`` is a block at the bottom of the terminal, ``plain`` a line in the log "
            "now and then, ``off`` nothing; ``auto`` is ``live`` in a terminal, else ``plain``.",
            "auto",
        ),
        Setting("TMDB_PROGRESS_INTERVAL", "Seconds between two lines of plain progress.", 30.0),
        Setting("TMDB_SUMMARY", "``False`` leaves out the table at the end of a crawl.", True),
        Setting(
            "TMDB_STATS_FILE",
            "Path of a file that gets all stats of a crawl as JSON when it has ended; ``%(spider)s`` in it stands "
            "for the name of the spider.",
        ),
    )
}
"""All settings of ours, in the order of the documentation."""


K = TypeVar("K")
T = TypeVar("T")


class SettingsReader(Protocol):
    """Methods of ``scrapy.settings.BaseSettings`` that are used."""

    def get(self, name: Any, default: Any = None) -> Any:
        """Return a setting."""

    def getpriority(self, name: Any) -> int | None:
        """Return the priority that a setting was set with."""


@dataclass(frozen=True, slots=True)
class TMDBSettings:
    """The settings of a crawl, checked, as :data:`SETTINGS` has them. Times are seconds; no ``repr`` has a secret.

    A number of connections or of requests at the same time is ``None`` for no limit, a rate 0.

    Attributes:
        api_url: Without a slash at its end; what requests name.
        api_urls: What is called, best first; the first is ``api_url``.
        language: The first of ``languages``, if there are some.
        languages: Best first; empty where none are set.
        slot_concurrency: Concurrency of the slot ``tmdb``.
        shared_limit: The rate limit that is shared with other processes; ``None`` for none.
    """

    enabled: bool
    api_url: str
    api_urls: tuple[str, ...]
    exports_url: str
    images_url: str
    language: str | None
    languages: tuple[str, ...]
    region: str | None
    session_id: str | None = field(repr=False)
    guest_session_id: str | None = field(repr=False)
    max_connections: int | None
    max_keepalive_connections: int | None
    slot_concurrency: int | None
    keepalive_expiry: float
    requests_per_second: float
    images_requests_per_second: float
    images_max_connections: int | None
    proxy: str | None = field(repr=False)
    ip_family: IPFamily
    verify_tls: bool
    retry_times: int
    retry_max_delay: float
    retry_http_codes: frozenset[int] | None
    """Statuses to retry where the user chose them; ``None`` leaves it to the error."""
    conditional: bool
    csv_escape_formulas: bool
    shared_limit: SharedLimit | None = None

    @classmethod
    def from_settings(cls, settings: SettingsReader) -> TMDBSettings:
        """Read and check all settings."""
        value, number = partial(_value, settings), partial(read_number, settings)
        limit, boolean = partial(_read_limit, settings), partial(read_boolean, settings)
        slot = slot_options(settings)
        slot_concurrency = (
            _integer(f'DOWNLOAD_SLOTS["{SLOT}"]["concurrency"]', slot["concurrency"]) or None
            if "concurrency" in slot
            else limit("CONCURRENT_REQUESTS_PER_DOMAIN")
        )
        limits = [most for most in (limit("CONCURRENT_REQUESTS"), slot_concurrency) if most is not None]
        max_connections = min(limits, default=None)
        if value("TMDB_MAX_CONNECTIONS") is not None:
            max_connections = limit("TMDB_MAX_CONNECTIONS")
        keepalive = read_integer(settings, "TMDB_MAX_KEEPALIVE_CONNECTIONS")
        language = check_language("TMDB_LANGUAGE", value("TMDB_LANGUAGE"))
        languages = check_languages("TMDB_LANGUAGES", value("TMDB_LANGUAGES"))
        if language and languages:
            raise ConfigurationError(
                "TMDB_LANGUAGE and TMDB_LANGUAGES are both set: the first of TMDB_LANGUAGES is the language, so "
                "unset TMDB_LANGUAGE"
            )
        api_urls = check_urls("TMDB_API_URLS", value("TMDB_API_URLS"), carries_token=True)
        urls_name = "TMDB_API_URLS" if api_urls else "TMDB_API_URL"
        if api_urls and settings.get("TMDB_API_URL") is not None:
            raise ConfigurationError(
                "TMDB_API_URL and TMDB_API_URLS are both set: the first of TMDB_API_URLS is what requests name, "
                "so unset TMDB_API_URL"
            )
        api_urls = api_urls or (_read_url(settings, "TMDB_API_URL", carries_token=True),)
        proxy = check_proxy("TMDB_PROXY", value("TMDB_PROXY"))
        if proxy is not None:
            check_no_clear_token("TMDB_PROXY", urls_name, api_urls)
        sessions = {
            name.removeprefix("TMDB_").lower(): resolve_session(value(name), name=name, variable=name)
            for name in ("TMDB_SESSION_ID", "TMDB_GUEST_SESSION_ID")
        }
        return cls(
            enabled=boolean("TMDB_ENABLED"),
            api_url=api_urls[0],
            api_urls=api_urls,
            exports_url=_read_url(settings, "TMDB_EXPORTS_URL"),
            images_url=_read_url(settings, "TMDB_IMAGES_URL"),
            language=languages[0] if languages else language,
            languages=languages,
            region=check_region("TMDB_REGION", value("TMDB_REGION")),
            **sessions,
            max_connections=max_connections,
            max_keepalive_connections=max_connections if keepalive is None else keepalive,
            slot_concurrency=slot_concurrency,
            keepalive_expiry=number("TMDB_KEEPALIVE_EXPIRY"),
            requests_per_second=number("TMDB_REQUESTS_PER_SECOND"),
            images_requests_per_second=number("TMDB_IMAGES_REQUESTS_PER_SECOND"),
            images_max_connections=limit("TMDB_IMAGES_MAX_CONNECTIONS"),
            proxy=proxy,
            ip_family=check_ip_family("TMDB_IP_FAMILY", value("TMDB_IP_FAMILY")),
            verify_tls=boolean("TMDB_VERIFY_TLS"),
            retry_times=_integer("RETRY_TIMES", settings.get("RETRY_TIMES")),
            retry_max_delay=number("TMDB_RETRY_MAX_DELAY"),
            retry_http_codes=_read_statuses(settings, "RETRY_HTTP_CODES"),
            conditional=boolean("TMDB_CONDITIONAL"),
            csv_escape_formulas=boolean("TMDB_CSV_ESCAPE_FORMULAS"),
            shared_limit=_read_shared_limit(settings),
        )

    def is_tmdb(self, url: str) -> bool:
        """Return whether a URL lies below :attr:`api_url`, so that the token may go with it."""
        return url.startswith(f"{self.api_url}/") or is_below(url, self.api_url)

    def is_image(self, url: str) -> bool:
        """Return whether a URL lies below :attr:`images_url`."""
        return is_below(url, self.images_url)


def once_a_crawl(make: Callable[[K], T]) -> Callable[[K], T]:
    """Make a function of a crawl's settings, or of its crawler, return what it returned the first time.

    Scrapy has one settings object for each crawl, and freezes it after the last add-on. Before that ours reads it
    once to check it, and another add-on may yet change it.

    Args:
        make: Reads settings, or makes something of a crawler. What it returns must not hold them, nor the stats or
            anything else that does, but by a weak reference.
    """
    found: dict[tuple[int, bool], T] = {}

    @wraps(make)
    def of(crawl: K) -> T:
        # By identity, as Scrapy's settings cannot be hashed.
        key = id(crawl), getattr(crawl, "frozen", True)
        if key not in found:
            found[key] = make(crawl)
            finalize(crawl, found.pop, key)
        return found[key]

    return of


def previous(name: str) -> str:
    """Return the name of the setting in which the add-on keeps what a setting of Scrapy's was before it."""
    return f"TMDB_PREVIOUS_{name}"


@once_a_crawl
def settings_of(settings: SettingsReader) -> TMDBSettings:
    """Return what the settings of a crawl say, read and checked at the first call."""
    return TMDBSettings.from_settings(settings)


def job_times(settings: SettingsReader) -> tuple[float, float]:
    """Return the time-out of a job and the longest silence of a worker, in seconds."""
    times = {name: read_number(settings, name) for name in ("TMDB_JOB_TIMEOUT", "TMDB_JOB_HEARTBEAT")}
    for name, seconds in times.items():
        if not seconds:
            raise ConfigurationError(f"{name} is 0: set it to a number of seconds above 0")
    return times["TMDB_JOB_TIMEOUT"], times["TMDB_JOB_HEARTBEAT"]


def _value(settings: SettingsReader, name: str) -> Any:
    value = settings.get(name)
    return SETTINGS[name].default if value is None and name in SETTINGS else value


def read_boolean(settings: SettingsReader, name: str) -> bool:
    """Return a setting of ours that is true or false."""
    return check_boolean(name, _value(settings, name))


def read_number(settings: SettingsReader, name: str, *, most: float = math.inf) -> float:
    """Return a setting of ours that is a number from 0."""
    number = _number(name, _value(settings, name))
    if number > most:
        raise ConfigurationError(f"{name} is {number:g}: set it to a number from 0 to {most:g}")
    return number


def read_integer(settings: SettingsReader, name: str) -> int | None:
    """Return a setting of ours that is a whole number from 0; ``None`` where it is not set and has no default."""
    value = _value(settings, name)
    return None if value is None else _integer(name, value)


def _read_limit(settings: SettingsReader, name: str) -> int | None:
    """Return a limit of which 0 means none."""
    return _integer(name, _value(settings, name)) or None


def _read_url(settings: SettingsReader, name: str, *, carries_token: bool = False) -> str:
    return check_url(name, str(_value(settings, name) or "").strip(), carries_token=carries_token)


def _read_statuses(settings: SettingsReader, name: str) -> frozenset[int] | None:
    """Return HTTP statuses, a list or text with commas; ``None`` where the user chose none."""
    if not (settings.getpriority(name) or 0) > 0:
        return None
    value = settings.get(name) or ()
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Iterable):
        raise ConfigurationError(f"{name} is {value!r}: set it to a list of HTTP statuses")
    return frozenset(_integer(name, part) for part in parts if str(part).strip())


def _read_shared_limit(settings: SettingsReader) -> SharedLimit | None:
    names = ("TMDB_RATE_LIMIT_KEY", "TMDB_RATE_LIMIT_STORE")
    key, store = (_value(settings, name) for name in names)
    if key is None and store is None:
        return None
    from tmdbfusion_scrapy.rate_store import check_shared_limit

    database = "TMDB_DATABASE_URL"
    return check_shared_limit(names, key, store, (database, _value(settings, database)))


def slot_delay(settings: SettingsReader) -> float | None:
    """Return the delay of the slot ``tmdb`` in seconds, ``None`` where ``DOWNLOAD_SLOTS`` names none."""
    delay = slot_options(settings).get("delay")
    return None if delay is None else _number(f'DOWNLOAD_SLOTS["{SLOT}"]["delay"]', delay)


def slot_options(settings: SettingsReader) -> dict[str, Any]:
    """Return what ``DOWNLOAD_SLOTS`` says of the slot ``tmdb``."""
    slots = settings.get("DOWNLOAD_SLOTS") or {}
    if isinstance(slots, str):
        # From the command line: -s 'DOWNLOAD_SLOTS={"tmdb": {"concurrency": 8}}'
        try:
            slots = json.loads(slots)
        except ValueError:
            raise ConfigurationError(f"DOWNLOAD_SLOTS is {slots!r}: set it to a JSON object") from None
    try:
        return dict(dict(slots).get(SLOT) or {})
    except (TypeError, ValueError):
        raise ConfigurationError(
            f'DOWNLOAD_SLOTS is {slots!r}: set it to a mapping such as {{"{SLOT}": {{"concurrency": 8}}}}'
        ) from None


def _integer(name: str, value: Any) -> int:
    """Return a whole number from 0, also of text or of a float."""
    try:
        number = int(value)
        whole = not isinstance(value, bool) and (isinstance(value, str) or number == value)
    except (TypeError, ValueError, OverflowError):
        whole = False
    if not whole:
        raise ConfigurationError(f"{name} is {value!r}: set it to a whole number")
    if number < 0:
        raise ConfigurationError(f"{name} is {number}: set it to 0 or more")
    return number


def _number(name: str, value: Any) -> float:
    """Return a finite number from 0, also of text."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or math.isnan(number):
        raise ConfigurationError(f"{name} is {value!r}: set it to a number")
    if not 0 <= number < math.inf:
        raise ConfigurationError(f"{name} is {number}: set it to 0 or more")
    return number


def check_boolean(name: str, value: object) -> bool:
    """Return what Scrapy's ``getbool`` takes, and ``yes``, ``no``, ``on`` and ``off``, as a boolean."""
    known = {"true": True, "1": True, "yes": True, "on": True}
    known |= {"false": False, "0": False, "no": False, "off": False, "": False}
    text = str(value).strip().lower()
    if text not in known:
        raise ConfigurationError(f"{name} is {value!r}: set it to True or False")
    return known[text]


def check_language(name: str, value: object) -> str | None:
    """Return a language as TMDB takes it, ``None`` where none is set."""
    return _check(parameters.check_language, name, value)


def check_languages(name: str, value: object) -> tuple[str, ...]:
    """Return a chain of languages, of a list or text with commas, each once; empty where none is set."""
    try:
        return parameters.check_languages(name, value or None)
    except ValidationError as error:
        raise ConfigurationError(error.message) from None


def check_region(name: str, value: object) -> str | None:
    """Return a region as TMDB takes it, ``None`` where none is set."""
    return _check(parameters.check_region, name, value)


def _check(check: Callable[[str, object], str], name: str, value: object) -> str | None:
    """Return a setting as the check of a call's parameter passes it; it may be empty."""
    if value is None or not str(value).strip():
        return None
    try:
        return check(name, value)
    except ValidationError as error:
        raise ConfigurationError(error.message) from None
