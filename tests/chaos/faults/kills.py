"""The process dies: at random moments, at exact ones that a proxy sees on the wire, by order, and at a limit of memory."""

import random
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from tests.chaos import proxy
from tests.chaos.faults.fault import Fault
from tests.chaos.proxy import Frame, LostConnectionError, Rule
from tests.chaos.scene import ORDERLY_SECONDS, READY, Scene

AT_THE_START = 0.2  # chance of a kill before anything is read
MOMENT_SECONDS = 10.0
RECORDS_BYTES = 1_000  # an answer that is longer than this holds records
ROOM_BYTES = 8 * 2**20  # of memory, at most, until nothing more is given
BACK_SECONDS = 10.0  # from the start until reading goes on


class Moment(Rule):
    """The service dies when a request passes, or before its answer does; so many of them are let through first."""

    def __init__(self, scene: Scene, api: int, *, answer: bool, passes: bool, skip: int = 0, delay: float = 0.0, least: int = 0) -> None:
        self._scene, self._api, self._answer, self._passes = scene, api, answer, passes
        self._skip, self._delay, self._least = skip, delay, least
        self.struck = threading.Event()

    async def request(self, frame: Frame) -> bytes:
        return frame.body if self._answer else self._see(frame)

    async def response(self, frame: Frame) -> bytes:
        return self._see(frame) if self._answer else frame.body

    def _see(self, frame: Frame) -> bytes:
        if frame.api != self._api or len(frame.body) < self._least or self.struck.is_set():
            return frame.body
        self._skip -= 1
        if self._skip >= 0:
            return frame.body
        if self._passes:
            threading.Timer(self._delay, self._strike).start()
            return frame.body
        self._strike()
        raise LostConnectionError

    def _strike(self) -> None:
        self._scene.struck.add(self._scene.main)
        self._scene.process.kill()
        self.struck.set()


def _moment(row: int, name: str, api: int, *, answer: bool, passes: bool, delay: float = 0.0, least: int = 0) -> Fault:
    @contextmanager
    def stage(scene: Scene) -> Iterator[None]:
        scene.begin()
        rule = Moment(
            scene, api, answer=answer, passes=passes, skip=scene.dice.randrange(5), delay=scene.dice.uniform(0.0, delay), least=least
        )
        with _ruled(scene, rule):
            rule.struck.wait(MOMENT_SECONDS)
        _dead_and_back(scene)
        yield

    return Fault(row, name, stage)


@contextmanager
def _ruled(scene: Scene, rule: Rule) -> Iterator[None]:
    before, scene.proxy.rule = scene.proxy.rule, rule
    try:
        yield
    finally:
        scene.proxy.rule = before


def _dead_and_back(scene: Scene) -> None:
    scene.kill()
    began = time.monotonic()
    scene.start()
    scene.expect(scene.wait_for(READY) and time.monotonic() - began <= BACK_SECONDS)


@contextmanager
def at_random(scene: Scene) -> Iterator[None]:
    """Somewhere between the first instruction and a second of work, mostly in the midst of commits."""
    scene.start()
    if scene.dice.random() < AT_THE_START:
        time.sleep(scene.dice.uniform(0.0, 0.8))
    else:
        scene.wait_for(READY)
        time.sleep(scene.dice.uniform(0.0, 1.0))
    scene.kill()
    yield


def _as_an_operator_would(scene: Scene) -> None:
    """The first start is the command, from nothing."""
    if not scene.place.mutant:
        scene.place.start_command()


@contextmanager
def while_restoring(scene: Scene) -> Iterator[None]:
    """At one of the questions of a start: for offsets, for bounds, for the records of the state."""
    scene.kill()
    api = scene.dice.choice([proxy.OFFSET_FETCH, proxy.LIST_OFFSETS, proxy.FETCH])
    rule = Moment(scene, api, answer=scene.dice.random() < 0.5, passes=False, skip=scene.dice.randrange(3))
    with _ruled(scene, rule):
        scene.start()
        rule.struck.wait(MOMENT_SECONDS)
    _dead_and_back(scene)
    yield


