"""One life of an exactly-once service under seeded kills, and what an offline replay of the same records says it should have written."""

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kafka import KafkaProducer

from streamkl.adapters.kafka import Cluster, KafkaSession, TopicStateStore, Transactor
from streamkl.assembly import build_plan
from streamkl.assembly.plan import build_engine
from streamkl.config import load
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.model import Message, Outgoing, Partition
from tests.chaos.place import ExactlyOncePlace, exactly_once
from tests.system.service import metrics

SERIES = ("cpu", "mem")
QUIET = 700  # records of each series before the first fault: 500 are learned
EPISODE = 60  # records that are enough for an episode to open, where they are at fault
FAULT = 40.0  # eight standard deviations
STRETCH_ENDS = 0.05  # chance with each portion
AT_THE_START = 0.2  # chance of a kill before anything is read
Written = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


@dataclass(frozen=True)
class Plan:
    """What a seed stands for."""

    seed: int
    kills: int
    partitions: int = 2
    mutant: str = ""


@dataclass(frozen=True)
class Outcome:
    """What was found; all three are empty where nothing went wrong."""

    seed: int
    kills: int
    records: int
    results: int
    lost: list[str]
    twice: list[str]
    different: list[str]
    seconds: float

    @property
    def clean(self) -> bool:
        return not (self.lost or self.twice or self.different)

    def row(self) -> str:
        verdict = "equal" if self.clean else "BROKEN"
        return (
            f"{self.seed:>12} {self.kills:>6} {self.records:>8} {self.results:>8} {len(self.lost):>5} {len(self.twice):>6}"
            f" {len(self.different):>10} {self.seconds:>8.0f}  {verdict}"
        )


HEADING = f"{'seed':>12} {'kills':>6} {'records':>8} {'results':>8} {'lost':>5} {'twice':>6} {'different':>10} {'seconds':>8}"


def live(bootstrap: str, folder: Path, plan: Plan) -> Outcome:
    """Write, start, kill at random moments, write on, and compare at the end. Raises AssertionError where a process ends by itself."""
    began = time.monotonic()
    dice = random.Random(plan.seed)  # noqa: S311 - no secret
    place = exactly_once(bootstrap, folder, plan.partitions)
    place.mutant = plan.mutant
    place.create("metrics")
    writer = Writer(place, dice)
    try:
        writer.write(QUIET)
        writer.write(EPISODE, shift=FAULT)
        place.start() if plan.mutant else place.start_command()
        place.wait_until_read()
        place.kill()
        for _ in range(plan.kills - 1):
            place.start()
            _strike(place, writer, dice)
        writer.write(EPISODE)
        place.start()
        place.wait_until_read()
        assert place.stop() == 0, place.log()
        return compare(place, plan, time.monotonic() - began)
    finally:
        writer.close()
        place.close()


def hunt(bootstrap: str, folder: Path, plan: Plan, lives: int) -> Outcome | None:
    """The first of so many lives of a mutant in which it shows; None where it never did. A moment that is missed comes again."""
    for number in range(lives):
        place = folder / str(number)
        place.mkdir()
        outcome = live(bootstrap, place, replace(plan, seed=plan.seed + number))
        if not outcome.clean:
            return outcome
    return None


class Writer:
    """Writes on where it stopped: quiet stretches, shifted ones, and one record in ten that nobody can read."""

    def __init__(self, place: ExactlyOncePlace, dice: random.Random) -> None:
        self._topic = place.topics["metrics"]
        self._producer = KafkaProducer(bootstrap_servers=place.bootstrap, linger_ms=2)
        self._dice = dice
        self._shifts = [0.0] * place.partitions
        self.written = [0] * place.partitions

    def write(self, records: int, shift: float | None = None) -> None:
        """So many of each series of each partition; the dice choose how far from normal, unless `shift` says so."""
        for partition, start in enumerate(self.written):
            if shift is not None:
                self._shifts[partition] = shift
            elif start and self._dice.random() < STRETCH_ENDS:
                self._shifts[partition] = self._dice.choice([0.0, 0.0, FAULT])
            away = self._shifts[partition]
            lines = [line for name in SERIES for line in metrics(start, records, shift=away, series=f"{name}{partition}")]
            lines += [b"{%d" % number for number in range(start, start + records, 5)]
            self._dice.shuffle(lines)
            for line in lines:
                self._producer.send(self._topic, line, partition=partition)
            self.written[partition] = start + records
        self._producer.flush()

    def close(self) -> None:
        self._producer.close()


def _strike(place: ExactlyOncePlace, writer: Writer, dice: random.Random) -> None:
    """Kill somewhere between the first instruction and a second of work, mostly in the midst of commits."""
    if dice.random() < AT_THE_START:
        time.sleep(dice.uniform(0.0, 0.8))
    else:
        place.wait_for_line("continues with offset")
        deadline = time.monotonic() + dice.uniform(0.0, 1.0)
        while time.monotonic() < deadline:
            writer.write(dice.randrange(1, 8))
            time.sleep(0.01)
    place.kill()


