"""The machine under the service: a clock that jumps, a disk that is full, strangers at the port for figures."""

import resource
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from streamkl.broker.loopback import free_port
from tests.chaos.faults.fault import Fault
from tests.chaos.scene import Scene

STRANGERS = 300


def _jumping_clock(scene: Scene) -> None:
    scene.place.weather += ("jumping clock",)


@contextmanager
def clock_jumps(scene: Scene) -> Iterator[None]:
    """The wall clock that the process sees is off by up to an hour, and differently each time it looks; and it is killed."""
    scene.begin()
    time.sleep(scene.dice.uniform(0.5, 2.0))
    scene.kill()
    scene.start()
    yield


@contextmanager
def disk_full(scene: Scene) -> Iterator[None]:
    """Not one more byte can be written to a file: the log stops, the service does not."""
    scene.begin()
    read = scene.writer.written[0]
    with suppress(ProcessLookupError):
        resource.prlimit(scene.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    time.sleep(scene.dice.uniform(1.0, 3.0))
    scene.expect(scene.running and scene.writer.written[0] > read)
    yield
    with suppress(ProcessLookupError):
        resource.prlimit(scene.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _with_figures(scene: Scene) -> None:
    scene.place.options["http.port"] = str(free_port())


@contextmanager
def strangers(scene: Scene) -> Iterator[None]:
    """Hundreds of connections that say half a sentence to the port for figures, and stay."""
    scene.begin()
    port = int(scene.place.options["http.port"])
    with ExitStack() as stack:
        for _ in range(STRANGERS):
            with suppress(OSError):
                stranger = stack.enter_context(socket.create_connection(("127.0.0.1", port), 5.0))
                stranger.sendall(b"GET /metrics HT")
        time.sleep(scene.dice.uniform(0.5, 2.0))
        yield


MACHINE = (
    Fault(33, "clock jumps", clock_jumps, prepare=_jumping_clock),
    Fault(37, "disk full", disk_full),
    Fault(46, "strangers at the port", strangers, prepare=_with_figures),
)