@contextmanager
def orderly_stop(scene: Scene) -> Iterator[None]:
    """SIGTERM under load: everything is committed with its state in time, and the next start has nothing to replay."""
    scene.start()
    scene.wait_for(READY, times=scene.place.partitions)
    time.sleep(scene.dice.uniform(0.2, 1.0))
    scene.struck.add(scene.main)
    if scene.running:
        scene.process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        scene.process.wait(ORDERLY_SECONDS)
    scene.expect(scene.process.poll() == 0)
    scene.kill()
    yield


@contextmanager
def orderly_stop_without_broker(scene: Scene) -> Iterator[None]:
    """SIGTERM while the broker is gone: it ends all the same, and says by its code that not everything is saved."""
    scene.begin()
    time.sleep(scene.dice.uniform(0.2, 1.0))
    broker = scene.ground.brokers[0]
    broker.kill()
    try:
        time.sleep(scene.dice.uniform(0.0, 1.0))
        try:
            scene.stop(seconds=45)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"SIGTERM without a broker: still there\n{scene.place.log(scene.main)}") from error
    finally:
        broker.start()
    yield


@contextmanager
def out_of_memory(scene: Scene) -> Iterator[None]:
    """No more memory is given from a random moment on: whatever breaks, the process is then killed, as the kernel would."""
    scene.begin()
    time.sleep(scene.dice.uniform(0.0, 0.5))
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        limit = psutil.Process(scene.process.pid).memory_info().vms + scene.dice.randrange(ROOM_BYTES)
        resource.prlimit(scene.process.pid, resource.RLIMIT_AS, (limit, limit))
    time.sleep(scene.dice.uniform(0.5, 2.0))
    yield
    scene.kill()


@contextmanager
def another_configuration(scene: Scene) -> Iterator[None]:
    """A start with another configuration between two with the old one: it refuses the state and touches nothing."""
    scene.begin()
    time.sleep(scene.dice.uniform(0.0, 0.5))
    scene.kill()
    kept = scene.place.options.get("detector.windows", "")
    scene.place.options["detector.windows"] = random.Random(scene.dice.random()).choice(['["16 points"]', '["32 points", "64 points"]'])  # noqa: S311
    scene.start()
    ended = scene.wait_for("configuration")
    scene.process.wait(60)
    scene.struck.add(scene.main)
    if kept:
        scene.place.options["detector.windows"] = kept
    else:
        del scene.place.options["detector.windows"]
    assert ended, scene.place.log(scene.main)
    assert scene.process.poll() == 1, scene.place.log(scene.main)
    yield


KILLS = (
    Fault(0, "kill at random", at_random, prepare=_as_an_operator_would, strikes=10),
    _moment(1, "kill after poll", proxy.FETCH, answer=True, passes=True, least=RECORDS_BYTES),
    _moment(2, "kill mid-update", proxy.FETCH, answer=True, passes=True, delay=0.02, least=RECORDS_BYTES),
    _moment(3, "kill after send", proxy.PRODUCE, answer=False, passes=True),
    _moment(4, "kill after flush", proxy.PRODUCE, answer=True, passes=True, delay=0.002),
    _moment(5, "kill after offsets", proxy.TXN_OFFSET_COMMIT, answer=True, passes=True),
    _moment(6, "kill before commit arrives", proxy.END_TXN, answer=False, passes=False),
    _moment(6, "kill before commit is answered", proxy.END_TXN, answer=True, passes=False),
    _moment(7, "kill after commit", proxy.END_TXN, answer=True, passes=True, delay=0.005),
    Fault(8, "kill while restoring", while_restoring),
    Fault(9, "SIGTERM under load", orderly_stop),
    Fault(10, "SIGTERM without broker", orderly_stop_without_broker, strikes=1, mixes=False),
    Fault(35, "out of memory", out_of_memory, may_end=True),
    Fault(45, "another configuration", another_configuration, mixes=False),
)
