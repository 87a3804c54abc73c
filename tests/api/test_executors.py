"""Every operation through every executor, answered with the example of TMDB's own OpenAPI document."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import types
import typing
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.examples import TOKEN, Example, ExamplesServer, with_parts
from tests.coroutines import coroutine_test
from tests.crawling.crawls import crawl, settings_of
from tmdbfusion_scrapy import TMDBSpider
from tmdbfusion_scrapy.api import OPERATIONS
from tmdbfusion_scrapy.client import AsyncTMDBClient, TMDBClient
from tmdbfusion_scrapy.exceptions import TMDBError
from tmdbfusion_scrapy.models import Record, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from twisted.python.failure import Failure


@pytest.fixture
def server(recorded_dir) -> Iterator[ExamplesServer]:
    with ExamplesServer(recorded_dir) as running:
        yield running


def arguments(example: Example) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, positional and by name, as the catalogue names them."""
    given = {**example.values, **(example.body or {})}
    positional = []
    named = {}
    for parameter in OPERATIONS[example.operation_id].parameters.values():
        if parameter.key in given:
            value = given.pop(parameter.key)
            if parameter.place == "path":
                positional.append(value)
            else:
                named[parameter.name] = value
    assert not given, f"{example.operation_id} takes no {given}"
    return positional, named


def misfits(value: Any, hint: Any, path: str) -> Iterator[str]:
    """Values inside a record that are not of their fields' declared types."""
    origin = typing.get_origin(hint)
    if hint is Any or isinstance(hint, typing.TypeVar):
        return
    if origin in (typing.Union, types.UnionType):
        arms = typing.get_args(hint)
        if value is None and types.NoneType in arms:
            return
        tried = [list(misfits(value, arm, path)) for arm in arms if arm is not types.NoneType]
        if all(tried):
            yield from tried[0]
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: {value!r} is no list"
        else:
            for number, part in enumerate(value):
                yield from misfits(part, typing.get_args(hint)[0], f"{path}[{number}]")
    elif origin is dict:
        for key, part in value.items():
            yield from misfits(part, typing.get_args(hint)[1], f"{path}.{key}")
    elif dataclasses.is_dataclass(origin or hint):
        if type(value) is not (origin or hint):
            yield f"{path}: {type(value)} is not {hint}"
        else:
            for name, declared in declared_fields(hint):
                yield from misfits(getattr(value, name), declared, f"{path}.{name}")
    elif not (type(value) is hint or (hint is float and type(value) is int)):
        yield f"{path}: {value!r} is no {hint}"


@functools.cache
def declared_fields(hint: Any) -> list[tuple[str, Any]]:
    """Fields and types of a record, with the type parameters of a generic record filled in."""
    model = typing.get_origin(hint) or hint
    filled = typing.get_args(hint)
    hints = typing.get_type_hints(model)
    names = [field.name for field in dataclasses.fields(model)]
    return [(n, hints[n][filled] if getattr(hints[n], "__parameters__", ()) else hints[n]) for n in names]


def faults(example: Example, record: Any) -> Iterator[str]:
    """What is wrong with a record that came back."""
    model = OPERATIONS[example.operation_id].model
    yield from misfits(record, model, example.operation_id)
    for part in record if isinstance(record, list) else [record]:
        drift = getattr(part, "drift", ())
        if drift:
            yield f"{example.operation_id}: drift is {drift}"
    if record != expected(example):
        yield f"{example.operation_id}: another record"
    for name in example.parts:
        field = getattr(record, name.replace("/", "_"), None)
        if not isinstance(field, Record):
            yield f"{example.operation_id}: {name} was appended and is {field!r}"


def expected(example: Example) -> Any:
    """The record of the answer, with everything that can be appended."""
    text = with_parts(example, tuple(example.parts))
    return decode(text.encode(), OPERATIONS[example.operation_id].model)


