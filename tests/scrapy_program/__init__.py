"""The command ``scrapy`` for tests, in a process of its own, without the second that its imports take.

A server that has imported Scrapy and this package forks for each command. The program that tests start
(`hand_over`) gives it the command with its folder, environment and open files, and ends as the command ends. Where
it is killed, the command is killed a moment later, and then its standard output is at its end. Tests of how a
process starts start `REAL` instead.
"""

from __future__ import annotations

import atexit
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).parents[2]
REAL = [sys.executable, "-m", "scrapy"]


@cache
def programs() -> str:
    """Return a folder with the program ``scrapy``, to be put first in ``PATH``; the server runs from then on."""
    # The path of a socket may have some hundred characters at most.
    folder = mkdtemp(prefix="scrapy-")
    address = f"{folder}/socket"
    maker = os.getpid()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.scrapy_program.server", address],
        # It ends with its standard input, and so with this process, however that ends.
        stdin=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert server.stdin is not None

    def stop() -> None:
        # A test that forks has it called in the child as well.
        if os.getpid() == maker:
            assert server.stdin is not None
            server.stdin.close()
            server.wait()
            shutil.rmtree(folder)

    atexit.register(stop)
    given = [sys.executable, "-IS", str(Path(__file__).parent / "hand_over.py"), address]
    program = Path(folder, "scrapy")
    program.write_text(f'#!/bin/sh\nexec {shlex.join(given)} "$@"\n', "utf-8")
    program.chmod(0o755)
    return folder


def scrapy_program() -> list[str]:
    """Return the beginning of a command of Scrapy's."""
    return [f"{programs()}/scrapy"] if hasattr(os, "pidfd_open") else REAL
