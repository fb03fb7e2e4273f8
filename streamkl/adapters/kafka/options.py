"""The settings of a cluster in the library's own words."""

from typing import Any

from kafka import errors as kafka_errors
from kafka.net.sasl.oauth import AbstractTokenProvider

from streamkl.adapters.kafka.sockets import ClosingSocket, ClosingSSLSocket
from streamkl.transport.cluster import Cluster
from streamkl.transport.tokens import TokenError, Tokens
from streamkl.transport.tuning import RECONNECT_BACKOFF_MAX_MS, RECONNECT_BACKOFF_MS

BOOTSTRAP_TIMEOUT_MS = 5_000  # from the first connection to the cluster's metadata; a wrong password takes all of it
REQUEST_TIMEOUT_MS = 30_000  # a silent broker is given up after this


def options_of(cluster: Cluster) -> dict[str, Any]:
    """The arguments that every client of the library takes. Raises ConfigError."""
    context, tokens = cluster.ssl_context(), cluster.tokens()
    if context is not None:
        context.sslsocket_class = ClosingSSLSocket
    return {
        "bootstrap_servers": cluster.servers(),
        "client_id": cluster.client_id,
        "security_protocol": cluster.security_protocol,
        "ssl_context": context,
        "sasl_mechanism": cluster.sasl_mechanism,
        "sasl_plain_username": cluster.sasl_username,
        "sasl_plain_password": cluster.sasl_password,
        "sasl_oauth_token_provider": None if tokens is None else _Provider(tokens),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "request_timeout_ms": REQUEST_TIMEOUT_MS,
        "reconnect_backoff_ms": RECONNECT_BACKOFF_MS,
        "reconnect_backoff_max_ms": RECONNECT_BACKOFF_MAX_MS,
        "proxy_url": ClosingSocket.URL,
    }


class _Provider(AbstractTokenProvider):  # type: ignore[misc]
    """Tokens as the library asks for them."""

    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        """The token; KafkaConnectionError, which the library tries again after, where there is none."""
        try:
            return self._tokens.token()
        except TokenError as error:
            raise kafka_errors.KafkaConnectionError(str(error)) from None
