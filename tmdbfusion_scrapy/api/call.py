"""A call of an endpoint, as data: all that is sent but base URL and credentials; and its answer, judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from tmdbfusion_scrapy.credentials import plain_text
from tmdbfusion_scrapy.exceptions import ResponseError, ValidationError, error_from_response
from tmdbfusion_scrapy.models.decoding import decode
from tmdbfusion_scrapy.models.paging import Paged
from tmdbfusion_scrapy.models.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tmdbfusion_scrapy.credentials import Credentials
    from tmdbfusion_scrapy.exceptions import Headers

M = TypeVar("M")

Place = Literal["path", "query", "body"]

JSON_TYPE = "application/json;charset=utf-8"
"""``Content-Type`` of the bodies that TMDB takes, as its OpenAPI document has it."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that lets its holder act for a user: a session id, a request token, a password.

    Args:
        key: TMDB's name of the parameter.
        place: Where it is sent.
        value: The value; no ``repr`` shows it. Empty where only its label is known.
        label: Stands for the value where that must not be kept; empty for none.
    """

    MASK: ClassVar[str] = "***"
    """Stands for a secret in a path, in URLs and messages."""

    key: str
    place: Place
    value: str = field(repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """An id or number that was asked for, and its place in the answer."""

    name: str
    place: str
    value: int | str

    def check(self, record: Record) -> None:
        """Refuse the record of another id or number; one that does not tell it is taken for the right one.

        Raises:
            ResponseError: The record tells another one.
        """
        told = list(_values_at(record, self.place))
        if not told or any(_is_same(value, self.value) for value in told):
            return
        message = (
            f"{self.name} {self.value} was asked for, and {self.place.rpartition('.')[2]} {told[0]} came"
        )
        if self.place == "id" and isinstance(self.value, int):
            message += f": TMDB may have merged {self.value} into {told[0]}, or mixed up two answers"
        error = ResponseError(message)
        error.is_other_record = True
        raise error


@dataclass(frozen=True, slots=True)
class Call(Generic[M]):
    """One call, ready to be sent but for the base URL and the credentials.

    Args:
        method: HTTP method.
        path: Escaped path below the base URL, beginning with ``/``; a secret in it is masked.
        query: Query parameters by TMDB's names, without ``append_to_response`` and secrets.
        model: The record type of the answer.
        body: What is sent as JSON, without secrets; ``None`` for no body.
        operation_id: TMDB's operationId; ``None`` for a call outside the catalogue.
        values: What stands in the path, by the endpoint's names, not escaped; secrets are not among them.
        appends: The parts of ``append_to_response``, more than one request can ask for among them.
        has_all_seasons: Whether all seasons that a series lists are parts, too.
        languages: Languages that the texts are taken from, best first; empty to leave them as TMDB sends them.
        secrets: What is added when the request leaves.
        asked: The ids and numbers in the path that the answer must repeat.
    """

    method: str
    path: str
    query: Mapping[str, str]
    model: type[M]
    body: Mapping[str, Any] | None = None
    operation_id: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    appends: tuple[str, ...] = ()
    has_all_seasons: bool = False
    languages: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = ()
    asked: tuple[Asked, ...] = ()

    def url(self, base_url: str) -> str:
        """Return the absolute URL below ``base_url``; it holds no credentials and no secret."""
        query = self.query
        if self.appends:
            query = {**query, "append_to_response": ",".join(self.appends)}
        if not query:
            return base_url + self.path
        return f"{base_url}{self.path}?{urlencode(query, quote_via=quote, safe=',/')}"

    @property
    def page(self) -> str | None:
        """Number of the page that is asked for; ``None`` for none."""
        page = self.query.get("page", "")
        return page if page.isascii() and page.isdecimal() else None

    def with_appends(self, appends: tuple[str, ...]) -> Call[M]:
        """Return the same call with other parts."""
        return replace(self, appends=appends)

    def with_page(self, number: int) -> Call[M]:
        """Return the same call for another page."""
        return replace(self, query={**self.query, "page": str(number)})

    def to_json(self) -> dict[str, Any]:
        """Return the call as JSON, pickle and msgpack can keep it, without what is empty.

        :func:`~tmdbfusion_scrapy.api.catalogue.call_from_json` is the way back: the model and so on follow
        from the operation. Of a secret there are name, place and label, never the value.

        Raises:
            TypeError: The body has a value that JSON has no form for.
        """
        kept: dict[str, Any] = {"method": self.method}
        if self.operation_id is None:
            kept["path"] = self.path
        else:
            kept["operation"] = self.operation_id
            if self.values:
                kept["values"] = dict(self.values)
        if self.query:
            kept["query"] = dict(self.query)
        if self.body is not None:
            kept["body"] = msgspec.to_builtins(self.body, str_keys=True, enc_hook=plain_text)
        if self.appends:
            kept["appends"] = list(self.appends)
        if self.has_all_seasons:
            kept["has_all_seasons"] = True
        if self.languages:
            kept["languages"] = list(self.languages)
        if self.secrets:
            kept["secrets"] = [[secret.key, secret.place, secret.label] for secret in self.secrets]
        return kept


def fill_target(target: str, secrets: Iterable[Secret], more: Mapping[str, str]) -> str:
    """Return path and query as they leave: with the secrets in their places, and with more parameters behind.

    Raises:
        ValidationError: A secret would reach another endpoint.
    """
    path, sign, query = target.partition("?")
    for secret in secrets:
        if secret.place == "path":
            path = path.replace(Secret.MASK, escape_segment(secret.key, secret.value), 1)
    added = {**values_in("query", secrets), **more} if secrets else more
    if added:
        query = "&".join(filter(None, (query, urlencode(added, quote_via=quote))))
        sign = "?"
    return f"{path}{sign}{query}"


def values_in(place: Place, secrets: Iterable[Secret]) -> dict[str, str]:
    """Return the secrets of the query or of the body by TMDB's names."""
    return {secret.key: str(secret.value) for secret in secrets if secret.place == place}


