"""What confluent-kafka says once, in the very poll in which partitions come or go."""

import pytest
from confluent_kafka import KafkaError, Message

from streamkl.adapters.confluent.session import ConfluentSession
from streamkl.adapters.confluent.source import ConfluentSource
from streamkl.errors import SourceError
from streamkl.transport import Cluster
from tests.adapters.kafka.places import OnKafka
from tests.adapters.kafka.reading import joined

pytestmark = pytest.mark.broker


def test_that_another_process_has_the_name_is_heard_although_the_partitions_go_in_the_same_poll(
    kafka_place: OnKafka, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the partitions gone nothing is committed any more that could say it again."""
    session = ConfluentSession(
        Cluster(bootstrap_servers=(kafka_place.bootstrap,), client_id="test"),
        group_id=group,
        topics=[kafka_place.topic()],
        topic_pattern="",
        excluded_topics=(),
        session_timeout_seconds=6.0,
    )
    source = ConfluentSource(session)
    joined(source)

    def fenced(*_: object) -> list[Message]:
        session._revoked(session.consumer, [])
        return [Message(error=KafkaError(KafkaError._FATAL))]

    with monkeypatch.context() as patch:
        patch.setattr("streamkl.adapters.confluent.session.take", fenced)
        with pytest.raises(SourceError, match="group_instance_id"):
            source.poll(0.1)
    with pytest.raises(SourceError, match="group_instance_id"):
        source.poll(0.1)
    source.close()
