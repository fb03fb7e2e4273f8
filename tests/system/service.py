"""`streamkl run` as a process, the records it is given, and what an engine without any service says about the same records."""

import json
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic
from kafka.errors import OffsetNotAvailableError

from streamkl.adapters.kafka.internals import list_offsets
from streamkl.assembly.plan import build_plan
from streamkl.config import load
from streamkl.engine.engine import Engine
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.model import Message, Partition

START_SECONDS = 240.0  # the first start on a machine compiles
T0 = 1_700_000_000


@dataclass
class Place:
    """Topics and a group of its own on a broker, a state directory, and the processes started there."""

    bootstrap: str
    directory: Path
    partitions: int = 1
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:10])
    options: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def topics(self) -> dict[str, str]:
        return {kind: f"{kind}-{self.name}" for kind in ("metrics", "anomalies", "dead")}

    def create(self, *kinds: str) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.create_topics([NewTopic(self.topics[kind], self.partitions if kind == "metrics" else 1, 1) for kind in kinds])
        admin.wait_for_topics([self.topics[kind] for kind in kinds])
        admin.close()

    def config(self) -> Path:
        options = {
            "kafka.bootstrap_servers": f'["{self.bootstrap}"]',
            "kafka.topics": f'["{self.topics["metrics"]}"]',
            "kafka.events_topic": f'"{self.topics["anomalies"]}"',
            "kafka.dead_letter_topic": f'"{self.topics["dead"]}"',
            "kafka.group_id": f'"group-{self.name}"',
            "kafka.commit_interval_seconds": "0.1",
            "kafka.snapshot_interval_seconds": "0.4",
            "kafka.session_timeout_seconds": "1.5",
            "detector.windows": '["16 points", "64 points"]',
            "detector.false_alarms": '"1 per 10000 points"',
            "state.directory": f'"{self.directory / "state"}"',
            "http.port": "0",
        } | self.options
        path = self.directory / "streamkl.toml"
        path.write_text("".join(f"{option} = {value}\n" for option, value in options.items()))
        return path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        log = (self.directory / f"{len(self.processes)}.log").open("w+")
        command = [sys.executable, "-m", "streamkl", "run", str(self.config()), *arguments]
        self.processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, text=True))
        log.close()
        return self.processes[-1]

    def log(self, number: int = -1) -> str:
        return (self.directory / f"{number % len(self.processes)}.log").read_text()

    def wait_for_line(self, text: str, seconds: float = START_SECONDS) -> None:
        wait_until(lambda: text in self.log(), seconds, lambda: f"no {text!r} in\n{self.log()}", self.processes[-1])

    def stop(self) -> int:
        self.processes[-1].send_signal(signal.SIGTERM)
        return self.processes[-1].wait(60)

    def kill(self) -> None:
        self.processes[-1].kill()
        self.processes[-1].wait(60)

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait(60)

    def publish(self, records: Sequence[bytes], partition: int = 0) -> None:
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, linger_ms=5)
        for record in records:
            producer.send(self.topics["metrics"], value=record, partition=partition)
        producer.flush()
        producer.close()

    def read(self, kind: str) -> list[Message]:
        """Everything in a topic, in the order of each partition."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed")
        where = [TopicPartition(self.topics[kind], number) for number in consumer.partitions_for_topic(self.topics[kind]) or ()]
        consumer.assign(where)
        consumer.seek_to_beginning()
        ends = _ends(consumer, where)
        found: list[Message] = []
        while any(consumer.position(each) < ends[each] for each in where):
            for batch in consumer.poll(timeout_ms=500).values():
                found += [Message(m.topic, m.partition, m.offset, m.timestamp, m.key, m.value, tuple(m.headers)) for m in batch]
        consumer.close()
        return sorted(found, key=lambda message: (message.partition, message.offset))

    def wait_until_read(self, number: int = -1) -> None:
        """Until the group has committed all there is to read, while a process of it runs."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, group_id=f"group-{self.name}", enable_auto_commit=False)
        where = [TopicPartition(self.topics["metrics"], number) for number in range(self.partitions)]
        try:
            ends = _ends(consumer, where)
            wait_until(
                lambda: all(consumer.committed(each) == end for each, end in ends.items() if end),
                START_SECONDS,
                lambda: self.log(number),
                self.processes[number],
            )
        finally:
            consumer.close()

    def events(self) -> list[Mapping[str, object]]:
        return [json.loads(message.value or b"") for message in self.read("anomalies")]

    def sent(self) -> dict[str, set[tuple[object, ...]]]:
        """All results by what names them, each with every content it was sent with."""
        found: dict[str, set[tuple[object, ...]]] = {}
        for message in self.read("anomalies") + self.read("dead"):
            found.setdefault(identity(message.headers), set()).add((message.key, message.value, message.headers))
        return found

    def expected(self) -> dict[str, set[tuple[object, ...]]]:
        """The same from engines that read the topic at once, without a service around them."""
        plan = build_plan(load(self.config()))
        wanted: dict[str, set[tuple[object, ...]]] = {}
        messages = self.read("metrics")
        for number in range(self.partitions):
            engine = Engine(Partition(self.topics["metrics"], number), plan)
            output = engine.receive([message for message in messages if message.partition == number])
            source = f"/streamkl/group-{self.name}"
            outgoing = [encode_event(event, self.topics["anomalies"], source) for event in output.events]
            outgoing += [encode_rejected(each, self.topics["dead"]) for each in output.rejected]
            wanted |= {identity(record.headers): {(record.key, record.value, record.headers)} for record in outgoing}
        return wanted


def identity(headers: Sequence[tuple[str, bytes]]) -> str:
    """An event's id, or where a dead letter comes from."""
    named = dict(headers)
    return (named.get("ce_id") or named["streamkl.origin.partition"] + b"/" + named["streamkl.origin.offset"]).decode()


def _ends(consumer: KafkaConsumer, where: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
    """The next offset of each, once their leaders know."""
    while True:
        try:
            return list_offsets(consumer.end_offsets, where, 30_000)
        except OffsetNotAvailableError:
            time.sleep(0.1)


def wait_until(condition: Callable[[], bool], seconds: float, why: Callable[[], str], process: subprocess.Popen[str] | None = None) -> None:
    """Wait, or fail with a reason; a process that has ended is not waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        ended = process is not None and process.poll() is not None
        if (ended and not condition()) or time.monotonic() > deadline:
            raise AssertionError(why())
        time.sleep(0.05)


def metrics(start: int, count: int, *, shift: float = 0.0, series: str = "cpu", seed: int = 0) -> Iterator[bytes]:
    """`count` records of a noisy series from number `start`, one a second, with its level shifted."""
    dice = random.Random(f"{series}/{start}/{seed}")  # noqa: S311 - no secret
    for number in range(start, start + count):
        yield json.dumps({"series": series, "timestamp": T0 + number, "value": dice.gauss(50.0, 5.0) + shift}).encode()
