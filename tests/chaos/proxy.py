"""A TCP proxy before one broker that understands where Kafka's requests begin and end, and lets a rule see, hold or lose each of them."""

import asyncio
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, NamedTuple

from streamkl.broker.loopback import free_port
from streamkl.broker.properties import Node

PRODUCE, FETCH, LIST_OFFSETS, OFFSET_FETCH = 0, 1, 2, 9
ADD_OFFSETS_TO_TXN, END_TXN, TXN_OFFSET_COMMIT = 25, 26, 28
CLOSE_SECONDS = 10.0


class LostConnectionError(Exception):
    """Raised by a rule: this connection breaks now."""


class Frame(NamedTuple):
    """A request or an answer, and the key of the request."""

    api: int
    body: bytes


class Rule:
    """What happens to requests and answers on their way. This one: nothing."""

    async def request(self, frame: Frame) -> bytes:
        """What is passed on to the broker."""
        return frame.body

    async def response(self, frame: Frame) -> bytes:
        """What is passed on to the client."""
        return frame.body


class Proxy:
    """Listens on `port`, passes on to `target`, both on loopback, on a thread of its own. `rule` may be changed at any time."""

    def __init__(self) -> None:
        self.port = free_port()
        self.target = free_port()
        self.rule = Rule()
        self.loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self.loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._serve, "127.0.0.1", self.port))

    def properties(self, node: Node) -> dict[str, str]:
        """What the broker behind us listens to, so that whoever comes through us is never told another address."""
        direct, controller = f"PLAINTEXT://127.0.0.1:{node.port}", f"CONTROLLER://127.0.0.1:{node.controller_port}"
        return {
            "listeners": f"{direct},PROXIED://127.0.0.1:{self.target},{controller}",
            "advertised.listeners": f"{direct},PROXIED://127.0.0.1:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    def break_connections(self) -> None:
        """Every connection of this moment is gone."""
        self.loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    def send(self, frame: bytes) -> None:
        """A request on a connection of its own; nobody hears the answer. To be called by a rule, on the proxy's thread."""
        task = self.loop.create_task(self._send(frame))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        self._server.close()
        self._run(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(CLOSE_SECONDS)
        self.loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(CLOSE_SECONDS)

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _send(self, frame: bytes) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
            await _pass_on(writer, frame)
            await asyncio.wait_for(reader.readexactly(4), 5.0)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, LostConnectionError, asyncio.CancelledError):
                onward = await asyncio.open_connection("127.0.0.1", self.target)
                try:
                    await self._both_ways((reader, writer), onward)
                finally:
                    onward[1].close()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _both_ways(self, client: tuple[Any, Any], broker: tuple[Any, Any]) -> None:
        asked: dict[int, int] = {}
        ways = [
            asyncio.create_task(self._requests(client[0], broker[1], asked)),
            asyncio.create_task(self._responses(broker[0], client[1], asked)),
        ]
        try:
            for over in (await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED))[0]:
                over.result()
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]) -> None:
        while True:
            frame = await _frame(reader)
            api, _, correlation = struct.unpack_from(">hhi", frame)
            asked[correlation] = api
            await _pass_on(writer, await self.rule.request(Frame(api, frame)))

    async def _responses(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[int, int]) -> None:
        while True:
            frame = await _frame(reader)
            api = asked.pop(struct.unpack_from(">i", frame)[0], -1)
            await _pass_on(writer, await self.rule.response(Frame(api, frame)))


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(struct.unpack(">i", await reader.readexactly(4))[0])


async def _pass_on(writer: asyncio.StreamWriter, frame: bytes) -> None:
    writer.write(struct.pack(">i", len(frame)) + frame)
    await writer.drain()
