"""One broker's life: start and wait until it serves, pause, kill, restart on the same data, and leave nothing behind."""

import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from streamkl.broker.fetch import class_path
from streamkl.broker.java import find_java
from streamkl.broker.loopback import free_port, refuse_port_in_use
from streamkl.broker.probe import metadata, serves
from streamkl.broker.process import GuardedProcess
from streamkl.broker.properties import Node, Value, render
from streamkl.broker.storage import ensure_formatted, new_id
from streamkl.errors import BrokerError

START_SECONDS = 60.0  # 3 s on two idle cores; the rest is for machines that are busy
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
TAIL_LINES = 15
JVM_FLAGS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
)


class Broker:
    """A single-node Apache Kafka on loopback, with KRaft and without Docker or an installed Java. Not thread-safe.

    `directory` keeps the data between runs; without it they lie in a temporary folder that goes with the broker. `port` is where clients
    connect (default: a free one, the same over restarts). `properties` are added to the broker's own and win over them. `java` names
    another Java than the packaged one. `nodes`, `number` and `cluster_id` make it a member of a cluster: use `Cluster`. The broker ends
    when this process ends, however it ends, and holds about 150 MB of memory.

        with Broker() as broker:
            KafkaConsumer("metrics", bootstrap_servers=broker.bootstrap)
    """

    def __init__(
        self,
        directory: str | Path | None = None,
        *,
        port: int | None = None,
        properties: Mapping[str, Value] | None = None,
        java: str | Path | None = None,
        nodes: Sequence[Node] | None = None,
        number: int = 1,
        cluster_id: str | None = None,
    ) -> None:
        self.nodes = nodes or [Node(1, port or free_port(), free_port())]
        self.node = next(each for each in self.nodes if each.number == number)
        self.directory = Path(directory).expanduser().absolute() if directory is not None else _temporary_folder()
        self._temporary = directory is None
        self._properties = dict(properties or {})
        self._java = java
        self._cluster_id = cluster_id or new_id()
        self._process: GuardedProcess | None = None

    @property
    def bootstrap(self) -> str:
        """What clients take as `bootstrap_servers`. The same over restarts."""
        return f"127.0.0.1:{self.node.port}"

    @property
    def pid(self) -> int | None:
        """The JVM's process id, None while there is none."""
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        """Where the broker's own output goes."""
        return self.directory / "broker.log"

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def start(self) -> Self:
        """Start and wait until the broker serves. Takes about 3 s, and 2 s more after a `kill`.

        Raises BrokerError with the broker's last output; what was made until then stays to be looked at until `close` (or `with`) ends it.
        """
        self.launch()
        self.wait_ready()
        return self

    def launch(self) -> None:
        """Start without waiting; a new folder is formatted first. Does nothing while the broker runs. Raises BrokerError."""
        if self.running():
            return
        refuse_port_in_use(self.node.port)
        java = [str(find_java(self._java)), *JVM_FLAGS, "-cp", ":".join(map(str, class_path()))]
        settings, logs = self.directory / "server.properties", self.directory / "data"
        text = render(self.node, self.nodes, logs, self._properties)
        if self._process is None:
            self._process = GuardedProcess(self.directory if self._temporary else None)
        process = self._process

        def format_with_tool() -> None:
            process.start([*java, "kafka.tools.StorageTool", "format", "-t", self._cluster_id, "-c", str(settings)], self.log)
            if not process.wait(START_SECONDS) or process.returncode != 0:
                raise BrokerError(f"The broker's folder {self.directory} could not be formatted. {self._last_output()}")

        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            settings.write_text(text, encoding="utf-8")
            ensure_formatted(logs, self.node.number, self._cluster_id, format_with_tool)
        except OSError as error:
            raise BrokerError(f"directory: {self.directory} cannot be used ({error}); choose another folder.") from error
        process.start([*java, "kafka.Kafka", str(settings)], self.log)

    def wait_ready(self, timeout_seconds: float = START_SECONDS, members: int = 1) -> None:
        """Wait until the broker serves metadata that list it and `members` brokers in all. Raises BrokerError with its last output."""
        deadline = time.monotonic() + timeout_seconds
        while not serves(metadata(self.node.port), self.node, members):
            if not self.running():
                code = self._process.returncode if self._process else None
                raise BrokerError(f"The broker at {self.bootstrap} ended at start (exit code {code}). {self._last_output()}")
            if time.monotonic() > deadline:
                raise BrokerError(f"The broker at {self.bootstrap} did not serve within {timeout_seconds:.0f} s. {self._last_output()}")
            time.sleep(POLL_SECONDS)

    def running(self) -> bool:
        """Whether the JVM runs (paused or not)."""
        return self._process is not None and self._process.running()

    def kill(self) -> None:
        """SIGKILL: what was not yet on disk is left to the operating system, nobody is told. The data stay for `restart`."""
        if self._process is not None:
            self._process.signal(signal.SIGKILL)
            self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL where that takes longer than 30 s. The data stay for `restart`."""
        if self._process is not None:
            self._process.signal(signal.SIGTERM)
            self._process.signal(signal.SIGCONT)
            if not self._process.wait(STOP_SECONDS):
                self.kill()

    def restart(self) -> Self:
        """Start again on the same data and the same ports; a running broker is stopped first."""
        self.stop()
        return self.start()

    def pause(self) -> None:
        """SIGSTOP: the broker keeps its connections and from this call's return on answers nothing, until `resume`."""
        if self._process is not None:
            self._process.pause()

    def resume(self) -> None:
        """SIGCONT after `pause`. A broker paused for more than 2 s was given up by its cluster and joins again."""
        if self._process is not None:
            self._process.signal(signal.SIGCONT)

    def close(self) -> None:
        """End the broker: at once in a temporary folder, which is deleted; as `stop` does in a kept one. Idempotent."""
        if self._process is None:
            return
        try:
            if not self._temporary:
                self.stop()
        finally:
            self._process.close()
            self._process = None
            if self._temporary:
                shutil.rmtree(self.directory, ignore_errors=True)

    def _last_output(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines() if self.log.exists() else []
        return "\n  ".join([f"The end of its output ({self.log}):", *lines[-TAIL_LINES:]]) if lines else "It printed nothing."


def _temporary_folder() -> Path:
    """A name only: the folder is made when there is a guardian to delete it."""
    return Path(tempfile.gettempdir()) / f"streamkl-broker-{secrets.token_hex(8)}"


@contextlib.contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set."""
    stopped = threading.Event()

    def handler(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def serve(port: int | None = None, directory: str | Path | None = None) -> None:
    """Run a broker in the foreground until Ctrl-C or SIGTERM; its address is the one line on stdout.

    Raises BrokerError where it does not start or ends by itself.
    """
    with _stop_signals() as stopped, Broker(directory, port=port) as broker:
        sys.stdout.write(f"{broker.bootstrap}\n")
        sys.stdout.flush()
        while not stopped.wait(0.2):
            if not broker.running():
                raise BrokerError(f"The broker at {broker.bootstrap} ended by itself. Its output is in {broker.log}.")
