"""CSV that a spreadsheet does not run: https://owasp.org/www-community/attacks/CSV_Injection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""Beginnings that spreadsheets take for that of a formula, in full width too."""


class Writer(Protocol):
    """Writer as ``csv.writer()`` returns it."""

    def writerow(self, row: Iterable[Any], /) -> Any:
        """Write a row."""


class FormulaWriter:
    """Writes rows of CSV, with an apostrophe before each text that a spreadsheet would take for a formula.

    Numbers stay as they are, negative ones too.

    Args:
        writer: Writes what comes of it.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def writerow(self, row: Iterable[Any]) -> Any:
        """Write a row."""
        return self._writer.writerow([without_formula(value) for value in row])


def without_formula(value: Any) -> Any:
    """Return a value as a spreadsheet shows it and does not run it."""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value
