"""What every record is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class Decoded:
    """What was made of JSON, and knows the JSON it came from."""

    # Not annotated, so that dataclasses do not take them for fields.
    _raw = b""
    _drift = tuple[str, ...]()
    _model = cast("Any", None)
    _extras = cast("Mapping[str, Any] | None", None)

    @property
    def raw(self) -> bytes:
        """The JSON document this was decoded from, UTF-8; empty for a record inside another one.

        An element of an answer that is an array has its part of it. Of a record that took several requests it
        is what their bodies hold together.
        """
        return self._raw

    @property
    def raw_text(self) -> str | None:
        """:attr:`raw` as text; ``None`` for a record that has none.

        The decoder does not look into strings of keys it does not know, so a byte may be off there: it is
        replaced.
        """
        return self._raw.decode(errors="replace") if self._raw else None

    @property
    def drift(self) -> tuple[str, ...]:
        """Fields that came with a value of the wrong type, as ``Model.field``, in the order met.

        Those of the records inside are among them, and each of these knows its own too.
        """
        return self._drift

    @property
    def extras(self) -> Mapping[str, Any]:
        """What TMDB sent and no field holds as it was sent, by its place in the JSON.

        A place is written ``softcore`` or ``credits.cast[3].name``, with TMDB's keys. A key that no field has
        stands with its whole value, and so do a value of the wrong type (:attr:`drift`), whether its field
        could be mended or not, and an error that TMDB sent in the place of an appended part. A null, and ``""``
        for a date, of a field are nothing extra.

        Found in :attr:`raw` when first asked for. Empty for a record inside another one: the extras of the outer
        one cover it.
        """
        if self._extras is None:
            # Loaded here, because records are what it works on.
            from tmdbfusion_scrapy.models.extras import find_extras

            self._extras = find_extras(self._raw, self._model or type(self)) if self._raw else {}
        return self._extras


class Record(Decoded):
    """Base of the records: dataclasses with TMDB's own field names.

    Every field may be null or missing at TMDB, so every field has a default: ``None`` for a value, an empty
    list for a list. A record that was decoded keeps the JSON it came from (:attr:`raw`), what of it no field
    took (:attr:`extras`) and the names of the fields whose value was of the wrong type (:attr:`drift`). None of
    the properties here is a dataclass field, so that exports and comparisons see TMDB's fields only.
    """

    # Whether an answer that is this record is of no use without its id.
    _needs_id = False
    _etag = cast("str | None", None)
    _missing_parts = tuple[str, ...]()
    _field_languages = cast("Mapping[str, str] | None", None)
    # The one that a crawl asked for; None where that is not known.
    _language = cast("str | None", None)

    @property
    def missing_parts(self) -> tuple[str, ...]:
        """Parts of ``append_to_response`` that TMDB left out, though they were asked for, in that order."""
        return self._missing_parts

    @property
    def etag(self) -> str | None:
        """The ETag of the answer, after a digest of the call and a space; only what a crawl fetched has one.

        It is what a later crawl asks with whether the record has changed. ``None`` for a record that took several
        requests, has a session's data, or has values of the wrong type.
        """
        return self._etag

    @property
    def field_languages(self) -> Mapping[str, str]:
        """The language of each text that was taken from ``translations``, by the name of its field.

        It is the language of the translation with its country, ``fr-CA``; for an original title that stands for
        a translated one it is the original language, ``fr``. A field that is as TMDB sent it is not here.
        """
        return self._field_languages or {}


class RecordList(Decoded, list[T]):
    """An answer that is an array: a list that also has ``raw``, ``drift`` and ``extras``.

    An element that is of no use is left out of the list, named in :attr:`drift` (``list[Country]``) and kept in
    :attr:`extras` by its place (``[3]``).
    """
