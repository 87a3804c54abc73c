"""JSON Schema and Spidermon on records, as docs/feeds.md says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import MoviesSpider, crawl, rows, settings_of
from tmdbfusion_scrapy.models import MovieDetails

PAGE = (Path(__file__).parents[2] / "docs" / "feeds.md").read_text("utf-8")
JSONSCHEMA, SPIDERMON = re.findall(r"```python\n(import (?:jsonschema|msgspec)\n.*?)```", PAGE, re.DOTALL)

STRICT = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "title": {"type": "string", "maxLength": 10},
        "release_date": {"type": ["string", "null"], "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"},
    },
    "required": ["title", "release_date"],
}


def serve(server):
    """Three movies: a good one, one without a date, and one with a title that the schema does not take."""
    movies = {1: ("Short", "2020-01-02"), 2: ("No date", ""), 3: ("A title that is too long", "2020-01-02")}
    for number, (title, date) in movies.items():
        body = json.dumps({"id": number, "title": title, "release_date": date}).encode()

        async def answer(connection, seen, body=body):
            connection.respond(body)

        server.scripts[f"/3/movie/{number}"] = answer
    return settings_of(f"{server.url}/3")


@coroutine_test
async def test_json_schema(raw_server):
    pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    names = {}
    exec(JSONSCHEMA, names)  # noqa: S102 - of our documentation
    names["SCHEMA"]["properties"].update(STRICT["properties"])
    settings = serve(raw_server) | {"ITEM_PIPELINES": {names["SchemaPipeline"]: 800}}
    await crawl(MoviesSpider, settings, ids=[1, 2, 3])
    assert rows("SELECT id FROM movies ORDER BY id") == [(1,), (2,)]


@coroutine_test
async def test_spidermon(raw_server):
    pytest.importorskip("spidermon", reason="spidermon is not installed")
    names = {}
    exec(SPIDERMON, names)  # noqa: S102 - of our documentation
    settings = serve(raw_server) | {
        "SPIDERMON_ENABLED": True,
        "ITEM_PIPELINES": {names["RecordValidationPipeline"]: 800},
        "SPIDERMON_VALIDATION_SCHEMAS": {MovieDetails: STRICT},
        "SPIDERMON_VALIDATION_DROP_ITEMS_WITH_ERRORS": True,
    }
    ended = await crawl(MoviesSpider, settings, ids=[1, 2, 3])
    assert rows("SELECT id FROM movies ORDER BY id") == [(1,), (2,)]
    assert ended.stats["spidermon/validation/items"] == 3
    assert ended.stats["spidermon/validation/items/errors"] == 1
