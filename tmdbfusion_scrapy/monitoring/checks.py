"""Verdicts of ``scrapy tmdb-doctor``: data in, one result out."""

from __future__ import annotations

import math
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal

from tmdbfusion_scrapy.base_urls import is_loopback
from tmdbfusion_scrapy.exceptions import AuthenticationError, RateLimitError, chain_of, failure_of
from tmdbfusion_scrapy.http import httpx

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.crawling.addon import Speed
    from tmdbfusion_scrapy.credentials import Credentials
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.monitoring.probes import Answer, Certificate, DatabaseState, Lookup, Reached
    from tmdbfusion_scrapy.settings import TMDBSettings


Status = Literal["ok", "warning", "problem"]

_WHERE = "https://www.themoviedb.org/settings/api"

_TOKEN_PARTS = 3
_CLOCK_WARNING = timedelta(seconds=30)
_CLOCK_PROBLEM = timedelta(hours=1)
_NEAR = 0.9
"""Part of the rate limit that counts as reaching it."""

DISK_WARNING = 2_000_000_000
DISK_PROBLEM = 200_000_000
"""Bytes; a day's export of movies takes 25 MB, and a million movies with credits 29 GB."""


@dataclass(frozen=True, slots=True)
class Result:
    """Result of one check: a sentence on what was found, one on what to do, and the facts, as JSON takes them."""

    name: str
    status: Status
    text: str
    fix: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def from_message(name: str, message: str, fix: str | None = None) -> Result:
    """Return a problem that a message tells of, whose last part is the fix unless there is another."""
    text = message
    if fix is None:
        text, _, fix = message.partition(". ") if ". " in message else message.rpartition(": ")
    return Result(name, "problem", text or message, fix if text else "change what the message names")


def target_result(urls: Sequence[str], *, is_sandbox: bool, is_loopback: bool, stands_in: bool) -> Result:
    """Say what is checked."""
    text = where = ", ".join(urls)
    status: Status = "ok"
    fix = None
    if is_sandbox and stands_in:
        text = f"no token is set, so the bundled sandbox at {where} is checked, not TMDB"
        status, fix = "warning", f"set TMDB_ACCESS_TOKEN in the environment; get one at {_WHERE}"
    elif is_sandbox:
        text = f"the sandbox at {where}, whose records are invented"
    elif is_loopback:
        text = f"a server on this machine, {where}, not TMDB"
    return Result("target", status, text, fix, {"urls": list(urls), "sandbox": is_sandbox})


def token_result(
    credentials: Credentials,
    source: str,
    error: TMDBError | None,
    *,
    was_asked: bool,
    is_sandbox: bool = False,
    stands_in: bool = False,
) -> Result:
    """Judge the token or key by its shape and by what the API said of it."""
    if stands_in:
        return Result("token", "ok", "none: the sandbox needs none", None, {"kind": None, "accepted": None})
    kind = token_kind(credentials)
    words = {"v3_key": "v3 API key", "v4_token": "v4 read access token"}.get(kind, "token of an unknown kind")
    text = f"{words} of {source}"
    is_refused = isinstance(error, AuthenticationError)
    facts: dict[str, Any] = {"kind": kind, "source": source, "accepted": None}
    if not was_asked or (error is not None and not is_refused):
        text += "; the API did not say" if was_asked else "; the API could not be asked"
        fix = "see to the way to the API first"
        return Result("token", "warning", f"{text} whether it is valid", fix, facts)
    facts["accepted"] = not is_refused
    if error is None:
        taken = "accepted; the sandbox takes almost any" if is_sandbox else "accepted"
        return Result("token", "ok", f"{text}, {taken}", None, facts)
    hint = "copy the API Read Access Token anew"
    if kind == "unknown":
        hint = (
            "it is neither a v4 read access token (three parts with dots between them) nor a v3 API key "
            "(32 hexadecimal digits): copy the whole API Read Access Token"
        )
    return Result("token", "problem", f"{text}, refused: {error.message}", f"{hint} from {_WHERE}", facts)


def token_kind(credentials: Credentials) -> str:
    """Return ``v3_key``, ``v4_token`` or ``unknown``, by shape: a v4 token is a JSON Web Token."""
    if credentials.is_v3_key:
        return "v3_key"
    parts = credentials.secret.split(".")
    is_token = len(parts) == _TOKEN_PARTS and all(parts) and credentials.secret.startswith("eyJ")
    return "v4_token" if is_token else "unknown"


