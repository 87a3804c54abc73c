"""Where the credentials go, and where not."""

from __future__ import annotations

import httpx
import pytest

from tests.client.driving import KEY, TOKEN
from tmdbfusion_scrapy.client.exchange import AsyncCredentialTransport, BlockingCredentialTransport
from tmdbfusion_scrapy.credentials import Credentials

BASE = "https://api.example/3"


def sent(url: str, token: str, method: str = "GET", content: bytes | None = None) -> httpx.Request:
    """The request that reaches the transport below."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    credentials = Credentials.from_value(token, name="token")
    transport = BlockingCredentialTransport(httpx.MockTransport(handle), credentials, BASE)
    request = httpx.Request(method, url, content=content, extensions={"timeout": {"read": 1.0}})
    before = (request.url, request.headers.copy())
    transport.handle_request(request)
    assert (request.url, request.headers) == before
    assert seen[0].extensions == {"timeout": {"read": 1.0}}
    return seen[0]


@pytest.mark.parametrize(
    "url", [f"{BASE}/movie/550", "https://api.example:443/3/movie/550", "https://API.example/3/movie/550"]
)
def test_the_api_gets_them(url):
    assert sent(url, TOKEN).headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent(url, KEY).url.query == f"api_key={KEY}".encode()
    assert sent(url + "?language=fr", KEY).url.query == f"language=fr&api_key={KEY}".encode()


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/3/movie/550",
        "https://api.example.evil.example/3/movie/550",
        "https://api.example@evil.example/3/movie/550",
        "http://api.example/3/movie/550",
        "https://api.example:8443/3/movie/550",
    ],
)
@pytest.mark.parametrize("token", [TOKEN, KEY], ids=["v4", "v3"])
def test_no_other_server_gets_them(url, token):
    request = sent(url, token)
    assert token not in str(request.url)
    assert "Authorization" not in request.headers or token not in request.headers["Authorization"]


def test_the_body_goes_along():
    request = sent(f"{BASE}/movie/550/rating", TOKEN, "POST", b'{"value":8.5}')
    assert request.read() == b'{"value":8.5}'
    assert request.headers["Content-Length"] == "13"


def test_a_transport_can_see_that_there_is_no_body():
    assert sent(f"{BASE}/movie/550", TOKEN).content == b""


def test_both_transports_close_the_one_below():
    closed: list[str] = []

    class Below(httpx.MockTransport):
        def close(self) -> None:
            closed.append("blocking")

        async def aclose(self) -> None:
            closed.append("asyncio")

    credentials = Credentials.from_value(TOKEN, name="token")
    below = Below(lambda request: httpx.Response(200))
    BlockingCredentialTransport(below, credentials, BASE).close()
    closing = AsyncCredentialTransport(below, credentials, BASE).aclose()
    with pytest.raises(StopIteration):
        closing.send(None)
    assert closed == ["blocking", "asyncio"]
