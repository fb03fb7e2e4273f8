"""One life of an exactly-once service under seeded kills, and what an offline replay of the same records says it should have written."""

import json
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from streamkl.adapters.kafka import Cluster, KafkaSession, TopicStateStore, Transactor
from streamkl.assembly import build_plan
from streamkl.assembly.plan import build_engine
from streamkl.config import load
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.model import Outgoing, Partition
from tests.chaos.place import ExactlyOncePlace, exactly_once
from tests.system.service import metrics

SERIES = ("cpu", "mem")
QUIET = 700  # records of each series before the first fault: 500 are learned
Written = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


@dataclass(frozen=True)
class Plan:
    """What a seed stands for."""

    seed: int
    kills: int
    partitions: int = 2


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
    place.create("metrics")
    writer = Writer(place, dice)
    try:
        writer.write(QUIET)
        for number in range(plan.kills):
            place.start_command() if number == 0 else place.start()
            _strike(place, writer, dice)
        writer.write(60)
        place.start()
        place.wait_until_read()
        assert place.stop() == 0, place.log()
        return compare(place, plan, sum(writer.written), time.monotonic() - began)
    finally:
        place.close()


class Writer:
    """Writes on where it stopped: quiet stretches, shifted ones, and now and then a record that nobody can read."""

    def __init__(self, place: ExactlyOncePlace, dice: random.Random) -> None:
        self._place = place
        self._dice = dice
        self.written = [0] * place.partitions

    def write(self, records: int) -> None:
        for partition, start in enumerate(self.written):
            shift = self._dice.choice([0.0, 0.0, 40.0]) if start else 0.0
            lines = [line for name in SERIES for line in metrics(start, records, shift=shift, series=f"{name}{partition}")]
            self._dice.shuffle(lines)
            self._place.publish([*lines, b"{%d" % start], partition)
            self.written[partition] = start + records


def _strike(place: ExactlyOncePlace, writer: Writer, dice: random.Random) -> None:
    """Kill somewhere between the first instruction and a second of work; two thirds of the time in the midst of commits."""
    if dice.random() < 0.2:
        time.sleep(dice.uniform(0.0, 0.8))
    else:
        place.wait_for_line("continues with offset")
        deadline = time.monotonic() + dice.uniform(0.0, 0.6)
        while time.monotonic() < deadline:
            writer.write(dice.randrange(2, 12))
    place.kill()


def compare(place: ExactlyOncePlace, plan: Plan, records: int, seconds: float) -> Outcome:
    """Every result once and byte for byte, each series' events in their order, and the final state."""
    wanted, states = _expected(place)
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
    different += [f"state of {partition}" for partition, state in stored(place).items() if state != states[partition]]
    return Outcome(
        plan.seed,
        plan.kills,
        records * len(SERIES),
        len(wanted),
        lost=sorted(wanted.keys() - found.keys()),
        twice=sorted(name for name, copies in found.items() if len(copies) > 1),
        different=different,
        seconds=seconds,
    )


def _expected(place: ExactlyOncePlace) -> tuple[Mapping[str, Written], Mapping[Partition, bytes]]:
    """The same from engines that read the topic at once, without a service around them."""
    plan = build_plan(load(place.config()))
    wanted: dict[str, Written] = {}
    states: dict[Partition, bytes] = {}
    messages = place.read("metrics")
    for number in range(place.partitions):
        where = Partition(place.topics["metrics"], number)
        engine = build_engine(plan, where, None)
        output = engine.receive([message for message in messages if message.partition == number])
        outgoing = [encode_event(event, place.topics["anomalies"], f"/streamkl/group-{place.name}") for event in output.events]
        outgoing += [encode_rejected(each, place.topics["dead"]) for each in output.rejected]
        wanted |= {_name(record.headers): _written(record) for record in outgoing}
        states[where] = engine.snapshot()
    return wanted, states


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
