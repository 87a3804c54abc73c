"""Every fault as a real client meets it."""

from __future__ import annotations

import gzip
import json
import socket
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx
import pytest

from tmdbfusion_scrapy.sandbox.faults import FAULT_NAMES, RandomFaults


def raw_exchange(sandbox, path="movie/1"):
    """What the socket gives for one request until it ends: the bytes, and whether it ended with a reset."""
    url = urlsplit(sandbox.base_url)
    request = f"GET /3/{path} HTTP/1.1\r\nHost: {url.netloc}\r\nAuthorization: Bearer token\r\n\r\n"
    received = b""
    with socket.create_connection((url.hostname, url.port), timeout=60) as connection:
        connection.sendall(request.encode())
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionResetError:
            return received, True
    return received, False


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (400, 400, 18),
        ("401", 401, 7),
        (403, 403, 45),
        (404, 404, 34),
        (422, 422, 5),
        (429, 429, 25),
        (500, 500, 11),
        (502, 502, 43),
        (503, 503, 9),
        (504, 504, 24),
    ],
)
def test_a_status_comes_once_with_tmdb_s_body(fault, status, code, client, tmdb_sandbox):
    tmdb_sandbox.fail_next(fault)
    response = client.get("movie/1")
    assert response.status_code == status
    assert response.json()["status_code"] == code
    assert response.json()["success"] is False
    assert "retry-after" not in response.headers
    assert client.get("movie/1").status_code == 200


def test_retry_after_in_seconds_and_as_a_date(client, tmdb_sandbox):
    tmdb_sandbox.fail_next("429-retry-after")
    tmdb_sandbox.fail_next("429-http-date")
    assert client.get("movie/1").headers["retry-after"] == "1"
    response = client.get("movie/1")
    assert response.status_code == 429
    assert parsedate_to_datetime(response.headers["retry-after"]).timestamp() >= time.time() - 1


def test_own_status_headers_and_body(client, tmdb_sandbox):
    tmdb_sandbox.fail_next(418, body={"odd": 1}, headers={"X-Odd": "yes", "Content-Type": "application/odd"})
    tmdb_sandbox.fail_next(200, body="not json")
    tmdb_sandbox.fail_next(503, body=b"")
    response = client.get("movie/1")
    assert (response.status_code, response.json()) == (418, {"odd": 1})
    assert (response.headers["x-odd"], response.headers["content-type"]) == ("yes", "application/odd")
    assert client.get("movie/1").text == "not json"
    response = client.get("movie/1")
    assert (response.status_code, response.content) == (503, b"")


def test_times_and_path(client, tmdb_sandbox):
    tmdb_sandbox.fail_next(500, times=2, path="movie/2")
    tmdb_sandbox.fail_next(503, path="/3/movie/*")
    assert client.get("configuration").status_code == 200
    assert client.get("movie/1").status_code == 503
    assert [client.get("movie/2").status_code for _ in range(3)] == [500, 500, 200]


def test_clear_forgets_failures_requests_and_counts(client, tmdb_sandbox):
    client.get("movie/1")
    tmdb_sandbox.fail_next(500, times=5)
    tmdb_sandbox.clear()
    assert tmdb_sandbox.requests == []
    assert tmdb_sandbox.state()["requests"]["total"] == 0
    assert client.get("movie/1").status_code == 200
    assert [request.number for request in tmdb_sandbox.requests] == [1]


@pytest.mark.parametrize(
    ("fault", "options", "message"),
    [
        ("nonsense", {}, "unknown fault 'nonsense'"),
        (99, {}, "unknown fault '99'"),
        ("reset", {"body": b"x"}, "headers and body go with a status"),
        ("html", {"headers": {"a": "b"}}, "headers and body go with a status"),
        (500, {"times": 0}, "times must be at least 1"),
    ],
)
def test_wrong_failures_are_refused(fault, options, message, tmdb_sandbox):
    with pytest.raises(ValueError, match=message):
        tmdb_sandbox.fail_next(fault, **options)


def test_timeout_hangs_until_the_client_leaves(tmdb_sandbox, connect):
    client = connect(tmdb_sandbox)
    tmdb_sandbox.fail_next("timeout")
    with pytest.raises(httpx.ReadTimeout):
        client.get("movie/1", timeout=httpx.Timeout(60, read=0.2))
    assert client.get("movie/1").status_code == 200
    deadline = time.monotonic() + 300
    while tmdb_sandbox.connections.open > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert tmdb_sandbox.connections.open == 1


