"""The addresses of settings and arguments: checked once, then compared with the URL of each request."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

from tmdbfusion_scrapy.credentials import hidden
from tmdbfusion_scrapy.exceptions import ConfigurationError

API_URL = "https://api.themoviedb.org/3"

IPFamily = Literal["auto", "ipv4", "ipv6"]
"""Which addresses of a host name are used; ``auto`` is both."""

_IP_FAMILIES: dict[str, IPFamily] = {"auto": "auto", "ipv4": "ipv4", "ipv6": "ipv6"}

_PORTS = {"http": 80, "https": 443}


def check_url(name: str, value: str, *, carries_token: bool) -> str:
    """Return the base URL of a setting or argument: host in lower case, no default port, no slash at its end.

    One that the token is sent to must be ``https``, or loopback.

    Raises:
        ConfigurationError: It cannot be used. The message shows neither a user name nor a query.
    """
    parts = _split(value)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigurationError(
            f"{name} is {_public(value)!r}: it needs a scheme and a host, such as {API_URL}"
        )
    if "?" in value or "#" in value:
        raise ConfigurationError(f"{name} has a query or fragment: give the base alone, such as {API_URL}")
    if "@" in parts.netloc:
        raise ConfigurationError(f"{name} has a user name in it: give the URL without one, such as {API_URL}")
    if {".", ".."} & set(unquote(parts.path).split("/")):
        raise ConfigurationError(f"{name} has a dot segment in its path: give the path that it leads to")
    if carries_token and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(
            f"{name} is plain http to {parts.hostname}, which would show your token to the network: use https "
            f"(http is taken for loopback addresses only)"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def check_urls(name: str, value: object, *, carries_token: bool) -> tuple[str, ...]:
    """Return base URLs, from a list or text with commas, best first and each once; empty where none is set.

    Raises:
        ConfigurationError: One cannot be used.
    """
    parts = value.split(",") if isinstance(value, str) else () if value is None else value
    if not isinstance(parts, Iterable):
        raise ConfigurationError(f"{name} is {value!r}: give a list of base URLs, such as {API_URL}")
    texts = [str(part).strip() for part in parts]
    return tuple(dict.fromkeys(check_url(name, text, carries_token=carries_token) for text in texts if text))


def check_ip_family(name: str, value: object) -> IPFamily:
    """Return which addresses of a host name are used: ``auto``, ``ipv4`` or ``ipv6``, in any case of letters.

    Raises:
        ConfigurationError: It is none of them.
    """
    family = _IP_FAMILIES.get(str(value).strip().lower())
    if family is None:
        raise ConfigurationError(f"{name} is {value!r}: use {', '.join(_IP_FAMILIES)}")
    return family


def check_proxy(name: str, value: object) -> str | None:
    """Return the URL of a proxy, which may hold a user name and password; ``None`` where none is set.

    Raises:
        ConfigurationError: It cannot be used. The message shows neither user name nor password.
    """
    value = text = hidden("" if value is None else str(value).strip())
    if not text:
        return None
    parts = _split(text)
    if parts is None or parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigurationError(
            f"{name} is {_public(text)!r}: use the URL of an HTTP proxy, such as http://proxy.example:3128"
        )
    return str(text)


def check_no_clear_token(name: str, urls_name: str, urls: Iterable[str]) -> None:
    """Refuse a proxy for an API in plain http, which is taken for loopback only: it would read the token.

    Raises:
        ConfigurationError: One of the base URLs is plain http.
    """
    plain = next((url for url in urls if is_plain(url)), None)
    if plain is not None:
        raise ConfigurationError(
            f"{name} is set and {urls_name} is {plain}, plain http, so the proxy would read your token: unset "
            f"{name}, which loopback does not need, or give {urls_name} an https URL"
        )


def is_plain(url: str) -> bool:
    """Return whether a base URL that :func:`check_url` returned is plain http."""
    return url.startswith("http:")


def is_loopback_url(url: str) -> bool:
    """Return whether the host of a base URL that :func:`check_url` returned is this machine."""
    return is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_below(url: str, base: str) -> bool:
    """Return whether a URL lies at or below a base URL that :func:`check_url` returned.

    Letter case of scheme and host and a default port make no difference, as for a server. A user name in the
    URL does: such a URL is written to mislead.
    """
    if url.startswith(base) and url[len(base) : len(base) + 1] in ("/", "?", "#", ""):
        return True
    wanted = urlsplit(base)
    parts = _split(url) if (wanted.hostname or "") in url.lower() else None
    if parts is None or "@" in parts.netloc or _origin_of(parts) != _origin_of(wanted):
        return False
    path = wanted.path
    return parts.path.startswith(path) and parts.path[len(path) : len(path) + 1] in ("/", "")


def _origin_of(parts: SplitResult) -> tuple[str, str, int | None]:
    """Return the parts that are equal in two URLs of one server."""
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def _split(url: str) -> SplitResult | None:
    """The parts of a URL, ``None`` where it is none."""
    if any(letter.isspace() or not letter.isprintable() or letter == "\\" for letter in url):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _public(url: str) -> str:
    """A URL for a message: no user name, no password, no query."""
    # A password may have a ? in it, a query an @.
    return url.rpartition("@")[2].partition("?")[0]
