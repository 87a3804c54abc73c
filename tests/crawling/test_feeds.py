"""Records with everything appended in all of Scrapy's feeds."""

from __future__ import annotations

import csv
import json
import pickle
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.models.fields import SLASHED_KEYS, field_hints, record_in

FORMATS = {"jsonl": "jsonlines", "json": "json", "csv": "csv", "xml": "xml", "pickle": "pickle"}
CASES = {"movie-details": "/3/movie/1", "tv-series-details": "/3/tv/1", "person-details": "/3/person/1"}


def parts_of(operation: str) -> dict[str, Any]:
    """Every part that a record has a field for, with something in it."""
    model: Any = OPERATIONS[operation].model
    keys = {name: key for key, name in SLASHED_KEYS.items()}
    seasons = {f"season/{number}": {"episodes": [{"id": number}]} for number in (2, 1)}
    parts = {
        keys.get(name, name): {"id": 7}
        for name, hint in field_hints(model).items()
        if record_in(hint) and not name.startswith(("belongs_to", "last_episode", "next_episode"))
    }
    return {**parts, **(seasons if operation.startswith("tv") else {})}


class WholeSpider(TMDBSpider):
    """Asks for one record with all parts."""

    name = "whole"
    custom_settings: ClassVar = {"ITEM_PIPELINES": {"tmdbfusion_scrapy.storage.SQLPipeline": None}}

    def __init__(self, operation: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.operation = operation

    async def start(self) -> Any:
        yield self.tmdb_request(
            OPERATIONS[self.operation],
            1,
            append_to_response=list(parts_of(self.operation)),
            callback=self.parse,
        )

    def parse(self, response: Any) -> Any:
        assert response.record.missing_parts == ()
        yield response.record


@pytest.mark.parametrize("operation", CASES)
@coroutine_test
async def test_every_feed_takes_a_record_with_everything(raw_server, operation, tmp_path):
    async def answer(connection, seen):
        asked = seen.query["append_to_response"].split(",")
        found = {part: value for part, value in parts_of(operation).items() if part in asked}
        connection.respond(json.dumps({"id": 1, **found}).encode())

    raw_server.scripts[CASES[operation]] = answer
    feeds = {str(tmp_path / f"feed.{name}"): {"format": kind} for name, kind in FORMATS.items()}
    ended = await crawl(WholeSpider, settings_of(raw_server.url + "/3", FEEDS=feeds), operation=operation)
    assert ended.stats["feedexport/success_count/FileFeedStorage"] == len(FORMATS)
    feed = {name: Path(tmp_path / f"feed.{name}") for name in FORMATS}
    line = json.loads(feed["jsonl"].read_text())
    assert [line] == json.loads(feed["json"].read_text())
    assert line["changes"] is not None
    if operation.startswith("tv"):
        assert [season["season_number"] for season in line["appended_seasons"]] == [1, 2]
        assert line["appended_seasons"][1]["episodes"][0]["id"] == 2
    (row,) = csv.DictReader(feed["csv"].read_text().splitlines())
    (item,) = ET.fromstring(feed["xml"].read_text())  # noqa: S314 - our own
    assert [element.tag for element in item] == list(row) == list(line)
    assert pickle.loads(feed["pickle"].read_bytes())["id"] == 1  # noqa: S301 - our own
