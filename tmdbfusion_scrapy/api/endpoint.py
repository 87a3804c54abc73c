"""An endpoint, declared once.

An :class:`Endpoint` is a descriptor on a namespace class. Which executor the namespace belongs to decides
what a call gives back: the record (``TMDBClient``), an awaitable of it (``AsyncTMDBClient``), or a
``scrapy.Request`` (``spider.tmdb``). The parameters and the record type are the same in all three, for type
checkers too.
"""

from __future__ import annotations

import inspect
import re
import typing
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, cast, overload
from urllib.parse import unquote

from tmdbfusion_scrapy.api.appending import with_translations
from tmdbfusion_scrapy.api.call import Asked, Call, Place, Secret, escape_segment
from tmdbfusion_scrapy.api.parameters import (
    SECRET_PARAMETERS,
    Parameter,
    check_appends,
    check_change_span,
    check_languages,
    choose_check,
    find_choices,
    find_ruled_out,
    write_value,
)
from tmdbfusion_scrapy.credentials import hidden, with_hidden
from tmdbfusion_scrapy.exceptions import ValidationError
from tmdbfusion_scrapy.models.paging import Paged

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from tmdbfusion_scrapy.api.catalogue import (
        Asynchronous,
        Blocking,
        Crawling,
        Namespace,
        RequestMaker,
    )

P = ParamSpec("P")
M = TypeVar("M")

_NUMBER = re.compile(r"[0-9]+(-[^/]*)?|tt[0-9]+")
"""A number in a path; TMDB takes the rest of a web page's address after it, and IMDb's id of a movie."""

_LEADING_NUMBER = re.compile(r"[0-9]+(?=-|$)")

_BLANKED = {"language", "region"}
"""Empty text in a call stands for TMDB's own default of these, whatever the client holds."""


