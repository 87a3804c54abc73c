"""The token or key: which it is, where it comes from, and that nothing shows it."""

from __future__ import annotations

import html
import json
from urllib.parse import quote, quote_plus

import pytest

from tmdbfusion_scrapy.credentials import Credentials, resolve_session
from tmdbfusion_scrapy.exceptions import ConfigurationError, TMDBError

KEY = "0123456789abcdef0123456789ABCDEF"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJub3QgcmVhbCJ9.c2lnbmF0dXJl-_"


def test_a_v4_token_goes_into_the_header():
    credentials = Credentials.from_value(TOKEN, name="token")
    assert not credentials.is_v3_key
    assert credentials.headers == {"Authorization": f"Bearer {TOKEN}"}
    assert credentials.query == {}


def test_a_v3_key_goes_into_the_query():
    credentials = Credentials.from_value(KEY, name="token")
    assert credentials.is_v3_key
    assert credentials.headers == {}
    assert credentials.query == {"api_key": KEY}


@pytest.mark.parametrize("text", [KEY + "0", KEY[:-1], KEY[:-1] + "g", "0123-4567"])
def test_what_is_not_32_hexadecimal_digits_is_a_token(text):
    assert not Credentials.from_value(text, name="token").is_v3_key


def test_white_space_around_is_dropped():
    assert Credentials.from_value(f"  {TOKEN}\r\n", name="token").secret == TOKEN
    assert Credentials.from_value(f"{KEY}\n", name="token").is_v3_key


@pytest.mark.parametrize("value", ["", "   ", "\n"])
def test_empty(value):
    with pytest.raises(ConfigurationError, match=r"^the_name is empty: .*unset it"):
        Credentials.from_value(value, name="the_name")


@pytest.mark.parametrize(
    "value", [f"Bearer {TOKEN}", f"bearer {KEY}", f"Bearer\t{TOKEN}", "Bearer", "BEARER "]
)
def test_bearer_is_not_part_of_the_token(value):
    with pytest.raises(ConfigurationError, match="give the token alone") as caught:
        Credentials.from_value(value, name="the_name")
    assert_hidden(str(caught.value))


@pytest.mark.parametrize(
    "value",
    [
        f"{TOKEN}\nX-Evil: 1",
        f"{TOKEN} {TOKEN}",
        f"'{TOKEN}'",
        f'"{TOKEN}"',
        f"{TOKEN}\0",
        f"{TOKEN},",
        f"{TOKEN}é",
        "<your token>",
        "$TMDB_ACCESS_TOKEN",
        f"{KEY}&language=de",
        "x",
    ],
)
def test_malformed(value):
    with pytest.raises(ConfigurationError, match="the_name is malformed") as caught:
        Credentials.from_value(value, name="the_name")
    assert_hidden(str(caught.value))


@pytest.mark.parametrize("value", [None, 5, b"token", True])
def test_not_text(value):
    with pytest.raises(ConfigurationError, match="the_name is of type"):
        Credentials.from_value(value, name="the_name")


def test_a_token_given_as_key():
    with pytest.raises(ConfigurationError, match="not a v3 API key") as caught:
        Credentials.from_value(TOKEN, name="TMDB_API_KEY", is_v3_key=True)
    assert "TMDB_ACCESS_TOKEN" in str(caught.value)
    assert_hidden(str(caught.value))


def resolve(token: str | None = None, api_key: str | None = None, **environ: str) -> Credentials:
    return Credentials.resolve(token, api_key, environ=environ)


def test_order():
    both = {"TMDB_ACCESS_TOKEN": "from-environment", "TMDB_API_KEY": KEY}
    assert resolve("argument", KEY, **both).secret == "argument"
    assert resolve(None, KEY, **both).secret == KEY
    assert resolve(None, None, **both).secret == "from-environment"
    assert resolve(None, None, TMDB_API_KEY=KEY).secret == KEY


def test_environment_of_the_process_by_default(monkeypatch):
    monkeypatch.setenv("TMDB_API_KEY", KEY)
    assert Credentials.resolve(None, None).is_v3_key
    monkeypatch.setenv("TMDB_ACCESS_TOKEN", TOKEN)
    assert Credentials.resolve(None, None).secret == TOKEN


def test_a_v3_key_in_the_variable_of_the_token_is_recognised():
    assert resolve(TMDB_ACCESS_TOKEN=KEY).is_v3_key


def test_none_at_all():
    with pytest.raises(ConfigurationError, match="no TMDB token: set TMDB_ACCESS_TOKEN") as caught:
        Credentials.resolve(None, None, token_name="the setting TMDB_ACCESS_TOKEN", environ={})
    assert "or pass the setting TMDB_ACCESS_TOKEN" in str(caught.value)


