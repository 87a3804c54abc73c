"""Where a request leads, by its URL."""

from __future__ import annotations

import httpx
import pytest

from tmdbfusion_scrapy.transport.outgoing import prepare


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        # Punycode that the package idna refuses to decode: an emoji.
        ("http://xn--i-7iq.ws/", "xn--i-7iq.ws", 80),
        ("https://bücher.example/", "xn--bcher-kva.example", 443),
        ("http://foo_bar.example:8080/", "foo_bar.example", 8080),
        ("http://[::1]/", "::1", 80),
    ],
)
def test_a_host_is_taken_as_it_is_sent(url, host, port):
    # With a stream httpx works out no Host header, for which it would decode the name itself.
    origin = prepare(httpx.Request("GET", url, stream=httpx.ByteStream(b"")), None).origin
    assert (origin.host, origin.port) == (host, port)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/movie/1", "http:///movie/1"])
def test_what_leads_nowhere(url):
    with pytest.raises(httpx.UnsupportedProtocol):
        prepare(httpx.Request("GET", url), None)
