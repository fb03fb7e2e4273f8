"""What the C library does with memory that is given back to it."""

import ctypes
import sys
from contextlib import suppress

KEPT_BYTES = 64 * 2**20  # free at the end of the heap, and not given back to the system
LARGE_BYTES = 32 * 2**20  # what has pages of its own, which go back at once: more than an answer, which comes ten times a second
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of <malloc.h>


def keep_memory() -> None:
    """Keep the room of one answer for the next. glibc would give it back, and have each page made anew: 1.5 a record of 100 points.

    Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        with suppress(AttributeError):  # another C library
            library = ctypes.CDLL(None)
            library.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
            library.mallopt(_MMAP_THRESHOLD, LARGE_BYTES)