def clock_result(headers: Mapping[str, str], now: datetime) -> Result | None:
    """Compare the clock with the ``Date`` of an answer; ``None`` where it has none."""
    try:
        server = parsedate_to_datetime(headers["date"])
        age = timedelta(seconds=int(headers.get("age", "0")))
    except (KeyError, ValueError, TypeError):
        return None
    server = server.replace(tzinfo=server.tzinfo or timezone.utc) + age
    offset = now - server
    facts = {"offset_seconds": round(offset.total_seconds())}
    if abs(offset) <= _CLOCK_WARNING:
        return Result("clock", "ok", "agrees with the server's", None, facts)
    where = "ahead of" if offset > timedelta(0) else "behind"
    text = f"{_span(abs(offset))} {where} the server's: changes and exports are chosen by the day"
    status: Status = "problem" if abs(offset) > _CLOCK_PROBLEM else "warning"
    return Result("clock", status, text, "set the clock by NTP, such as with timedatectl set-ntp true", facts)


def speed_result(speed: Speed | None, settings: TMDBSettings, latency: float | None) -> Result:
    """Say at what rate the crawl would ask, and what limits it; an answer takes ``latency`` seconds."""
    slots = [n for n in (settings.max_connections, settings.slot_concurrency) if n is not None]
    at_once = min(slots, default=None)
    possible = at_once / latency if at_once and latency else None
    facts = {
        "requests_per_second": settings.requests_per_second or None,
        "max_connections": settings.max_connections,
        "slot_concurrency": settings.slot_concurrency,
        "at_most_per_second": rounded(speed.per_second) if speed else None,
        "limited_by": speed.limit if speed else None,
        "possible_per_second": rounded(possible),
    }
    if speed is None:
        text = "the add-on is off, so TMDB is asked like any host"
        return Result("speed", "warning", text, "set TMDB_ENABLED = True", facts)
    connections, slot = (
        "unlimited" if limit is None else limit
        for limit in (settings.max_connections, settings.slot_concurrency)
    )
    limits = f"{connections} connections, slot concurrency {slot}"
    most = speed.per_second
    if most is None:
        return Result("speed", "ok", f"as fast as TMDB answers; {limits}", None, facts)
    text = f"{most:.3g} requests a second at most ({speed.limit})"
    if speed.is_slow:
        text += f", {speed.wanted:g} are allowed"
        return Result("speed", "warning", f"{text}; {limits}", speed.fix, facts)
    if possible is not None and possible < most * _NEAR:
        enough = math.ceil(most * (latency or 0.0))
        text = f"about {possible:.3g} requests a second ({limits}, {milliseconds(latency)} an answer)"
        fix = f'set DOWNLOAD_SLOTS = {{"tmdb": {{"concurrency": {enough}}}}} and CONCURRENT_REQUESTS as high'
        return Result("speed", "warning", f"{text}, where {most:g} are allowed", fix, facts)
    return Result("speed", "ok", f"{text}; {limits}", None, facts)


def database_result(state: DatabaseState) -> Result:
    """Judge the database."""
    facts = {"url": state.label, "product": state.product, "schema": state.schema}
    if state.error is not None:
        return replace(from_message("database", state.error, state.advice), facts=facts)
    text = f"{state.label}: {state.product}, tables of version {state.schema}"
    if state.schema is None:
        text = f"{state.label} ({state.product}) has no tables yet: the first crawl makes them"
    return Result("database", "ok", text, None, facts)


def disk_result(
    folder: str, free: int, *, warning: int = DISK_WARNING, problem: int = DISK_PROBLEM
) -> Result:
    """Judge the room on a disk, in bytes."""
    status: Status = "problem" if free < problem else "warning" if free < warning else "ok"
    fix = "make room, or store elsewhere (TMDB_DATABASE_URL); scrapy tmdb-plan says how much a crawl takes"
    text = f"{free / 1e9:,.1f} GB free at {folder}"
    return Result(
        "disk", status, text, None if status == "ok" else fix, {"folder": folder, "free_bytes": free}
    )


def milliseconds(seconds: float | None) -> str:
    """Return a short time in words."""
    milliseconds = (seconds or 0.0) * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def rounded(number: float | None) -> float | None:
    """Return a number with four decimals."""
    return None if number is None else round(number, 4)


def _span(offset: timedelta) -> str:
    """Return a time such as ``5 minutes``."""
    seconds = offset.total_seconds()
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


_CERTIFICATE_DAYS = 14
_SLOW_SECONDS = 1.0


