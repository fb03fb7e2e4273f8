"""Who is in a consumer group at the moment, asked from outside of it."""

from typing import Any

from kafka import errors as kafka_errors
from kafka.admin import KafkaAdminClient

from streamkl.adapters.kafka.client import open_client
from streamkl.adapters.kafka.words import in_words, may_pass
from streamkl.errors import SourceError
from streamkl.transport.cluster import Cluster


def group_members(cluster: Cluster, group_id: str) -> list[str]:
    """A group's members: a static one by its name, another by client and host; empty where nobody is. Raises SourceError."""
    admin = open_client(KafkaAdminClient, cluster, SourceError)
    try:
        members: list[dict[str, Any]] = admin.describe_groups([group_id])[group_id]["members"]
    except kafka_errors.KafkaError as error:
        raise SourceError(f"group {group_id}: {in_words(error)}", transient=may_pass(error)) from error
    finally:
        admin.close()
    return sorted(member["group_instance_id"] or f"{member['client_id']} on {member['client_host']}" for member in members)
