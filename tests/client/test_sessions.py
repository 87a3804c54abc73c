"""Session ids, request tokens and passwords: sent where TMDB wants them, shown nowhere."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

from tests.client.driving import Script, answer
from tests.transport.server import truncate
from tmdbfusion_scrapy.exceptions import TMDBError, ValidationError

SESSION = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"

CALLS = {
    "query": (lambda client: client.account.details(1, session_id=SESSION), "/3/account/1"),
    "path": (
        lambda client: client.guest_sessions.rated_movies(SESSION),
        f"/3/guest_session/{SESSION}/rated/movies",
    ),
    "body": (
        lambda client: client.authentication.delete_session(session_id=SESSION),
        "/3/authentication/session",
    ),
    "outside": (lambda client: client.request("GET", "new", params={"session_id": SESSION}), "/3/new"),
}

ECHOES = {
    "notice": answer(b'{"status_message":"no session %s"}' % SESSION.encode(), "401 Unauthorized"),
    "text": answer(SESSION.encode(), "500 Oops"),
    "redirect": answer(b"", "302 Found", f"Location: https://elsewhere.example/?session_id={SESSION}\r\n"),
    "no JSON": answer(b"<html>" + SESSION.encode()),
    "truncated": truncate,
}


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("place", CALLS)
def test_a_session_is_shown_nowhere(server, driver, caplog, place, echo):
    call, path = CALLS[place]
    server.scripts[path] = Script(ECHOES[echo])
    driven = driver(retries=0)
    with caplog.at_level(logging.DEBUG), pytest.raises(TMDBError) as caught:
        driven.do(call)
    seen = server.requests[0]
    assert SESSION in f"{seen.target} {seen.body!r}"
    error = caught.value
    texts = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    texts += [made.getMessage() for made in caplog.records]
    assert [text for text in texts if SESSION in text] == []
    assert error.path == path.removeprefix("/3").replace(SESSION, "***")


def test_the_client_has_a_session(server, driver):
    for path in (
        "/3/account/1",
        "/3/movie/550/account_states",
        "/3/guest_session/guest/rated/tv",
        "/3/movie/550",
    ):
        server.scripts[path] = Script(answer(b'{"id":550,"results":[]}'))
    driven = driver(session_id=SESSION, guest_session_id="guest")
    driven.do(lambda client: client.account.details(1))
    driven.do(lambda client: client.movies.account_states(550))
    driven.do(lambda client: client.movies.account_states(550, guest_session_id="other"))
    driven.do(lambda client: client.guest_sessions.rated_tv())
    driven.do(lambda client: client.movies.details(550))
    assert [seen.target for seen in server.requests] == [
        f"/3/account/1?session_id={SESSION}",
        f"/3/movie/550/account_states?session_id={SESSION}",
        "/3/movie/550/account_states?guest_session_id=other",
        "/3/guest_session/guest/rated/tv",
        "/3/movie/550",
    ]
    assert SESSION not in repr(driven.client)


def test_a_session_that_is_needed_and_not_there(server, driver):
    driven = driver()
    for call, words in (
        (lambda client: client.guest_sessions.rated_tv(), "guest_session_id is missing"),
        (lambda client: client.authentication.delete_session(), "session_id is missing"),
        (lambda client: client.account.details(1, session_id=" "), "session_id must be text"),
    ):
        with pytest.raises(ValidationError, match=words):
            driven.do(call)
    assert server.requests == []


def test_a_list_is_made_and_filled_once(server, driver):
    server.scripts["/3/list"] = Script(
        answer(b'{"success":true,"status_code":1,"list_id":5861}', "201 Created")
    )
    server.scripts["/3/list/5861/add_item"] = Script(answer(b"", "503 Busy"))
    driven = driver(session_id=SESSION, language="fr")
    made: Any = driven.do(lambda client: client.lists.create(name="Nights", description="d", language="en"))
    assert (made.list_id, made.success) == (5861, True)
    with pytest.raises(TMDBError) as caught:
        driven.do(lambda client: client.lists.add_movie(5861, media_id=550))
    # It may have been done: nothing that writes is sent twice.
    assert caught.value.status_code == 503
    assert [(seen.method, seen.target, seen.body) for seen in server.requests] == [
        ("POST", f"/3/list?session_id={SESSION}", b'{"name":"Nights","description":"d","language":"en"}'),
        ("POST", f"/3/list/5861/add_item?session_id={SESSION}", b'{"media_id":550}'),
    ]
