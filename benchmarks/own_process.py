"""Scripts that run in a process of their own, and what they print; a crawl in such a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from scrapy import Spider
    from scrapy.crawler import Crawler


def run_script(
    script: Path, *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a script in a process of its own and return the last line that it prints, which is JSON.

    Args:
        script: The script.
        arguments: Its arguments.
        cwd: The folder that it runs in, by default this one.
        environment: Variables that are added to those of this process.
    """
    done = subprocess.run(
        [sys.executable, str(script.resolve()), *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        raise SystemExit(
            f"{script.name} {' '.join(arguments[:1])} ended with status {done.returncode}\n{done.stderr}"
        )
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def run_crawl(spider: type[Spider], url: str, concurrency: int, rate: float, **settings: Any) -> Crawler:
    """Crawl in this process, without a database, and return the crawler when it is done.

    Args:
        spider: The spider.
        url: Base URL of the API.
        concurrency: Requests at a time.
        rate: Requests a second; 0 for no limit.
        settings: More of Scrapy's settings.
    """
    from scrapy.crawler import AsyncCrawlerProcess
    from scrapy.settings import default_settings

    if hasattr(default_settings, "REMOTE_CONTROL_ENABLED"):
        settings["REMOTE_CONTROL_ENABLED"] = False
    process = AsyncCrawlerProcess(
        {
            "CONCURRENT_REQUESTS": concurrency,
            "CONCURRENT_REQUESTS_PER_DOMAIN": concurrency,
            "TELNETCONSOLE_ENABLED": False,
            "TMDB_API_URL": url,
            "TMDB_ACCESS_TOKEN": "benchmark",
            "TMDB_REQUESTS_PER_SECOND": rate,
            "ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None},
            **settings,
        }
    )
    crawler = process.create_crawler(spider)
    process.crawl(crawler)
    process.start()
    return crawler
