"""What every Kafka client has in common: how a cluster is reached, and how results, states and offsets are laid down in it."""

from streamkl.transport.at_least_once import AtLeastOnceOutlet
from streamkl.transport.cluster import Cluster
from streamkl.transport.exactly_once import ExactlyOnceOutlet
from streamkl.transport.state_topic import TopicStateStore

__all__ = ["AtLeastOnceOutlet", "Cluster", "ExactlyOnceOutlet", "TopicStateStore"]
