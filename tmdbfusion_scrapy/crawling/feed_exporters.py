"""Scrapy's exporters, with records turned into plain rows first.

Scrapy writes a dataclass within an item as Python's ``repr`` into CSV and XML, and into JSON at more than ten
times the cost. Items that are no records go through untouched.
"""

from __future__ import annotations

import dataclasses
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from scrapy.exporters import (
    CsvItemExporter,
    JsonItemExporter,
    JsonLinesItemExporter,
    XmlItemExporter,
)

from tmdbfusion_scrapy.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable

_XML_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML has no way to write: https://www.w3.org/TR/xml/#charsets."""


class RecordJsonLinesItemExporter(JsonLinesItemExporter):
    """JSON Lines: a record is an object as TMDB has it, dates as ISO 8601."""

    def export_item(self, item: Any) -> None:
        """Export an item."""
        super().export_item(_plain(item))


class RecordJsonItemExporter(JsonItemExporter):
    """A JSON array of what :class:`RecordJsonLinesItemExporter` writes."""

    def export_item(self, item: Any) -> None:
        """Export an item."""
        super().export_item(_plain(item))


class RecordCsvItemExporter(CsvItemExporter):
    """CSV: what is nested in a record is JSON text; a list of texts is joined by ``join_multivalued``."""

    def export_item(self, item: Any) -> None:
        """Export an item."""
        super().export_item(_plain(item, _cell))


class RecordXmlItemExporter(XmlItemExporter):
    """XML: a nested record is an element with its fields in it, a null an empty one."""

    def export_item(self, item: Any) -> None:
        """Export an item."""
        super().export_item(_plain(item, _content))


def _plain(item: Any, convert: Callable[[Any], Any] | None = None) -> Any:
    """A record as a mapping of its fields, each converted; any other item as it is.

    So is a record with serializers of the user's own, of which a mapping would know nothing.
    """
    kind: Any = type(item)
    if not isinstance(item, Record) or _has_serializers(kind):
        return item
    fields = msgspec.to_builtins(item)
    return fields if convert is None else {name: convert(value) for name, value in fields.items()}


@cache
def _has_serializers(kind: Any) -> bool:
    """Whether a field of a record class says how it is written, in its metadata."""
    return any("serializer" in field.metadata for field in dataclasses.fields(kind))


def _cell(value: Any) -> Any:
    """A value of a CSV row."""
    if isinstance(value, str):
        # Readers take NUL for the end of a text, and Python's own writer refuses it before 3.11.
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return [_cell(part) for part in value]
    return msgspec.json.encode(value).decode() if isinstance(value, (list, dict)) else value


def _content(value: Any) -> Any:
    """The content of an XML element."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [_content(part) for part in value]
    if isinstance(value, dict):
        if all(map(_XML_NAME.fullmatch, value)):
            return {name: _content(part) for name, part in value.items()}
        return _content(msgspec.json.encode(value).decode())
    return value
