"""Sets the stage: broker, topics, web server, detector, publisher, reader of events; and takes it down again, whatever happened."""

import secrets
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import KafkaError

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.words import in_words
from streamkl.broker.launcher import Broker
from streamkl.broker.loopback import free_port
from streamkl.demo.detector import Detector, Topics
from streamkl.demo.programs import Program, wait_for
from streamkl.demo.screen import Screen
from streamkl.demo.watch import EventReader
from streamkl.errors import DemoError, SinkError
from streamkl.model import Event
from streamkl.transport import Cluster

HERTZ = 20
WEB_SECONDS = 30.0
DETECTOR_SECONDS = 600.0  # the first start on a machine compiles the kernels and makes the tables of thresholds
LOOK_SECONDS = 0.2
AS_THE_BROKER_LIKES = -1  # replicas of a topic


class Stage:
    """Everything that runs while the demo does. Enter it, `publish`, then `look` again and again."""

    def __init__(self, bootstrap: str | None, screen: Screen) -> None:
        self.events: list[Event] = []  # every event of the topic so far
        self.published_at = 0.0  # when the publisher was started, seconds since 1970: no record is older
        self._bootstrap = bootstrap
        self._screen = screen
        self._stack = ExitStack()
        self._programs: list[Program] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="streamkl-demo-")))
            self.topics = self._set_up_kafka(stack)
            self.web_url = self._start_web(stack)
            self.detector = self._start_detector(stack)
            self._reader = stack.enter_context(EventReader(self.bootstrap, self.topics.events))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._screen.status("taking everything down")
        self._stack.close()

    def publish(self) -> None:
        """Let the publisher begin. Everything else is warm, so that starting it does not disturb what is learned."""
        command = [sys.executable, "-m", "streamkl.demo.publisher", "--bootstrap", self.bootstrap, "--topic", self.topics.metrics]
        command += ["--hertz", str(HERTZ), "--web", self.web_url]
        self.published_at = time.time()
        self._start(self._stack, Program("publisher", command, self.folder))

    def look(self) -> None:
        """Read and tell the events that came, for 0.2 s. Raises DemoError when a program has ended."""
        until = time.monotonic() + LOOK_SECONDS
        for event in self._reader.read(LOOK_SECONDS):
            self.events.append(event)
            self._screen.tell(event)
        for program in self._programs:
            program.check()
        time.sleep(max(0.0, until - time.monotonic()))

    def _start(self, stack: ExitStack, program: Program) -> None:
        self._programs.append(stack.enter_context(program))

    def _set_up_kafka(self, stack: ExitStack) -> Topics:
        if self._bootstrap is None:
            broker = stack.enter_context(Broker())
            self.bootstrap, topics = broker.bootstrap, Topics()
            self._screen.say(f"Apache Kafka runs at {self.bootstrap}.")
        else:
            self.bootstrap, prefix = self._bootstrap, f"streamkl-demo-{secrets.token_hex(4)}"
            topics = Topics(*(f"{prefix}.{name}" for name in Topics()))  # on a broker with a life of its own we touch nothing but these
        admin = stack.enter_context(_admin(self.bootstrap))
        if self._bootstrap is not None:
            stack.callback(self._clean_up, admin, topics)
        try:
            admin.create_topics([NewTopic(name, 1, AS_THE_BROKER_LIKES) for name in topics])
            admin.wait_for_topics(list(topics))
        except KafkaError as error:
            raise DemoError(f"The topics {', '.join(topics)} cannot be created at {self.bootstrap}: {in_words(error)}") from error
        return topics

    def _clean_up(self, admin: KafkaAdminClient, topics: Topics) -> None:
        """Leave somebody else's broker as it was. Where not all of it was made, what was goes all the same."""
        try:
            admin.delete_groups([topics.metrics])
            there = set(admin.list_topics()).intersection(topics)
            if there:
                admin.delete_topics(sorted(there))
        except KafkaError as error:
            self._screen.say(f"Topics and group {topics.metrics.removesuffix(Topics().metrics)}* could not be deleted: {in_words(error)}")

    def _start_web(self, stack: ExitStack) -> str:
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        program = Program("web server", [sys.executable, "-m", "streamkl.demo.web_app", "--port", str(port)], self.folder)
        self._start(stack, program)
        wait_for("An answer of the web server", WEB_SECONDS, lambda: answers(url), [program])
        self._screen.say(f"A small web server answers at {url}")
        return url

    def _start_detector(self, stack: ExitStack) -> Detector:
        group = "streamkl" if self._bootstrap is None else self.topics.metrics
        port = free_port()
        detector = Detector(self.bootstrap, self.topics, port, self.folder, group)
        self._start(stack, detector.program)
        began = time.monotonic()

        def ready() -> bool:
            waited = f"{time.monotonic() - began:.0f} s"
            self._screen.status(f"the detector starts: {waited} (the first time it compiles its kernels, which takes a minute or two)")
            return detector.ready()

        wait_for("The detector's start", DETECTOR_SECONDS, ready, [detector.program])
        self._screen.say(
            f"The detector reads {self.topics.metrics} in group {group} and writes {self.topics.events}; http://127.0.0.1:{port}/metrics"
        )
        return detector


def _admin(bootstrap: str) -> KafkaAdminClient:
    cluster = Cluster(bootstrap_servers=(bootstrap,), client_id="streamkl-demo")
    return open_client(KafkaAdminClient, cluster, SinkError)


def answers(url: str) -> bool:
    """Whether an HTTP server answers there."""
    try:
        urllib.request.urlopen(url, timeout=2.0).close()  # noqa: S310  # our own URL
    except (OSError, urllib.error.URLError):
        return False
    return True
