"""Where Kafka's default partitioner sends a key."""

from functools import lru_cache

from kafka.partitioner.default import murmur2


@lru_cache(maxsize=1 << 18)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a record with this key, as clients in Java and most others choose it (murmur2).

    >>> [partition_of(name, 8) for name in (b"web-1", b"web-2", b"web-3")]
    [5, 6, 5]
    """
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)
