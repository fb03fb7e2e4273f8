"""Where series go, by the keys of their records."""

import pytest
from kafka.partitioner.default import murmur2

from streamkl.adapters.kafka import partition_of
from streamkl.engine.codec import Codec
from streamkl.errors import SourceError
from streamkl.model import Message
from streamkl.reshard.evidence import NO_KEY, SEVERAL, UNSEEN, Evidence
from tests.engine.material import NOW_MS, mapping

CODEC = Codec(mapping())


def key_of(was: int, goes: int, before: int = 2, now: int = 4) -> bytes:
    return next(key for key in (b"k%d" % i for i in range(10_000)) if (partition_of(key, before), partition_of(key, now)) == (was, goes))


def hear(evidence: Evidence, partition: int, *records: tuple[str, bytes | None]) -> None:
    messages = [
        Message("m", partition, offset, NOW_MS + offset, key, b'{"series":"%s","timestamp":1700000000,"value":1}' % name.encode())
        for offset, (name, key) in enumerate(records)
    ]
    evidence.hear(partition, messages, CODEC.decode(messages).points)


@pytest.mark.parametrize(
    ("key", "hashed"),  # of Apache Kafka's own UtilsTest
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_partitioner_is_that_of_kafka(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed % 2**32
    for partitions in (1, 4, 7):
        assert partition_of(key, partitions) == (hashed & 0x7FFFFFFF) % partitions


def test_a_series_goes_where_its_key_goes() -> None:
    evidence = Evidence("m", 2, 4)
    hear(evidence, 0, ("stays", key_of(0, 0)), ("goes", key_of(0, 2)), ("goes", key_of(0, 2)))
    assert (evidence.home(0, "stays"), evidence.home(0, "goes"), evidence.home(0, "never seen")) == (0, 2, 0)
    assert evidence.stale_ms == NOW_MS + 2


def test_what_nothing_tells_stays_and_is_counted() -> None:
    evidence = Evidence("m", 2, 4)
    hear(evidence, 1, ("a", None), ("b", key_of(1, 1)), ("b", key_of(1, 3)), ("c", key_of(1, 3)), ("c", None))
    assert [evidence.home(1, name) for name in "abc"] == [1, 1, 1]
    assert evidence.unknown([(1, "a"), (1, "b"), (1, "c"), (1, "d")]) == {NO_KEY: 2, SEVERAL: 1, UNSEEN: 1}


def test_keys_that_lie_elsewhere_tell_nothing() -> None:
    with pytest.raises(SourceError, match=r"m/1: the record at offset 1 does not lie where the default partitioner puts its key"):
        hear(Evidence("m", 2, 4), 1, ("a", key_of(1, 1)), ("b", key_of(0, 0)))


def test_an_old_partition_is_read_up_to_the_first_record_that_came_to_it_anew() -> None:
    old, new, both = key_of(1, 3, 4, 6), key_of(3, 1, 4, 6), key_of(1, 1, 4, 6)
    evidence = Evidence("m", 4, 6)
    hear(evidence, 1, ("a", old), ("b", both), ("c", new), ("b", both))
    assert evidence.cut(1, 4) == 2
    late = Evidence("m", 4, 6)
    hear(late, 1, ("a", old), ("c", new), ("a", old))
    assert late.cut(1, 3) == 3
    assert Evidence("m", 4, 6).cut(1, 9) == 9
