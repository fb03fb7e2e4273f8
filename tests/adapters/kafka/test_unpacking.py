"""Compressed batches: what the library packs comes back, what would become too large is refused before it has."""

import tracemalloc
from collections.abc import Callable

import pytest
import snappy
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaProducer, codec
from kafka.errors import CorruptRecordError
from kafka.record import default_records

from streamkl.adapters.kafka import unpacking
from streamkl.adapters.kafka.unpacking import gunzip, limit_unpacking, unlz4, unsnappy, unzstd
from streamkl.errors import SourceError
from streamkl.transport import Cluster
from tests.adapters.kafka.places import OnKafka
from tests.adapters.kafka.reading import from_the_start
from tests.fakes import MemoryStore

PAIRS = {
    "gzip": (codec.gzip_encode, gunzip),
    "gzip in two members": (lambda raw: codec.gzip_encode(raw[:7]) + codec.gzip_encode(raw[7:]), gunzip),
    "snappy blocks": (codec.snappy_encode, unsnappy),
    "snappy": (snappy.compress, unsnappy),
    "lz4": (codec.lz4_encode, unlz4),
    "zstd": (codec.zstd_encode, unzstd),
}
MEGABYTE = 2**20


@pytest.mark.parametrize(("pack", "unpack"), PAIRS.values(), ids=PAIRS.keys())
@given(st.binary(min_size=1, max_size=300).map(lambda raw: raw * 300))
def test_what_was_packed_comes_back(pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes], raw: bytes) -> None:
    assert bytes(unpack(pack(raw))) == raw


@pytest.mark.parametrize(("pack", "unpack"), PAIRS.values(), ids=PAIRS.keys())
def test_a_bomb_is_refused_before_it_has_grown(
    pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = pack(bytes(64 * MEGABYTE))
    assert len(bomb) < 4 * MEGABYTE
    monkeypatch.setattr(unpacking, "LARGEST_BATCH", 2 * MEGABYTE)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptRecordError, match="unpacks to more than 2 MB"):
            unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 16 * MEGABYTE
    finally:
        tracemalloc.stop()
    assert unpack(pack(bytes(2 * MEGABYTE))) == bytes(2 * MEGABYTE)


def test_blocks_without_a_length_are_no_endless_loop() -> None:
    head = codec.snappy_encode(b"")[:16]
    for rest in (bytes(8), b"\xff\xff\xff\xff", b"\0\0\0\x08" + b"\xff" * 8):
        with pytest.raises(CorruptRecordError, match="has no length"):
            unsnappy(head + rest)


def test_the_library_unpacks_with_these() -> None:
    limit_unpacking()
    assert [default_records.gzip_decode, default_records.snappy_decode, default_records.lz4_decode, default_records.zstd_decode] == [
        gunzip,
        unsnappy,
        unlz4,
        unzstd,
    ]


@pytest.mark.broker
@pytest.mark.parametrize("compression", ["gzip", "snappy", "lz4", "zstd"])
def test_a_bomb_in_a_topic_halts_with_one_line(
    kafka_place: OnKafka, group: str, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_BATCH", 8 * MEGABYTE)
    topic = kafka_place.topic()
    producer = KafkaProducer(bootstrap_servers=kafka_place.bootstrap, compression_type=compression, max_request_size=64 * MEGABYTE)
    producer.send(topic, bytes(16 * MEGABYTE), partition=0).get(timeout=20)
    producer.close()
    member = kafka_place.member(group, topic, store)
    from_the_start(member.source)
    with pytest.raises(SourceError, match=f"{topic}/0.*unpacks to more than 8 MB"):
        for _ in range(20):
            assert not any(member.source.poll(0.5).values())


def test_servers_that_hear_everything_in_the_clear_are_named() -> None:
    def exposed(protocol: str, *servers: str) -> list[str]:
        return Cluster(bootstrap_servers=servers, client_id="test", security_protocol=protocol).exposed()

    assert exposed("PLAINTEXT", "localhost:9092", "127.0.0.1:9092", "[::1]:9092") == []
    assert exposed("SASL_PLAINTEXT", "broker:9092", "10.0.0.1:9092", "127.0.0.1:1") == ["broker", "10.0.0.1"]
    assert exposed("SASL_SSL", "broker:9092") == []
