"""Opens a client of the library, or says in one line why that is not possible, and what to do about it."""

from collections.abc import Callable
from typing import Any, TypeVar

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient

from streamkl.adapters.kafka.client_log import overheard
from streamkl.adapters.kafka.frames import copy_less
from streamkl.adapters.kafka.internals import ask_at_once
from streamkl.adapters.kafka.options import options_of
from streamkl.adapters.kafka.unpacking import limit_unpacking
from streamkl.adapters.kafka.words import in_words
from streamkl.errors import SinkError, SourceError
from streamkl.transport.cluster import Cluster
from streamkl.transport.reaching import obstacle, speaks_tls

_AUTHENTICATION = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)

_Opened = TypeVar("_Opened")


def open_reader(cluster: Cluster, **options: Any) -> KafkaConsumer:
    """A consumer outside of all groups, which reads what is committed from the offsets it is told. Raises as `open_client`: SourceError."""
    return open_client(
        KafkaConsumer,
        cluster,
        SourceError,
        **options,
        group_id=None,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="none",
        check_crcs=True,
        metrics_enabled=False,
    )


def open_client(build: Callable[..., _Opened], cluster: Cluster, failure: type[SourceError] | type[SinkError], **options: Any) -> _Opened:
    """A connected KafkaConsumer, KafkaProducer or KafkaAdminClient. Raises ConfigError, and `failure` where the cluster refuses us.

    Takes milliseconds; at most PROBE_TIMEOUT_SECONDS for each bootstrap server and then the library's bootstrap timeout. Nothing stays
    open after a failure: the library would leave a thread and its sockets behind.
    """
    limit_unpacking()
    copy_less()
    settings = options_of(cluster)
    if refusal := obstacle(cluster):
        raise failure(refusal, transient=True)
    opened: list[KafkaNetClient] = []

    def remember(**configs: Any) -> KafkaNetClient:
        client = KafkaNetClient(**configs)
        # The library loses its own allow_auto_create_topics on the way here, and asking for a deleted topic would bring it back empty.
        client.cluster.config["allow_auto_create_topics"] = False
        opened.append(client)
        return client

    with overheard() as heard:
        try:
            built = build(**(settings | options), kafka_client=remember)
        except BaseException as error:
            for client in opened:
                client.close()
            if not isinstance(error, kafka_errors.KafkaError | OSError):
                raise
            cause = _cause(error, heard)
            raise failure(_why_not_opened(cluster, cause), transient=not isinstance(cause, _AUTHENTICATION)) from error
    for client in opened:
        ask_at_once(client)
    return built


def _cause(error: BaseException, heard: list[BaseException]) -> BaseException:
    """The library only says that time is up; what it met on the way is in its log. A refused password outweighs the break that follows."""
    met = [each for each in heard if not isinstance(each, kafka_errors.KafkaTimeoutError | kafka_errors.RequestTimedOutError)]
    refused = [each for each in met if isinstance(each, _AUTHENTICATION)]
    return (refused or met or [error])[-1] if isinstance(error, kafka_errors.KafkaTimeoutError) else error


def _why_not_opened(cluster: Cluster, error: BaseException) -> str:
    servers = ", ".join(cluster.bootstrap_servers)
    protocol, mechanism = cluster.security_protocol, cluster.sasl_mechanism
    if isinstance(error, kafka_errors.UnsupportedSaslMechanismError | kafka_errors.IllegalSaslStateError):
        return f"{servers} does not offer SASL {mechanism}: check kafka.sasl_mechanism and kafka.security_protocol"
    if not cluster.encrypted and any(speaks_tls(*address) for address in cluster.addresses()):
        wanted = "SASL_SSL" if protocol.startswith("SASL") else "SSL or SASL_SSL"
        return f"{servers} speaks TLS, but kafka.security_protocol is {protocol}: set it to {wanted}"
    # The broker hangs up after a refusal, and the library often sees only that.
    if protocol.startswith("SASL") and isinstance(error, kafka_errors.SaslAuthenticationFailedError | kafka_errors.KafkaConnectionError):
        if mechanism == "OAUTHBEARER":
            return f"{servers} refuses our token: check its audience, scope and life, and kafka.sasl_oauth_scope"
        return (
            f"{servers} refuses user {cluster.sasl_username!r} ({mechanism}):"
            " check kafka.sasl_username, kafka.sasl_password and kafka.sasl_mechanism"
        )
    return (
        f"{servers} accepts connections, but no Kafka client over {protocol} ({in_words(error)}):"
        " check the port and kafka.security_protocol (does it want TLS or a password?)"
    )
