"""Sockets that the client library forgets: closed, and nobody else's test is blamed for them."""

import gc
import socket
import ssl
import time
import warnings
from collections.abc import Iterator

import pytest
import trustme

from streamkl.adapters.kafka.sockets import ClosingSocket, ClosingSSLSocket


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(5)
        yield listening


def forget(own: socket.socket) -> None:
    """The last name of a connected socket goes, within a cycle as the library's coroutines leave it."""
    cycle: list[object] = [own]
    cycle.append(cycle)


@pytest.mark.parametrize("secure", [False, True])
def test_a_forgotten_socket_is_closed_without_a_warning(server: socket.socket, secure: bool) -> None:
    own = ClosingSocket(ClosingSocket.URL).socket(socket.AF_INET)
    own.connect(server.getsockname())
    peer, _ = server.accept()
    if secure:
        context = ssl.create_default_context()
        trustme.CA().configure_trust(context)
        context.sslsocket_class = ClosingSSLSocket
        own = context.wrap_socket(own, server_hostname="localhost", do_handshake_on_connect=False)
    forget(own)
    del own
    with warnings.catch_warnings(record=True) as said, peer:
        warnings.simplefilter("always")
        gc.collect()
        peer.settimeout(5)
        assert peer.recv(1) == b""
    assert not [each for each in said if issubclass(each.category, ResourceWarning)]


def test_much_is_read_at_once(server: socket.socket) -> None:
    """A thread that asks for 4 KiB at a time waits for its turn after each."""
    with ClosingSocket(ClosingSocket.URL).socket(socket.AF_INET) as own:
        own.connect(server.getsockname())
        peer, _ = server.accept()
        with peer:
            peer.sendall(bytes(50_000))
        time.sleep(0.1)
        assert len(own.recv(4096)) == 50_000
