"""Names for tests, and addresses that swallow connections."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

Address = tuple[socket.AddressFamily, str]

V4: Address = (socket.AF_INET, "127.0.0.1")
V6: Address = (socket.AF_INET6, "::1")


class Names:
    """Answers for ``socket.getaddrinfo``: the addresses of a name; no addresses for one that does not resolve.

    ``asked`` has each name that was asked for, with the family; what is not a name of these is not ours.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[Address]]) -> None:
        self.asked: list[tuple[str, int]] = []
        real = socket.getaddrinfo

        def find(host: Any, port: Any, family: int = 0, *rest: Any, **named: Any) -> Any:
            if host not in names:
                return real(host, port, family, *rest, **named)
            self.asked.append((host, family))
            found = [address for address in names[host] if family in (0, address[0])]
            if not found:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [
                (
                    kind,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (address, port, 0, 0)[: 4 if kind == socket.AF_INET6 else 2],
                )
                for kind, address in found
            ]

        monkeypatch.setattr(socket, "getaddrinfo", find)


@contextlib.contextmanager
def black_hole(address: Address = V4, port: int = 0) -> Iterator[int]:
    """Give a port where connecting neither succeeds nor fails: its backlog is full."""
    family, host = address
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family))
        try:
            listening.bind((host, port))
        except OSError as error:
            pytest.skip(f"{host} cannot be listened on here: {error}")
        listening.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket(family))
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        probe = stack.enter_context(socket.socket(family))
        probe.settimeout(0.1)
        if probe.connect_ex(listening.getsockname()) == 0:
            pytest.skip("a full backlog does not stop connections on this system")
        yield listening.getsockname()[1]
