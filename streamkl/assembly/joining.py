"""Waiting for the cluster, or refusing to: until it answers, has the topics and lets us in."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from streamkl.adapters.kafka import preflight
from streamkl.adapters.telemetry import Telemetry
from streamkl.assembly.clients import Client, Session
from streamkl.assembly.stopping import Stopping
from streamkl.config import KafkaConfig
from streamkl.errors import ConfigError, InputError, SourceError
from streamkl.ports import Clock
from streamkl.transport import Cluster

log = logging.getLogger(__name__)

_Opened = TypeVar("_Opened")

RETRY_SECONDS = 2.0
REPEAT_SECONDS = 60.0  # an unchanged problem is logged so often
NAP_SECONDS = 0.1  # a request to stop ends the wait


def cluster_of(kafka: KafkaConfig) -> Cluster:
    """The connection settings."""
    return Cluster(
        bootstrap_servers=kafka.bootstrap_servers,
        client_id=kafka.client_id,
        security_protocol=kafka.security_protocol,
        ssl_cafile=kafka.ssl_cafile,
        ssl_certfile=kafka.ssl_certfile,
        ssl_keyfile=kafka.ssl_keyfile,
        ssl_password=kafka.ssl_password.get_secret_value() if kafka.ssl_password else None,
        sasl_mechanism=kafka.sasl_mechanism,
        sasl_username=kafka.sasl_username,
        sasl_password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
        sasl_oauth_token_url=kafka.sasl_oauth_token_url,
        sasl_oauth_scope=kafka.sasl_oauth_scope,
        sasl_oauth_token_path=kafka.sasl_oauth_token_path,
    )


def cluster_at(kafka: KafkaConfig, bootstrap: str | None) -> Cluster:
    """The same, where an option of the command line may name other servers (comma-separated). InputError where it cannot be read."""
    cluster = cluster_of(kafka)
    if bootstrap is None:
        return cluster
    cluster = replace(cluster, bootstrap_servers=tuple(server.strip() for server in bootstrap.split(",")))
    try:
        cluster.addresses()
    except ConfigError:
        raise InputError(f"--bootstrap {bootstrap!r}: write host:port, for example localhost:9092") from None
    return cluster


def source_of(kafka: KafkaConfig) -> str:
    """The CloudEvents source of all events of a group."""
    return f"/streamkl/{kafka.group_id}"


def join(kafka: KafkaConfig, state_topic: str, client: Client, stopping: Stopping, clock: Clock, telemetry: Telemetry) -> Session | None:
    """A session with the cluster, once nothing stands in its way; None where a stop was requested before.

    `state_topic` is where state is kept, or "". Raises ConfigError, and SourceError with all problems where `startup` is "exit".
    """
    cluster = cluster_of(kafka)
    cluster.ssl_context()  # what is wrong with the settings themselves does not mend by waiting
    _say_exposed(cluster)
    said, said_at = [""], 0.0
    while not stopping.requested:
        problems = _problems(kafka, state_topic, cluster, client)
        if not isinstance(problems, list):
            return problems
        if kafka.startup == "exit":
            raise SourceError("; ".join(problems))
        now = clock.now()
        if problems != said or now - said_at >= REPEAT_SECONDS:
            said, said_at = problems, now
            for problem in problems:
                log.warning("waiting: %s", problem)
        while not stopping.requested and clock.now() - now < RETRY_SECONDS:
            telemetry.turned()
            clock.sleep(NAP_SECONDS)
    return None


def _say_exposed(cluster: Cluster) -> None:
    if exposed := cluster.exposed():
        what = "records" if cluster.sasl_mechanism is None else "records and the login"
        log.warning(
            "kafka.security_protocol = %s: %s go to %s unencrypted; choose SASL_SSL or SSL",
            cluster.security_protocol,
            what,
            ", ".join(exposed),
        )


def _problems(kafka: KafkaConfig, state_topic: str, cluster: Cluster, client: Client) -> list[str] | Session:
    problems = obstacles(kafka, state_topic, cluster)
    if problems:
        return problems
    try:
        return open_session(kafka, state_topic, cluster, client.session)
    except SourceError as error:
        return [str(error)]


def obstacles(kafka: KafkaConfig, state_topic: str, cluster: Cluster) -> list[str]:
    """What stands in the way of joining, a line each. Creates output topics that are missing."""
    return preflight(
        cluster,
        group_id=kafka.group_id,
        topics=kafka.topics,
        topic_pattern=kafka.topic_pattern,
        output_topics=(kafka.events_topic, kafka.dead_letter_topic),
        state_topic=state_topic,
        create_missing=True,
    )


def open_session(kafka: KafkaConfig, state_topic: str, cluster: Cluster, build: Callable[..., _Opened]) -> _Opened:
    """A member of the group. Raises ConfigError, SourceError."""
    return build(
        cluster,
        group_id=kafka.group_id,
        topics=kafka.topics,
        topic_pattern=kafka.topic_pattern,
        excluded_topics=tuple(filter(None, (kafka.events_topic, kafka.dead_letter_topic, state_topic))),
        session_timeout_seconds=kafka.session_timeout_seconds,
        group_instance_id=kafka.group_instance_id,
    )
