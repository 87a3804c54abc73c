"""A client at the end of the interpreter."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

from tmdbfusion_scrapy.sandbox import ThreadedSandbox

BEGIN = """
import atexit, sys, threading
from tmdbfusion_scrapy import TMDBClient
client = TMDBClient("a" * 32, base_url=sys.argv[1], requests_per_second=None)
def call():
    print(client.movies.details(5).id)
"""


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with ThreadedSandbox() as sandbox:
        yield sandbox.base_url


@pytest.mark.parametrize(
    ("code", "calls"),
    [
        ("call()", 1),
        ("atexit.register(call); call()", 2),
        ("call(); atexit.register(call)", 2),
        ("atexit.register(lambda: (call(), client.close(), client.close())); call()", 2),
        ("class Owner:\n  def __del__(self): client.close()\nowner = Owner(); call()", 1),
        ("threading.Thread(target=lambda: [call() for _ in range(20)]).start()", 20),
    ],
    ids=["unclosed", "handler before", "handler after", "closed in a handler", "closed in __del__", "thread"],
)
def test_calls_until_the_interpreter_has_ended(base_url: str, code: str, calls: int) -> None:
    """All are answered, an unclosed client holds nothing up, and nothing is said."""
    run = subprocess.run(
        [sys.executable, "-c", BEGIN + code, base_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "5\n" * calls, "")
