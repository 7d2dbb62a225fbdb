"""The review app in a browser on the same machine, served on loopback behind a token.

The page is our own: it names no address but that of the server. When the reviewer leaves the app,
its process says what it wrote in a file (:func:`tell_browser`); the page shows it, and the server
ends.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import os
import secrets
import shlex
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dedupe.errors import OptionError, needs_extra

with needs_extra("web", "review in a browser", OptionError):
    from aiohttp import web
    from aiohttp.web_runner import GracefulExit
    from textual_serve.server import Server

HOST = "127.0.0.1"

CLOSING_MESSAGE = "DEDUPE_REVIEW_CLOSING_MESSAGE"
"""Environment variable that names the file in which the app says what it wrote."""

NO_MESSAGE = "The app ended. Every decision is kept."
"""What the last page says if the app ended without a message."""

POLL_SECONDS = 0.1
"""Seconds between two looks for what the app wrote, and for pages that are open."""

SECONDS_TO_SHOW = 1.0
"""Seconds that the server goes on after it sent the last page."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GuardedServer(Server):
    """A server of the app that lets only holders of the token in.

    The token is part of the printed address. The browser then keeps it in a cookie, which requests
    from other sites do not carry. Requests that name another host are refused as well, so that no
    site can reach the app under a name of its own.

    Parameters
    ----------
    command
        The command that starts the app, as words.
    port
        Port on loopback; 0: a free one.

    Raises
    ------
    OptionError
        If the port is taken.
    """

    def __init__(self, command: Sequence[str], port: int = 0) -> None:
        super().__init__(
            shlex.join(command),
            HOST,
            free_port(port),
            title="dedupe review",
            templates_path=Path(__file__).parent / "templates",
        )
        self.token = secrets.token_urlsafe(24)
        self.cookie = f"dedupe-review-{self.port}"  # browsers share cookies among ports
        self.closing_message = ""
        self._sessions = 0

    @property
    def address(self) -> str:
        """The address of the app, with the token."""
        return f"{self.public_url}/?token={self.token}"

    def initialize_logging(self) -> None:
        """Log warnings only, instead of every request."""
        logging.basicConfig(level=logging.WARNING, format="%(message)s")

    async def on_startup(self, app: web.Application) -> None:
        """Print nothing: the port is not open yet."""

    def serve(self, debug: bool = False) -> None:
        """Serve the app until the reviewer leaves it, or until Ctrl-C.

        Raises
        ------
        OptionError
            If the installed textual-serve cannot be guarded.
        """
        self.debug = debug
        self.initialize_logging()
        application = unguarded_application(self)
        with TemporaryDirectory(prefix="dedupe-") as folder:
            self._message_file = Path(folder) / "closing-message"
            os.environ[CLOSING_MESSAGE] = str(self._message_file)
            web.run_app(
                self._guarded(application), host=self.host, port=self.port, print=self._announce
            )
        if self.closing_message:
            self.console.print(self.closing_message, highlight=False, markup=False, soft_wrap=True)

    def _announce(self, _: object) -> None:
        """Print the address, now that the port is open."""
        self.console.print(f"the review app is at {self.address}", highlight=False, soft_wrap=True)
        self.console.print(
            "leave the app with q, or press Ctrl-C here; every decision is kept", highlight=False
        )

    async def _guarded(self, application: Awaitable[web.Application]) -> web.Application:
        app = await application
        app.middlewares.append(self.guard)
        app.router.add_get("/last", self.handle_last)
        return app

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run the app for one page, until its process has ended."""
        self._sessions += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._sessions -= 1

    async def handle_last(self, request: web.Request) -> web.Response:
        """Say what the app wrote, once it has; the server then ends when no page is open."""
        since = time.time() - 1
        while self._sessions and not (
            self._message_file.exists() and self._message_file.stat().st_mtime > since
        ):
            await asyncio.sleep(POLL_SECONDS)
        if self._message_file.exists():
            self.closing_message = self._message_file.read_text(encoding="utf-8")
            asyncio.get_running_loop().call_later(SECONDS_TO_SHOW, self._end)
        return web.Response(text=self.closing_message or NO_MESSAGE)

    def _end(self) -> None:
        """End the server, once the processes of all pages have ended."""
        if not self._sessions:
            raise GracefulExit
        asyncio.get_running_loop().call_later(POLL_SECONDS, self._end)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request if it carries the token; refuse it otherwise."""
        host = self.public_url.removeprefix("http://")
        token = request.query.get("token", "") or request.cookies.get(self.cookie, "")
        # A cookie may hold any bytes; what is not text is no token.
        authorized = hmac.compare_digest(token.encode(errors="replace"), self.token.encode())
        origin = request.headers.get("Origin", self.public_url)
        if not authorized or request.host != host or origin != self.public_url:
            raise web.HTTPForbidden(text="This is not the address that dedupe review printed.\n")
        if "token" in request.query:
            # Redirect, so that the token appears in no browser history and no screenshot.
            found = web.HTTPFound("/")
            found.set_cookie(self.cookie, self.token, httponly=True, samesite="Strict")
            raise found
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = (
                f"default-src 'self' 'unsafe-inline' data: ws://{host}"
            )
        return response


def tell_browser(message: str) -> None:
    """Say on the last page of the browser what the app wrote, if it runs in a browser."""
    if path := os.environ.get(CLOSING_MESSAGE):
        Path(path).write_text(message, encoding="utf-8")


def unguarded_application(server: Server) -> Awaitable[web.Application]:
    """Make the application of textual-serve.

    textual-serve has no public way to add a middleware: this is the only use of its private method.

    Raises
    ------
    OptionError
        If the installed version of textual-serve has no such method.
    """
    make: Callable[[], Awaitable[web.Application]] | None = getattr(server, "_make_app", None)
    if make is None:
        raise OptionError(
            "this version of textual-serve cannot be protected by a token: "
            "pip install 'textual-serve==1.1.*', or review in the terminal"
        )
    return make()


def free_port(port: int) -> int:
    """Check that `port` is free, or find a free one for 0.

    Raises
    ------
    OptionError
        If the port is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise OptionError(f"port {port} cannot be used: {error.strerror}") from None
        return int(probe.getsockname()[1])


def serve(command: Sequence[str], port: int = 0) -> None:
    """Serve the app that `command` starts, until the reviewer leaves it, or until Ctrl-C.

    Raises
    ------
    OptionError
        If the port is taken.
    """
    GuardedServer(command, port).serve()
