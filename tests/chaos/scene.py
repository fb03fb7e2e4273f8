"""Where a fault strikes: the service under test and its brokers, who writes the input, and dice with a seed."""

import random
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from kafka.admin import KafkaAdminClient

from streamkl.adapters.kafka.sockets import ClosingSocket
from streamkl.broker.launcher import Broker
from tests.chaos.place import ExactlyOncePlace, Forked
from tests.chaos.proxy import Proxy
from tests.chaos.writer import Writer
from tests.system.service import wait_until

READY = "continues with offset"
MAIN = "one"
PATIENCE_SECONDS = 15.0
STARTS = 4
MIXED_SECONDS = 5.0
ORDERLY_SECONDS = 10.0  # for a stop that a signal asked for


@dataclass(frozen=True)
class Ground:
    """What a life stands on. `brokers` are ours to strike; `proxy` stands before the only one. Both may be missing."""

    bootstrap: str
    brokers: Sequence[Broker] = ()
    proxy: Proxy | None = None


@dataclass
class Scene:
    """`ended` collects what ended without having been struck dead; who is missing is started again, as a supervisor would."""

    ground: Ground
    place: ExactlyOncePlace
    writer: Writer
    dice: random.Random
    ended: list[str] = field(default_factory=list)
    struck: set[int] = field(default_factory=set)  # numbers of processes that were ended by us
    main: int = 0
    mixed: bool = False  # another fault strikes at the same time, so that nothing can be said about what comes when

    @property
    def proxy(self) -> Proxy:
        assert self.ground.proxy is not None
        return self.ground.proxy

    @property
    def process(self) -> Forked:
        """The service: the last one that was started as such."""
        return self.place.processes[self.main]  # type: ignore[return-value]

    @property
    def patience(self) -> float:
        """Seconds after which the service gives a record up that no broker takes."""
        return 3.0 if "impatient" in self.place.weather else PATIENCE_SECONDS

    @property
    def running(self) -> bool:
        return bool(self.place.processes) and self.process.poll() is None

    def start(self) -> None:
        """Start the service where it does not run, without waiting for anything."""
        if self.running:
            return
        if self.place.processes and self.main not in self.struck:
            self._note(self.main)
        self.main = self.join(MAIN)

    def begin(self) -> None:
        """Start the service where it does not run, and wait until it reads on."""
        self.start()
        self.wait_for(READY)

    def join(self, instance: str) -> int:
        """One more member of the group; its number among the processes."""
        self.place.options["kafka.group_instance_id"] = f'"{instance}"'
        self.place.start()
        return len(self.place.processes) - 1

    def kill(self, number: int | None = None) -> None:
        """kill -9, also of one that is stopped or gone."""
        number = self.main if number is None else number
        self.struck.add(number)
        self.place.processes[number].kill()
        self.place.processes[number].wait(60)

    def stop(self, number: int | None = None, seconds: float = 60.0) -> int:
        """SIGTERM, and the exit code. Raises where it takes too long."""
        number = self.main if number is None else number
        self.struck.add(number)
        self.place.processes[number].send_signal(signal.SIGTERM)
        return self.place.processes[number].wait(seconds)

    def expect(self, holds: bool) -> None:
        """What has to hold after a fault that strikes alone."""
        assert holds or self.mixed, self.place.log(self.main)

    def wait_for(self, text: str, number: int | None = None, seconds: float = 60.0, times: int = 1) -> bool:
        """Whether the line came before the process ended and in time."""
        seconds = min(seconds, MIXED_SECONDS) if self.mixed else seconds
        number = self.main if number is None else number
        try:
            wait_until(lambda: self.place.log(number).count(text) >= times, seconds, lambda: "", self.place.processes[number])
        except AssertionError:
            return False
        return True

    def settle(self) -> None:
        """The service runs and has read everything. Who ends by itself is started again a few times, as a supervisor would."""
        for _ in range(STARTS):
            self.start()
            try:
                return self.place.wait_until_read(self.main)
            except AssertionError:
                if self.running:
                    raise
        raise AssertionError(self.place.log(self.main))

    @contextmanager
    def admin(self) -> Iterator[KafkaAdminClient]:
        client = KafkaAdminClient(bootstrap_servers=self.place.bootstrap, proxy_url=ClosingSocket.URL)
        try:
            yield client
        finally:
            client.close()

    def _note(self, number: int) -> None:
        lines = self.place.log(number).strip().splitlines()
        self.ended.append(f"process {number} ended with code {self.place.processes[number].poll()}: {lines[-1] if lines else 'silent'}")
