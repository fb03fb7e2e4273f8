"""What an operator can do about the errors of Kafka's protocol, by their numbers there: the same whatever client library met them."""

FIXES = {
    2: "a batch of records is damaged (its checksum does not fit): restore the partition from a replica, or seek past it",
    3: "the topic does not exist: create it",
    10: "a record is larger than the topic accepts: raise its max.message.bytes",
    18: "a record is larger than the topic accepts: raise its max.message.bytes",
    19: "too few in-sync replicas (min.insync.replicas): bring the brokers back",
    20: "too few in-sync replicas (min.insync.replicas): bring the brokers back",
    23: "the group has members of another kind: choose another kafka.group_id",
    24: "the broker does not accept kafka.group_id",
    26: "kafka.session_timeout_seconds is outside the broker's group.min.session.timeout.ms and group.max.session.timeout.ms",
    29: "no permission for the topic: grant Read on input topics, Write on output topics, Describe on both",
    30: "no permission for the consumer group: grant Read on kafka.group_id",
    31: "no permission on the cluster: grant IdempotentWrite, or Write on the output topics",
    53: "no permission for the transactional id: grant Write and Describe on transactional ids that begin with streamkl",
    58: "the broker refuses our user: check kafka.sasl_username and kafka.sasl_password",
    82: "another process runs with our group_instance_id: give each its own",
    90: "the transaction took too long, or another process began with our transactional id",
}
NO_ANSWER = "no answer in time; is the broker running?"
BROKEN = "the connection broke; is the broker running?"

OFFSET_LOST = (
    "restore the records, or accept the gap: stop the group, move its offset (kafka-consumer-groups --reset-offsets --to-earliest)"
    ' and remove the partition\'s file, where state.backend is "files"'
)


def lost_offset(name: str, offset: int, bounds: tuple[int, int]) -> str:
    """A partition that does not hold the offset to go on with: what it holds, what that means, what to do.

    >>> lost_offset("metrics/3", 5, (9, 20)).split(":")[0]
    'metrics/3'
    """
    first, end = bounds
    lost = f"{first - offset} records were deleted before they were read" if offset < first else "the topic was emptied or made anew"
    return f"{name}: reading should go on at offset {offset}, but the broker holds {first} to {end} ({lost}): {OFFSET_LOST}"
