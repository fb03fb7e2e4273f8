"""The library's errors in the operator's words, one line each."""

import re

from kafka import errors as kafka_errors

from streamkl.adapters.kafka.unpacking import UnpackedTooLargeError

_FIXES: tuple[tuple[type[Exception], str], ...] = (
    (
        kafka_errors.TopicAuthorizationFailedError,
        "no permission for the topic: grant Read on input topics, Write on output topics, Describe on both",
    ),
    (kafka_errors.GroupAuthorizationFailedError, "no permission for the consumer group: grant Read on kafka.group_id"),
    (
        kafka_errors.TransactionalIdAuthorizationFailedError,
        "no permission for the transactional id: grant Write and Describe on transactional ids that begin with streamkl",
    ),
    (kafka_errors.ProducerFencedError, "the transaction took too long, or another process began with our transactional id"),
    (kafka_errors.ClusterAuthorizationFailedError, "no permission on the cluster: grant IdempotentWrite, or Write on the output topics"),
    (kafka_errors.SaslAuthenticationFailedError, "the broker refuses our user: check kafka.sasl_username and kafka.sasl_password"),
    (kafka_errors.FencedInstanceIdError, "another process runs with our group_instance_id: give each its own"),
    (
        kafka_errors.InvalidSessionTimeoutError,
        "kafka.session_timeout_seconds is outside the broker's group.min.session.timeout.ms and group.max.session.timeout.ms",
    ),
    (kafka_errors.InconsistentGroupProtocolError, "the group has members of another kind: choose another kafka.group_id"),
    (kafka_errors.InvalidGroupIdError, "the broker does not accept kafka.group_id"),
    (UnpackedTooLargeError, "a batch is no honest one: see who wrote it, and move the group's offset past it"),
    (
        kafka_errors.CorruptRecordError,
        "a batch of records is damaged (its checksum does not fit): restore the partition from a replica, or seek past it",
    ),
    (kafka_errors.UnknownTopicOrPartitionError, "the topic does not exist: create it"),
    (kafka_errors.NotEnoughReplicasError, "too few in-sync replicas (min.insync.replicas): bring the brokers back"),
    (kafka_errors.NotEnoughReplicasAfterAppendError, "too few in-sync replicas (min.insync.replicas): bring the brokers back"),
    (kafka_errors.RecordListTooLargeError, "a record is larger than the topic accepts: raise its max.message.bytes"),
    (kafka_errors.MessageSizeTooLargeError, "a record is larger than the topic accepts: raise its max.message.bytes"),
    (kafka_errors.KafkaTimeoutError, "no answer in time; is the broker running?"),
    (kafka_errors.KafkaConnectionError, "the connection broke; is the broker running?"),
    (kafka_errors.NodeNotReadyError, "no connection; is the broker running?"),
)


def in_words(error: BaseException) -> str:
    """What happened, what to do about it, and the library's own words in brackets.

    >>> in_words(kafka_errors.GroupAuthorizationFailedError("billing"))
    'no permission for the consumer group: grant Read on kafka.group_id [GroupAuthorizationFailedError: billing]'
    """
    own = " ".join(re.sub(r"^\[Error -?\d+\] ", "", str(error)).split())[:200].rstrip(": ") or type(error).__name__
    fix = next((text for kind, text in _FIXES if isinstance(error, kind)), None)
    return f"{fix} [{own}]" if fix else own


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later without anybody acting."""
    return isinstance(error, kafka_errors.RetriableError) and not isinstance(error, kafka_errors.UnknownTopicOrPartitionError)