def dns_result(lookup: Lookup, role: str) -> Result:
    """Say which addresses a host has; ``role`` is what the host is."""
    facts = {"host": lookup.host, "ipv4": list(lookup.ipv4), "ipv6": list(lookup.ipv6)}
    host = f"{role} {lookup.host}"
    if lookup.error is not None:
        fix = "check the name for a slip, and the DNS server of this machine"
        return Result("dns", "problem", f"{host} has no address: {lookup.error}", fix, facts)
    text = f"{host} has {len(lookup.ipv4)} IPv4 and {len(lookup.ipv6)} IPv6 addresses"
    text += f", found in {milliseconds(lookup.seconds)}"
    if lookup.host in (*lookup.ipv4, *lookup.ipv6):
        text = f"{host} is an address"
    return Result("dns", "ok", text, None, facts)


def family_results(
    lookup: Lookup, four: Reached | None, six: Reached | None, wanted: IPFamily
) -> tuple[Result, Result]:
    """Judge how a host is reached over IPv4 and IPv6; an attempt is ``None`` where it has no such address."""
    return (
        _family_result("ipv4", lookup, four, six, wanted),
        _family_result("ipv6", lookup, six, four, wanted),
    )


def _family_result(
    name: Literal["ipv4", "ipv6"],
    lookup: Lookup,
    tried: Reached | None,
    other: Reached | None,
    wanted: IPFamily,
) -> Result:
    """Judge one kind of addresses."""
    label, other_name = (("IPv4", "ipv6"), ("IPv6", "ipv4"))[name == "ipv6"]
    host = lookup.host
    facts = {
        "host": host,
        "address": tried.address if tried else None,
        "seconds": rounded(tried.seconds if tried else None),
    }
    if wanted not in ("auto", name):
        return Result(name, "ok", f"not used, as TMDB_IP_FAMILY is {wanted}", None, facts)
    if tried is None:
        text = f"{host} has no {label} address"
        if wanted == name:
            return Result(name, "problem", text, f"unset TMDB_IP_FAMILY, which is {wanted}", facts)
        return Result(name, "ok", text, None, facts)
    if tried.error is None:
        return Result(name, "ok", f"{tried.address} answers in {milliseconds(tried.seconds)}", None, facts)
    text = f"{tried.address} cannot be reached: {tried.error}"
    if other is not None and other.error is None:
        fix = f"set TMDB_IP_FAMILY = {other_name}, so that {label} is not tried"
        return Result(name, "warning", text, fix, facts)
    fix = "see whether the network is up and no firewall is in the way"
    if is_loopback(tried.address):
        fix = "start the server or proxy that is to answer there, or set another address"
    return Result(name, "problem", text, fix, facts)


def tls_result(
    answer: Answer, shown: Certificate | None, *, verify: bool, is_plain: bool, now: datetime
) -> Result | None:
    """Judge TLS and the certificate; ``None`` where nothing is known of it."""
    if is_plain:
        return Result("tls", "ok", "none: plain http, which is taken for this machine alone")
    certificate = answer.certificate or shown
    facts = _certificate_facts(certificate, now)
    refused = _verification_error(answer.error)
    if refused is not None:
        return _refused_result(refused, certificate, facts, now)
    if certificate is None:
        return None
    text = f"{certificate.protocol}, certificate of {certificate.issuer}, {facts['days_left']} days left"
    if not verify:
        fix = "unset TMDB_VERIFY_TLS: anyone on the way can read the token"
        return Result(
            "tls", "warning", f"TMDB_VERIFY_TLS is False, any certificate is taken; {text}", fix, facts
        )
    if facts["days_left"] < _CERTIFICATE_DAYS:
        fix = "see to it that it is renewed in time; TMDB's own is, by itself"
        return Result("tls", "warning", text, fix, facts)
    return Result("tls", "ok", text, None, facts)


def _refused_result(
    error: ssl.SSLCertVerificationError,
    certificate: Certificate | None,
    facts: Mapping[str, Any],
    now: datetime,
) -> Result:
    """Say why a certificate was not accepted."""
    text = f"the certificate is not accepted: {error.verify_message or error}"
    if certificate is not None:
        text += f"; it is of {certificate.issuer}"
    if certificate is not None and certificate.expires < now:
        ago = (now - certificate.expires).days
        text += f" and ended {ago} days ago"
        fix = "set the clock of this machine if it is wrong; else the server's owner has to renew it"
    elif certificate is not None and certificate.is_self_signed:
        fix = "if the server is yours, set SSL_CERT_FILE to the path of this certificate; else do not go on"
    else:
        fix = (
            "if a proxy of your company opens TLS, set SSL_CERT_FILE to the path of its CA certificates; check "
            "the name in TMDB_API_URL"
        )
    return Result("tls", "problem", text, fix, facts)


