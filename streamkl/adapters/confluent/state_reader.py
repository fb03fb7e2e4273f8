"""States read back from their topic, outside of the group."""

from collections.abc import Iterator, Sequence

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Record

from streamkl.adapters.confluent.client import complain, properties_of, take
from streamkl.adapters.confluent.session import ConfluentSession
from streamkl.adapters.confluent.words import OUT_OF_RANGE, UNKNOWN_TOPIC, error_of, in_words, may_pass
from streamkl.errors import SourceError
from streamkl.model import Partition
from streamkl.transport import tuning
from streamkl.transport.clients import OutOfRangeError, Stored

POLL_SECONDS = 0.2
MOST_RECORDS = 100
_HALTING = {KafkaError._BAD_MSG, KafkaError._BAD_COMPRESSION, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError._LOG_TRUNCATION}


class ConfluentStateReader:
    """Opened when somebody reads, in 0.1 s, and kept until `rest` or a failure."""

    def __init__(self, session: ConfluentSession) -> None:
        self._session = session
        self._open: Consumer | None = None

    def partitions_of(self, topic: str) -> int:
        """How many partitions a topic has; 0 where it is unknown. Raises SourceError."""
        try:
            found = self._opened().list_topics(topic, tuning.QUERY_TIMEOUT_MS / 1000).topics[topic]
        except KafkaException as error:
            self.rest()
            raise SourceError(in_words(error_of(error)), transient=may_pass(error_of(error))) from error
        if found.error is not None and found.error.code() not in UNKNOWN_TOPIC:
            raise SourceError(in_words(found.error), transient=may_pass(found.error))
        return len(found.partitions)

    def read(self, where: Partition, first: int | None, last: int | None) -> Iterator[Sequence[Stored]]:
        """Records from offset `first` (None: the earliest) to `last` included (None: the present end), in batches that may be empty.

        An end that is not visible yet is waited for, with empty batches. Raises OutOfRangeError, SourceError.
        """
        consumer = self._opened()
        consumer.assign([TopicPartition(*where, OFFSET_BEGINNING if first is None else first)])
        done = False
        try:
            while not done:
                batch = []
                for record in take(consumer, MOST_RECORDS, POLL_SECONDS):
                    done = done or _is_behind(record, last)
                    if record.error() is None and (last is None or record.offset() <= last):
                        batch.append(Stored(record.offset(), record.key() or b"", record.value() or b""))
                        done = done or record.offset() == last
                yield batch
        except SourceError:
            self.rest()
            raise
        finally:
            if self._open is not None:
                consumer.unassign()

    def rest(self) -> None:
        """Close what reading needs. Idempotent."""
        consumer, self._open = self._open, None
        if consumer is not None:
            consumer.close()

    def _opened(self) -> Consumer:
        if self._open is None:
            self._open = Consumer(
                properties_of(self._session.cluster)
                | {
                    "group.id": self._session.group_id,  # it never joins, but the library asks for the group's coordinator
                    "enable.auto.commit": False,
                    "isolation.level": "read_committed",
                    "auto.offset.reset": "error",
                    "check.crcs": True,
                    "enable.partition.eof": True,
                    "max.partition.fetch.bytes": tuning.STATE_FETCH_BYTES,
                    "fetch.wait.max.ms": tuning.FETCH_MAX_WAIT_MS,
                }
            )
        return self._open


def _is_behind(record: Record, last: int | None) -> bool:
    """Whether nothing that is wanted comes after it. Raises OutOfRangeError, SourceError."""
    error = record.error()
    if error is None:
        return last is not None and record.offset() > last
    if error.code() == KafkaError._PARTITION_EOF:
        return last is None or record.offset() > last
    if error.code() in OUT_OF_RANGE:
        raise OutOfRangeError(in_words(error))
    if error.code() in _HALTING:
        raise SourceError(in_words(error))
    complain(error)
    return False
