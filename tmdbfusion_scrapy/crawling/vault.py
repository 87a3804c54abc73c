"""The secrets of a crawl's calls. A request holds their labels; what they stand for stays in memory."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from tmdbfusion_scrapy.api.call import Secret
from tmdbfusion_scrapy.crawling.per_crawler import per_crawler
from tmdbfusion_scrapy.credentials import proxy_secrets
from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.hidden import hidden
from tmdbfusion_scrapy.settings import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from scrapy import Request
    from scrapy.crawler import Crawler

    from tmdbfusion_scrapy.api.call import Place

SECRETS_KEY = "tmdb_secrets"
"""Meta key: the secrets of a call, each as TMDB's name, place and label."""

Mark = tuple[str, "Place", str]
"""Says which secret goes where: TMDB's name of it, its place, and its label."""

_SETTINGS = {"session_id": "TMDB_SESSION_ID", "guest_session_id": "TMDB_GUEST_SESSION_ID"}
"""Where the secrets that every run of a crawl knows come from. The setting's name is their label."""


class SecretVault:
    """Keeps the secrets that calls bring, under labels.

    A session that is set in the settings has the setting's name for its label, so that a job's next run knows
    it. All others get a label drawn at random, of which another process can make nothing.

    Args:
        known: The secrets from the settings, by TMDB's names; ``None`` for what is not set.
        proxy: URL of the proxy of the settings.
    """

    def __init__(self, known: Mapping[str, str | None], proxy: str | None = None) -> None:
        self._of_proxy = proxy_secrets(proxy)
        self._values: dict[str, str] = {}
        self._labels: dict[tuple[str, str], str] = {}
        for key, value in known.items():
            if value is not None:
                self._values[_SETTINGS[key]] = hidden(value)
                self._labels[key, hidden(value)] = _SETTINGS[key]

    def keep(self, secrets_of_call: Iterable[Secret]) -> list[Mark]:
        """Take secrets in, and return their marks for the request's meta; equal ones have equal labels."""
        return [(secret.key, secret.place, self._label(secret)) for secret in secrets_of_call]

    def secrets_of(self, request: Request) -> tuple[Secret, ...]:
        """Return the secrets of a request.

        Raises:
            ValidationError: One was given to another process, and is known to that alone.
        """
        marks: Iterable[Mark] = request.meta.get(SECRETS_KEY) or ()
        return tuple(Secret(key, place, self._value(key, label)) for key, place, label in marks)

    def values_of(self, request: Request) -> list[str]:
        """Return the values of a request's secrets, of those that are known, and those of its proxy."""
        marks: Iterable[Mark] = request.meta.get(SECRETS_KEY) or ()
        values = [self._values[label] for _, _, label in marks if label in self._values]
        authorization = request.headers.get(b"Proxy-Authorization")
        if authorization is not None:
            values += proxy_secrets(None, authorization)
        return [*values, *self._of_proxy]

    def _label(self, secret: Secret) -> str:
        """The label of a secret, which is taken in if it is new."""
        label = self._labels.get((secret.key, secret.value))
        if label is None:
            label = self._labels[secret.key, hidden(secret.value)] = secrets.token_hex(8)
            self._values[label] = hidden(secret.value)
        return label

    def _value(self, key: str, label: str) -> str:
        """The secret that a label stands for."""
        value = self._values.get(label)
        if value is None:
            setting = _SETTINGS.get(key)
            fix = f"set {setting}, which every run can read" if setting else "make the call anew"
            raise ValidationError(
                f"the {key} of this call is not known here: secrets are not kept in a job directory or a queue, "
                f"so one that was given to a call is gone with its run; {fix}"
            )
        return value


@per_crawler
def vault_of(crawler: Crawler) -> SecretVault:
    """Return the vault of a crawl, made at its first use."""
    settings = settings_of(crawler.settings)
    sessions = {"session_id": settings.session_id, "guest_session_id": settings.guest_session_id}
    return SecretVault(sessions, settings.proxy)


def shows_secret(url: str) -> bool:
    """Return whether a URL has a key or a session id in it."""
    return "api_key=" in url or "session_id=" in url
