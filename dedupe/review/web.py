"""The review app in a browser on the same machine: served on loopback, behind a token."""

from __future__ import annotations

import hmac
import logging
import secrets
import shlex
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web
from textual_serve.server import Server

from dedupe.errors import OptionError

HOST = "127.0.0.1"
COOKIE = "dedupe-review"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class GuardedServer(Server):
    """Serves an app to whoever has the token, and to nobody else.

    The token is in the address that is printed; the browser then keeps it in a cookie, which other
    sites cannot send along. Requests that name another host are refused too, so that no site can
    reach the app under a name of its own.

    Parameters
    ----------
    command
        What starts the app, as words.
    port
        Where to listen on loopback; 0: a free one.

    Raises
    ------
    OptionError
        If the port is taken.
    """

    def __init__(self, command: Sequence[str], port: int = 0) -> None:
        super().__init__(shlex.join(command), HOST, free_port(port), title="dedupe review")
        self.token = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """Where the app is, with the token."""
        return f"{self.public_url}/?token={self.token}"

    def initialize_logging(self) -> None:
        """Log warnings only: the app's own screen is what people look at."""
        logging.basicConfig(level=logging.WARNING, format="%(message)s")

    async def on_startup(self, app: web.Application) -> None:
        """Say nothing yet: the port is not open."""

    def serve(self, debug: bool = False) -> None:
        """Serve the app until Ctrl-C."""
        self.debug = debug
        self.initialize_logging()
        web.run_app(self._make_app(), host=self.host, port=self.port, print=self._say)

    def _say(self, _: object) -> None:
        """Say where the app is, once it is there."""
        self.console.print(f"the review app is at {self.address}", highlight=False, soft_wrap=True)
        self.console.print("Ctrl-C ends it; every decision is kept", highlight=False)

    async def _make_app(self) -> web.Application:
        app = await super()._make_app()
        app.middlewares.append(self.guard)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through if it comes with the token."""
        here = self.public_url.removeprefix("http://")
        given = request.query.get("token", "") or request.cookies.get(COOKIE, "")
        known = hmac.compare_digest(given.encode(), self.token.encode())
        origin = request.headers.get("Origin", self.public_url)
        if not known or request.host != here or origin != self.public_url:
            raise web.HTTPForbidden(text="This is not the address that dedupe review printed.\n")
        if "token" in request.query:
            # The token leaves the address, so that it is in no history and no picture.
            found = web.HTTPFound("/")
            found.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
            raise found
        return await handler(request)


def free_port(port: int) -> int:
    """Return `port`, or a free one for 0.

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
    """Serve the app that `command` starts, until Ctrl-C.

    Raises
    ------
    OptionError
        If the port is taken.
    """
    GuardedServer(command, port).serve()
