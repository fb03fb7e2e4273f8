"""Asks the small web server once per tick, and tells how long each answer took and what it was, in the order of the ticks."""

import http.client
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 2.0
CONNECTIONS = 64  # at 20 requests a second more than the slowest answers need


class Answer(NamedTuple):
    """How one request went. `status` is "200", "500" and so on, or "none" where there was no answer within 2 s."""

    milliseconds: float
    status: str


class WebProbe:
    """Sends real requests over kept connections. A slow answer delays no request after it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"web = {url!r}: write http://host:port/")
        self._host, self._port, self._path = parts.hostname, parts.port or 80, parts.path or "/"
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="web-probe")
        self._own = threading.local()  # a connection of its own for each thread
        self._connections: list[http.client.HTTPConnection] = []
        self._asked: deque[tuple[int, Future[Answer]]] = deque()

    def ask(self, at_ms: int) -> None:
        """Send a request that belongs to the tick at `at_ms`. Does not wait."""
        self._asked.append((at_ms, self._pool.submit(self._request)))

    def answered(self) -> Iterator[tuple[int, Answer]]:
        """What has been answered since, oldest tick first; an answer waits for those before it."""
        while self._asked and self._asked[0][1].done():
            at_ms, future = self._asked.popleft()
            yield at_ms, future.result()

    def wait(self) -> None:
        """Wait for the requests on their way: at most 2 s and a little."""
        wait([future for _, future in self._asked])

    def close(self) -> None:
        """Wait for the requests on their way and close the connections; what was answered can still be read."""
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def _request(self) -> Answer:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_SECONDS)
            self._connections.append(connection)
        began = time.perf_counter()
        try:
            connection.request("GET", self._path)
            response = connection.getresponse()
            response.read()
            status = str(response.status)
        except (OSError, http.client.HTTPException):
            connection.close()  # the next request connects anew
            status = "none"
        return Answer((time.perf_counter() - began) * 1000, status)