def test_a_hanging_request_does_not_hold_up_stop(tmdb_sandbox_factory):
    sandbox = tmdb_sandbox_factory()
    sandbox.fail_next("timeout")
    url = urlsplit(sandbox.base_url)
    with socket.create_connection((url.hostname, url.port), timeout=60) as connection:
        connection.sendall(b"GET /3/movie/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        deadline = time.monotonic() + 300
        while not sandbox.requests and time.monotonic() < deadline:
            time.sleep(0.01)
        sandbox.stop()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_reset_gives_no_byte(tmdb_sandbox):
    tmdb_sandbox.fail_next("reset")
    assert raw_exchange(tmdb_sandbox) == (b"", True)


def test_reset_in_the_middle_of_the_body(tmdb_sandbox, client):
    whole = client.get("movie/1").content
    tmdb_sandbox.fail_next("reset-body")
    received, was_reset = raw_exchange(tmdb_sandbox)
    head, _, body = received.partition(b"\r\n\r\n")
    assert was_reset
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[: len(whole) // 2]


def test_truncate_ends_before_the_announced_length(tmdb_sandbox, client):
    whole = client.get("movie/1").content
    tmdb_sandbox.fail_next("truncate")
    received, was_reset = raw_exchange(tmdb_sandbox)
    assert not was_reset
    assert received.partition(b"\r\n\r\n")[2] == whole[: len(whole) // 2]
    tmdb_sandbox.fail_next("truncate")
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("movie/1")


def test_close_idle_answers_well_and_closes_without_a_warning(tmdb_sandbox, client):
    whole = client.get("movie/1").content
    tmdb_sandbox.fail_next("close-idle")
    received, was_reset = raw_exchange(tmdb_sandbox)
    head, _, body = received.partition(b"\r\n\r\n")
    assert not was_reset
    assert b"connection: close" not in head.lower()
    assert body == whole


def test_html(tmdb_sandbox, client):
    tmdb_sandbox.fail_next("html")
    response = client.get("movie/1")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


def test_empty(tmdb_sandbox, client):
    tmdb_sandbox.fail_next("empty")
    response = client.get("movie/1")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == "0"


def test_list(tmdb_sandbox, client):
    whole = client.get("movie/1").json()
    tmdb_sandbox.fail_next("list")
    assert client.get("movie/1").json() == [whole]


def test_gzip_without_a_content_encoding(tmdb_sandbox, client):
    whole = client.get("movie/1").content
    tmdb_sandbox.fail_next("gzip-unlabelled")
    response = client.get("movie/1")
    assert "content-encoding" not in response.headers
    assert gzip.decompress(response.content) == whole


def test_damaged_gzip(tmdb_sandbox, client):
    tmdb_sandbox.fail_next("gzip-corrupt")
    with pytest.raises(httpx.DecodingError):
        client.get("movie/1")
    assert client.get("movie/1").json()["id"] == 1


def test_null_fields(tmdb_sandbox, client):
    tmdb_sandbox.fail_next("null-fields", times=2)
    movie = client.get("movie/1").json()
    assert movie.pop("id") == 1
    assert set(movie.values()) == {None}
    page = client.get("movie/popular").json()
    assert page["total_pages"] > 1
    for item in page["results"]:
        assert item.pop("id")
        assert set(item.values()) == {None}


def test_numbers_as_strings(tmdb_sandbox, client):
    movie = client.get("movie/1").json()
    tmdb_sandbox.fail_next("string-numbers")
    odd = client.get("movie/1").json()
    assert odd["id"] == "1"
    assert odd["vote_average"] == str(movie["vote_average"])
    assert odd["adult"] is movie["adult"]
    assert [genre["id"] for genre in odd["genres"]] == [str(genre["id"]) for genre in movie["genres"]]


def test_unknown_fields(tmdb_sandbox, client):
    movie = client.get("movie/1").json()
    tmdb_sandbox.fail_next("unknown-fields")
    odd = client.get("movie/1").json()
    assert odd.keys() - movie.keys() == {"sandbox_unknown"}
    assert {name: odd[name] for name in ("id", "title")} == {name: movie[name] for name in ("id", "title")}


def test_large_is_50_mb_unless_told_otherwise(tmdb_sandbox_factory, connect):
    sandbox = tmdb_sandbox_factory(large_body_bytes=3_000_001)
    assert sandbox.options.__class__().large_body_bytes == 50_000_000
    client = connect(sandbox)
    movie = client.get("movie/1").json()
    sandbox.fail_next("large")
    response = client.get("movie/1")
    assert len(response.content) == int(response.headers["content-length"]) > 3_000_001
    body = response.json()
    assert len(body.pop("sandbox_padding")) == 3_000_001
    assert body == movie


def test_a_client_may_leave_in_the_middle_of_a_large_body(tmdb_sandbox, client):
    tmdb_sandbox.fail_next("large")
    with client.stream("GET", "movie/1") as response:
        assert int(response.headers["content-length"]) > 50_000_000
    assert client.get("movie/1").status_code == 200


def test_no_fault_is_untested_here():
    tested = {
        "timeout", "reset", "reset-body", "truncate", "close-idle", "gzip-unlabelled", "gzip-corrupt", "large",
        "html", "empty", "list", "null-fields", "string-numbers", "unknown-fields", "429-retry-after",
        "429-http-date",
    }  # fmt: skip
    assert {name for name in FAULT_NAMES if not name.isdecimal()} == tested


def test_random_faults_depend_on_the_seed_and_the_number_alone():
    probabilities = {"reset": 0.1, "500": 0.2}
    first, again, other = (
        [failure and failure.fault for failure in map(RandomFaults(probabilities, seed).choose, range(2000))]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert 140 <= first.count("reset") <= 260
    assert 320 <= first.count("500") <= 480


def test_random_faults_strike_requests(tmdb_sandbox_factory, connect):
    statuses = []
    for _ in range(2):
        client = connect(tmdb_sandbox_factory(faults={"500": 0.3, "html": 0.2}))
        responses = [client.get("movie/1") for _ in range(40)]
        statuses.append([(response.status_code, response.text[:1]) for response in responses])
    assert statuses[0] == statuses[1]
    assert {status for status, _ in statuses[0]} == {200, 500}
    assert "<" in {start for _, start in statuses[0]}


def test_faults_show_in_the_state(tmdb_sandbox, client):
    tmdb_sandbox.fail_next("html")
    tmdb_sandbox.fail_next(500)
    for _ in range(3):
        client.get("movie/1")
    address = tmdb_sandbox.base_url.removesuffix("/3") + "/_sandbox/state"
    state = json.loads(client.get(address).content)
    assert state == tmdb_sandbox.state()
    assert state["requests"]["by_path"] == {"GET /3/movie/{id}": {"200": 1, "500": 1, "html": 1}}
