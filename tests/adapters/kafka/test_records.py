"""Batches read by compiled code: the messages, positions and refusals are those of the library, whatever the bytes."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.util import calc_crc32c

from streamkl.adapters.kafka.records import _located, _PartitionRecords
from streamkl.model import Message

WHERE = TopicPartition("metrics", 3)
CONTROL, APPEND_TIME = 0x20, 0x08  # attributes of a batch
COUNT_AT = 57  # where a batch's header says how many records follow
IN_2026 = 1_767_225_600_000


class Record(NamedTuple):
    """What is written."""

    gap: int  # offsets between the record before and this one, as compaction leaves them
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True)
class Batch:
    """Records that were written together."""

    records: Sequence[Record]
    compression: int = 0
    attributes: int = 0
    producer: int = -1
    magic: int = 2

    def built(self, offset: int) -> tuple[bytes, int]:
        """The bytes, and the offset behind them."""
        if self.magic < 2:
            old = LegacyRecordBatchBuilder(self.magic, 0, 2**20)
            for number, record in enumerate(self.records):
                old.append(offset + number, record.timestamp, record.key, record.value)
            return bytes(old.build()), offset + len(self.records)
        builder = DefaultRecordBatchBuilder(2, self.compression, self.producer >= 0, self.producer, 0, 0, 2**20)
        at = 0
        for record in self.records:
            at += record.gap
            builder.append(at, record.timestamp, record.key, record.value, list(record.headers))
            at += 1
        raw = bytearray(builder.build())
        struct.pack_into(">q", raw, 0, offset)
        raw[22] |= self.attributes
        struct.pack_into(">I", raw, 17, calc_crc32c(memoryview(raw)[21:]))
        return bytes(raw), offset + at


def ending(producer: int, *, commit: bool) -> Batch:
    """Of a transaction."""
    return Batch([Record(0, IN_2026, struct.pack(">hh", 0, int(commit)), bytes(6))], 0, CONTROL, producer)


def written(batches: Sequence[Batch]) -> tuple[bytes, int]:
    """As a broker holds them from offset 100 on, and the offset behind them."""
    raw, offset = b"", 100
    for batch in batches:
        more, offset = batch.built(offset)
        raw += more
    return raw, offset


def delivered(kind: Callable[..., Any], raw: bytes, take: int, *, crcs: bool, begin: int = 100, aborted: Sequence[int] = ()) -> list[Any]:
    """What each call gave, or the kind of its failure, and where the reader then stood."""
    transactions = [SimpleNamespace(producer_id=each, first_offset=0) for each in aborted]
    level, found = IsolationLevel.READ_COMMITTED, list[Any]()
    part = kind(begin, WHERE, MemoryRecords(raw), check_crcs=crcs, isolation_level=level, aborted_transactions=transactions)
    while part:
        try:
            found.append([as_message(each) for each in part.take(take)])
        except Exception as error:  # noqa: BLE001 - the library refuses in many ways
            found.append(type(error))
            break
        found.append((part.next_fetch_offset, part.leader_epoch))
    return found


def is_place(found: Any) -> bool:
    return isinstance(found, tuple)


def as_message(record: Any) -> Message:
    if isinstance(record, Message):
        return record
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Message(*WHERE, record.offset, record.timestamp, record.key, record.value, headers)


some_bytes = st.none() | st.binary(max_size=200)
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=2)
records = st.builds(Record, st.integers(0, 2), st.integers(IN_2026 - 10**9, IN_2026 + 10**9), some_bytes, some_bytes, st.just(()) | headers)
batches = st.builds(
    Batch,
    st.lists(records, min_size=1, max_size=20),
    st.sampled_from([0, 1, 2, 3, 4]),
    st.sampled_from([0, APPEND_TIME]),
    st.sampled_from([-1, 7, 8]),
) | st.sampled_from([ending(7, commit=False), ending(8, commit=True)])
old = st.builds(Batch, st.lists(records, min_size=1, max_size=3), magic=st.just(1))


@given(st.lists(batches | old, min_size=1, max_size=4), st.integers(1, 30), st.sampled_from([(), (7,)]), st.integers(100, 110))
def test_what_was_written_is_delivered_as_the_library_does(made: list[Batch], take: int, aborted: Sequence[int], begin: int) -> None:
    raw, end = written(made)
    begin = min(begin, end - 1)
    ours, theirs = (
        delivered(kind, raw, take, crcs=True, begin=begin, aborted=aborted) for kind in (_PartitionRecords, Fetcher.PartitionRecords)
    )
    assert ours == theirs


@settings(max_examples=300)
@given(st.data(), st.sampled_from([0, 0, 3]), st.integers(1, 9))
def test_damage_is_what_the_library_takes_it_for(data: st.DataObject, compression: int, take: int) -> None:
    made = data.draw(st.lists(records, min_size=1, max_size=4))
    raw = bytearray(written([Batch(made, compression), Batch(made)])[0])
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(COUNT_AT, len(raw) - 1))] = data.draw(st.integers(0, 255))
    ours, theirs = (delivered(kind, bytes(raw), take, crcs=False) for kind in (_PartitionRecords, Fetcher.PartitionRecords))
    assert [each for each in ours if not is_place(each)] == [each for each in theirs if not is_place(each)]


@example(b"")
@example(b"\xff" * 40)
@given(st.binary(max_size=60))
def test_bytes_that_are_no_records_are_refused(body: bytes) -> None:
    raw = bytearray(Batch([Record(0, IN_2026, None, b"x")]).built(100)[0][:61] + body)
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    ours, theirs = (delivered(kind, bytes(raw), 5, crcs=False) for kind in (_PartitionRecords, Fetcher.PartitionRecords))
    assert ours == theirs


def test_a_wrong_checksum_is_refused_once_what_came_before_is_taken() -> None:
    good, bad = (Batch([Record(0, IN_2026, None, value)]).built(100)[0] for value in (b"1", b"2"))
    raw = good + bad[:-3] + b"!" + bad[-2:]
    assert delivered(_PartitionRecords, raw, 5, crcs=True) == [
        [Message(*WHERE, 100, IN_2026, None, b"1")],
        (101, 0),
        CorruptRecordError,
    ]


@given(st.lists(records.map(lambda record: record._replace(headers=())), min_size=1), st.sampled_from([0, 1, 2, 3, 4]))
def test_usual_batches_are_not_left_to_the_library(made: list[Record], compression: int) -> None:
    raw, _ = Batch(made, compression).built(100)
    found = _located(WHERE, DefaultRecordBatch(raw), bytes(raw), len(raw))
    assert found is not None
    assert [(each.timestamp_ms, each.key, each.value) for each in found] == [each[1:4] for each in made]
