"""Tools that mock or record HTTP, and the page that says how they go with the clients."""

from __future__ import annotations

import asyncio
import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.client.driving import TOKEN
from tests.transport.test_failures import closed_port
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
TOOLS = {"respx": "respx", "pytest_httpx": "pytest-httpx", "vcr": "vcrpy"}


@contextmanager
def at_work(tool, request, tmp_path):
    """Have a tool take httpx's place."""
    pytest.importorskip(tool.partition(":")[0], reason=f"{tool} is not installed")
    if tool.startswith("respx"):
        import respx

        with respx.mock(using=tool.partition(":")[2] or "httpcore", assert_all_called=False) as router:
            router.route().respond(json={"id": 550, "title": "Mocked"})
            yield
    elif tool == "pytest_httpx":
        request.getfixturevalue("httpx_mock")
        yield
    else:
        import vcr

        with vcr.use_cassette(str(tmp_path / "cassette.yaml")):
            yield


def call(client):
    """Call with a client of either kind."""
    if client is TMDBClient:
        with client(TOKEN, retries=5) as made:
            return made.movies.details(550)

    async def run():
        async with client(TOKEN, retries=5) as made:
            return await made.movies.details(550)

    # Not in the thread of the test run's event loop.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, run()).result()


@pytest.mark.parametrize("client", [TMDBClient, AsyncTMDBClient])
@pytest.mark.parametrize("tool", ["respx", "respx:httpx", "pytest_httpx", "vcr"])
def test_a_call_that_a_tool_does_not_see_is_refused(client, tool, request, tmp_path):
    with at_work(tool, request, tmp_path), pytest.raises(ConfigurationError) as caught:
        call(client)
    message = str(caught.value)
    assert message.startswith(f"{TOOLS[tool.partition(':')[0]]} is at work")
    wanted = "HTTPTransport" if client is TMDBClient else "AsyncHTTPTransport"
    assert f"transport=httpx.{wanted}()" in message
    assert TOKEN not in message


def test_a_tool_that_is_only_loaded_or_has_ended_is_no_hindrance(monkeypatch):
    respx = pytest.importorskip("respx")
    with respx.mock:
        pass
    # Nobody is there to take the call, which is as good as TMDB for this.
    url = f"https://localhost:{closed_port()}/3"
    with TMDBClient(TOKEN, base_url=[url], retries=0) as client, pytest.raises(Exception, match="refused"):
        client.movies.details(550)


@pytest.mark.parametrize("tool", ["respx:httpx", "pytest_httpx", "vcr"])
def test_the_sandbox_can_be_called_beside_a_tool(tmdb_sandbox, tool, request, tmp_path):
    with at_work(tool, request, tmp_path), TMDBClient(TOKEN, base_url=tmdb_sandbox.base_url) as client:
        assert client.movies.details(1).id == 1
    assert len(tmdb_sandbox.requests) == 1


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: re.findall(r"def (test_\w+)", example)[0])
def test_the_examples_of_the_page(example, request):
    for tool, name in TOOLS.items():
        if re.search(rf"\b{tool}\b|\b{name}\b", example.replace("httpx_mock", "pytest_httpx")):
            pytest.importorskip(tool, reason=f"{name} is not installed")
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - of our documentation
    ((_, test),) = [(name, value) for name, value in names.items() if name.startswith("test_")]
    given = {name: request.getfixturevalue(name) for name in inspect.signature(test).parameters}
    # Not in the thread of the test run's event loop.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(test, **given).result()


def test_the_page_has_examples():
    assert len(EXAMPLES) == 7
