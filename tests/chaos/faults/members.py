"""Members of the group come and go, and one is stopped for so long that another takes over."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos import proxy
from tests.chaos.faults.fault import Fault, patient
from tests.chaos.proxy import Frame, Rule
from tests.chaos.scene import READY, Scene

SHORT_SESSION = 1.5
STORM_SECONDS = (30.0, 60.0)
EVERY_SECONDS = 2.0
TRANSACTION_SECONDS = 20.0  # after which the broker aborts what is open


@contextmanager
def zombie(scene: Scene) -> Iterator[None]:
    """SIGSTOP for longer than the session, so that another member takes over; SIGCONT; and that other one dies."""
    scene.start()
    scene.wait_for(READY, times=scene.place.partitions)
    time.sleep(scene.dice.uniform(0.0, 1.0))
    before = scene.place.log(scene.main).count(READY)
    scene.process.send_signal(signal.SIGSTOP)
    heir = scene.join("two")
    try:
        scene.wait_for(READY, heir, times=scene.place.partitions)
        time.sleep(scene.dice.uniform(0.2, 1.0))
    finally:
        scene.process.send_signal(signal.SIGCONT)
    scene.wait_for(READY, times=before + 1, seconds=15)
    time.sleep(scene.dice.choice([0.0, 0.0, scene.dice.uniform(0.0, 0.5)]))
    scene.kill(heir)
    yield


@contextmanager
def storm(scene: Scene) -> Iterator[None]:
    """Two more members join and leave, in good order or not, every two seconds."""
    scene.start()
    others: dict[str, int] = {}
    until = time.monotonic() + scene.dice.uniform(*STORM_SECONDS)
    while time.monotonic() < until:
        name = scene.dice.choice(["two", "three"])
        if name not in others:
            others[name] = scene.join(name)
        elif scene.dice.random() < 0.5:
            scene.kill(others.pop(name))
        else:
            scene.stop(others.pop(name))
        time.sleep(EVERY_SECONDS)
    yield
    for number in others.values():
        scene.kill(number)


@contextmanager
def rebalance_while_restoring(scene: Scene) -> Iterator[None]:
    """A second member joins while the first one is only beginning, and leaves soon."""
    scene.kill()
    scene.start()
    time.sleep(scene.dice.uniform(0.0, 0.6))
    other = scene.join("two")
    time.sleep(scene.dice.uniform(0.1, 1.5))
    if scene.dice.random() < 0.5 or not scene.wait_for(READY, other, seconds=5):
        scene.kill(other)
    else:
        scene.stop(other)
    yield


class _Stop(Rule):
    """The service is stopped (SIGSTOP) when the first records of a transaction pass."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.struck = threading.Event()

    async def request(self, frame: Frame) -> bytes:
        if frame.api == proxy.PRODUCE and not self.struck.is_set():
            self._scene.process.send_signal(signal.SIGSTOP)
            self.struck.set()
        return frame.body


@contextmanager
def transaction_over(scene: Scene) -> Iterator[None]:
    """The process sleeps in the middle of a transaction until the broker has aborted it."""
    scene.begin()
    rule = scene.proxy.rule = _Stop(scene)
    rule.struck.wait(20)
    scene.proxy.rule = Rule()
    time.sleep(TRANSACTION_SECONDS + scene.dice.uniform(1.5, 4.0))
    scene.process.send_signal(signal.SIGCONT)
    yield


@contextmanager
def same_name(scene: Scene) -> Iterator[None]:
    """A second process under the same name: the first one has to end."""
    scene.begin()
    first = scene.main
    scene.main = scene.join("one")
    scene.struck.add(first)
    assert scene.place.processes[first].wait(60) == 1, scene.place.log(first)
    assert "another process runs with our group_instance_id" in scene.place.log(first)
    yield


MEMBERS = (
    Fault(11, "stopped longer than the session", zombie, prepare=patient(SHORT_SESSION), mixes=False),
    Fault(17, "rebalance storm", storm, prepare=patient(SHORT_SESSION), strikes=1, mixes=False),
    Fault(18, "rebalance while restoring", rebalance_while_restoring, prepare=patient(SHORT_SESSION), mixes=False),
    Fault(19, "transaction times out", transaction_over, prepare=patient(40), strikes=1, mixes=False),
    Fault(19, "a second process of the same name", same_name, prepare=patient(SHORT_SESSION), mixes=False),
)
