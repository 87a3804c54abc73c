"""What a crash reporter sees of the errors of both clients: no secret in any local variable."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.client.driving import CONTEXT, KEY, NOTICE, TOKEN, Blocking, answer
from tests.coroutines import coroutine_test
from tests.frames import leaks
from tests.transport.server import hang, reset_early, truncate
from tmdbfusion_scrapy import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError

SESSION = "session-0123456789-of-nobody"
GUEST = "guest-9876543210-of-nobody"
PASSWORD = "pass word/of+nobody"


def first(client, method, *args, **kwargs):
    pages = client.paginate(method, *args, **kwargs)
    return next(pages) if isinstance(client, TMDBClient) else pages.__anext__()


CALLS = {
    "details": lambda client: client.movies.details(550),
    "appended": lambda client: client.movies.details(550, append_to_response=["credits"]),
    "session": lambda client: client.account.details(1, session_id=SESSION),
    "rating": lambda client: client.movies.add_rating(550, value=8.5, session_id=SESSION),
    "guest": lambda client: client.guest_sessions.rated_movies(GUEST),
    "guest by name": lambda client: client.guest_sessions.rated_movies(guest_session_id=GUEST),
    "the client's own": lambda client: client.account.details(1),
    "login": lambda client: client.authentication.create_session_from_login(
        username="me", password=PASSWORD, request_token=SESSION
    ),
    "delete": lambda client: client.authentication.delete_session(session_id=SESSION),
    "params": lambda client: client.request("GET", "account/1", params={"session_id": SESSION}),
    "json": lambda client: client.request("POST", "x", json={"session_id": SESSION, "password": PASSWORD}),
    "path": lambda client: client.request("GET", f"guest_session/{GUEST}/rated/movies"),
    "pages": lambda client: first(client, client.account.favorite_movies, 1, session_id=SESSION),
}
REFUSED = {
    "value": lambda client: client.movies.add_rating(550, value="nine", session_id=SESSION),
    "id": lambda client: client.movies.add_rating("x/y", value=8.5, session_id=SESSION),
    "unknown": lambda client: client.movies.details(550, session_id=SESSION, nonsense=1),
    "missing": lambda client: client.movies.add_rating(session_id=SESSION),
    "empty": lambda client: client.authentication.create_session_from_login(
        username="", password=PASSWORD, request_token=" "
    ),
    "params": lambda client: client.request(
        "G T", "x", params={"session_id": SESSION}, json={"password": PASSWORD}
    ),
    "json": lambda client: client.request("POST", "x", json={"password": PASSWORD, "x": object()}),
    "pages": lambda client: first(client, client.account.details, 1, session_id=SESSION),
}


@pytest.fixture
def refused_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize("token", [TOKEN, KEY], ids=["v4", "v3"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_connection_that_fails(driver, refused_port, token, call):
    client = driver(
        token=token, base_url=f"http://127.0.0.1:{refused_port}/3", retries=0, session_id=f"{SESSION}-2"
    )
    with pytest.raises(TMDBError) as caught:
        client.do(call)
    assert leaks(caught.value, token, SESSION, GUEST, PASSWORD) == []
    # What led to it is still told.
    assert caught.value.__cause__ is not None


FAILING = {
    "reset": reset_early,
    "cut short": truncate,
    "no HTTP": None,
    "unauthorized": answer(NOTICE % 7, "401 Unauthorized"),
    "busy": answer(NOTICE % 9, "503 Busy"),
    "html": answer(b"<html>"),
    "encoding": answer(b"\xff\xfe", headers="Content-Encoding: br\r\n"),
    "silence": hang,
}


async def no_http(connection, seen):
    connection.send(b"\0\1\2 nothing of the kind\r\n\r\n")


@pytest.mark.parametrize("script", FAILING.values(), ids=FAILING)
@pytest.mark.parametrize("call", ["details", "session", "rating", "login"])
@pytest.mark.parametrize("token", [TOKEN, KEY], ids=["v4", "v3"])
def test_an_exchange_that_fails(driver, server, script, call, token):
    server.script_for = lambda path: script or no_http
    client = driver(token=token, retries=0, timeout=0.1 if script is hang else 60)
    with pytest.raises(TMDBError) as caught:
        client.do(CALLS[call])
    assert leaks(caught.value, token, SESSION, GUEST, PASSWORD) == []


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_arguments_that_are_refused(driver, call):
    with pytest.raises((TMDBError, TypeError)) as caught:
        driver(session_id=f"{SESSION}-2").do(call)
    assert leaks(caught.value, TOKEN, SESSION, GUEST, PASSWORD) == []


@pytest.mark.parametrize("client", [TMDBClient, AsyncTMDBClient])
@pytest.mark.parametrize(
    "arguments",
    [
        {"token": f"{TOKEN} with more"},
        {"token": TOKEN, "max_connections": -1},
        {"api_key": f"{KEY}{KEY}"},
        {"token": TOKEN, "session_id": f"{SESSION} ", "timeout": "soon"},
        {"token": TOKEN, "session_id": 7, "guest_session_id": GUEST},
        {"token": TOKEN, "api_key": KEY},
        {"token": TOKEN, "proxy": f"socks9://me:{PASSWORD}@proxy.example"},
    ],
)
def test_a_client_that_cannot_be_made(client, arguments):
    with pytest.raises(ConfigurationError) as caught:
        client(**arguments)
    assert leaks(caught.value, TOKEN, KEY, SESSION, GUEST, PASSWORD) == []


@pytest.mark.parametrize("variable", ["TMDB_ACCESS_TOKEN", "TMDB_API_KEY"])
def test_a_token_of_the_environment_that_cannot_be_used(monkeypatch, variable):
    monkeypatch.setenv(variable, f"{TOKEN} twice")
    with pytest.raises(ConfigurationError) as caught:
        TMDBClient()
    assert leaks(caught.value, TOKEN) == []


def test_what_is_hidden_is_sent_all_the_same(server):
    server.script_for = lambda path: answer(b'{"success":true,"status_code":1,"status_message":"ok"}')
    driven = Blocking(token=TOKEN, base_url=server.url + "/3", session_id=SESSION, verify=CONTEXT)
    driven.do(CALLS["json"])
    driven.do(CALLS["rating"])
    driven.do(CALLS["path"])
    driven.stop()
    sent = server.requests
    assert sent[0].body == f'{{"password":"{PASSWORD}","session_id":"{SESSION}"}}'.encode()
    assert sent[1].query["session_id"] == SESSION
    assert sent[2].target == f"/3/guest_session/{GUEST}/rated/movies"


@pytest.mark.parametrize("token", [TOKEN, KEY], ids=["v4", "v3"])
@coroutine_test
async def test_a_call_that_is_cancelled(server, token):
    server.script_for = lambda path: hang
    arguments = {"base_url": f"{server.url}/3", "verify": CONTEXT, "requests_per_second": None}
    async with AsyncTMDBClient(token, **arguments) as client:
        with pytest.raises(asyncio.TimeoutError) as caught:
            await asyncio.wait_for(client.account.details(1, session_id=SESSION), 0.1)
    # What is not the transport's shows nothing.
    assert leaks(caught.value, token, SESSION, where="/tmdbfusion_scrapy/client/") == []
    assert leaks(caught.value, token, SESSION, where="/tmdbfusion_scrapy/api/") == []
    assert leaks(caught.value, token, SESSION) == []
