"""The settings that every client of the library shares, its complaints as single lines, and reading without waiting for a full batch."""

import logging
import time
from collections.abc import Callable
from os import fspath
from typing import Any

from confluent_kafka import Consumer, KafkaError
from confluent_kafka import Message as Record

from streamkl.adapters.confluent.words import in_words
from streamkl.transport import Cluster
from streamkl.transport.tokens import Tokens
from streamkl.transport.tuning import METADATA_MAX_AGE_MS, RECONNECT_BACKOFF_MAX_MS, RECONNECT_BACKOFF_MS

REPEAT_SECONDS = 60.0  # the same kind of complaint comes at most once in this time
MAX_CHARACTERS = 300

_log = logging.getLogger(__name__)
_silent = logging.Logger("librdkafka", logging.CRITICAL + 1)  # its own lines go to stderr otherwise; complaints come by the callback too
_said: dict[int, float] = {}


def properties_of(cluster: Cluster) -> dict[str, Any]:
    """What every client of the library takes. Raises ConfigError where a file of certificates is missing or wrong."""
    cluster.ssl_context()
    found: dict[str, Any] = {
        "bootstrap.servers": ",".join(cluster.servers()),
        "client.id": cluster.client_id,
        "security.protocol": cluster.security_protocol,
        "reconnect.backoff.ms": RECONNECT_BACKOFF_MS,
        "reconnect.backoff.max.ms": RECONNECT_BACKOFF_MAX_MS,
        "topic.metadata.refresh.interval.ms": METADATA_MAX_AGE_MS,
        "allow.auto.create.topics": False,  # producers would bring a deleted topic back empty
        "log.connection.close": False,
        "logger": _silent,
        "error_cb": complain,
    }
    if cluster.encrypted:
        found |= {
            "ssl.endpoint.identification.algorithm": "https",
            "ssl.ca.location": fspath(cluster.ssl_cafile) if cluster.ssl_cafile else "probe",
        }
        own = {"certificate.location": cluster.ssl_certfile, "key.location": cluster.ssl_keyfile, "key.password": cluster.ssl_password}
        found |= {f"ssl.{name}": fspath(value) for name, value in own.items() if value is not None}
    tokens = cluster.tokens()
    if tokens is not None:
        found |= {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": _giver(tokens)}
    elif cluster.sasl_mechanism is not None:
        login = {"mechanism": cluster.sasl_mechanism, "username": cluster.sasl_username, "password": cluster.sasl_password}
        found |= {f"sasl.{name}": value for name, value in login.items()}
    return found


def complain(error: KafkaError) -> None:
    """Whatever the library goes on trying after, as one line for each kind in a while."""
    now = time.monotonic()
    if now - _said.get(error.code(), -REPEAT_SECONDS) >= REPEAT_SECONDS:
        _said[error.code()] = now
        _log.warning("kafka client: %s", in_words(error)[:MAX_CHARACTERS])


def take(consumer: Consumer, most: int, timeout_seconds: float) -> list[Record]:
    """What is there, after a wait for the first record (or error) at most. `consume` alone waits until all of them are there."""
    first: list[Record] = consumer.consume(1, timeout_seconds)
    return first + consumer.consume(most - 1, 0.0) if first and most > 1 else first


def _giver(tokens: Tokens) -> Callable[[str], tuple[str, float]]:
    def give(_config: str) -> tuple[str, float]:
        """The library asks for another one at four fifths of the time that is left, which is when there is one."""
        token = tokens.token()
        return token, time.time() + tokens.seconds()

    return give