def compare(place: ExactlyOncePlace, plan: Plan, seconds: float) -> Outcome:
    """Every result once and byte for byte, each series' events in their order, and the final state."""
    states_kept = stored(place)  # first: it also ends what a killed process left open, which hides results for 20 s
    messages = place.read("metrics")
    wanted, states = _expected(place, messages)
    found: dict[str, list[Written]] = {}
    order: dict[bytes, list[str]] = {}
    for message in place.read("anomalies") + place.read("dead"):
        name = _name(message.headers)
        found.setdefault(name, []).append((message.key, message.value or b"", message.headers))
        if message.topic == place.topics["anomalies"]:
            order.setdefault(message.key or b"", []).append(name)
    different = [name for name, copies in found.items() if name in wanted and set(copies) != {wanted[name]}]
    different += [f"invented: {name}" for name in found.keys() - wanted.keys()]
    in_order: dict[bytes, list[str]] = {}
    for name, (key, _, _) in wanted.items():
        if name in found and not name.startswith("dead/"):
            in_order.setdefault(key or b"", []).append(name)
    different += [f"order of {key!r}" for key, names in order.items() if list(dict.fromkeys(names)) != in_order.get(key)]
    for partition, state in states_kept.items():
        if state is None or _continued(place, partition, state, messages) != states[partition]:
            different.append(f"state of {partition}")
    return Outcome(
        plan.seed,
        plan.kills,
        len(messages),
        len(wanted),
        lost=sorted(wanted.keys() - found.keys()),
        twice=sorted(name for name, copies in found.items() if len(copies) > 1),
        different=different,
        seconds=seconds,
    )


def _expected(place: ExactlyOncePlace, messages: Sequence[Message]) -> tuple[Mapping[str, Written], Mapping[Partition, bytes]]:
    """The same from engines that read the topic at once, without a service around them."""
    plan = build_plan(load(place.config()))
    wanted: dict[str, Written] = {}
    states: dict[Partition, bytes] = {}
    for number in range(place.partitions):
        where = Partition(place.topics["metrics"], number)
        engine = build_engine(plan, where, None)
        output = engine.receive([message for message in messages if message.partition == number])
        outgoing = [encode_event(event, place.topics["anomalies"], f"/streamkl/group-{place.name}") for event in output.events]
        outgoing += [encode_rejected(each, place.topics["dead"]) for each in output.rejected]
        wanted |= {_name(record.headers): _written(record) for record in outgoing}
        states[where] = engine.snapshot()
    return wanted, states


def _continued(place: ExactlyOncePlace, partition: Partition, state: bytes, messages: Sequence[Message]) -> bytes:
    """The state that a next start would come to: a process that was stopped while it recovered has not saved the last one."""
    engine = build_engine(build_plan(load(place.config())), partition, state)
    engine.receive(
        [message for message in messages if message.partition == partition.partition and message.offset >= (engine.next_offset or 0)]
    )
    return engine.snapshot()


def stored(place: ExactlyOncePlace) -> Mapping[Partition, bytes | None]:
    """What a next start would begin with."""
    cluster = Cluster(bootstrap_servers=(place.bootstrap,), client_id="oracle")
    session = KafkaSession(
        cluster,
        group_id=f"group-{place.name}",
        topics=[place.topics["metrics"]],
        topic_pattern="",
        excluded_topics=(),
        session_timeout_seconds=6,
        group_instance_id="one",
    )
    transactor = Transactor(cluster, f"streamkl-group-{place.name}-one")
    try:
        deadline = time.monotonic() + 30
        while len(session.assignment().partitions) < place.partitions:
            assert time.monotonic() < deadline, "the group did not give its partitions back"
            session.poll(0.1)
        store = TopicStateStore(session, transactor, f"state-{place.name}")
        return {partition: store.load(partition) for partition in session.assignment().partitions}
    finally:
        transactor.close()
        session.close()


def _name(headers: tuple[tuple[str, bytes], ...]) -> str:
    """An event's id, or where a dead letter comes from."""
    named = dict(headers)
    if "ce_id" in named:
        return named["ce_id"].decode()
    return f"dead/{named['streamkl.origin.partition'].decode()}/{named['streamkl.origin.offset'].decode()}"


def _written(record: Outgoing) -> Written:
    return record.key, record.value or b"", record.headers


def keep(folder: Path, outcome: Outcome) -> Path:
    """The evidence of a failure, beside the logs that lie there already."""
    path = folder / "outcome.json"
    path.write_text(json.dumps({name: getattr(outcome, name) for name in ("seed", "lost", "twice", "different")}, indent=1))
    return path
