"""Opens a client of the library, or says in one line why that is not possible, and what to do about it."""

import socket
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from kafka import KafkaConsumer
from kafka import errors as kafka_errors
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl.oauth import AbstractTokenProvider

from streamkl.adapters.kafka.client_log import overheard
from streamkl.adapters.kafka.cluster import Cluster
from streamkl.adapters.kafka.internals import ask_at_once
from streamkl.adapters.kafka.unpacking import limit_unpacking
from streamkl.adapters.kafka.words import in_words
from streamkl.errors import SinkError, SourceError

PROBE_TIMEOUT_SECONDS = 5.0  # TCP connect and TLS handshake with one bootstrap server

_AUTHENTICATION = (
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedSaslMechanismError,
    kafka_errors.IllegalSaslStateError,
)

_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_EOF_WHILE_READING"}

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
    settings = cluster.options()
    refusal = probe(cluster, settings["ssl_context"]) or _no_token(settings["sasl_oauth_token_provider"])
    if refusal:
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


def probe(cluster: Cluster, context: ssl.SSLContext | None) -> str | None:
    """None if one bootstrap server accepts a connection (and a TLS handshake), else why not. Raises ConfigError."""
    refusals = []
    for host, port in cluster.addresses():
        try:
            with socket.create_connection((host, port), PROBE_TIMEOUT_SECONDS) as plain:
                if context is not None:
                    context.wrap_socket(plain, server_hostname=host).close()
            return None
        except OSError as error:
            refusals.append(f"{host}:{port} {_refusal(error)}")
    return f"no Kafka broker can be reached: {'; '.join(refusals)}"


def _no_token(provider: AbstractTokenProvider | None) -> str | None:
    """None if a token can be had, else why not; asked here, because the client would only say that time is up."""
    try:
        if provider is not None:
            provider.token()
    except kafka_errors.KafkaConnectionError as error:
        return in_words(error).split("[", 1)[-1].rstrip("]").removeprefix("KafkaConnectionError: ")
    return None


def _refusal(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return _tls_refusal(error)
    if isinstance(error, socket.gaierror):
        return "is not a known host name: check kafka.bootstrap_servers"
    if isinstance(error, TimeoutError):
        return f"does not answer within {PROBE_TIMEOUT_SECONDS:g} s: check kafka.bootstrap_servers and the firewall"
    if isinstance(error, ConnectionRefusedError):
        return "refuses the connection: is the broker running, is this its address?"
    return f"breaks off the connection ({error.strerror or error}): check the port and kafka.security_protocol"


def _tls_refusal(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted ({error.verify_message}): check kafka.ssl_cafile and the host name"
    if error.reason in _NOT_TLS:
        return "does not speak TLS: check the port and kafka.security_protocol"
    return f"breaks off the TLS handshake ({error.reason or error}): check the ssl_ settings"


def _why_not_opened(cluster: Cluster, error: BaseException) -> str:
    servers = ", ".join(cluster.bootstrap_servers)
    protocol, mechanism = cluster.security_protocol, cluster.sasl_mechanism
    if isinstance(error, kafka_errors.UnsupportedSaslMechanismError | kafka_errors.IllegalSaslStateError):
        return f"{servers} does not offer SASL {mechanism}: check kafka.sasl_mechanism and kafka.security_protocol"
    if not cluster.encrypted and any(_speaks_tls(*address) for address in cluster.addresses()):
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


def _speaks_tls(host: str, port: int) -> bool:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only asked for its language; nothing is sent
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT_SECONDS) as plain:
            context.wrap_socket(plain).close()
    except OSError:
        return False
    return True
