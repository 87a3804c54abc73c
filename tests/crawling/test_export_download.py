"""Fetching exports: resumed, looked at, kept for the next time."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import re
import signal
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from tests.coroutines import coroutine_test
from tests.transport.server import in_turn, truncate
from tmdbfusion_scrapy.exceptions import ServerError
from tmdbfusion_scrapy.sources import export_file
from tmdbfusion_scrapy.sources.export_file import (
    EXPORT_NAMES,
    TRIES,
    ExportDownload,
    export_client,
    read_file,
)
from tmdbfusion_scrapy.transport import PooledTransport

ROOT = Path(__file__).parents[2]
DAY = date(2026, 6, 1)
MOVIES = "movie_ids_06_01_2026.json.gz"
TAG = '"5f-1"'
# What is less than a buffer may come at the last moment, together with the end.
BROKEN_OFF = 196_608


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch):
    monkeypatch.setattr(export_file, "_FIRST_WAIT", 0.001)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "exports"


@pytest.fixture
def part(folder):
    """Where the movies are until all of them are there."""
    return folder / "movie_ids_06_01_2026.json.part"


@contextlib.asynccontextmanager
async def downloading(url, folder, timeout=30.0):
    async with export_client(PooledTransport(verify=False), timeout) as client:
        yield ExportDownload(client, url, folder)


async def fetch(url, folder, kind="movies", day=DAY):
    async with downloading(url, folder) as download:
        return await download.fetch(kind, day)


def asked(sandbox):
    """File and range of each request."""
    return [(request.path.rpartition("/")[2], request.headers.get("range")) for request in sandbox.requests]


def first_byte(range_header):
    return int(re.fullmatch(r"bytes=(\d+)-", range_header)[1])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def large_export():
    """Bytes that do not compress well: some hundred KB."""
    dice = random.Random(6)
    lines = (f'{{"id":{number},"popularity":{dice.random()}}}\n' for number in range(1, 20_001))
    return gzip.compress("".join(lines).encode())


async def has_arrived(path, size):
    """Wait until a file has so many bytes."""
    for _ in range(6000):
        if path.exists() and path.stat().st_size >= size:
            return
        await asyncio.sleep(0.005)
    pytest.fail(f"{path} has not got {size} bytes")


def serving(body, tag=TAG, *, until=None, part=None):
    """A script that serves a file as TMDB's servers do; or the beginning of it, until that is on the disk."""

    async def serve(connection, seen):
        wanted, condition = seen.header("Range"), seen.header("If-Range")
        start = first_byte(wanted) if wanted and condition in (None, tag) else 0
        headers = f"ETag: {tag}\r\n" if tag else ""
        if start >= len(body):
            connection.respond(b"", status="416 Range Not Satisfiable", headers=headers)
            return
        status = "200 OK"
        if start:
            status = "206 Partial Content"
            headers += f"Content-Range: bytes {start}-{len(body) - 1}/{len(body)}\r\n"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) - start}\r\n{headers}\r\n"
        connection.send(head.encode() + body[start:until])
        if until is not None:
            if part is None:
                await connection.hang()
            await has_arrived(part, until)
            connection.transport.close()

    return serve


@coroutine_test
async def test_every_kind(tmdb_sandbox_factory, folder):
    sandbox = tmdb_sandbox_factory(movies=300, series=50, people=80)
    for kind, name in EXPORT_NAMES.items():
        export = await fetch(sandbox.exports_url, folder, kind)
        assert export.day == DAY
        assert export.path == folder / f"{name}_06_01_2026.json.gz"
        assert sum(1 for _ in read_file(export.path)) > 0
    assert [entry.id for entry in read_file(folder / MOVIES)] == [
        key for key in sandbox.movie_ids if key in {entry.id for entry in read_file(folder / MOVIES)}
    ]
    assert len(names(folder)) == len(EXPORT_NAMES)


@coroutine_test
async def test_nothing_secret_goes_with_it(tmdb_sandbox, folder, monkeypatch):
    monkeypatch.setenv("TMDB_ACCESS_TOKEN", "a-token")
    await fetch(tmdb_sandbox.exports_url, folder)
    (request,) = tmdb_sandbox.requests
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers
    assert request.query in ("", {})
    assert request.headers["accept-encoding"] == "identity"


@coroutine_test
async def test_a_file_is_used_again(tmdb_sandbox, folder):
    first = await fetch(tmdb_sandbox.exports_url, folder)
    assert await fetch(tmdb_sandbox.exports_url, folder) == first
    assert asked(tmdb_sandbox) == [(MOVIES, None)]


@coroutine_test
async def test_a_file_that_a_power_cut_spoiled_is_fetched_again(tmdb_sandbox, folder):
    export = await fetch(tmdb_sandbox.exports_url, folder)
    whole = export.path.read_bytes()
    for spoiled in (b"", whole[:-100], bytes(len(whole))):
        export.path.write_bytes(spoiled)
        assert (await fetch(tmdb_sandbox.exports_url, folder)).path.read_bytes() == whole
    assert asked(tmdb_sandbox) == [(MOVIES, None)] * 4


