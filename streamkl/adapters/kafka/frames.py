"""Answers that are copied less on their way: the library copies each byte of one nine or ten times between its socket and its records.

Classes of ours take the places of two of the library's, which is why its version is pinned.
"""

from typing import Any

from kafka.net import connection
from kafka.protocol import parser
from kafka.protocol.frame import KafkaBytes
from kafka.protocol.parser import KafkaProtocol

LARGE = 2**14  # bytes; what is shorter is read as the library reads it


def copy_less() -> None:
    """From now on connections are made with the classes below. Idempotent."""
    parser.KafkaBytes = Frame
    connection.KafkaProtocol = Protocol


class Frame(KafkaBytes):  # type: ignore[misc]
    """What arrives of one answer."""

    def write(self, data: bytes | memoryview) -> None:
        """Without the library's copy in between: a slice of a bytearray takes nothing but another bytearray as it is."""
        start = self._idx
        self._idx: int = start + len(data)
        memoryview(self)[start : self._idx] = data

    def read(self, nbytes: int | None = None) -> Any:
        """The next bytes. All that is left of a long answer is shown and not copied: its decoder makes bytes of each part that it keeps."""
        if nbytes is not None or len(self) - self._idx < LARGE:
            return super().read(nbytes)
        start, self._idx = self._idx, len(self)
        return memoryview(self)[start:]


class Protocol(KafkaProtocol):  # type: ignore[misc]
    """Cuts what has arrived into answers."""

    def receive_bytes(self, data: bytes) -> Any:
        """The answers that are complete. Of what has arrived only parts are wanted, which need not be bytes of their own."""
        return super().receive_bytes(memoryview(data))
