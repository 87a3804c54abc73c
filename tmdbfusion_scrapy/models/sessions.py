"""Sessions and the tokens that lead to them.

Who holds a session id or an approved request token can act for its user, so no ``repr`` shows them.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field

from tmdbfusion_scrapy.models.record import Record


@dataclass
class GuestSession(Record):
    """A session of a guest."""

    success: bool | None = None
    guest_session_id: str | None = field(default=None, repr=False)
    expires_at: datetime.datetime | None = None


@dataclass
class RequestToken(Record):
    """A token for a user to approve."""

    success: bool | None = None
    request_token: str | None = field(default=None, repr=False)
    expires_at: datetime.datetime | None = None


@dataclass
class Session(Record):
    """A session of a user."""

    success: bool | None = None
    session_id: str | None = field(default=None, repr=False)
