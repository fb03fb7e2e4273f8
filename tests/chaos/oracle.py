"""What an offline replay of the same records says a service should have written, compared with what it wrote."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from streamkl.adapters.kafka import KafkaSession, KafkaStateReader, Transactor
from streamkl.assembly.plan import build_engine, build_plan
from streamkl.config import load
from streamkl.engine.outgoing import encode_event, encode_rejected
from streamkl.model import Message, Outgoing, Partition
from streamkl.transport import Cluster, TopicStateStore
from tests.chaos.place import ExactlyOncePlace

SESSION_SECONDS = 6
Written = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]


class Findings(NamedTuple):
    """All three are empty where every result is there once and byte for byte, in its series' order, and the state is the right one."""

    records: int
    results: int
    lost: list[str]
    twice: list[str]
    different: list[str]


def compare(place: ExactlyOncePlace) -> Findings:
    """To be called when no process of the place runs any more."""
    states_kept = stored(place)
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
    return Findings(
        len(messages),
        len(wanted),
        lost=sorted(wanted.keys() - found.keys()),
        twice=sorted(name for name, copies in found.items() if len(copies) > 1),
        different=different,
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
    """What a next start would begin with. Ends first what killed members left open, which would hide their results for 20 s."""
    cluster = Cluster(bootstrap_servers=tuple(place.bootstrap.split(",")), client_id="oracle")
    for name in place.instances:
        left = Transactor(cluster, f"streamkl-group-{place.name}-{name}")
        left.open()
        left.close()
    session = KafkaSession(
        cluster,
        group_id=f"group-{place.name}",
        topics=[place.topics["metrics"]],
        topic_pattern="",
        excluded_topics=(),
        session_timeout_seconds=SESSION_SECONDS,
        group_instance_id="one",
    )
    transactor = Transactor(cluster, f"streamkl-group-{place.name}-one")
    store = TopicStateStore(session, transactor, KafkaStateReader(cluster), f"state-{place.name}")
    try:
        deadline = time.monotonic() + 30
        while len(session.assignment().partitions) < place.partitions:
            assert time.monotonic() < deadline, "the group did not give its partitions back"
            session.poll(0.1)
        return {partition: store.load(partition) for partition in session.assignment().partitions}
    finally:
        store.rest()
        transactor.close()
        session.close()


def keep(folder: Path, findings: Mapping[str, object]) -> Path:
    """The evidence of a failure, beside the logs that lie there already."""
    path = folder / "outcome.json"
    path.write_text(json.dumps(findings, indent=1))
    return path


def _name(headers: tuple[tuple[str, bytes], ...]) -> str:
    """An event's id, or where a dead letter comes from."""
    named = dict(headers)
    if "ce_id" in named:
        return named["ce_id"].decode()
    return f"dead/{named['streamkl.origin.partition'].decode()}/{named['streamkl.origin.offset'].decode()}"


def _written(record: Outgoing) -> Written:
    return record.key, record.value or b"", record.headers
