"""Numbers that depend on their key alone: the same on every machine and Python version."""

from __future__ import annotations

from base64 import b64encode
from hashlib import blake2b
from struct import Struct
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_SIXTEEN = Struct("<16I").unpack
_FIVE = Struct("<5I").pack


class Draws:
    """An endless row of 32 bit numbers, read from BLAKE2b in counter mode.

    ``random.Random`` promises the same numbers in the next Python version for ``random()`` only, and seeding one
    costs more than a whole record needs.
    """

    __slots__ = ("_at", "_block", "_key", "_numbers")

    def __init__(self, *key: object) -> None:
        self._key = ":".join(map(str, key)).encode()
        self._block = 0
        self._numbers: tuple[int, ...] = ()
        self._at = 16

    def number(self) -> int:
        """The next number, 0 to 2**32 - 1."""
        at = self._at
        if at == 16:
            self._numbers = _SIXTEEN(blake2b(b"%b/%d" % (self._key, self._block)).digest())
            self._block += 1
            at = 0
        self._at = at + 1
        return self._numbers[at]

    def unit(self) -> float:
        """A number in [0, 1)."""
        return self.number() / 4294967296

    def below(self, bound: int) -> int:
        """A whole number in [0, bound)."""
        return self.number() * bound >> 32

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return low + (self.number() * (high - low + 1) >> 32)

    def pick(self, choices: Sequence[T]) -> T:
        """One of the choices."""
        return choices[self.number() * len(choices) >> 32]

    def chance(self, probability: float) -> bool:
        """True with the probability."""
        return self.number() < probability * 4294967296

    def identifier(self) -> str:
        """24 hexadecimal digits, as TMDB's credit and video ids have."""
        return f"{self.number():08x}{self.number():08x}{self.number():08x}"

    def image(self, suffix: str = ".jpg") -> str:
        """A file path of an image: a slash, 27 letters and digits, the suffix."""
        number = self.number
        raw = _FIVE(number(), number(), number(), number(), number())
        return f"/{b64encode(raw, b'qZ')[:27].decode()}{suffix}"

    def timestamp(self, first_year: int = 2012, last_year: int = 2025) -> str:
        """A moment such as ``2018-06-09T17:51:53.359Z``."""
        return (
            f"{self.between(first_year, last_year)}-{self.between(1, 12):02}-{self.between(1, 28):02}"
            f"T{self.below(24):02}:{self.below(60):02}:{self.below(60):02}.{self.below(1000):03}Z"
        )
