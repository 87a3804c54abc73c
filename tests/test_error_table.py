"""One table of errors: a client and a crawl say the same of every exception of httpx."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import httpx
import pytest
from scrapy import exceptions as scrapys

from tests.coroutines import coroutine_test
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.crawling.errors import download_error, error_name
from tmdbfusion_scrapy.exceptions import ResponseError, ServerError, TMDBError, ValidationError
from tmdbfusion_scrapy.retrying import RetryPolicy

pytestmark = pytest.mark.once

WORDS = "what happened"


def made(cls: type[Exception]) -> Any:
    return cls(WORDS)


def classes_below(*roots: type[Exception]) -> list[type[Exception]]:
    found: dict[type[Exception], None] = {}
    waiting = list(roots)
    while waiting:
        cls = waiting.pop()
        found[cls] = None
        waiting += cls.__subclasses__()
    return sorted(found, key=lambda cls: cls.__name__)


# A status is no exception of a transport.
CLASSES = [
    cls for cls in classes_below(httpx.RequestError, httpx.InvalidURL) if cls is not httpx.HTTPStatusError
]


class Failing(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Raises what it is given, as a transport of the user's may."""

    def __init__(self, exception: Exception) -> None:
        self.exception = exception

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise self.exception

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.exception


async def errors_of(exception: Exception) -> list[TMDBError]:
    """What both clients and a crawl make of an exception."""
    options: Any = {"transport": Failing(exception), "retries": RetryPolicy(times=0)}
    with TMDBClient("token", **options) as client, pytest.raises(TMDBError) as blocking:
        await asyncio.to_thread(client.movies.details, 550)
    async with AsyncTMDBClient("token", **options) as other:
        with pytest.raises(TMDBError) as asynchronous:
            await other.movies.details(550)
    in_crawl = download_error(exception, method="GET", path="/movie/550")  # type: ignore[arg-type]
    return [blocking.value, asynchronous.value, in_crawl]


def seen(error: TMDBError) -> tuple[Any, ...]:
    return error_name(error), error.retryable, error.message, error.method, error.path, error.status_code


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@coroutine_test
async def test_clients_and_crawls_agree(cls):
    errors = await errors_of(made(cls))
    assert len({seen(error) for error in errors}) == 1
    assert WORDS in str(errors[0])
    assert isinstance(errors[2].__cause__, cls)


@pytest.mark.parametrize(
    ("exception", "error", "retryable", "scrapys_class"),
    [
        (httpx.InvalidURL(WORDS), ValidationError, False, scrapys.UnsupportedURLSchemeError),
        (httpx.UnsupportedProtocol(WORDS), ValidationError, False, scrapys.UnsupportedURLSchemeError),
        (httpx.LocalProtocolError(WORDS), ValidationError, False, ValidationError),
        (httpx.DecodingError(WORDS), ResponseError, True, ResponseError),
        (httpx.ConnectError(WORDS), ServerError, True, scrapys.DownloadConnectionRefusedError),
        (httpx.ConnectTimeout(WORDS), ServerError, True, scrapys.DownloadTimeoutError),
        (httpx.PoolTimeout(WORDS), ServerError, True, scrapys.DownloadTimeoutError),
        (httpx.ReadError(WORDS), ServerError, True, scrapys.DownloadFailedError),
        (httpx.RemoteProtocolError(WORDS), ServerError, True, scrapys.DownloadFailedError),
        (httpx.ProxyError(WORDS), ServerError, True, scrapys.DownloadFailedError),
        (httpx.TooManyRedirects(WORDS), ServerError, True, scrapys.DownloadFailedError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
@coroutine_test
async def test_the_table(exception, error, retryable, scrapys_class):
    errors = await errors_of(exception)
    assert [error_name(one) for one in errors] == [error.__name__] * 3
    assert [one.retryable for one in errors] == [retryable] * 3
    assert isinstance(errors[2], scrapys_class)


@pytest.mark.parametrize(
    ("cause", "retryable", "scrapys_class"),
    [
        (ssl.SSLCertVerificationError(WORDS), False, scrapys.DownloadConnectionRefusedError),
        (socket.gaierror(WORDS), True, scrapys.CannotResolveHostError),
    ],
    ids=["certificate", "address"],
)
@coroutine_test
async def test_the_cause_counts(cause, retryable, scrapys_class):
    exception = httpx.ConnectError(WORDS)
    exception.__cause__ = cause
    errors = await errors_of(exception)
    assert {error_name(one) for one in errors} == {"ServerError"}
    assert [one.retryable for one in errors] == [retryable] * 3
    assert isinstance(errors[2], scrapys_class)


def test_a_body_that_broke_off():
    error = download_error(httpx.RemoteProtocolError(WORDS), method="GET", path="/", in_body=True)
    assert isinstance(error, scrapys.ResponseDataLossError)
    assert (error_name(error), error.retryable) == ("ServerError", True)
