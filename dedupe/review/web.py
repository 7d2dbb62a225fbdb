"""The review app in a browser on the same machine, served on loopback behind a token."""

from __future__ import annotations

import hmac
import logging
import secrets
import shlex
import socket
from collections.abc import Awaitable, Callable, Sequence

from dedupe.errors import OptionError, needs_extra

with needs_extra("web", "review in a browser", OptionError):
    from aiohttp import web
    from textual_serve.server import Server

HOST = "127.0.0.1"
COOKIE = "dedupe-review"

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
        super().__init__(shlex.join(command), HOST, free_port(port), title="dedupe review")
        self.token = secrets.token_urlsafe(24)

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
        """Serve the app until Ctrl-C.

        Raises
        ------
        OptionError
            If the installed textual-serve cannot be guarded.
        """
        self.debug = debug
        self.initialize_logging()
        application = unguarded_application(self)
        web.run_app(
            self._guarded(application), host=self.host, port=self.port, print=self._announce
        )

    def _announce(self, _: object) -> None:
        """Print the address, now that the port is open."""
        self.console.print(f"the review app is at {self.address}", highlight=False, soft_wrap=True)
        self.console.print("press Ctrl-C to stop it; every decision is kept", highlight=False)

    async def _guarded(self, application: Awaitable[web.Application]) -> web.Application:
        app = await application
        app.middlewares.append(self.guard)
        return app

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Handle a request if it carries the token; refuse it otherwise."""
        host = self.public_url.removeprefix("http://")
        token = request.query.get("token", "") or request.cookies.get(COOKIE, "")
        authorized = hmac.compare_digest(token.encode(), self.token.encode())
        origin = request.headers.get("Origin", self.public_url)
        if not authorized or request.host != host or origin != self.public_url:
            raise web.HTTPForbidden(text="This is not the address that dedupe review printed.\n")
        if "token" in request.query:
            # Redirect, so that the token appears in no browser history and no screenshot.
            found = web.HTTPFound("/")
            found.set_cookie(COOKIE, self.token, httponly=True, samesite="Strict")
            raise found
        return await handler(request)


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
    """Serve the app that `command` starts, until Ctrl-C.

    Raises
    ------
    OptionError
        If the port is taken.
    """
    GuardedServer(command, port).serve()