@coroutine_test
async def test_files_of_other_days_are_removed(tmdb_sandbox, folder):
    folder.mkdir()
    old = ["movie_ids_05_30_2026.json.gz", "movie_ids_05_31_2026.json.part", "movie_ids_05_31_2026.json.etag"]
    others = ["adult_movie_ids_05_30_2026.json.gz", "person_ids_05_30_2026.json.gz", "notes.txt"]
    for name in old + others:
        (folder / name).write_bytes(b"")
    await fetch(tmdb_sandbox.exports_url, folder)
    assert names(folder) == sorted([MOVIES, *others])


@coroutine_test
async def test_a_day_that_is_not_published_means_the_day_before(tmdb_sandbox_factory, folder, monkeypatch):
    for status, ahead in ((403, 1), (404, 2)):
        sandbox = tmdb_sandbox_factory(exports_missing=status)
        monkeypatch.setattr(export_file, "newest_day", lambda now, by=ahead: DAY + timedelta(days=by))
        export = await fetch(sandbox.exports_url, folder, day=None)
        assert export.day == DAY
        assert len(asked(sandbox)) == ahead + 1
        export.path.unlink()


@coroutine_test
async def test_no_day_is_published(tmdb_sandbox, folder, monkeypatch):
    monkeypatch.setattr(export_file, "newest_day", lambda now: DAY + timedelta(days=3))
    with pytest.raises(ServerError, match=r"no export movie_ids_06_04_2026.json.gz .* the 2 days before"):
        await fetch(tmdb_sandbox.exports_url, folder, day=None)
    assert len(asked(tmdb_sandbox)) == 3


@pytest.mark.parametrize("day", [DAY + timedelta(days=1), DAY - timedelta(days=120)])
@coroutine_test
async def test_a_day_that_was_asked_for_and_is_not_there(tmdb_sandbox, folder, day):
    with pytest.raises(ServerError, match="give another -a day=") as caught:
        await fetch(tmdb_sandbox.exports_url, folder, day=day)
    assert f"{day:%m_%d_%Y}" in str(caught.value)
    assert len(asked(tmdb_sandbox)) == 1


@pytest.mark.parametrize("fault", ["truncate", "reset-body"])
@coroutine_test
async def test_a_download_that_breaks_off_goes_on(tmdb_sandbox_factory, folder, fault):
    sandbox = tmdb_sandbox_factory(movies=5000)
    whole = (await fetch(sandbox.exports_url, folder)).path.read_bytes()
    (folder / MOVIES).unlink()
    sandbox.clear()
    sandbox.fail_next(fault, times=2, path="p/exports/*")
    export = await fetch(sandbox.exports_url, folder)
    assert export.path.read_bytes() == whole
    assert names(folder) == [MOVIES]
    first, *others = sandbox.requests
    assert "range" not in first.headers
    assert len(others) == 2
    for request in others:
        # What came together with the end may be lost; nothing else is asked for twice.
        if "range" in request.headers:
            assert 0 < first_byte(request.headers["range"]) < len(whole)
            assert request.headers["if-range"]


@coroutine_test
async def test_a_damaged_file_is_fetched_as_a_whole(tmdb_sandbox_factory, folder):
    sandbox = tmdb_sandbox_factory(movies=3000)
    sandbox.fail_next("gzip-corrupt", path="p/exports/*")
    export = await fetch(sandbox.exports_url, folder)
    assert sum(1 for _ in read_file(export.path)) > 2000
    assert asked(sandbox) == [(MOVIES, None)] * 2


@pytest.mark.parametrize("fault", [500, 503, 429, "reset"])
@coroutine_test
async def test_a_fault_that_passes(tmdb_sandbox, folder, fault):
    tmdb_sandbox.fail_next(fault, times=TRIES - 1, path="p/exports/*")
    assert (await fetch(tmdb_sandbox.exports_url, folder)).day == DAY
    assert len(tmdb_sandbox.requests) >= TRIES


@pytest.mark.parametrize("fault", [503, "reset", "gzip-corrupt"])
@coroutine_test
async def test_a_fault_that_stays(tmdb_sandbox, folder, fault):
    tmdb_sandbox.fail_next(fault, times=100, path="p/exports/*")
    with pytest.raises(ServerError, match=f"cannot fetch .*{MOVIES}, {TRIES} times: .+"):
        await fetch(tmdb_sandbox.exports_url, folder)
    assert not (folder / MOVIES).exists()


@coroutine_test
async def test_a_server_that_says_nothing(tmdb_sandbox, folder, monkeypatch):
    monkeypatch.setattr(export_file, "TRIES", 2)
    tmdb_sandbox.fail_next("timeout", times=2, path="p/exports/*")
    async with downloading(tmdb_sandbox.exports_url, folder, timeout=0.05) as download:
        with pytest.raises(ServerError, match=r"2 times: .+"):
            await download.fetch("movies", DAY)


