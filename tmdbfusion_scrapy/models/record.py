"""What every record is."""

from __future__ import annotations


class Record:
    """Base of the records: dataclasses with TMDB's own field names.

    Every field may be null or missing at TMDB, so every field has a default: ``None`` for a value, an empty
    list for a list. A record that was decoded keeps the JSON it came from (:attr:`raw`) and the names of the
    fields whose value was of the wrong type (:attr:`drift`). Neither is a dataclass field, so that exports
    and comparisons see TMDB's fields only.
    """

    # Not annotated, so that dataclasses do not take them for fields.
    _raw = b""
    _drift = tuple[str, ...]()

    @property
    def raw(self) -> bytes:
        """The JSON document this record was decoded from, UTF-8; empty for a record inside another one."""
        return self._raw

    @property
    def drift(self) -> tuple[str, ...]:
        """Fields that came with a value of the wrong type, as ``Model.field``, in the order met.

        Those of the records inside are among them; a record in a list knows its own too.
        """
        return self._drift
