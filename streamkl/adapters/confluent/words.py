"""The library's errors in the operator's words, one line each."""

from confluent_kafka import KafkaError, KafkaException

from streamkl.transport.words import BROKEN, FIXES, NO_ANSWER

UNKNOWN_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
OUT_OF_RANGE = {KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._AUTO_OFFSET_RESET}
NOT_A_MEMBER = {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.REBALANCE_IN_PROGRESS, KafkaError._ASSIGNMENT_LOST}
TAKEN = {KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL}  # a consumer knows no other fatal error than another process with its name

# What no other producer would mend either.
FINAL = UNKNOWN_TOPIC | {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError.SASL_AUTHENTICATION_FAILED,
    KafkaError.MSG_SIZE_TOO_LARGE,
    KafkaError.RECORD_LIST_TOO_LARGE,
    KafkaError.OFFSET_METADATA_TOO_LARGE,
    KafkaError.TOPIC_EXCEPTION,
    KafkaError.UNSUPPORTED_VERSION,
    KafkaError.INVALID_TRANSACTION_TIMEOUT,
}

_LOCAL = {
    KafkaError._TIMED_OUT: NO_ANSWER,
    KafkaError._MSG_TIMED_OUT: NO_ANSWER,
    KafkaError._TRANSPORT: BROKEN,
    KafkaError._ALL_BROKERS_DOWN: BROKEN,
    KafkaError._BAD_MSG: FIXES[2],
    KafkaError._BAD_COMPRESSION: FIXES[2],
    KafkaError._AUTHENTICATION: FIXES[58],
    KafkaError._FENCED: FIXES[90],
    KafkaError._FATAL: FIXES[82],
} | dict.fromkeys((KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION), FIXES[3])

_PASSING = {
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
    KafkaError._MSG_TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._WAIT_COORD,
    KafkaError._IN_PROGRESS,
    KafkaError._PREV_IN_PROGRESS,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
    KafkaError.NETWORK_EXCEPTION,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    KafkaError.CONCURRENT_TRANSACTIONS,
    KafkaError.KAFKA_STORAGE_ERROR,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.OFFSET_NOT_AVAILABLE,
    KafkaError.UNSTABLE_OFFSET_COMMIT,
    KafkaError.THROTTLING_QUOTA_EXCEEDED,
}


def error_of(error: KafkaException) -> KafkaError:
    """What an exception of the library carries."""
    found: KafkaError = error.args[0]
    return found


def in_words(error: KafkaError) -> str:
    """What happened, what to do about it, and the library's own words in brackets.

    >>> in_words(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "billing"))
    'no permission for the consumer group: grant Read on kafka.group_id [billing]'
    """
    own = " ".join(error.str().split())[:200]
    fix = FIXES.get(error.code()) or _LOCAL.get(error.code())
    return f"{fix} [{own}]" if fix else own


def may_pass(error: KafkaError) -> bool:
    """Whether the same call may succeed later without anybody acting."""
    return error.code() in _PASSING
