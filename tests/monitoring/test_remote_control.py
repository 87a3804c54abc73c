"""``crawler.tmdb`` read by Scrapy's RemoteControl, as docs/observability.md shows it."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from scrapy.settings.default_settings import __dict__ as scrapy_defaults

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, settings_of

if "REMOTE_CONTROL_ENABLED" not in scrapy_defaults:
    pytest.skip("this Scrapy has no RemoteControl", allow_module_level=True)

JOBS = "jobs"


def ask(code):
    """Send code to the crawl whose job file is there."""
    (path,) = Path(JOBS).glob("*.json")
    job = json.loads(path.read_text("utf-8"))
    request = Request(
        f"http://127.0.0.1:{job['port']}/execute",
        data=json.dumps({"code": code}).encode(),
        headers={"Authorization": f"Bearer {job['token']}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - of ours
        return json.load(answer)


class AskedSpider(MoviesSpider):
    name = "asked"

    async def parse(self, response):
        self.answers = []
        for code in (self.code, "print(crawler.settings['TMDB_ACCESS_TOKEN'])"):
            self.answers.append(await asyncio.get_running_loop().run_in_executor(None, ask, code))
        yield response.record


@coroutine_test
async def test_what_the_page_shows(tmdb_sandbox):
    page = (Path(__file__).parents[2] / "docs" / "observability.md").read_text("utf-8")
    (AskedSpider.code,) = re.findall(r"<!-- remote control -->\n```python\n(.*?)```", page, re.DOTALL)
    settings = settings_of(tmdb_sandbox.base_url, REMOTE_CONTROL_ENABLED=True, REMOTE_CONTROL_JOBS_DIR=JOBS)
    ended = await crawl(AskedSpider, settings, ids=tmdb_sandbox.movie_ids[:1])
    told, settings = ended.spider.answers
    assert told["status"] == "ok", told
    assert json.loads(told["output"])["spider"] == "asked"
    assert TOKEN not in told["output"]
    # What the page warns of.
    assert settings["output"].strip() == TOKEN
