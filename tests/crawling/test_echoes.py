"""What a server sends back or makes up: no control character and no secret reaches a log, a file or a terminal."""

from __future__ import annotations

import base64
import json
import logging
import re
from pathlib import Path

import pytest

from tests.coroutines import coroutine_test
from tests.crawling.crawls import TOKEN, MoviesSpider, crawl, failure_rows, rows, settings_of

EVIL = "\x1b[31mred\x1b]0;title\x07 \r\n2026-01-01 [root] ERROR: forged\x85\x9b31m\u202e\u2028 end"
RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e]")
PROJECT = Path(__file__).parents[2]


def answering(body, status="200 OK", headers=""):
    async def answer(connection, seen):
        connection.respond(body, status=status, headers=headers)

    return answer


def notice(status_code=11, message=EVIL):
    return json.dumps({"success": False, "status_code": status_code, "status_message": message}).encode()


ANSWERS = {
    "message": answering(notice(), "500 Oops"),
    "message 404": answering(notice(34), "404 Gone"),
    "errors": answering(json.dumps({"errors": [EVIL, EVIL]}).encode(), "422 No"),
    "raw body": answering(EVIL.encode(), "500 Oops"),
    "200": answering(EVIL.encode()),
    "location": answering(b"", "302 Found", "Location: http://x.example/\x1b[31mred\x9b\r\n"),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@coroutine_test
async def test_no_control_character_in_logs_and_failures(raw_server, caplog, answer):
    caplog.set_level(logging.DEBUG)
    raw_server.scripts["/3/movie/550"] = answer
    settings = settings_of(f"{raw_server.url}/3", RETRY_TIMES=1)
    ended = await crawl(MoviesSpider, settings, ids=[550], errors=None)
    assert len(failure_rows()) == 1
    ((message,),) = rows("SELECT message FROM tmdb_failures")
    assert message
    assert not RAW.search(message + "\n".join(map(str, ended.spider.failures)))
    assert "\n" not in message
    formatter = logging.Formatter()
    for record in caplog.records:
        assert not RAW.search(formatter.format(record))
        assert "\n2026-01-01 [root]" not in formatter.format(record)


def echoes(secret):
    encoded = base64.b64encode(secret.encode()).decode()
    movie = {"id": 550, "title": f"Echo {secret}", "overview": f"Bearer {encoded}"}
    return json.dumps(movie).encode(), f'ETag: "{secret}"\r\nX-Echo: a {secret}, b\r\nX-Other: kept\r\n'


@coroutine_test
async def test_a_token_that_comes_back_is_kept_nowhere(raw_server, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    body, headers = echoes(TOKEN)
    raw_server.scripts["/3/movie/550"] = answering(
        body, headers=f"Content-Type: application/json\r\n{headers}"
    )
    settings = settings_of(
        f"{raw_server.url}/3",
        TMDB_CONDITIONAL=True,
        HTTPCACHE_ENABLED=True,
        HTTPCACHE_DIR=str(tmp_path / "cache"),
        FEEDS={str(tmp_path / "feed.jsonl"): {"format": "jsonlines"}},
    )
    ended = await crawl(MoviesSpider, settings, ids=[550])
    (response,) = ended.spider.responses
    assert response.record.title == "Echo ***"
    assert response.headers["X-Other"] == b"kept"
    assert response.headers["X-Echo"] == b"a ***, b"
    assert rows("SELECT title, etag FROM movies") == [("Echo ***", None)]
    forms = [TOKEN.encode(), base64.b64encode(TOKEN.encode()).rstrip(b"=")]
    seen = caplog.text.encode() + repr(response.headers).encode() + response.body
    for file in tmp_path.rglob("*"):
        seen += file.read_bytes() if file.is_file() else b""
    assert (tmp_path / "tmdb.db").exists()
    assert not [form for form in forms if form in seen]


@coroutine_test
async def test_a_proxys_password_that_comes_back_is_masked(raw_server, caplog):
    caplog.set_level(logging.DEBUG)
    password = "pass-word-of-nobody"
    pair = base64.b64encode(f"me:{password}".encode()).decode()

    async def refuse(connection, seen):
        given = seen.header("Proxy-Authorization")
        assert (seen.method, given) == ("CONNECT", f"Basic {pair}")
        said = f"denied: {given} {password}"
        connection.respond(said.encode(), status=f"407 {said}", headers=f"X-Echo: {given}\r\n")

    raw_server.script_for = lambda path: refuse
    for changed, meta in (
        ({"TMDB_PROXY": f"http://me:{password}@127.0.0.1:{raw_server.ports[0]}"}, {}),
        ({}, {"proxy": f"http://me:{password}@127.0.0.1:{raw_server.ports[0]}"}),
    ):
        settings = settings_of("https://tmdb.test.localhost:9/3", RETRY_TIMES=0, **changed)
        ended = await crawl(MoviesSpider, settings, ids=[550], meta=meta, errors=None)
        told = caplog.text + "".join(map(str, rows("SELECT * FROM tmdb_failures")))
        told += "".join(str(failure.value) for failure in ended.spider.failures)
        assert "407 denied: " in told
        assert password not in told
        assert pair.rstrip("=") not in told
