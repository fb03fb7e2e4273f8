"""What can be known about the cluster before the service starts: reachable, topics there, permissions given."""

import logging
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.words import in_words
from streamkl.errors import ConfigError, SourceError
from streamkl.transport.cluster import Cluster
from streamkl.transport.subscription import topic_expression

NEW_TOPIC_PARTITIONS = (
    3  # of an output topic that we create: consumers can share the work, a series stays in order; replicas: the broker's default
)
# Old states go soon: a start reads what lies between the newest state's first and last record.
STATE_TOPIC_SETTINGS = {"cleanup.policy": "compact", "segment.ms": "600000", "min.cleanable.dirty.ratio": "0.1"}
COORDINATOR_SECONDS = 5.0  # a new cluster makes its offsets topic on the first question about a group

_log = logging.getLogger(__name__)


def preflight(
    cluster: Cluster,
    *,
    group_id: str,
    topics: Sequence[str],
    topic_pattern: str,
    output_topics: Sequence[str],
    create_missing: bool,
    state_topic: str = "",
) -> list[str]:
    """All problems found, one line each with the fix; empty: ready to start. Takes milliseconds, and seconds where the cluster refuses us.

    `topics` (or, where not empty, `topic_pattern`) have to be there and readable; `output_topics` (events, dead letters) are never read,
    whatever the pattern says, and have to be writable. Missing ones are created with NEW_TOPIC_PARTITIONS and a log line if
    `create_missing`, and are a problem otherwise. So is `state_topic`, which has to be compacted and readable as well.
    """
    states = [state_topic] if state_topic else []
    try:
        expression = topic_expression(topic_pattern, [*output_topics, *states]) if topic_pattern else None
        admin = open_client(KafkaAdminClient, cluster, SourceError)
    except ConfigError as error:
        return error.problems
    except SourceError as error:
        return [str(error)]
    try:
        inputs = sorted(filter(expression.match, admin.list_topics())) if expression else topics
        known = {topic["name"]: topic for topic in admin.describe_topics([*inputs, *output_topics, *states])}
        problems = [] if inputs else [f"no topic matches kafka.topic_pattern = {topic_pattern!r}: create one, or check the pattern"]
        problems += [line for name in inputs for line in _input_problems(name, known)]
        problems += [line for name in output_topics for line in _output_problems(admin, name, known, create_missing)]
        problems += [line for name in states for line in _state_problems(admin, name, known, create_missing)]
        return problems + _group_problems(admin, group_id)
    except kafka_errors.KafkaError as error:
        return [f"{', '.join(cluster.bootstrap_servers)}: {in_words(error)}"]
    finally:
        admin.close()


def _input_problems(name: str, known: Mapping[str, Any]) -> list[str]:
    if _missing(known[name]):
        return [f"topic {name}: does not exist: create it, or correct kafka.topics"]
    return _permission_problems(known[name], "READ")


def _output_problems(
    admin: KafkaAdminClient, name: str, known: Mapping[str, Any], create: bool, settings: Mapping[str, str] = MappingProxyType({})
) -> list[str]:
    if not _missing(known[name]):
        return _permission_problems(known[name], "WRITE")
    if not create:
        return [f"topic {name}: does not exist: create it"]
    answer = admin.create_topics({name: {"num_partitions": NEW_TOPIC_PARTITIONS, "configs": dict(settings)}}, raise_errors=False)["topics"][
        0
    ]
    error = kafka_errors.for_code(answer["error_code"])
    if error is kafka_errors.NoError:
        admin.wait_for_topics([name])
        _log.info("topic %s did not exist: created with %d partitions", name, NEW_TOPIC_PARTITIONS)
    elif error is not kafka_errors.TopicAlreadyExistsError:
        return [f"topic {name}: does not exist and cannot be created ({error.__name__}: {answer['error_message']}): create it"]
    return []


def _state_problems(admin: KafkaAdminClient, name: str, known: Mapping[str, Any], create: bool) -> list[str]:
    if _missing(known[name]):
        return _output_problems(admin, name, known, create, STATE_TOPIC_SETTINGS)
    problems = _permission_problems(known[name], "WRITE") or _permission_problems(known[name], "READ")
    if problems:
        return problems
    settings = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)], config_filter="all")["topic"][name]
    if not settings:
        # An empty answer is a refusal: asking needs a permission of its own (DescribeConfigs), which nothing else here does.
        _log.info("topic %s: whether it is compacted (cleanup.policy) is not shown to our user; taken for granted", name)
        return []
    policy = settings["cleanup.policy"]["value"]
    return [] if policy == "compact" else [f"topic {name}: has cleanup.policy = {policy}, by which state would be lost: set it to compact"]


def _missing(topic: Mapping[str, Any]) -> bool:
    return kafka_errors.for_code(topic["error_code"]) is kafka_errors.UnknownTopicOrPartitionError


def _permission_problems(topic: Mapping[str, Any], operation: str) -> list[str]:
    name, error = topic["name"], kafka_errors.for_code(topic["error_code"])
    allowed = topic["authorized_operations"]  # None from brokers before 2.3
    if error is kafka_errors.TopicAuthorizationFailedError or (allowed is not None and operation not in allowed):
        return [f"topic {name}: no permission: grant our user {operation.capitalize()} on it (if it exists)"]
    if error is not kafka_errors.NoError and not issubclass(error, kafka_errors.RetriableError):
        return [f"topic {name}: {in_words(error())}"]
    return []


def _group_problems(admin: KafkaAdminClient, group_id: str) -> list[str]:
    deadline = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            allowed = admin.describe_groups([group_id])[group_id]["authorized_operations"]
        except kafka_errors.GroupAuthorizationFailedError:
            allowed = []
        except kafka_errors.RetriableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
            continue
        # A group without members has no list: what its permissions are shows when it is joined.
        return [] if allowed is None or "READ" in allowed else [f"group {group_id}: no permission: grant our user Read on the group"]
