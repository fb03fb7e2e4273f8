"""Kafka through confluent-kafka (librdkafka): the same parts as `streamkl.adapters.kafka`, for who needs more records a second."""

from streamkl.adapters.confluent.delivery import ConfluentCourier
from streamkl.adapters.confluent.session import ConfluentSession
from streamkl.adapters.confluent.source import ConfluentSource
from streamkl.adapters.confluent.state_reader import ConfluentStateReader
from streamkl.adapters.confluent.transactions import ConfluentTransactor

__all__ = ["ConfluentCourier", "ConfluentSession", "ConfluentSource", "ConfluentStateReader", "ConfluentTransactor"]
