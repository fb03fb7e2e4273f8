"""Whether a bootstrap server lets us connect at all, asked with a bare socket: client libraries only say that time is up."""

import socket
import ssl

from streamkl.transport.cluster import Cluster
from streamkl.transport.tokens import TokenError
from streamkl.transport.tuning import PROBE_TIMEOUT_SECONDS

_NOT_TLS = {"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "UNEXPECTED_EOF_WHILE_READING"}


def obstacle(cluster: Cluster) -> str | None:
    """None where one server accepts a connection and, with OAUTHBEARER, a token can be had; else why not. Raises ConfigError."""
    return probe(cluster, cluster.ssl_context()) or _no_token(cluster)


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


def _no_token(cluster: Cluster) -> str | None:
    """Asked here, because a client would only say that time is up."""
    tokens = cluster.tokens()
    try:
        if tokens is not None:
            tokens.token()
    except TokenError as error:
        return str(error)
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


def speaks_tls(host: str, port: int) -> bool:
    """Whether a server answers in TLS. PROBE_TIMEOUT_SECONDS at most."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # only asked for its language; nothing is sent
    try:
        with socket.create_connection((host, port), PROBE_TIMEOUT_SECONDS) as plain:
            context.wrap_socket(plain).close()
    except OSError:
        return False
    return True