def _certificate_facts(certificate: Certificate | None, now: datetime) -> dict[str, Any]:
    if certificate is None:
        return {}
    return {
        "issuer": certificate.issuer,
        "expires": certificate.expires.isoformat(),
        "days_left": (certificate.expires - now).days,
        "self_signed": certificate.is_self_signed,
        "protocol": certificate.protocol,
    }


def proxy_result(proxy: tuple[str, str] | None, error: Exception | None, *, is_loopback: bool) -> Result:
    """Say which proxy is used and whether it does its work."""
    if proxy is None:
        why = ", as this machine is asked directly" if is_loopback else ""
        return Result("proxy", "ok", f"none{why}", None, {"proxy": None, "source": None})
    label, source = proxy
    facts = {"proxy": label, "source": source}
    if isinstance(error, httpx.ProxyError):
        fix = f"check address, user name and password in {source}, or unset it"
        return Result("proxy", "problem", f"{label} of {source}: {error}", fix, facts)
    if error is not None:
        return Result("proxy", "warning", f"{label} of {source}; nothing came through", "see api", facts)
    return Result("proxy", "ok", f"{label} of {source}", None, facts)


def api_result(answer: Answer, error: TMDBError | None) -> Result:
    """Judge whether the API answers at a base URL."""
    facts = {"url": answer.url, "status": answer.status, "seconds": rounded(answer.seconds)}
    if answer.error is not None:
        text = f"{answer.url} cannot be reached: {answer.error}"
        return Result("api", "problem", text, _way_fix(answer.error), facts)
    if error is None or isinstance(error, AuthenticationError):
        return Result("api", "ok", f"{answer.url} answers", None, facts)
    if isinstance(error, RateLimitError):
        fix = "end other programs that ask TMDB from this address, or lower TMDB_REQUESTS_PER_SECOND"
        return Result("api", "warning", f"{answer.url} answers with too many requests", fix, facts)
    if answer.status is not None and answer.status >= 500:
        fix = "wait and try again: the fault is at the server"
        return Result("api", "problem", f"{answer.url} answers, but fails: {error.message}", fix, facts)
    text = f"{answer.url} answers, but not as TMDB does: {error.message} (HTTP {answer.status})"
    fix = "check TMDB_API_URL, and whether this network has a page to log in at or a filter"
    return Result("api", "problem", text, fix, facts)


def _way_fix(error: Exception) -> str:
    """Return what may be done about a host that was not reached."""
    if _verification_error(error) is not None:
        return "see tls"
    if isinstance(error, httpx.ProxyError):
        return "see proxy"
    if failure_of(error).kind == "address":
        return "see dns; TMDB_API_URLS can name a second host, such as https://api.tmdb.org/3"
    return (
        "see whether a firewall is in the way; TMDB_PROXY names a proxy, TMDB_API_URLS a second host, such as "
        "https://api.tmdb.org/3"
    )


def latency_result(middle: float, requests: int) -> Result:
    """Judge the median of the times of some answers on an open connection, in seconds."""
    facts = {"median_seconds": rounded(middle), "requests": requests}
    text = f"{milliseconds(middle)} an answer, the median of {requests}"
    if middle > _SLOW_SECONDS:
        fix = "look for what slows this network; more connections make up for it in part (see speed)"
        return Result("latency", "warning", text, fix, facts)
    return Result("latency", "ok", text, None, facts)


def host_result(name: str, answer: Answer, *, setting: str, needed: bool, use: str, good: bool) -> Result:
    """Judge the host of exports or images."""
    facts = {"url": answer.url, "status": answer.status}
    bad: Status = "problem" if needed else "warning"
    if answer.error is not None:
        text = f"{answer.url} cannot be reached: {answer.error}"
        fix = f"see whether a filter or firewall is in the way, or set {setting}; only {use} needs it"
        return Result(name, bad, text, fix, facts)
    if not good:
        text = f"{answer.url} answers with HTTP {answer.status}"
        return Result(name, bad, text, f"check {setting}, or try again later; only {use} needs it", facts)
    return Result(name, "ok", f"{answer.url} answers", None, facts)


def _verification_error(error: Exception | None) -> ssl.SSLCertVerificationError | None:
    """Return what OpenSSL says of a certificate that was not accepted."""
    if error is None:
        return None
    return next((e for e in chain_of(error) if isinstance(e, ssl.SSLCertVerificationError)), None)


def is_certificate_refused(answer: Answer) -> bool:
    """Return whether no answer came because of the certificate."""
    return _verification_error(answer.error) is not None
