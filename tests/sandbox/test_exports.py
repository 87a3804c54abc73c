"""The daily ID exports."""

from __future__ import annotations

import gzip
import json
import ssl
import zlib
from datetime import date, datetime, timezone
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tmdbfusion_scrapy.sandbox import SandboxOptions, ThreadedSandbox
from tmdbfusion_scrapy.sandbox.files import Exports
from tmdbfusion_scrapy.sandbox.population import Clock
from tmdbfusion_scrapy.sandbox.service import World

pytestmark = pytest.mark.once

FIELDS = {
    "movie_ids": {"adult", "id", "original_title", "popularity", "video"},
    "tv_series_ids": {"id", "original_name", "popularity"},
    "person_ids": {"adult", "id", "name", "popularity"},
    "collection_ids": {"id", "name"},
    "tv_network_ids": {"id", "name"},
    "keyword_ids": {"id", "name"},
    "production_company_ids": {"id", "name"},
}
KIND_OF = {
    "movie_ids": "movie",
    "tv_series_ids": "tv",
    "person_ids": "person",
    "collection_ids": "collection",
    "tv_network_ids": "network",
    "keyword_ids": "keyword",
    "production_company_ids": "company",
}
DATE = "06_01_2026"
CONTEXT = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(sandbox):
    """A client without a token, as exports need none."""
    # A context without certificates: to read those of the system takes longer than most of these tests.
    return httpx.Client(base_url=sandbox.exports_url, trust_env=False, verify=CONTEXT)


@pytest.fixture(scope="module")
def sandbox():
    """One for all tests that change nothing."""
    options = SandboxOptions(movies=3_000, series=500, people=800, today=date(2026, 6, 1))
    with ThreadedSandbox(options) as running:
        yield running


@pytest.fixture
def files(sandbox):
    with client_of(sandbox) as client:
        yield client


def collect(response, received):
    """Put what arrives into a bytearray, as far as it does."""
    for chunk in response.iter_raw():
        received += chunk


def read(files, name, day=DATE):
    """The lines of a file, as JSON values."""
    response = files.get(f"{name}_{day}.json.gz")
    assert response.status_code == 200
    return [json.loads(line) for line in gzip.decompress(response.content).decode().splitlines()]


def lines(files, name, day=DATE):
    """The lines of a file of all and of the adult records by id."""
    adult = read(files, f"adult_{name}", day) if name in {"movie_ids", "tv_series_ids", "person_ids"} else []
    found = [*read(files, name, day), *adult]
    assert len({line["id"] for line in found}) == len(found)
    return {line["id"]: line for line in found}


def test_the_bytes_do_not_tell_when_they_were_made(files):
    """The same options give the same bytes, and gzip would put the time into its header."""
    assert files.get(f"movie_ids_{DATE}.json.gz").content[4:8] == bytes(4)


@pytest.mark.parametrize("name", FIELDS)
def test_lines_agree_with_the_records(name, files, sandbox, connect):
    client = connect(sandbox)
    found = lines(files, name)
    assert found
    for item in list(found)[:: len(found) // 40 + 1]:
        body = client.get(f"{KIND_OF[name]}/{item}").json()
        assert found[item] == {field: body[field] for field in FIELDS[name]}


def test_files_hold_exactly_the_ids_that_exist(files, sandbox):
    assert sorted(lines(files, "movie_ids")) == sandbox.movie_ids
    assert sorted(lines(files, "tv_series_ids")) == sandbox.series_ids
    assert sorted(lines(files, "person_ids")) == sandbox.person_ids


def test_adult_records_are_in_files_of_their_own(files):
    for name in ("movie_ids", "person_ids"):
        assert {line["adult"] for line in read(files, name)} == {False}
        assert {line["adult"] for line in read(files, f"adult_{name}")} == {True}
    assert read(files, "adult_tv_series_ids")


def test_the_lines_are_as_tmdb_writes_them(files):
    text = gzip.decompress(files.get(f"movie_ids_{DATE}.json.gz").content).decode()
    assert text.endswith("}\n")
    for line in text.splitlines()[:200]:
        assert line == json.dumps(json.loads(line), separators=(",", ":"), ensure_ascii=False)
        assert list(json.loads(line)) == ["adult", "id", "original_title", "popularity", "video"]


def test_headers(files):
    response = files.get(f"movie_ids_{DATE}.json.gz")
    headers = response.headers
    assert "content-encoding" not in headers
    assert headers["content-type"] == "application/gzip"
    assert headers["accept-ranges"] == "bytes"
    assert int(headers["content-length"]) == len(response.content)
    modified = parsedate_to_datetime(headers["last-modified"])
    assert modified == datetime(2026, 6, 1, 7, 19, 28, tzinfo=timezone.utc)
    head = files.head(f"movie_ids_{DATE}.json.gz")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "last-modified"):
        assert head.headers[name] == headers[name]