def check(server: ExamplesServer, records: dict[str, Any]) -> None:
    """See that each operation was called as it should be and came back as its record."""
    assert [str(one) for one in server.wrong] == []
    assert {one.operation_id for one in server.received} == server.examples.keys()
    assert len(server.received) == len(server.examples) == 152
    found = [fault for name, record in records.items() for fault in faults(server.examples[name], record)]
    assert found == []
    assert records.keys() == OPERATIONS.keys()


def test_blocking_client(server):
    records = {}
    with TMDBClient(TOKEN, base_url=server.base_url, requests_per_second=None, retries=0) as client:
        for name, example in server.examples.items():
            endpoint = OPERATIONS[name]
            positional, named = arguments(example)
            call = getattr(getattr(client, endpoint.namespace), endpoint.name)
            try:
                records[name] = call(*positional, **named)
            except TMDBError as error:
                pytest.fail(f"{name}: {error}")
    check(server, records)


@coroutine_test
async def test_asyncio_client(server):
    async with AsyncTMDBClient(
        TOKEN, base_url=server.base_url, requests_per_second=None, retries=0
    ) as client:

        async def ask(example: Example) -> Any:
            endpoint = OPERATIONS[example.operation_id]
            positional, named = arguments(example)
            return await getattr(getattr(client, endpoint.namespace), endpoint.name)(*positional, **named)

        records = await client.gather(ask(example) for example in server.examples.values())
    check(server, dict(zip(server.examples, records, strict=True)))


class EverythingSpider(TMDBSpider):
    """Calls all operations."""

    name = "everything"

    def __init__(self, examples: dict[str, Example], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.examples = examples
        self.records: dict[str, Any] = {}
        self.failures: list[Failure] = []

    async def start(self) -> AsyncIterator[Any]:
        for name, example in self.examples.items():
            endpoint = OPERATIONS[name]
            positional, named = arguments(example)
            yield getattr(getattr(self.tmdb, endpoint.namespace), endpoint.name)(
                *positional,
                **named,
                callback=self.keep,
                errback=self.failures.append,
                cb_kwargs={"name": name},
            )

    def keep(self, response: Any, name: str) -> None:
        self.records[name] = response.record


@coroutine_test
async def test_spider(server):
    ended = await crawl(
        EverythingSpider,
        settings_of(server.base_url, TMDB_ACCESS_TOKEN=TOKEN, RETRY_ENABLED=False),
        examples=server.examples,
        errors=None,
    )
    assert [str(failure.value) for failure in ended.spider.failures] == []
    check(server, ended.spider.records)
    assert ended.stats["tmdb/response_status_count/200"] == 152


def test_the_server_refuses_what_is_wrong(server):
    """The checks of the server itself: without them the tests above would prove nothing."""
    with TMDBClient(TOKEN, base_url=server.base_url, requests_per_second=None, retries=0) as client:
        values = server.examples["movie-credits"].values
        for attempt, words in (
            (lambda: client.movies.credits(values["movie_id"]), "query is"),
            (lambda: client.movies.credits(9999, language="fr-CA"), "is no operation"),
            (lambda: client.request("POST", f"movie/{values['movie_id']}/credits"), "is no operation"),
            (lambda: client.lists.add_movie(101, media_id=19, session_id="a1b|session_id"), "body is"),
        ):
            with pytest.raises(TMDBError, match=words):
                attempt()
    with (
        TMDBClient("another" + TOKEN, base_url=server.base_url) as stranger,
        pytest.raises(TMDBError, match="token"),
    ):
        stranger.movies.credits(values["movie_id"], language="fr-CA")


def test_the_check_of_types_finds_misfits():
    @dataclasses.dataclass
    class Inner(Record):
        day: datetime.date | None = None

    assert not list(misfits(Inner(), Inner, "x"))
    assert list(misfits([Inner("2026-01-01")], list[Inner], "x"))
    assert list(misfits({"a": 1}, dict[str, str], "x"))
    assert list(misfits(True, int | None, "x"))
    assert not list(misfits(1, float | None, "x"))
