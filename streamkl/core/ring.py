"""A ring of the newest points of a row, sorted by event time: where late and out-of-order points find their place."""

from streamkl.core.arena import Arena
from streamkl.core.compiled import inlined


@inlined
def place(a: Arena, row: int, code: int, time: int, position: int) -> int:
    """Put a point into the ring by its time, behind equal times. Returns its depth (0: newest). O(points newer than it).

    The ring is one longer than the longest window, so what is overwritten is in no window. A point older than a full ring is the
    caller's to refuse.
    """
    size = a.code.shape[1]
    depth = 0
    at = a.head[row]
    filled = a.filled[row]
    while depth < min(filled, size - 1):  # the last one of a full ring is overwritten, so it is no neighbour
        before = at - 1 if at > 0 else size - 1
        if a.time[row, before] <= time:
            break
        a.code[row, at] = a.code[row, before]
        a.time[row, at] = a.time[row, before]
        a.position[row, at] = a.position[row, before]
        at = before
        depth += 1
    a.code[row, at] = code
    a.time[row, at] = time
    a.position[row, at] = position
    a.head[row] = a.head[row] + 1 if a.head[row] + 1 < size else 0
    a.filled[row] = min(filled + 1, size)
    return depth


@inlined
def at_depth(a: Arena, row: int, depth: int) -> int:
    """Ring index of the point with so many newer ones."""
    index = a.head[row] - 1 - depth
    return int(index) if index >= 0 else int(index + a.code.shape[1])