def test_what_is_known_is_not_sent_again(files):
    path = f"movie_ids_{DATE}.json.gz"
    first = files.get(path)
    for headers in (
        {"If-None-Match": first.headers["etag"]},
        {"If-Modified-Since": first.headers["last-modified"]},
    ):
        assert files.get(path, headers=headers).status_code == 304
    for headers in (
        {"If-None-Match": '"other"'},
        {"If-Modified-Since": "Sun, 31 May 2026 00:00:00 GMT"},
        {"If-Modified-Since": "nonsense"},
    ):
        assert files.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("asked", "first", "end"),
    [
        ("bytes=0-99", 0, 100),
        ("bytes=100-", 100, None),
        ("bytes=-50", -50, None),
        ("bytes=10-99999999", 10, None),
        ("bytes=0-", 0, None),
    ],
)
def test_ranges(asked, first, end, files):
    path = f"tv_series_ids_{DATE}.json.gz"
    whole = files.get(path)
    part = files.get(path, headers={"Range": asked})
    assert part.status_code == 206
    assert part.content == whole.content[first:end]
    size = len(whole.content)
    start = first % size
    assert part.headers["content-range"] == f"bytes {start}-{start + len(part.content) - 1}/{size}"
    for known in ("etag", "last-modified"):
        headers = {"Range": asked, "If-Range": whole.headers[known]}
        assert files.get(path, headers=headers).status_code == 206
    changed = files.get(path, headers={"Range": asked, "If-Range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=50-10", "bytes=-0"])
def test_ranges_that_are_not_there(asked, files):
    response = files.get(f"tv_series_ids_{DATE}.json.gz", headers={"Range": asked})
    assert response.status_code == 416
    assert response.headers["content-range"].startswith("bytes */")


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=0-1,5-6", "bytes=x-"])
def test_ranges_that_nobody_understands_are_ignored(asked, files):
    response = files.get(f"tv_series_ids_{DATE}.json.gz", headers={"Range": asked})
    assert response.status_code == 200


@pytest.mark.parametrize(
    "file",
    [
        "movie_ids_06_02_2026.json.gz",
        "movie_ids_02_28_2026.json.gz",
        "movie_ids_02_30_2026.json.gz",
        "movie_ids_2026_06_01.json.gz",
        "movie_ids_06_01_2026.json",
        "season_ids_06_01_2026.json.gz",
        "adult_keyword_ids_06_01_2026.json.gz",
        "",
    ],
)
def test_what_is_not_there(file, files):
    response = files.get(file)
    assert response.status_code == 403
    assert b"AccessDenied" in response.content


