"""Sessions and the tokens that lead to them.

Who holds a session id or an approved request token can act for its user, so no ``repr`` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class GuestSession(Record):
    """A session of a guest; ``expires_at`` is of the form ``2016-08-27 16:26:40 UTC``."""

    success: bool | None = None
    guest_session_id: str | None = field(default=None, repr=False)
    expires_at: str | None = None


@dataclass
class RequestToken(Record):
    """A token for a user to approve; ``expires_at`` is of the form ``2016-08-26 17:04:39 UTC``."""

    success: bool | None = None
    request_token: str | None = field(default=None, repr=False)
    expires_at: str | None = None


@dataclass
class Session(Record):
    """A session of a user."""

    success: bool | None = None
    session_id: str | None = field(default=None, repr=False)
