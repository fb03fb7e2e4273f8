"""How long after a record was written the episode that it opens is seen by whoever reads committed records."""

import json
import tempfile
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, NamedTuple

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from benchmarks import quantiles, stream, topics
from benchmarks.progress import progress_bar
from benchmarks.reading import ensure_running, running, watch
from benchmarks.report import Found, Row, Section
from benchmarks.service import EVENTS, Group, command, exactly_once
from benchmarks.stream import Stream
from benchmarks.topics import Shape

SHIFT_EVERY = 1_000  # points of a series
LEARNED_POINTS = 1_000  # a reference of 500, and as many judged
SETTLE_SECONDS = 10.0  # of the stream before the first record that counts
LATEST_SECONDS = 10.0  # after the last one, in which its episode may still come
ASKED = 1.5

Place = tuple[int, int]  # partition and offset of an input record


class Seen(NamedTuple):
    """An episode's first event: the record that it names, when it was sent (the time it carries), when it was seen; seconds since 1970."""

    record: Place
    sent: float
    seen: float


@dataclass(frozen=True, slots=True)
class Measured:
    """Of every episode that counts."""

    until_sent: Sequence[float]
    until_seen: Sequence[float]


def latencies(seen: Sequence[Seen], written: Mapping[Place, float], since: float, until: float) -> Measured:
    """From the time that the named record carries; of records written before `since` or after `until` nothing counts."""
    counting = [(each, written[each.record]) for each in seen if since <= written[each.record] < until]
    return Measured([each.sent - at for each, at in counting], [each.seen - at for each, at in counting])


def measure(flow: Stream, bootstrap: str, seconds: float) -> Found:
    """With a service, a writer and a reader that are all processes of their own (this one reads)."""
    topics.create(bootstrap, flow.topic, partitions=flow.partitions)
    filled = stream.history_records(flow, LEARNED_POINTS)
    topics.fill(bootstrap, flow.topic, filled, stream.history(flow, LEARNED_POINTS, time.time()))
    group = Group(bootstrap, f"benchmark-{uuid.uuid4().hex[:8]}", flow.topic)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "log"
        with running(command(exactly_once(group, Path(name)), Path(name)), log) as process:
            with progress_bar("learning", filled) as bar:
                shape = Shape(flow.topic, filled, stream.POINTS_PER_RECORD, flow.partitions)
                watch(admin, shape, group.name, process, log, seen=bar.reach)
            with stream.flowing(flow, bootstrap) as pace:
                since = time.time() + SETTLE_SECONDS
                seen = collect(bootstrap, flow.topic, process, log, since + seconds + LATEST_SECONDS)
                records_a_second = pace.measured()
    admin.close()
    written = written_at(bootstrap, flow, {each.record for each in seen})
    measured = latencies(seen, written, since, since + seconds)
    return Found(section(measured, shifts=seconds * flow.rate / SHIFT_EVERY), notes(flow, records_a_second))


def notes(flow: Stream, rate: float) -> list[str]:
    """What a reader of the table has to know."""
    return [
        f"Latency: {flow.series:,} series on {flow.partitions} partitions, {flow.per_record} point(s) a record, {flow.rate:,.0f} points/s"
        f" ({rate:,.0f} records/s were measured); the shipped settings (commits each second, state saved every 10 s),"
        f" {LEARNED_POINTS:,} points of each series before.",
        f"Latency: each series shifts by 8 standard deviations for {stream.SHIFT_POINTS} points every {SHIFT_EVERY:,}, at its own moments."
        " From the time that the record carries which the opening event names (the writer's clock when it sent it) to the return of the"
        " consumer's poll (read_committed); sent: the time that the event's record carries. All on one machine's clock.",
    ]


def collect(bootstrap: str, topic: str, process: Popen[bytes], log: Path, until: float) -> list[Seen]:
    """Every episode of the topic that opens from now on until then, seen by a consumer that waits for nothing else."""
    consumer = _reader(bootstrap, EVENTS)
    consumer.seek_to_end()
    began = at = time.time()
    seen: list[Seen] = []
    with progress_bar("seconds of the stream", round(until - began)) as bar:
        while at < until:
            ensure_running(process, log)
            batches = consumer.poll(timeout_ms=100)
            at = time.time()
            seen += [each for batch in batches.values() for record in batch for each in _opened(record, topic, at)]
            bar.reach(round(at - began))
    consumer.close()
    return seen


def written_at(bootstrap: str, flow: Stream, wanted: Collection[Place]) -> dict[Place, float]:
    """The time that each of these records carries, read back from the topic."""
    consumer = _reader(bootstrap, flow.topic)
    spans: dict[TopicPartition, tuple[int, int]] = {}
    for partition in {place[0] for place in wanted}:
        offsets = [offset for number, offset in wanted if number == partition]
        spans[TopicPartition(flow.topic, partition)] = min(offsets), max(offsets)
    consumer.assign(list(spans))
    for where, (first, _) in spans.items():
        consumer.seek(where, first)
    found: dict[Place, float] = {}
    with progress_bar("times of the records", len(wanted)) as bar:
        while any(consumer.position(where) <= last for where, (_, last) in spans.items()):
            for batch in consumer.poll(timeout_ms=500).values():
                found |= {(each.partition, each.offset): each.timestamp / 1000 for each in batch if (each.partition, each.offset) in wanted}
            bar.reach(len(found))
    consumer.close()
    return found


def _reader(bootstrap: str, topic: str) -> KafkaConsumer:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed", fetch_max_wait_ms=50, max_poll_records=10_000)
    consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()])
    return consumer


def _opened(record: Any, topic: str, at: float) -> Iterator[Seen]:
    event = json.loads(record.value)
    source = event["source"]
    if event["type"] == "opened" and source["topic"] == topic:
        yield Seen((source["partition"], source["last_offset"]), record.timestamp / 1000, at)


def section(measured: Measured, shifts: float) -> Section:
    """A line for each half of the way."""
    rows: list[Row] = [
        {"from the record to": "its episode sent", **quantiles.seconds(measured.until_sent), "asked p99, s": None},
        {"from the record to": "its episode seen", **quantiles.seconds(measured.until_seen), "asked p99, s": ASKED},
    ]
    return Section("Seconds from a record to the episode that it opens", [{**row, "shifts": round(shifts)} for row in rows])
