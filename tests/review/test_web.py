"""The app in a browser: behind its token, on loopback, with the same keys."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.web_runner import GracefulExit
from textual_serve.server import Server

from dedupe.errors import OptionError
from dedupe.review.web import POLL_SECONDS, GuardedServer, free_port
from dedupe.workspace.log.decision_log import DecisionLog


@pytest.fixture
def server(workspace: Path) -> Iterator[subprocess.Popen[str]]:
    """Serve the app of a workspace."""
    with subprocess.Popen(
        [sys.executable, "-m", "dedupe", "review", str(workspace), "--web"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as server:
        yield server
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


@pytest.mark.model
def test_only_the_token_opens_the_app_and_a_key_in_it_decides(
    server: subprocess.Popen[str], workspace: Path
) -> None:
    assert server.stdout is not None
    line = server.stdout.readline()
    assert line.startswith("the review app is at http://127.0.0.1:")
    address = line.split()[-1]
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
                page = await answer.text()
                assert "<title>dedupe review</title>" in page
                named = re.findall(r"(?:\w+:)?//[\w.:-]+", page)
                assert {name.partition("//")[2] for name in named if ":" in name} == {
                    place.partition("//")[2]
                }
                policy = answer.headers["Content-Security-Policy"]
                assert "'self'" in policy and place.partition("//")[2] in policy
            port = place.rpartition(":")[2]
            assert [cookie.key for cookie in jar] == [f"dedupe-review-{port}"]
            assert status_of(int(port), b"Cookie: dedupe-review-%s=\xff\xfe" % port.encode()) == 403
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
                await app.send_json(["stdin", "q"])
                while not app.closed:
                    await app.receive(timeout=30)
            async with browser.get(f"{place}/last") as answer:
                last = await answer.text()
                assert str(workspace) in last and "merged.csv" in last and "rows after" in last

    asyncio.run(visit())
    assert decided(workspace) == 1
    assert server.wait(20) == 0  # the server ends with the review
    assert server.stdout is not None and "merged.csv" in server.stdout.read()


def status_of(port: int, header: bytes) -> int:
    """Ask for the page with a header that no client would send."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        host = b"Host: 127.0.0.1:%d" % port
        connection.sendall(b"\r\n".join([b"GET / HTTP/1.1", host, header, b"", b""]))
        return int(connection.recv(100).split()[1])


def decided(workspace: Path) -> int:
    with DecisionLog(workspace / "decisions.sqlite", readonly=True) as log:
        return log.current().height


def test_a_server_that_cannot_be_guarded_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Server, "_make_app")
    with pytest.raises(OptionError, match="textual-serve"):
        GuardedServer(["dedupe", "review"]).serve()


def test_the_server_ends_once_the_last_page_is_closed() -> None:
    server = GuardedServer(["dedupe", "review"])
    server._sessions = 1

    async def close_late() -> None:
        server._end()
        await asyncio.sleep(2 * POLL_SECONDS)
        server._sessions = 0
        await asyncio.sleep(30)
        raise AssertionError("the server goes on")

    with pytest.raises(GracefulExit):
        asyncio.run(close_late())


@pytest.mark.model
def test_ctrl_c_ends_the_server(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    assert server.stdout.readline().startswith("the review app is at")


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OptionError, match=f"port {port} cannot be used"):
            free_port(port)
    assert free_port(0) > 0


def test_the_server_ends_also_if_the_app_ends_after_the_last_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dedupe.review.web.SECONDS_TO_SHOW", 0.01)
    server = GuardedServer(["true"])
    server._message_file = tmp_path / "said"
    server._message_file.write_text("The results are written.")

    async def visit() -> None:
        leave = asyncio.Event()

        async def run_app(server: Server, request: object) -> None:
            await leave.wait()

        monkeypatch.setattr(Server, "handle_websocket", run_app)
        page = asyncio.create_task(server.handle_websocket(None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        answer = await server.handle_last(None)  # type: ignore[arg-type]
        assert answer.text == "The results are written."
        await asyncio.sleep(0.1)
        leave.set()
        await page
        await asyncio.sleep(10)

    with pytest.raises(GracefulExit):
        asyncio.run(visit())
