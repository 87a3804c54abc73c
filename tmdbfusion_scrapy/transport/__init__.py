"""The pooled httpx transports, and how a body's encoding is undone."""

from __future__ import annotations

from tmdbfusion_scrapy.transport.answer import ACCEPT_ENCODING, BodyTooLarge, read_body
from tmdbfusion_scrapy.transport.blocking import BlockingPooledTransport, BlockingTransport
from tmdbfusion_scrapy.transport.failover import FailoverTransport
from tmdbfusion_scrapy.transport.pool import DEFAULT_LIMITS, PoolStatistics
from tmdbfusion_scrapy.transport.pooled import PooledStream, PooledTransport

__all__ = [
    "ACCEPT_ENCODING",
    "DEFAULT_LIMITS",
    "BlockingPooledTransport",
    "BlockingTransport",
    "BodyTooLarge",
    "FailoverTransport",
    "PoolStatistics",
    "PooledStream",
    "PooledTransport",
    "read_body",
]
