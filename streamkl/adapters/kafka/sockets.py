"""Sockets that read much at once, and close themselves: at once when a connection attempt fails and without a warning when the client
library forgets them."""

import socket
import ssl
from typing import Any

from kafka.net.inet import KafkaNetSocket

READ_BYTES = 2**22  # at least; the library asks for 4 KiB, and after each its thread waits until the busy one lets go of the interpreter
TLS_BYTES = 2**18  # the same where a read gives no more than a record, of 16 KiB


class _ForgottenSocket(socket.socket):
    """Closed when it is collected: a client that is closed while it connects, or with requests unsent, drops the socket as it is."""

    def recv(self, bufsize: int, flags: int = 0) -> bytes:
        """What has arrived."""
        return super().recv(max(bufsize, READ_BYTES), flags)

    def __del__(self) -> None:
        self.close()


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

    def socket(self, family: int = socket.AF_UNSPEC, sock_type: int = socket.SOCK_STREAM, proto: int = socket.IPPROTO_TCP) -> socket.socket:
        """The socket that the library will connect."""
        return _ForgottenSocket(family, sock_type, proto)


class ClosingSSLSocket(ssl.SSLSocket):
    """A TLS socket that does not outlive a failed handshake."""

    def recv(self, buflen: int = TLS_BYTES, flags: int = 0) -> bytes:
        """What has arrived."""
        return super().recv(max(buflen, TLS_BYTES), flags)

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands; closed after any failure but "not yet"."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except BaseException:
            self.close()
            raise

    def __del__(self) -> None:
        self.close()
