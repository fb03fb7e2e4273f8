"""The Kafka side of the Source port: records of the partitions that are ours, from where the loop asked for them."""

from collections.abc import Mapping, Sequence

from streamkl.adapters.kafka.session import KafkaSession
from streamkl.model import Message, Partition
from streamkl.ports import Assignment


class KafkaSource:
    """Reads through a session. A newly assigned partition delivers nothing until it is sought."""

    def __init__(self, session: KafkaSession) -> None:
        raise NotImplementedError

    def poll(self, timeout_seconds: float) -> Mapping[Partition, Sequence[Message]]:
        raise NotImplementedError

    def assignment(self) -> Assignment:
        raise NotImplementedError

    def committed(self, partition: Partition) -> int | None:
        raise NotImplementedError

    def bounds(self, partition: Partition) -> tuple[int, int]:
        raise NotImplementedError

    def seek(self, partition: Partition, offset: int) -> None:
        raise NotImplementedError

    def lag(self) -> Mapping[Partition, int]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
