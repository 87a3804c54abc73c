"""An endpoint, declared once; and a call of it, as data.

An :class:`Endpoint` is a descriptor on a namespace class. Which executor the namespace belongs to decides
what a call gives back: the record (``TMDBClient``), an awaitable of it (``AsyncTMDBClient``), or a
``scrapy.Request`` (``spider.tmdb``). The parameters and the record type are the same in all three, for type
checkers too.
"""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload
from urllib.parse import quote, urlencode

from tmdbfusion_scrapy.api.parameters import Parameter, check_change_span, write_value
from tmdbfusion_scrapy.exceptions import ValidationError

if TYPE_CHECKING:
    from tmdbfusion_scrapy.api.namespaces import (
        AwaitableNamespace,
        BlockingNamespace,
        Namespace,
        RequestMaker,
        RequestNamespace,
    )

P = ParamSpec("P")
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Call(Generic[M]):
    """One call, ready to be sent but for the base URL and the credentials.

    Args:
        method: HTTP method.
        path: Escaped path below the base URL, beginning with ``/``.
        query: Query parameters by TMDB's names.
        model: The record type of the answer.
        body: What is sent as JSON; ``None`` for no body.
        operation_id: TMDB's operationId; ``None`` for a call outside the catalogue.
    """

    method: str
    path: str
    query: Mapping[str, str]
    model: type[M]
    body: Mapping[str, Any] | None = None
    operation_id: str | None = None

    def url(self, base_url: str) -> str:
        """Return the absolute URL below ``base_url``; it holds no credentials."""
        if not self.query:
            return base_url + self.path
        return f"{base_url}{self.path}?{urlencode(self.query, quote_via=quote, safe=',/')}"


class Endpoint(Generic[P, M]):
    """One operation of TMDB's API.

    Args:
        function: Declares parameters, return type and docstring.
        method: HTTP method.
        path: Path below the base URL with ``{names}`` of path parameters.
        operation_id: TMDB's operationId in its OpenAPI document.
        body: Parameters that are sent in the JSON body, as Python name to TMDB's name.
    """

    def __init__(
        self,
        function: Callable[P, M],
        *,
        method: str,
        path: str,
        operation_id: str,
        body: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.function = function
        self.method = method
        self.path = path
        self.operation_id = operation_id
        self.body = body
        self.name = function.__name__
        self.namespace = ""
        self.__doc__ = function.__doc__
        self._signature = inspect.signature(function)

    def __set_name__(self, owner: type[Namespace], name: str) -> None:
        self.name = name
        self.namespace = owner.kind

    def __repr__(self) -> str:
        return f"<Endpoint {self.operation_id}: {self.method} /{self.path}>"

    @cached_property
    def model(self) -> type[M]:
        """The record type of the answer."""
        return cast("type[M]", typing.get_type_hints(self.function)["return"])

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by their names in Python."""
        in_path = set(re.findall(r"{(\w+)}", self.path))
        return {
            name: Parameter(
                name=name,
                key=self.body.get(name) or re.sub(r"_(gte|lte)$", r".\1", name),
                place="path" if name in in_path else "body" if name in self.body else "query",
                required=parameter.default is inspect.Parameter.empty,
            )
            for name, parameter in self._signature.parameters.items()
        }

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Python names by TMDB's names that differ from them."""
        return {p.key: p.name for p in self.parameters.values() if p.key != p.name}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """What a path of this endpoint looks like."""
        return re.compile("/" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))

    def path_values(self, path: str) -> Mapping[str, str]:
        """Return the path parameters in a path of this endpoint, empty where it is none."""
        match = self._pattern.fullmatch(path)
        return match.groupdict() if match else {}

    def call(self, defaults: Mapping[str, str | None], /, *args: P.args, **kwargs: P.kwargs) -> Call[M]:
        """Bind arguments to a call.

        Args:
            defaults: Values for parameters that the call does not give, by name (``language``, ``region``).
                Names that the endpoint does not have are passed over.
            args: The endpoint's own arguments.
            kwargs: The endpoint's own arguments; TMDB's dotted names are taken as well.

        Raises:
            TypeError: An argument is unknown or missing.
            ValidationError: TMDB would refuse a value.
        """
        arguments = self._bind(args, kwargs)
        path = self.path
        query: dict[str, str] = {}
        body: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            value = arguments.get(name)
            if value is None and not parameter.required:
                value = defaults.get(name)
                if value is None:
                    continue
            value = parameter.check(value)
            if parameter.place == "path":
                path = path.replace(f"{{{name}}}", escape_segment(name, write_value(name, value)), 1)
            elif parameter.place == "body":
                body[parameter.key] = value
            elif (text := write_value(name, value)) or isinstance(value, str):
                # Nothing to write is an empty list, which says the same as no parameter.
                query[parameter.key] = text
        if "start_date" in query:
            check_change_span(query["start_date"], query.get("end_date"))
        return Call(self.method, "/" + path, query, self.model, body or None, self.operation_id)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arguments by their names in Python."""
        given = {self._names.get(name, name): value for name, value in kwargs.items()}
        if len(given) != len(kwargs):
            raise TypeError(f"{self.namespace}.{self.name}(): an argument was given under both of its names")
        try:
            return self._signature.bind(*args, **given).arguments
        except TypeError as error:
            raise TypeError(f"{self.namespace}.{self.name}(): {error}") from None

    @overload
    def __get__(self, obj: None, owner: type[Namespace]) -> Endpoint[P, M]: ...
    @overload
    def __get__(self, obj: BlockingNamespace, owner: type[Namespace]) -> Callable[P, M]: ...
    @overload
    def __get__(self, obj: AwaitableNamespace, owner: type[Namespace]) -> Callable[P, Awaitable[M]]: ...
    @overload
    def __get__(self, obj: RequestNamespace, owner: type[Namespace]) -> RequestMaker[P]: ...
    def __get__(self, obj: Namespace | None, owner: type[Namespace]) -> Any:
        return self if obj is None else obj.bind(self)


def escape_segment(name: str, text: str) -> str:
    """Escape a value so that it stays one segment of a path.

    Raises:
        ValidationError: It is empty or a dot segment, which would reach another endpoint.
    """
    if text in ("", ".", ".."):
        raise ValidationError(f"{name} is {text!r}, which is no id")
    return quote(text, safe="")


def get(path: str, *, operation_id: str) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Declare a GET endpoint."""

    def declare(function: Callable[P, M]) -> Endpoint[P, M]:
        return Endpoint(function, method="GET", path=path, operation_id=operation_id)

    return declare


def post(
    path: str, *, operation_id: str, body: Mapping[str, str]
) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Declare a POST endpoint; ``body`` names the parameters that go into it, by TMDB's names."""

    def declare(function: Callable[P, M]) -> Endpoint[P, M]:
        return Endpoint(function, method="POST", path=path, operation_id=operation_id, body=body)

    return declare


def delete(path: str, *, operation_id: str) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Declare a DELETE endpoint."""

    def declare(function: Callable[P, M]) -> Endpoint[P, M]:
        return Endpoint(function, method="DELETE", path=path, operation_id=operation_id)

    return declare
