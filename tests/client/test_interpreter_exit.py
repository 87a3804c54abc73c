"""A client at the end of the interpreter."""

from __future__ import annotations

import os
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
        timeout=300,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "5\n" * calls, "")


FORKED_WHILE_CLOSING = """
import os, sys, threading, httpx
from tmdbfusion_scrapy import TMDBClient
closing, go_on = threading.Event(), threading.Event()
class Transport(httpx.MockTransport):
    def close(self):
        closing.set()
        go_on.wait()
client = TMDBClient("a" * 32, transport=Transport(lambda request: httpx.Response(200, json={"id": 5})))
client.movies.details(5)
closer = threading.Thread(target=client.close)
closer.start()
closing.wait()
child = os.fork()
if not child:
    sys.exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
go_on.set()
closer.join()
print(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_ends_that_was_forked_while_a_client_was_closed() -> None:
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED_WHILE_CLOSING],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "7\n", "")
