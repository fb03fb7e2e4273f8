"""Everything that speaks to Kafka: one group membership (`KafkaSession`) that the source reads with and the outlet commits through."""

from streamkl.adapters.kafka.cluster import Cluster
from streamkl.adapters.kafka.exactly_once import ExactlyOnceOutlet
from streamkl.adapters.kafka.groups import group_members
from streamkl.adapters.kafka.history import MissingTopicError, TopicHistory
from streamkl.adapters.kafka.keys import partition_of
from streamkl.adapters.kafka.outlet import KafkaOutlet
from streamkl.adapters.kafka.preflight import preflight
from streamkl.adapters.kafka.session import KafkaSession
from streamkl.adapters.kafka.source import KafkaSource
from streamkl.adapters.kafka.state_topic import TopicStateStore
from streamkl.adapters.kafka.transactions import Transactor

__all__ = [
    "Cluster",
    "ExactlyOnceOutlet",
    "KafkaOutlet",
    "KafkaSession",
    "KafkaSource",
    "MissingTopicError",
    "TopicHistory",
    "TopicStateStore",
    "Transactor",
    "group_members",
    "partition_of",
    "preflight",
]