@coroutine_test
async def test_only_what_is_missing_is_asked_for(raw_server, folder, part):
    body = large_export()
    raw_server.scripts[f"/{MOVIES}"] = in_turn(
        serving(body, until=100_000, part=part), serving(body, until=180_000, part=part), serving(body)
    )
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert [request.header("Range") for request in raw_server.requests] == [
        None, "bytes=100000-", "bytes=180000-",
    ]  # fmt: skip
    assert [request.header("If-Range") for request in raw_server.requests] == [None, TAG, TAG]


@coroutine_test
async def test_what_was_there_before_a_stop_is_not_fetched_again(raw_server, folder, part):
    body = large_export()
    raw_server.scripts[f"/{MOVIES}"] = serving(body, until=BROKEN_OFF)
    task = asyncio.ensure_future(fetch(raw_server.url, folder))
    await has_arrived(part, BROKEN_OFF)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    raw_server.scripts[f"/{MOVIES}"] = serving(body)
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert raw_server.requests[-1].header("Range") == f"bytes={BROKEN_OFF}-"
    assert len(raw_server.requests) == 2


@coroutine_test
async def test_what_was_there_before_a_kill_is_not_fetched_again(raw_server, folder, part):
    body = large_export()
    raw_server.scripts[f"/{MOVIES}"] = serving(body, until=BROKEN_OFF)
    code = (
        "import asyncio, datetime, sys\n"
        "from pathlib import Path\n"
        "from tests.crawling.test_export_download import fetch\n"
        "asyncio.run(fetch(sys.argv[1], Path(sys.argv[2])))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code, raw_server.url, str(folder)], cwd=ROOT)  # noqa: ASYNC220
    try:
        await has_arrived(part, BROKEN_OFF)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    raw_server.scripts[f"/{MOVIES}"] = serving(body)
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert raw_server.requests[-1].header("Range") == f"bytes={BROKEN_OFF}-"
    assert raw_server.requests[-1].header("If-Range") == TAG


@coroutine_test
async def test_a_file_that_was_replaced_meanwhile_comes_as_a_whole(raw_server, folder, part):
    old, new = large_export(), gzip.compress(b'{"id":1}\n' * 50_000)
    raw_server.scripts[f"/{MOVIES}"] = in_turn(
        serving(old, until=BROKEN_OFF, part=part), serving(new, '"5f-2"')
    )
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == new
    assert [request.header("If-Range") for request in raw_server.requests] == [None, TAG]


@pytest.mark.parametrize("tag", ["", 'W/"5f-1"'])
@coroutine_test
async def test_without_a_strong_etag_all_of_it_comes_again(raw_server, folder, part, tag):
    body = large_export()
    raw_server.scripts[f"/{MOVIES}"] = in_turn(
        serving(body, tag, until=BROKEN_OFF, part=part), serving(body, tag)
    )
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert [request.header("Range") for request in raw_server.requests] == [None, None]


@coroutine_test
async def test_a_file_that_was_complete_before_a_kill(raw_server, folder, part):
    body = large_export()
    folder.mkdir()
    part.write_bytes(body)
    part.with_suffix(".etag").write_text(TAG)
    raw_server.scripts[f"/{MOVIES}"] = serving(body)
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert names(folder) == [MOVIES]


@coroutine_test
async def test_a_part_that_is_longer_than_the_file(raw_server, folder, part):
    body = large_export()
    folder.mkdir()
    part.write_bytes(body + b"junk")
    part.with_suffix(".etag").write_text(TAG)
    raw_server.scripts[f"/{MOVIES}"] = serving(body)
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert [request.header("Range") is not None for request in raw_server.requests] == [True, False]


@coroutine_test
async def test_a_server_that_sends_another_part(raw_server, folder, part):
    body = large_export()

    async def wrong(connection, seen):
        connection.respond(
            body[10:], status="206 Partial Content", headers=f"Content-Range: bytes 10-{len(body) - 1}/*\r\n"
        )

    raw_server.scripts[f"/{MOVIES}"] = in_turn(
        serving(body, until=BROKEN_OFF, part=part), wrong, serving(body)
    )
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body
    assert [request.header("Range") is not None for request in raw_server.requests] == [False, True, False]


@coroutine_test
async def test_a_page_instead_of_the_file(raw_server, folder, part):
    body = large_export()

    async def page(connection, seen):
        connection.respond(b"<html>Welcome to this hotel's network</html>")

    raw_server.scripts[f"/{MOVIES}"] = in_turn(page, serving(body))
    assert (await fetch(raw_server.url, folder)).path.read_bytes() == body


@coroutine_test
async def test_redirects_without_end(raw_server, folder, part):
    async def around(connection, seen):
        connection.respond(b"", status="302 Found", headers=f"Location: /{MOVIES}\r\n")

    raw_server.scripts[f"/{MOVIES}"] = around
    with pytest.raises(ServerError, match="redirects"):
        await fetch(raw_server.url, folder)


@coroutine_test
async def test_a_client_of_ones_own(raw_server, folder, part):
    raw_server.scripts[f"/{MOVIES}"] = in_turn(truncate, serving(large_export()))
    async with httpx.AsyncClient(transport=PooledTransport(verify=False)) as client:
        export = await ExportDownload(client, raw_server.url, folder).fetch("movies", DAY)
    assert sum(1 for _ in read_file(export.path)) == 20_000
