"""The app in a browser: behind its token, on loopback, with the same keys."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from textual_serve.server import Server

from dedupe.errors import OptionError
from dedupe.review.web import GuardedServer, free_port
from dedupe.workspace.decision_log import DecisionLog


@pytest.fixture
def address(workspace: Path) -> Iterator[str]:
    """Serve the app of a workspace, and read the address from what the command prints."""
    with subprocess.Popen(
        [sys.executable, "-m", "dedupe", "review", str(workspace), "--web"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("the review app is at http://127.0.0.1:")
        yield line.split()[-1]
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def test_only_the_token_opens_the_app_and_a_key_in_it_decides(
    address: str, workspace: Path
) -> None:
    place = address.partition("/?token=")[0]

    async def visit() -> None:
        async with aiohttp.ClientSession() as visitor:
            for path in ("/", "/ws", "/static/js/textual.js", "/?token=guess"):
                async with visitor.get(place + path) as answer:
                    assert answer.status == 403
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address that is a number
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.get(address, headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403
            async with browser.get(address) as answer:
                assert answer.status == 200 and "token" not in str(answer.url)
                assert "dedupe review" in await answer.text()
            evil = {"Origin": "http://evil.example"}
            async with browser.get(place, headers=evil) as answer:
                assert answer.status == 403
            async with browser.ws_connect(f"{place}/ws?width=100&height=30") as app:
                drawn = b""
                while b"probability" not in drawn:
                    message = await app.receive(timeout=30)
                    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT)
                    drawn += message.data if isinstance(message.data, bytes) else b""
                await app.send_json(["stdin", "y"])
                until = time.monotonic() + 20
                while decided(workspace) == 0 and time.monotonic() < until:
                    await asyncio.sleep(0.1)

    asyncio.run(visit())
    assert decided(workspace) == 1


def decided(workspace: Path) -> int:
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        return log.current().height


def test_a_server_that_cannot_be_guarded_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Server, "_make_app")
    with pytest.raises(OptionError, match="textual-serve"):
        GuardedServer(["dedupe", "review"]).serve()


def test_a_port_that_is_taken_is_refused() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} cannot be used"):
            free_port(port)
    assert free_port(0) > 0
