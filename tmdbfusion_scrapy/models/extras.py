"""Values that TMDB sent and no field of the record took."""

from __future__ import annotations

from typing import Any

from tmdbfusion_scrapy.models.mending import Findings, mend, parse


def find_extras(body: bytes, model: Any) -> dict[str, Any]:
    """Return what of a body the fields of its record do not hold as it was sent.

    Args:
        body: JSON in UTF-8 that was decoded into the record.
        model: The record class, with its arguments if it is generic: ``Page[MovieListItem]``.

    Returns:
        Values by their place in the JSON, such as ``credits.cast[3].name``: keys that no field has, with all
        that is in them, and values of the wrong type. See :attr:`~tmdbfusion_scrapy.models.record.Record.extras`.
    """
    try:
        value = parse(body)
    except UnicodeDecodeError:
        # The decoder does not look into strings of keys it does not know, so a byte may be off there.
        value = parse(body.decode(errors="replace").encode())
    findings = Findings()
    mend(value, model, "", "", findings)
    return findings.extras