def test_the_first_that_is_set_counts_even_when_it_is_bad():
    with pytest.raises(ConfigurationError, match="token is empty"):
        resolve("", KEY)
    with pytest.raises(ConfigurationError, match="environment variable TMDB_ACCESS_TOKEN is empty"):
        resolve(None, None, TMDB_ACCESS_TOKEN="", TMDB_API_KEY=KEY)
    with pytest.raises(ConfigurationError, match="environment variable TMDB_API_KEY is not a v3"):
        resolve(None, None, TMDB_API_KEY=TOKEN)


def assert_hidden(text: str) -> None:
    assert TOKEN not in text
    assert KEY not in text


@pytest.mark.parametrize("secret", [TOKEN, KEY])
def test_nothing_shows_the_secret(secret):
    credentials = Credentials.from_value(secret, name="token")
    for text in (
        repr(credentials),
        str(credentials),
        f"{credentials}",
        f"{[credentials]}",
        f"{credentials!a}",
    ):
        assert_hidden(text)
        assert "Credentials" in text
    with pytest.raises(AttributeError) as caught:
        credentials.secret = "x"  # type: ignore[misc]
    assert_hidden(str(caught.value))


@pytest.mark.parametrize("secret", [TOKEN, KEY])
def test_redact(secret):
    credentials = Credentials.from_value(secret, name="token")
    assert credentials.redact(f"a {secret} b?api_key={secret}") == "a *** b?api_key=***"
    assert credentials.redact("nothing in it") == "nothing in it"


PASSWORD = 'p&ss"w<ö>r d\\7'


@pytest.mark.parametrize(
    "written",
    [
        PASSWORD,
        quote(PASSWORD, safe=""),
        quote_plus(PASSWORD),
        json.dumps(PASSWORD)[1:-1],
        json.dumps(PASSWORD, ensure_ascii=False)[1:-1],
        html.escape(PASSWORD),
    ],
)
def test_other_secrets_are_redacted_however_they_are_written(written):
    credentials = Credentials.from_value(TOKEN, name="token")
    assert credentials.redact(f"{TOKEN} {written}.", [PASSWORD]) == "*** ***."
    assert credentials.redact(f"{TOKEN} {written}.") == f"*** {written}."
    assert credentials.redact_body(f"{TOKEN} é {written}.".encode(), [PASSWORD]) == "*** é ***.".encode()
    error = credentials.redacted(TMDBError(f"no {written}"), [PASSWORD])
    assert str(error) == "no ***"
    assert error.args == ("no ***",)
    exception = ValueError("it failed")
    exception.__cause__ = KeyError(f"no {written}")
    assert credentials.cleaned(exception) is exception
    cleaned = credentials.cleaned(exception, [PASSWORD])
    assert str(cleaned) == "it failed"
    assert cleaned.__cause__ is None


def test_a_secret_that_is_part_of_another_leaves_nothing_of_it():
    credentials = Credentials.from_value(TOKEN, name="token")
    assert credentials.redact("hunter22 hunter2", ["hunter2", "hunter22"]) == "*** ***"


def test_session_from_an_argument_or_the_environment():
    environ = {"TMDB_SESSION_ID": "theirs"}
    given = {"name": "session_id", "variable": "TMDB_SESSION_ID"}
    assert resolve_session("mine", **given, environ=environ) == "mine"
    assert resolve_session(None, **given, environ=environ) == "theirs"
    assert resolve_session("", **given, environ=environ) is None
    assert resolve_session(None, **given, environ={}) is None
    assert resolve_session(None, **given, environ={"TMDB_SESSION_ID": " "}) is None
    with pytest.raises(ConfigurationError, match=r"^session_id is malformed") as caught:
        resolve_session("hun ter2", **given, environ=environ)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (f"{TOKEN} {TOKEN}", "it has white space in it"),
        (f"'{TOKEN}'", "it has quotes in it"),
        (f"{TOKEN}\0", "it has control characters in it"),
        (f"{TOKEN}é", "it has letters beyond ASCII in it"),
        (f"{TOKEN},", "it has punctuation that is in no token in it"),
        ("<token>", "it has a placeholder's signs in it"),
        ("“to ken”", "it has white space and quotes in it"),
        ("x", "it is too short"),
    ],
)
def test_no_fault_is_named_that_the_token_does_not_have(value, named):
    with pytest.raises(ConfigurationError) as caught:
        Credentials.from_value(value, name="the_name")
    assert f"the_name is malformed: {named}; " in str(caught.value)
    assert_hidden(str(caught.value))
