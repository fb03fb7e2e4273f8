"""The library's errors in the operator's words, one line each."""

import re

from kafka import errors as kafka_errors

from streamkl.adapters.kafka.unpacking import UnpackedTooLargeError
from streamkl.transport.words import BROKEN, FIXES, NO_ANSWER

_FIXES: tuple[tuple[type[Exception], str], ...] = (
    (UnpackedTooLargeError, "a batch is no honest one: see who wrote it, and move the group's offset past it"),
    (kafka_errors.KafkaTimeoutError, NO_ANSWER),
    (kafka_errors.KafkaConnectionError, BROKEN),
    (kafka_errors.NodeNotReadyError, "no connection; is the broker running?"),
)


def in_words(error: BaseException) -> str:
    """What happened, what to do about it, and the library's own words in brackets.

    >>> in_words(kafka_errors.GroupAuthorizationFailedError("billing"))
    'no permission for the consumer group: grant Read on kafka.group_id [GroupAuthorizationFailedError: billing]'
    """
    own = " ".join(re.sub(r"^\[Error -?\d+\] ", "", str(error)).split())[:200].rstrip(": ") or type(error).__name__
    fix = next((text for kind, text in _FIXES if isinstance(error, kind)), FIXES.get(getattr(error, "errno", 0)))
    return f"{fix} [{own}]" if fix else own


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later without anybody acting."""
    return isinstance(error, kafka_errors.RetriableError) and not isinstance(error, kafka_errors.UnknownTopicOrPartitionError)
