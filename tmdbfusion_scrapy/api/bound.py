"""An endpoint bound to an executor: what ``client.movies.details`` is at run time."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from tmdbfusion_scrapy.api.endpoint import Endpoint


class BoundEndpoint:
    """Calls an endpoint by an executor, and shows itself as a method does, to ``help()`` and to an IDE.

    Args:
        endpoint: The endpoint.
        execute: Is given the endpoint and the arguments of each call.
        owner: The class that has the namespace as an attribute, for ``repr``.
        signature: Of a call; that of the endpoint by default.

    Attributes:
        endpoint: The endpoint.
        execute: The executor.
    """

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
