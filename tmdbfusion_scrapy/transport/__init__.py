"""The pooled httpx transports, and how a body's encoding is undone.

The names are loaded on first use: who undoes an encoding, or makes a blocking client, does not need aiohttp.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tmdbfusion_scrapy.transport.blocking import BlockingPooledTransport
    from tmdbfusion_scrapy.transport.blocking_http2 import BlockingHttp2Transport
    from tmdbfusion_scrapy.transport.body import ACCEPT_ENCODING, BodyTooLarge, decode_body, read_body
    from tmdbfusion_scrapy.transport.failover import BlockingFailoverTransport, FailoverTransport
    from tmdbfusion_scrapy.transport.limits import DEFAULT_LIMITS, PoolStatistics
    from tmdbfusion_scrapy.transport.pooled import PooledTransport
    from tmdbfusion_scrapy.transport.streaming import PooledStream

_HOME_OF = {
    "ACCEPT_ENCODING": "body",
    "DEFAULT_LIMITS": "limits",
    "BlockingFailoverTransport": "failover",
    "BlockingHttp2Transport": "blocking_http2",
    "BlockingPooledTransport": "blocking",
    "BodyTooLarge": "body",
    "FailoverTransport": "failover",
    "PoolStatistics": "limits",
    "PooledStream": "streaming",
    "PooledTransport": "pooled",
    "decode_body": "body",
    "read_body": "body",
}

__all__ = [
    "ACCEPT_ENCODING",
    "DEFAULT_LIMITS",
    "BlockingFailoverTransport",
    "BlockingHttp2Transport",
    "BlockingPooledTransport",
    "BodyTooLarge",
    "FailoverTransport",
    "PoolStatistics",
    "PooledStream",
    "PooledTransport",
    "decode_body",
    "read_body",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value