class Endpoint(Generic[P, M]):
    """One operation of TMDB's API.

    Args:
        function: Declares parameters, return type and docstring.
        method: HTTP method.
        path: Path below the base URL with ``{names}`` of path parameters.
        operation_id: TMDB's operationId in its OpenAPI document.
        body: Parameters that are sent in the JSON body, as Python name to TMDB's name.
        echoes: Path parameters that the answer repeats, with the place of each in the record; as of
            :class:`~tmdbfusion_scrapy.api.call.Asked`.
    """

    def __init__(
        self,
        function: Callable[P, M],
        *,
        method: str,
        path: str,
        operation_id: str,
        body: Mapping[str, str] = MappingProxyType({}),
        echoes: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.function = function
        self.method = method
        self.path = path
        self.operation_id = operation_id
        self.body = body
        self.echoes = echoes
        self.name = function.__name__
        self.namespace = ""
        self.kind = ""
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type[Namespace[Any]], name: str) -> None:
        self.name = name
        self.namespace = owner.name
        self.kind = owner.kind

    def __repr__(self) -> str:
        return f"<Endpoint {self.operation_id}: {self.method} /{self.path}>"

    @cached_property
    def model(self) -> type[M]:
        """The record type of the answer."""
        return cast("type[M]", typing.get_type_hints(self.function)["return"])

    @property
    def is_details(self) -> bool:
        """Return whether the answer is the record of one thing, of the namespace's ``kind``."""
        return self.name == "details" and bool(self.kind)

    @property
    def is_paged(self) -> bool:
        """Return whether the answer is one page of a list, chosen by the parameter ``page``."""
        model: Any = typing.get_origin(self.model) or self.model
        return "page" in self.parameters and isinstance(model, type) and issubclass(model, Paged)

    def require_pages(self) -> None:
        """Refuse to be read page by page.

        Raises:
            TypeError: It has no pages, or TMDB does not say how many.
        """
        if self.is_paged:
            return
        if "page" in self.parameters:
            raise TypeError(
                f"TMDB does not say how many pages {self.namespace}.{self.name}() has: "
                f"call it without paginate(), with page=1 and so on"
            )
        raise TypeError(f"{self.namespace}.{self.name}() has no pages: call it without paginate()")

    @cached_property
    def signature(self) -> inspect.Signature:
        """The parameters and the return type, as text."""
        return inspect.signature(self.function)

    @cached_property
    def call_signature(self) -> inspect.Signature:
        """The parameters and the return type, as types."""
        return inspect.signature(self.function, eval_str=True)

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """The parameters by their names in Python."""
        hints = typing.get_type_hints(self.function)
        in_path = set(re.findall(r"{(\w+)}", self.path))
        found = {}
        for name, parameter in self.signature.parameters.items():
            place: Place = "path" if name in in_path else "body" if name in self.body else "query"
            found[name] = Parameter(
                name=name,
                key=self.body.get(name) or re.sub(r"_(gte|lte)$", r".\1", name),
                place=place,
                required=parameter.default is inspect.Parameter.empty,
                default=parameter.default if parameter.default is not inspect.Parameter.empty else None,
                choices=find_choices(hints[name]),
                checked=choose_check(name, hints[name], place),
            )
        return found

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Python names by TMDB's names that differ from them."""
        return {p.key: p.name for p in self.parameters.values() if p.key != p.name}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Pattern of the paths of this endpoint."""
        return re.compile("/" + re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))

    @cached_property
    def _numbers(self) -> frozenset[str]:
        """The path parameters that are whole numbers."""
        hints = typing.get_type_hints(self.function)
        return frozenset(name for name in self._pattern.groupindex if hints[name] is int)

    def read_path(self, method: str, path: str) -> Mapping[str, str] | None:
        """Return the path parameters of a call with this method and escaped path, not escaped.

        ``None`` where it is no call of this endpoint.
        """
        if method != self.method:
            return None
        match = self._pattern.fullmatch(path)
        if match is None or not all(_NUMBER.fullmatch(match[name]) for name in self._numbers):
            return None
        values = {name: unquote(value) for name, value in match.groupdict().items()}
        return None if {".", ".."} & set(values.values()) else values

    def make_call(
        self,
        values: Mapping[str, str],
        query: Mapping[str, str],
        *,
        secrets: tuple[Secret, ...] = (),
        **more: Any,
    ) -> Call[M]:
        """Return the call with what was checked already.

        Raises:
            ValidationError: A path parameter would reach another endpoint.
        """
        path = f"/{self.path}"
        for secret in secrets:
            if secret.place == "path":
                path = path.replace(f"{{{secret.key}}}", Secret.MASK, 1)
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", escape_segment(name, value), 1)
        return Call(
            self.method,
            path,
            query,
            self.model,
            operation_id=self.operation_id,
            values=values,
            secrets=secrets,
            asked=self._asked(values) if self.echoes else (),
            **more,
        )

    def _asked(self, values: Mapping[str, str]) -> tuple[Asked, ...]:
        """The ids and numbers in a path that the answer must repeat."""
        found = []
        for name, place in self.echoes.items():
            value = values.get(name)
            if value and name not in self._numbers:
                found.append(Asked(name, place, value))
            elif value and (number := _LEADING_NUMBER.match(value)):
                found.append(Asked(name, place, int(number[0])))
        return tuple(found)

    def call(self, defaults: Mapping[str, Any], /, *args: P.args, **kwargs: P.kwargs) -> Call[M]:
        """Bind arguments to a call.

        Args:
            defaults: Values for parameters that the call does not give, by name (``language``, ``region``,
                ``languages``, ``session_id``, ``guest_session_id``). Names that the endpoint does not have are
                passed over.
            args: The endpoint's own arguments. ``language`` and ``region`` as empty text are TMDB's own defaults,
                whatever ``defaults`` has.
            kwargs: The endpoint's own arguments; TMDB's dotted names are taken as well.

        Raises:
            TypeError: An argument is unknown or missing.
            ValidationError: TMDB would refuse a value.
        """
        arguments = self._complete(self._bind(args, kwargs), defaults)
        languages = check_languages("languages", arguments.pop("languages", None))
        if languages:
            arguments["language"] = languages[0]
        values: dict[str, str] = {}
        query: dict[str, str] = {}
        body: dict[str, Any] = {}
        secrets: list[Secret] = []
        appends: tuple[str, ...] = ()
        for name, given in arguments.items():
            parameter = self.parameters[name]
            value = parameter.check(given)
            if name in SECRET_PARAMETERS:
                secrets.append(Secret(parameter.key, parameter.place, value))
            elif name == "append_to_response":
                appends = value
            elif parameter.place == "path":
                values[name] = write_value(name, value)
            elif parameter.place == "body":
                body[parameter.key] = value
            elif (text := write_value(name, value)) or isinstance(value, str):
                query[parameter.key] = text
            else:
                raise ValidationError(f"{name} is empty: leave it out, or give it a value")
        if "start_date" in query:
            check_change_span(query["start_date"], query.get("end_date"))
        return self.make_call(
            values,
            query,
            secrets=tuple(secrets),
            body=body if self.body else None,
            appends=with_translations(appends, languages) if languages else appends,
            languages=languages,
        )

    def hide(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments of a call with the secrets among them hidden from ``repr``."""
        if args and self._secret_places:
            args = tuple(
                hidden(value) if place in self._secret_places else value for place, value in enumerate(args)
            )
        return args, with_hidden(kwargs) if kwargs else kwargs

    @cached_property
    def _secret_places(self) -> frozenset[int]:
        """Positions of secrets among the arguments without names."""
        return frozenset(place for place, name in enumerate(self._positional) if name in SECRET_PARAMETERS)

    @cached_property
    def _positional(self) -> tuple[str, ...]:
        """The parameters that may be given without their names."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        return tuple(p.name for p in self.signature.parameters.values() if p.kind is kind)

    @cached_property
    def _may_lack(self) -> frozenset[str]:
        """The parameters that are left out where neither the call nor the client gives them."""
        return frozenset(
            p.name
            for p in self.parameters.values()
            if p.place == "query" and not p.required and p.default is None
        )

    @cached_property
    def _required(self) -> frozenset[str]:
        return frozenset(p.name for p in self.parameters.values() if p.required)

    def _bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments by their names in Python."""
        names = self._names
        given = {names.get(name, name): value for name, value in kwargs.items()} if names else kwargs
        if len(given) != len(kwargs):
            raise TypeError(f"{self.namespace}.{self.name}(): an argument was given under both of its names")
        bound = {**dict(zip(self._positional, args, strict=False)), **given}
        fits = (
            len(bound) == len(args) + len(given) and self._required <= bound.keys() <= self.parameters.keys()
        )
        if not fits:
            # Slower than what is above, and it knows the words for what is wrong.
            try:
                self.signature.bind(*args, **given)
            except TypeError as error:
                raise TypeError(f"{self.namespace}.{self.name}(): {error}") from None
        return bound

    def _complete(self, given: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments and the defaults that stand for those not given, without what is ``None``."""
        if given.get("append_to_response") is not None:
            # Looked into twice, and it may be an iterator.
            given["append_to_response"] = check_appends("append_to_response", given["append_to_response"])
        ruled_out = find_ruled_out(self.parameters, given, defaults)
        arguments: dict[str, Any] = {}
        for name, parameter in self.parameters.items():
            value = given.get(name)
            if value is None and name in self._may_lack and defaults.get(name) is None:
                continue
            is_secret = name in SECRET_PARAMETERS
            # What is written down at TMDB is the caller's to say: a list's language is not that of the answers.
            if value is None and name not in ruled_out and (parameter.place != "body" or is_secret):
                value = defaults.get(name, parameter.default)
            elif value == "" and name in _BLANKED and parameter.place == "query":
                continue
            if value is not None or parameter.required:
                arguments[name] = value
            elif parameter.place == "path" or (parameter.place == "body" and is_secret):
                raise ValidationError(
                    f"{name} is missing: give it to the call, or to the client as its default"
                )
        return arguments

    @overload
    def __get__(self, obj: None, owner: Any) -> Endpoint[P, M]: ...
    @overload
    def __get__(self, obj: Namespace[Blocking], owner: Any) -> Callable[P, M]: ...
    @overload
    def __get__(self, obj: Namespace[Asynchronous], owner: Any) -> Callable[P, Coroutine[Any, Any, M]]: ...
    @overload
    def __get__(self, obj: Namespace[Crawling], owner: Any) -> RequestMaker[P]: ...
    def __get__(self, obj: Namespace[Any] | None, owner: Any) -> Any:
        return self if obj is None else obj.bind(self)


class BoundEndpoint:
    """Calls an endpoint by an executor, and shows itself as a method does, to ``help()`` and to an IDE."""

    def __init__(
        self,
        endpoint: Endpoint[..., Any],
        execute: Callable[..., Any],
        owner: str,
        signature: inspect.Signature | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.execute = execute
        self.__name__ = endpoint.name
        self.__qualname__ = f"{owner}.{endpoint.namespace}.{endpoint.name}"
        self.__module__ = endpoint.function.__module__
        self.__doc__ = endpoint.__doc__
        self.__signature__ = signature or endpoint.call_signature
        if inspect.iscoroutinefunction(execute):
            # Python 3.12 and later let an object say that it is one, too.
            getattr(inspect, "markcoroutinefunction", _leave)(self)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Make the call."""
        args, kwargs = self.endpoint.hide(args, kwargs)
        return self.execute(self.endpoint, *args, **kwargs)

    def __get__(self, obj: object, owner: type | None = None) -> BoundEndpoint:
        # It is bound already. To inspect, a callable with __get__ is a routine, which help() shows with signature.
        return self

    def __repr__(self) -> str:
        return f"<{self.__qualname__}: {self.endpoint.method} /{self.endpoint.path}>"


def _leave(method: Any) -> Any:
    return method


def _declare(
    method: str, path: str, operation_id: str, **more: Mapping[str, str]
) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Return what makes an endpoint of a function."""
    return lambda function: Endpoint(function, method=method, path=path, operation_id=operation_id, **more)


def get(
    path: str, *, operation_id: str, echoes: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Declare a GET endpoint; ``echoes`` as of :class:`Endpoint`."""
    return _declare("GET", path, operation_id, echoes=echoes)


def post(
    path: str, *, operation_id: str, body: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Declare a POST endpoint; ``body`` names the parameters that go into it, by TMDB's names."""
    return _declare("POST", path, operation_id, body=body)


def delete(
    path: str, *, operation_id: str, body: Mapping[str, str] = MappingProxyType({})
) -> Callable[[Callable[P, M]], Endpoint[P, M]]:
    """Declare a DELETE endpoint; ``body`` as of :func:`post`."""
    return _declare("DELETE", path, operation_id, body=body)
