"""How many partitions there are to read, asked from outside of any group."""

from collections.abc import Sequence

from kafka import errors as kafka_errors
from kafka.admin import KafkaAdminClient

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SourceError
from streamkl.transport.cluster import Cluster
from streamkl.transport.subscription import topic_expression


def input_partitions(cluster: Cluster, *, topics: Sequence[str], topic_pattern: str, excluded_topics: Sequence[str]) -> int:
    """The partitions of all topics that are subscribed to, together; 0 where one is missing or hidden from us. Raises ConfigError,
    SourceError.
    """
    expression = topic_expression(topic_pattern, excluded_topics) if topic_pattern else None
    admin = open_client(KafkaAdminClient, cluster, SourceError)
    try:
        names = sorted(filter(expression.match, admin.list_topics())) if expression else topics
        found = [len(topic["partitions"]) for topic in admin.describe_topics(list(names))] if names else []
        return sum(found) if all(found) else 0
    except kafka_errors.KafkaError as error:
        raise SourceError(f"{', '.join(cluster.bootstrap_servers)}: {in_words(error)}", transient=may_pass(error)) from error
    finally:
        admin.close()
