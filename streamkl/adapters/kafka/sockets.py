"""Sockets that close themselves when a connection attempt fails, because the client library leaves them to the garbage collector."""

import socket
import ssl
from typing import Any

from kafka.net.inet import KafkaNetSocket


class ClosingSocket(KafkaNetSocket):  # type: ignore[misc]
    """A plain socket. The library picks the class by the scheme of its `proxy_url`; ours stands for "no proxy"."""

    SCHEMES = ("direct",)
    URL = "direct://"

    async def sock_connect(self, net: Any, sock: socket.socket, sockaddr: Any, timeout_at: float | None = None) -> socket.socket:
        """Connect, or close the socket and pass the failure on."""
        try:
            await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise
        return sock


class ClosingSSLSocket(ssl.SSLSocket):
    """A TLS socket that does not outlive a failed handshake."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands; closed after any failure but "not yet"."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except BaseException:
            self.close()
            raise
