"""A small HTTP server on a thread of its own: /metrics, /healthz and /readyz. It knows what it serves only as functions.

Only GET and HEAD; only Host headers of names that are ours, so that a web page elsewhere cannot read it through a browser on this machine.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from streamkl.errors import ConfigError

MAX_CONNECTIONS = 64  # more are answered with 503
KEEP_ALIVE_SECONDS = 5
REQUEST_SECONDS = 5.0  # within which a connection has to ask something, whole; else strangers who ask nothing would take them all
BACKLOG = 128
STOP_SECONDS = 2
HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Problem = Callable[[], str | None]
Endpoint = Callable[[Request], Awaitable[Response]]


class HttpServer:
    """Serves until `close`. Raises ConfigError, one line, where the address cannot be had."""

    def __init__(
        self, *, host: str, port: int, allowed_hosts: Sequence[str], metrics: Callable[[], bytes], not_alive: Problem, not_ready: Problem
    ) -> None:
        self._socket = _listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        app = Starlette(
            routes=[
                Route("/metrics", _page(metrics), methods=["GET"]),
                Route("/healthz", _answer(not_alive), methods=["GET"]),
                Route("/readyz", _answer(not_ready), methods=["GET"]),
            ],
            middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=_names(host, allowed_hosts), www_redirect=False)],
        )
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_Impatient,
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                ws="none",
                limit_concurrency=MAX_CONNECTIONS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the thread. Idempotent."""
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS + 1)
        self._socket.close()


class _Impatient(H11Protocol):
    """A connection that is closed where no whole request comes."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the library has it
        """Somebody is there."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """Somebody has an answer, and may ask again."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody has gone."""
        super().connection_lost(exc)
        if self._patience is not None:
            self._patience.cancel()

    def _wait(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:  # else it is being answered
            self.transport.close()


def _page(content: Callable[[], bytes]) -> Endpoint:
    async def page(_: Request) -> Response:
        return Response(content(), headers=HEADERS, media_type=CONTENT_TYPE_LATEST)

    return page


def _answer(problem: Problem) -> Endpoint:
    async def answer(_: Request) -> Response:
        found = problem()
        return PlainTextResponse(f"{found or 'ok'}\n", status_code=200 if found is None else 503, headers=HEADERS)

    return answer


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise ConfigError([f"http.port = {port}: cannot listen on {host}:{port} ({reason}); choose another port, or 0 for none"]) from error


def _names(host: str, allowed_hosts: Sequence[str]) -> list[str]:
    """Host headers that we answer to. An address that stands for every interface is no name."""
    own = [] if host in {"0.0.0.0", "::"} else [f"[{host}]" if ":" in host else host]  # noqa: S104
    return ["localhost", "127.0.0.1", "[::1]", *own, *allowed_hosts]
