"""Ids from the command line, from a file, or from standard input as a source."""

from __future__ import annotations

import re
import sys
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tmdbfusion_scrapy.exceptions import ConfigurationError
from tmdbfusion_scrapy.sources.source import Listing, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from contextlib import AbstractContextManager

    from typing_extensions import Self

    from tmdbfusion_scrapy.sources.source import Kind, Lookup

_SHOWN = 40
_IDS_FIX = (
    "use whole numbers from 1 with commas, such as -a ids=550,551, the path of a file that has them, or - for "
    "standard input"
)


@dataclass(frozen=True)
class IdsSource(Source):
    """Records by their ids.

    Args:
        ids: TMDB's ids, each once, in the order given.
    """

    name: ClassVar[str] = "ids"
    implied_by: ClassVar = ("ids",)
    described: ClassVar = ("ids",)

    ids: tuple[int, ...]

    @classmethod
    def from_arguments(cls, given: dict[str, str], kind: Kind) -> Self:  # noqa: ARG003 - the interface
        """Return ids: numbers with commas or spaces between them, a file of them, or ``-`` for standard input.

        Raises:
            ConfigurationError: There are none, one is no id, or the file cannot be read.
        """
        text = given.pop("ids", None)
        if text is None:
            raise ConfigurationError(
                "-a source=ids needs the ids: add -a ids=550,551, the path of a file, or -"
            )
        text = str(text).strip()
        ids: dict[int, None] = {}
        try:
            with _lines(text) as lines:
                for line in lines:
                    _add_ids(ids, line.strip(), text)
        except (OSError, ValueError) as error:
            if isinstance(error, ConfigurationError):
                raise
            raise ConfigurationError(
                f"-a ids={text[:_SHOWN]} cannot be read: {error}; name a text file of ids, one or more a line"
            ) from None
        if not ids:
            raise ConfigurationError(f"-a ids={text[:_SHOWN]}: it is empty; {_IDS_FIX}")
        return cls(tuple(ids))

    def describe(self, day: str | None) -> str:  # noqa: ARG002 - the interface
        """Return in words where the ids come from."""
        return f"{len(self.ids):,} given id{'' if len(self.ids) == 1 else 's'}"

    def identify(self, arguments: Mapping[str, str]) -> Mapping[str, str]:
        """Return the arguments with a checksum behind ids that were read from somewhere."""
        text = arguments["ids"]
        return {**arguments, "ids": f"{text} ({checksum(self.ids)})"} if _are_outside(text) else arguments

    async def listing(self, lookup: Lookup) -> Listing:  # noqa: ARG002 - the interface
        """Return the ids."""
        return Listing.of_ids(self.ids)


def checksum(ids: Iterable[int]) -> str:
    """Return some text that is the same for the same ids."""
    found = 0
    for key in ids:
        found = zlib.crc32(b"%d," % key, found)
    return f"{found:08x}"


def _are_outside(text: str) -> bool:
    """Return whether ``ids`` names where the ids are, so that another time there may be others."""
    return not re.fullmatch(r"[0-9,\s]*", text) and (text.strip() == "-" or _is_file(text.strip()))


def _add_ids(ids: dict[int, None], line: str, text: str) -> None:
    """Add the ids of a line."""
    # A comma may end each line of a list.
    for part in re.split(r"\s*,\s*|\s+", line.removesuffix(",").rstrip()) if line else ():
        if not re.fullmatch(r"[0-9]{1,18}", part) or int(part) < 1:
            what = f"{part[:_SHOWN]!r} is no TMDB id" if part else "it has an empty part"
            raise ConfigurationError(f"-a ids={text[:_SHOWN]}: {what}; {_IDS_FIX}")
        ids[int(part)] = None


def _lines(text: str) -> AbstractContextManager[Iterable[str]]:
    """Open the lines of the ids, read where they are: a file may have a million."""
    if text == "-":
        return nullcontext(sys.stdin)
    if _are_outside(text):
        # Windows' editors begin a file with a mark.
        return Path(text).open(encoding="utf-8-sig")
    return nullcontext(text.splitlines())


def _is_file(text: str) -> bool:
    """Return whether there is a file of this name."""
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        # Too long for a name, or with a null in it.
        return False
