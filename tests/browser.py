"""A headless Chromium that tests drive through its debugging protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
"""The browser; ``None`` where there is none."""

STARTS_IN = 60.0
"""Seconds in which the browser must start."""


LOW_CONTRAST = """
(() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((one) => one / 255)
    .map((one) => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const backgroundOf = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const node of document.body.querySelectorAll("*")) {
    const own = [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim());
    if (!own || !node.checkVisibility() || node.closest("svg, :disabled")) continue;
    let opacity = 1;
    for (let one = node; one; one = one.parentElement) opacity *= getComputedStyle(one).opacity;
    const behind = backgroundOf(node);
    const text = rgb(getComputedStyle(node).color).slice(0, 3)
      .map((one, place) => one * opacity + behind[place] * (1 - opacity));
    const [dark, bright] = [light(text), light(behind)].sort((a, b) => a - b);
    if ((bright + 0.05) / (dark + 0.05) < 4.5) low.push(node.textContent.trim().slice(0, 60));
  }
  return low;
})()
"""
"""Expression: texts of the page whose contrast is less than 4.5 to 1."""


class Page:
    """The page that the browser shows."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._last = 0
        self.events: list[dict[str, Any]] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and keep the events that come before its answer."""
        self._last += 1
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive()).data)
            if message.get("id") == self._last:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)

    async def evaluate(self, expression: str) -> Any:
        """Evaluate an expression in the page."""
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def emulate(self, *, scheme: str, media: str = "screen") -> None:
        """Show the page in the light or dark scheme, on a screen or as it is printed."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.call("Emulation.setEmulatedMedia", media=media, features=features)

    async def press(self, key: str) -> None:
        """Press a key."""
        await self.call("Input.dispatchKeyEvent", type="keyDown", key=key)
        await self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    async def open(self, address: str) -> None:
        """Open a page, and wait until it is loaded."""
        await self.call("Page.navigate", url=address)
        for _ in range(400):
            if (
                await self.evaluate("document.readyState === 'complete' && location.href")
                == address
            ):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{address} was not loaded")


@asynccontextmanager
async def browser(profile: Path, *, width: int, height: int = 844) -> AsyncIterator[Page]:
    """Start the browser with a profile and a width of the window, and end it afterwards."""
    assert CHROMIUM is not None
    port_file = profile / "DevToolsActivePort"
    port_file.unlink(missing_ok=True)
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *options, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(STARTS_IN):
            while not port_file.exists() or "\n" not in port_file.read_text():
                await asyncio.sleep(0.05)
        port = port_file.read_text().split("\n")[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                target = next(one for one in await answer.json() if one["type"] == "page")
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                page = Page(socket)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await page.call(f"{domain}.enable")
                await page.call(
                    "Emulation.setDeviceMetricsOverride",
                    width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
                )  # fmt: skip
                yield page
                await page.call("Browser.close")
    finally:
        if process.returncode is None:
            try:
                async with asyncio.timeout(10):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
