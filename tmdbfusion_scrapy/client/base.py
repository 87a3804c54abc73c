"""Ground of both clients: arguments, event hooks, and what is said of a client that nobody closed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

from tmdbfusion_scrapy.api import API
from tmdbfusion_scrapy.api.catalogue import E
from tmdbfusion_scrapy.client.calls import Calls
from tmdbfusion_scrapy.client.event_hooks import check_event_hooks
from tmdbfusion_scrapy.client.options import ClientArguments, ClientOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tmdbfusion_scrapy.attempts import Observer
    from tmdbfusion_scrapy.http import httpx


class BaseClient(API[E]):
    """TMDB's API with what it takes to call it."""

    _HOW_TO_CLOSE: ClassVar[str]

    def __init__(
        self,
        execute: Callable[..., Any],
        token: str | None,
        arguments: ClientArguments,
        transport: httpx.BaseTransport | httpx.AsyncBaseTransport | None,
        *,
        is_blocking: bool,
    ) -> None:
        super().__init__(execute)
        self._options = ClientOptions.from_arguments(
            token, arguments, transport=transport, is_blocking=is_blocking
        )
        self._calls = Calls(self, self._options, transport, is_blocking=is_blocking)

    def __del__(self) -> None:
        calls: Calls | None = getattr(self, "_calls", None)
        if calls is not None and calls.is_in_use:
            warnings.warn(
                f"unclosed {self!r}: {self._HOW_TO_CLOSE}", ResourceWarning, source=self, stacklevel=2
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._options.exchange.base_url}>"

    @property
    def is_closed(self) -> bool:
        """True if the client was closed."""
        return self._calls.is_closed

    @property
    def event_hooks(self) -> dict[str, list[Callable[..., Any]]]:
        """Functions that are called with each ``request`` and ``response``, as httpx calls them; may be set.

        Raises:
            ConfigurationError: Set to something else.
        """
        return self._calls.event_hooks

    @event_hooks.setter
    def event_hooks(self, value: Mapping[str, Sequence[Callable[..., Any]]]) -> None:
        self._calls.event_hooks = check_event_hooks(value)

    @property
    def observers(self) -> list[Observer]:
        """Functions that are told of each attempt of each call when it has ended, to add to and to remove from.

        They cost less than event hooks, are told of failed attempts, too, and see no body.
        """
        return self._calls.observers
