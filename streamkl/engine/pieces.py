"""A large batch in pieces, each decoded and judged before the next: so that what a piece becomes is still in the processor's cache.

Much smaller ones cost more: each visits every series of its own anew, and 250 kB of records have ten points for each of 400 series.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from streamkl.model import Message

PIECE_BYTES: Final = 2**20  # of a piece, roughly
SAMPLED: Final = 16  # the size of a batch is told by every so manieth record


def pieces_of(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    """The messages in order, in pieces of about `PIECE_BYTES` and of equal numbers.

    >>> batch = [Message("metrics", 0, offset, -1, None, bytes(4_000)) for offset in range(600)]
    >>> [len(piece) for piece in pieces_of(batch)]
    [200, 200, 200]
    """
    pieces = math.ceil(length_of(messages) * len(messages) / PIECE_BYTES) or 1
    step = max(1, -(-len(messages) // pieces))
    return (messages[start : start + step] for start in range(0, len(messages), step))


def length_of(messages: Sequence[Message]) -> float:
    """Bytes of one of them, on the average of some.

    >>> length_of([Message("metrics", 0, 0, -1, None, bytes(70)), Message("metrics", 0, 1, -1, None, bytes(90))])
    70.0
    """
    sample = [len(message.value or b"") for message in messages[::SAMPLED]]
    return sum(sample) / max(len(sample), 1)
