"""A terminal for a command, what came out of it, and what stands on its screen at the end."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class Terminal:
    """Runs a command whose three streams are a terminal."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], columns: int = 80
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns)
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={"TERM": "xterm-256color", "LANG": "C.UTF-8", **environment},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - Ctrl-C goes to it
        )
        os.close(theirs)
        self.output = ""

    def resize(self, columns: int) -> None:
        """Make the terminal as wide as that."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text: str) -> None:
        """Type a text; ``\\x03`` is Ctrl-C."""
        os.write(self._ours, text.encode())

    def read_until(self, is_there: Callable[[str], object], seconds: float = 60) -> str:
        """Read until the output has something, or the command has ended."""
        deadline = time.monotonic() + seconds
        while not is_there(self.output) and self._read():
            assert time.monotonic() < deadline, self.output[-3000:]
        return self.output

    def end(self) -> list[str]:
        """Read to the end and return the lines that stand on the screen, those that scrolled away included."""
        self.read_until(lambda _: False)
        self.process.wait(timeout=300)
        os.close(self._ours)
        return screen(self.output)

    def _read(self) -> bool:
        try:
            piece = os.read(self._ours, 65536)
        except OSError:
            return False
        self.output += piece.decode("utf-8", errors="replace")
        return bool(piece)


def screen(output: str) -> list[str]:
    """Return what stands on a screen without an end, after some output with the sequences that we use."""
    lines = [""]
    row = column = 0
    for sequence, number, letter, character in re.findall(r"(\x1b\[([\d;]*)([A-Za-z]))|([^\x1b])", output):
        if character == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif character == "\r":
            column = 0
        elif character:
            lines[row] = lines[row][:column].ljust(column) + character + lines[row][column + 1 :]
            column += 1
        elif letter == "A":
            row -= int(number or 1)
            assert row >= 0, output
        elif letter == "K":
            lines[row] = lines[row][:column]
        elif letter == "J":
            lines[row:] = [lines[row][:column]]
        else:
            assert letter == "m", sequence
    return [line.rstrip() for line in lines]
