"""Headless Chromium, told what to do by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import asyncio
import base64
import itertools
import re
import shutil
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import ClientWebSocketResponse

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_OPTIONS = (
    "--headless",
    # Chromium's own sandbox does not work for root, nor in most containers.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-port=0",
)


class Tab:
    """A page of a browser.

    Attributes:
        requests: Addresses that it has asked for.
        complaints: Errors and warnings of its console, and exceptions.
    """

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self._events: set[str] = set()
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def begin(self) -> None:
        """Open an empty page."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.call(f"{domain}.enable")

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what the browser answers."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        await self._socket.send_json(message)
        while (answer := await self._received()).get("id") != number:
            pass
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    async def show(self, url: str, *, width: int, dark: bool) -> None:
        """Show a page on a screen of this width."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.call("Emulation.setEmulatedMedia", features=features)
        self._events.clear()
        await self.call("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            await self._received()

    async def value(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def picture(self, **options: Any) -> bytes:
        """Return the page as PNG."""
        found = await self.call("Page.captureScreenshot", format="png", **options)
        return base64.b64decode(found["data"])

    async def _received(self) -> dict[str, Any]:
        """Return the next message, and note what it says."""
        message: dict[str, Any] = await asyncio.wait_for(self._socket.receive_json(), 60)
        method, params = message.get("method", ""), message.get("params", {})
        self._events.add(method)
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(str(params["args"]))
        return message


@asynccontextmanager
async def browser_tab(profile: Path) -> AsyncIterator[Tab]:
    """Run a browser with one page."""
    from aiohttp import ClientSession

    browser = await asyncio.create_subprocess_exec(
        str(BROWSER),
        *_OPTIONS,
        f"--user-data-dir={profile}",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        assert browser.stderr is not None
        address = ""
        while not address:
            line = (await asyncio.wait_for(browser.stderr.readline(), 60)).decode()
            assert line, "Chromium has ended"
            if found := re.search(r"listening on (ws://\S+)", line):
                address = found[1]
        async with ClientSession() as http, http.ws_connect(address, max_msg_size=0) as socket:
            tab = Tab(socket)
            await tab.begin()
            yield tab
    finally:
        browser.terminate()
        await browser.wait()
