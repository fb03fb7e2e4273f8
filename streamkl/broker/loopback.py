"""Ports on 127.0.0.1 for brokers."""

import contextlib
import secrets
import socket

from streamkl.errors import BrokerError

PORTS = range(20_000, 32_000)  # below the systems' ephemeral ports: a client that redials a dead broker cannot take its port by accident


def free_port() -> int:
    """A TCP port on which nothing listens, and which this function gives to nobody else while this process lives.

    The claim is the UDP port of the same number: it can be bound once only, and goes with the process however that ends.
    """
    for _ in range(1000):
        port = secrets.choice(PORTS)
        claim = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as trial, contextlib.suppress(OSError):
            claim.bind(("127.0.0.1", port))
            trial.bind(("127.0.0.1", port))
            claim.detach()  # stays bound as long as the process lives
            return port
        claim.close()
    raise BrokerError(f"No free loopback port between {PORTS.start} and {PORTS.stop}.")


def refuse_port_in_use(port: int) -> None:
    """Raise BrokerError where a broker could not listen on the port. Closing connections of its previous life do not count."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise BrokerError(f"port: {port} on 127.0.0.1 cannot be used ({error.strerror}); free it or choose another one.") from error