def escape_segment(name: str, text: str) -> str:
    """Escape a value so that it stays one segment of a path.

    Raises:
        ValidationError: It is empty or a dot segment, which would reach another endpoint.
    """
    if text.isalnum() and text.isascii():
        return text
    if text in ("", ".", ".."):
        raise ValidationError(f"{name} is {text!r}, which is no id: give the id that TMDB has")
    return quote(text, safe="")


def judge(
    call: Call[M],
    status: int,
    headers: Headers,
    body: bytes,
    credentials: Credentials | None = None,
    secrets: Iterable[str] = (),
) -> M:
    """Return the record in the answer to a call.

    Raises:
        TMDBError: The answer tells of a failure, or is not what was asked for; the error names call and status.
    """
    if credentials is None:
        error = error_from_response(status, headers, body)
    else:
        error = credentials.error_from_response(status, headers, body, secrets)
    if error is None:
        try:
            record = decode(body, call.model)
            check_answer(record, call.page, call.asked)
            return record
        except ResponseError as bad:
            error = bad
    error.method, error.path, error.status_code = call.method, call.path, status
    if credentials is not None:
        credentials.redacted(error, secrets)
    raise error


def check_answer(record: Any, page: str | None = None, asked: Iterable[Asked] = ()) -> None:
    """Refuse an answer that could be decoded, and is not what was asked for.

    A page without a number is taken for the one that was asked for; so is one with 0, which TMDB sends with every
    page of the tagged images of a person.

    Raises:
        ResponseError: It is a record of details without its id, the record of another id, a page with another
            number, or an object without any field.
    """
    if not isinstance(record, Record):
        return
    if record._needs_id:  # noqa: SLF001 - this is what looks at it
        if getattr(record, "id", None) is None:
            raise ResponseError("the record has no id")
    elif b"".join(record.raw[:16].split()) == b"{}":
        raise ResponseError("the body is a JSON object without any field")
    if page is not None and isinstance(record, Paged) and record.page not in (None, 0, int(page)):
        raise ResponseError(f"page {page} was asked for, and page {record.page} came")
    for one in asked:
        one.check(record)


def _values_at(record: Any, place: str) -> Iterator[Any]:
    """Yield what a field, or a field of the records in a list, holds."""
    name, _, rest = place.partition(".")
    value = getattr(record, name, None)
    if rest:
        for inner in value or ():
            yield from _values_at(inner, rest)
    elif value is not None:
        yield value


def _is_same(told: Any, asked: int | str) -> bool:
    """Return whether an answer tells what was asked for."""
    if isinstance(asked, int) and isinstance(told, str):
        return told.strip().lstrip("0") == str(asked).lstrip("0")
    return not isinstance(told, bool) and bool(told == asked)
