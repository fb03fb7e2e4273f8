"""States read back from their topic with a consumer outside of all groups."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from kafka import TopicPartition
from kafka import errors as kafka_errors

from streamkl.adapters.kafka.internals import list_offsets
from streamkl.adapters.kafka.reader import SharedReader
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SourceError
from streamkl.model import Partition
from streamkl.transport.clients import OutOfRangeError, Stored
from streamkl.transport.cluster import Cluster
from streamkl.transport.tuning import QUERY_TIMEOUT_MS, STATE_FETCH_BYTES

POLL_MS = 200
RETRY_BACKOFF_MS = 10  # what the library sleeps while the first answer is under way, for each partition that is restored: 0.2 s by default

_Answer = TypeVar("_Answer")


class KafkaStateReader:
    """Opened when somebody reads, in 0.1 s, and kept until `rest` or a failure."""

    def __init__(self, cluster: Cluster) -> None:
        self._reader = SharedReader(cluster, max_partition_fetch_bytes=STATE_FETCH_BYTES, retry_backoff_ms=RETRY_BACKOFF_MS)

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has; 0 where it is unknown. Raises SourceError."""
        with self._reader as reader:
            return len(_ask(lambda: reader.partitions_for_topic(topic)) or ())

    def read(self, where: Partition, first: int | None, last: int | None) -> Iterator[Sequence[Stored]]:
        """Records from offset `first` (None: the earliest) to `last` included (None: the present end), in batches that may be empty.

        An end that is not visible yet is waited for, with empty batches. Raises OutOfRangeError, SourceError.
        """
        place = TopicPartition(*where)
        with self._reader as reader:
            reader.assign([place])
            if first is None:
                reader.seek_to_beginning(place)
            else:
                reader.seek(place, first)
            end = _ask(lambda: list_offsets(reader.end_offsets, [place], QUERY_TIMEOUT_MS)[place]) if last is None else last + 1
            while _ask(lambda: reader.position(place, timeout_ms=QUERY_TIMEOUT_MS)) < end:
                batch = _ask(lambda: reader.poll(POLL_MS)).get(place, ())
                yield [Stored(each.offset, each.key or b"", each.value or b"") for each in batch if each.offset < end]

    def rest(self) -> None:
        """Close what reading needs. Idempotent."""
        self._reader.rest()


def _ask(question: Callable[[], _Answer]) -> _Answer:
    try:
        return question()
    except kafka_errors.OffsetOutOfRangeError as error:
        raise OutOfRangeError(in_words(error)) from error
    except kafka_errors.KafkaError as error:
        raise SourceError(in_words(error), transient=may_pass(error)) from error
