"""Undocumented names of Scrapy, all of them: where a version lacks one, this says what is done without.

``tests/crawling/test_scrapy_internals.py`` fails with a Scrapy that lacks one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scrapy import Request
    from scrapy.core.engine import ExecutionEngine
    from scrapy.crawler import Crawler


def is_closing(crawler: Crawler) -> bool:
    """Return whether the spider is being closed; no signal tells before all downloads have ended.

    Without the slot of the engine it is known only after a stop of all crawls, such as Ctrl-C.
    """
    engine = _engine_of(crawler)
    if engine is None or engine.start_time is None:
        return False
    return not engine.running or getattr(getattr(engine, "_slot", None), "closing", None) is not None


def look_for_end(crawler: Crawler) -> None:
    """Make the engine look now whether the spider is idle; by itself it does every five seconds."""
    # Without an engine, or a spider that is open, there is no slot.
    next_call: Any = getattr(getattr(_engine_of(crawler), "_slot", None), "nextcall", None)
    if next_call is not None:
        next_call.schedule()


def has_environment_proxy(request: Request) -> bool:
    """Return whether ``HttpProxyMiddleware`` took the proxy of a request from the environment, by its mark."""
    return "_scheme_proxy" in request.meta


def _engine_of(crawler: Crawler) -> ExecutionEngine | None:
    """Return the engine of a crawl, ``None`` where a component is used without one."""
    try:
        return crawler.engine
    except RuntimeError:
        # Scrapy 2.18 and newer.
        return None
