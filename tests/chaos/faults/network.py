"""The network between service and broker: slow, lossy, and endings of transactions that arrive twice or late."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos import proxy
from tests.chaos.faults.fault import Fault
from tests.chaos.proxy import Frame, LostConnectionError, Rule
from tests.chaos.scene import Scene

SLOW_SECONDS = 2.0
BROKEN = 0.1  # chance with each frame, while it is slow
LATE_SECONDS = (0.2, 1.5)  # until the ending that was thought lost arrives


class _Slow(Rule):
    def __init__(self, seconds: float, lost: float, dice: random.Random) -> None:
        self._seconds, self._lost, self._dice = seconds, lost, dice

    async def request(self, frame: Frame) -> bytes:
        return await self._trouble(frame.body)

    async def response(self, frame: Frame) -> bytes:
        return await self._trouble(frame.body)

    async def _trouble(self, frame: bytes) -> bytes:
        await asyncio.sleep(self._dice.uniform(0.0, self._seconds))
        if self._dice.random() < self._lost:
            raise LostConnectionError
        return frame


class _Unanswered(Rule):
    """Endings arrive, and the connection breaks before the answer: the client sends them again."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    async def response(self, frame: Frame) -> bytes:
        if frame.api == proxy.END_TXN and self._dice.random() < 0.5:
            raise LostConnectionError
        return frame.body


class _Late(Rule):
    """The connection breaks, and the request that was on it arrives only after the client has sent it again."""

    def __init__(self, scene: Scene, api: int, dice: random.Random) -> None:
        self._scene, self._api, self._dice = scene, api, dice

    async def request(self, frame: Frame) -> bytes:
        if frame.api == self._api and self._dice.random() < 0.3:
            asyncio.get_running_loop().call_later(self._dice.uniform(*LATE_SECONDS), self._scene.proxy.send, frame.body)
            raise LostConnectionError
        return frame.body


@contextmanager
def _for_a_while(scene: Scene, rule: Rule, least: float, most: float) -> Iterator[None]:
    scene.begin()
    scene.proxy.rule = rule
    try:
        time.sleep(scene.dice.uniform(least, most))
        yield
    finally:
        scene.proxy.rule = Rule()


@contextmanager
def slow(scene: Scene) -> Iterator[None]:
    """Each frame takes up to two seconds, and one in ten breaks its connection."""
    with _for_a_while(scene, _Slow(SLOW_SECONDS, BROKEN, _dice(scene)), 6.0, 12.0):
        yield


@contextmanager
def cuts(scene: Scene) -> Iterator[None]:
    """All connections break, again and again."""
    scene.begin()
    for _ in range(scene.dice.randrange(3, 10)):
        scene.proxy.break_connections()
        time.sleep(scene.dice.uniform(0.0, 0.5))
    yield


@contextmanager
def unanswered_endings(scene: Scene) -> Iterator[None]:
    """Half of the endings are sent twice."""
    with _for_a_while(scene, _Unanswered(_dice(scene)), 1.0, 4.0):
        yield


@contextmanager
def late_endings(scene: Scene) -> Iterator[None]:
    """One ending in three arrives a second time, late, when another transaction may be open."""
    with _for_a_while(scene, _Late(scene, proxy.END_TXN, _dice(scene)), 1.0, 4.0):
        yield


@contextmanager
def late_offsets(scene: Scene) -> Iterator[None]:
    """The same with a transaction's offsets."""
    with _for_a_while(scene, _Late(scene, proxy.TXN_OFFSET_COMMIT, _dice(scene)), 1.0, 4.0):
        yield


def _dice(scene: Scene) -> random.Random:
    """For the proxy's thread."""
    return random.Random(scene.dice.random())  # noqa: S311 - no secret


NETWORK = (
    Fault(14, "slow and lossy network", slow, strikes=1),
    Fault(14, "connections cut", cuts),
    Fault(20, "endings sent twice", unanswered_endings),
    Fault(20, "endings arrive late", late_endings),
    Fault(20, "offsets arrive late", late_offsets),
)
