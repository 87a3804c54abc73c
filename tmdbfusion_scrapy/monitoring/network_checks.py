"""Verdicts of ``scrapy tmdb-doctor`` on the way to TMDB, from name to answer: data in, one result out."""

from __future__ import annotations

import ssl
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from tmdbfusion_scrapy.base_urls import is_loopback
from tmdbfusion_scrapy.exceptions import AuthenticationError, RateLimitError, chain_of, failure_of
from tmdbfusion_scrapy.http import httpx
from tmdbfusion_scrapy.monitoring.checks import Result, milliseconds, rounded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from tmdbfusion_scrapy.base_urls import IPFamily
    from tmdbfusion_scrapy.exceptions import TMDBError
    from tmdbfusion_scrapy.monitoring.checks import Status
    from tmdbfusion_scrapy.monitoring.probes import Answer, Certificate, Lookup, Reached

_CERTIFICATE_DAYS = 14
_SLOW_SECONDS = 1.0


def dns_result(lookup: Lookup, role: str) -> Result:
    """Say which addresses a host has; ``role`` is what the host is."""
    facts = {"host": lookup.host, "ipv4": list(lookup.ipv4), "ipv6": list(lookup.ipv6)}
    if lookup.error is not None:
        return Result(
            "dns",
            "problem",
            f"{role} {lookup.host} has no address: {lookup.error}",
            "check the name for a slip, and the DNS server of this machine",
            facts,
        )
    if lookup.host in (*lookup.ipv4, *lookup.ipv6):
        return Result("dns", "ok", f"{role} {lookup.host} is an address", None, facts)
    count = f"{len(lookup.ipv4)} IPv4 and {len(lookup.ipv6)} IPv6"
    text = f"{role} {lookup.host} has {count} addresses, found in {milliseconds(lookup.seconds)}"
    return Result("dns", "ok", text, None, facts)


def family_results(
    lookup: Lookup, four: Reached | None, six: Reached | None, wanted: IPFamily
) -> tuple[Result, Result]:
    """Judge how a host is reached over IPv4 and IPv6.

    Args:
        lookup: Its addresses.
        four: The attempt to connect over IPv4, ``None`` where there is no such address or none is wanted.
        six: The attempt over IPv6.
        wanted: ``TMDB_IP_FAMILY``.
    """
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
    """Judge TLS and the certificate; ``None`` where nothing is known of it.

    Args:
        answer: The answer of the host.
        shown: The certificate, where it was not accepted and looked at all the same.
        verify: ``TMDB_VERIFY_TLS``.
        is_plain: Whether the host is asked in plain http.
        now: The time.
    """
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
    """Say which proxy is used and whether it does its work.

    Args:
        proxy: Its URL without user name and password, and words for where it comes from; ``None`` for none.
        error: What came in place of an answer of the API.
        is_loopback: Whether the API is on this machine.
    """
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
    """Judge whether the API answers at a base URL.

    Args:
        answer: The answer to a question for the validity of the token.
        error: What it says, where it tells of a failure; a token that is refused is not the API's fault.
    """
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


def latency_result(seconds: Sequence[float]) -> Result:
    """Judge the times of some answers on an open connection."""
    middle = median(seconds)
    facts = {"median_seconds": rounded(middle), "requests": len(seconds)}
    text = f"{milliseconds(middle)} an answer, the median of {len(seconds)}"
    if middle > _SLOW_SECONDS:
        fix = "look for what slows this network; more connections make up for it in part (see speed)"
        return Result("latency", "warning", text, fix, facts)
    return Result("latency", "ok", text, None, facts)


def host_result(name: str, answer: Answer, *, setting: str, needed: bool, use: str, good: bool) -> Result:
    """Judge the host of exports or images.

    Args:
        name: ``exports`` or ``images``.
        answer: Its answer.
        setting: What names it.
        needed: Whether the crawl needs it by its settings.
        use: What is to be had there.
        good: Whether the answer is a good one.
    """
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