def test_what_is_not_there_may_be_404(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(exports_missing=404)
    with client_of(sandbox) as files:
        assert files.get("movie_ids_06_02_2026.json.gz").status_code == 404


def test_files_of_older_days_are_kept_for_three_months(files):
    older = lines(files, "movie_ids", "03_15_2026")
    assert 0 < len(older) < len(lines(files, "movie_ids"))


def test_a_file_is_published_at_8_utc(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(today=datetime(2026, 7, 1, 7, 59, tzinfo=timezone.utc))
    with client_of(sandbox) as files:
        assert files.get("movie_ids_07_01_2026.json.gz").status_code == 403
        assert lines(files, "movie_ids", "06_30_2026")
        sandbox.advance(hours=1)
        assert sorted(lines(files, "movie_ids", "07_01_2026")) == sandbox.movie_ids


def test_from_day_to_day(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(daily_changed=0.02, daily_new=0.005, daily_gone=0.005)
    with client_of(sandbox) as files:
        first = lines(files, "movie_ids")
        sandbox.advance(days=1)
        second = lines(files, "movie_ids", "06_02_2026")
        assert first.keys() - second.keys()
        assert second.keys() - first.keys()
        kept = first.keys() & second.keys()
        assert 0 < sum(first[item]["popularity"] != second[item]["popularity"] for item in kept) < 40
        assert sorted(second) == sandbox.movie_ids
        # The file of the day before stays as it was.
        assert lines(files, "movie_ids") == first


def test_a_replay_exports_its_movies(tmp_path, tmdb_sandbox_factory):
    path = tmp_path / "movies.jsonl"
    movies = [
        {"id": 7, "title": 'A "B"', "adult": False},
        {"id": 3, "original_title": "C", "popularity": 2.5},
    ]
    path.write_text("".join(json.dumps(movie) + "\n" for movie in movies))
    sandbox = tmdb_sandbox_factory(replay=(path,))
    with client_of(sandbox) as files:
        assert read(files, "movie_ids") == [
            {"adult": False, "id": 3, "original_title": "C", "popularity": 2.5, "video": False},
            {"adult": False, "id": 7, "original_title": 'A "B"', "popularity": 0, "video": False},
        ]
        assert files.get(f"keyword_ids_{DATE}.json.gz").status_code == 403


@pytest.mark.parametrize("fault", ["truncate", "reset-body"])
def test_a_download_that_breaks_is_resumed(fault, tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(movies=20_000)
    path = f"movie_ids_{DATE}.json.gz"
    with client_of(sandbox) as files:
        whole = files.get(path).content
        sandbox.fail_next(fault, path=f"p/exports/{path}")
        received = bytearray()
        with files.stream("GET", path) as response, pytest.raises(httpx.TransportError):
            collect(response, received)
        assert int(response.headers["content-length"]) == len(whole)
        assert whole.startswith(received)
        assert len(received) <= len(whole) // 2
        if fault == "truncate":
            assert len(received) == len(whole) // 2
        rest = files.get(path, headers={"Range": f"bytes={len(received)}-"})
        assert received + rest.content == whole


def test_a_damaged_file(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()
    path = f"movie_ids_{DATE}.json.gz"
    with client_of(sandbox) as files:
        whole = files.get(path).content
        sandbox.fail_next("gzip-corrupt", path="p/exports/*")
        damaged = files.get(path).content
        assert len(damaged) == len(whole)
        with pytest.raises((zlib.error, gzip.BadGzipFile, EOFError)):
            gzip.decompress(damaged)
        assert files.get(path).content == whole


def test_other_faults_strike_exports_too(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()
    with client_of(sandbox) as files:
        sandbox.fail_next(503, path="p/exports/*")
        assert files.get(f"movie_ids_{DATE}.json.gz").status_code == 503
        sandbox.fail_next("reset", path="p/exports/*")
        with pytest.raises(httpx.TransportError):
            files.get(f"movie_ids_{DATE}.json.gz")
        # A fault for JSON bodies has nothing to spoil here.
        sandbox.fail_next("null-fields", path="p/exports/*")
        assert files.get(f"movie_ids_{DATE}.json.gz").status_code == 200


def test_exports_count_as_requests_but_not_for_the_rate_limit(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory(rate_limit=1)
    with client_of(sandbox) as files:
        assert {files.get(f"movie_ids_{DATE}.json.gz").status_code for _ in range(4)} == {200}
    assert len(sandbox.requests) == 4


def test_files_are_made_once_and_old_ones_go():
    clock = Clock(date(2026, 6, 1))
    world = World(SandboxOptions(movies=50, series=5, people=5), clock)
    exports = Exports(world.catalogues, world.entities, clock)
    days = [date(2026, 5, number) for number in range(1, 21)]
    made = [exports.file("movie_ids", day) for day in days]
    assert exports.file("movie_ids", days[-1]) == made[-1]
    assert not made[0].exists()
    assert made[-1].exists()
    folder = made[-1].parent
    exports.close()
    exports.close()
    assert not folder.exists()
