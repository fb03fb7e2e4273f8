"""Everything that speaks to Kafka: one group membership (`KafkaSession`) that the source reads with and the outlet commits through."""

from streamkl.adapters.kafka.delivery import KafkaCourier
from streamkl.adapters.kafka.groups import group_members
from streamkl.adapters.kafka.history import MissingTopicError, TopicHistory
from streamkl.adapters.kafka.inputs import input_partitions
from streamkl.adapters.kafka.keys import partition_of
from streamkl.adapters.kafka.preflight import preflight
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.adapters.kafka.settling import Settler
from streamkl.adapters.kafka.source import KafkaSource
from streamkl.adapters.kafka.state_reader import KafkaStateReader
from streamkl.adapters.kafka.transactions import Transactor

__all__ = [
    "KafkaCourier",
    "KafkaSession",
    "KafkaSource",
    "KafkaStateReader",
    "MissingTopicError",
    "Settler",
    "TopicHistory",
    "Transactor",
    "group_members",
    "input_partitions",
    "partition_of",
    "preflight",
]
