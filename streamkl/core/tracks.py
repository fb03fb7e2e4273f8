"""What the newest points say by themselves: how far the value jumped, and how far it and the means of the newest few lie from normal.

| track | magnitude |
|---|---|
| 0, jump | distance from the point before |
| 1, skip | distance from the point before that one |
| 2, level | distance from an exponential mean of about 25 points |
| 3, pair | distance of the mean of the newest 2 from the mean of about 100 before them |
| 4, four | the same for the newest 4 |
| 5, window | n KL of the window that speaks here too (`core.settings`), where there is a reference |

Points count in order of arrival. Running means move by parts of values, so that no value is too large for them.
"""

import numpy as np

from streamkl.core.arena import RECENT, TRACKS, Tracks
from streamkl.core.compiled import inlined, outlined
from streamkl.core.past import surprisal

JUMP, SKIP, LEVEL, PAIR, FOUR, WINDOW = range(TRACKS)
SPAN = (2, 3, 1, 2, 4)  # points each track but the window looks at
LEVEL_POINTS = 25.0
LONG_POINTS = 100
FIRST_LONG = 10  # points behind a long mean before it is compared with
NONE = -1.0  # no magnitude yet
LARGEST = np.finfo(np.float64).max
EXPONENT = 5.0  # between adding up (1) and the largest alone (infinity): tracks that agree count for somewhat more


@outlined
def surprise(t: Tracks, row: int, value: float, window: float) -> float:
    """Let the newest point, already among `recent`, move every track; returns their surprisals in nats as one number,
    (sum of nats ** 5) ** (1/5). `window` is a statistic in nats times points, or NONE. O(1)."""
    at = t.points[row] - 1
    for track in range(TRACKS):
        t.nats[row, track] = NONE
    if at == 0:
        t.level[row] = value
    else:
        t.nats[row, JUMP] = abs(value - _back(t, row, 1))
        if at > 1:
            t.nats[row, SKIP] = abs(value - _back(t, row, 2))
        t.nats[row, LEVEL] = abs(value - t.level[row])
        t.level[row] += value / LEVEL_POINTS - t.level[row] / LEVEL_POINTS
    for which in range(2):
        span = 2 * which + 2
        if at >= span:
            weight = float(min(at - span + 1, LONG_POINTS))
            t.long_mean[row, which] += _back(t, row, span) / weight - t.long_mean[row, which] / weight
        if at >= span + FIRST_LONG:
            mean = 0.0
            for by in range(span):
                mean += _back(t, row, by) / span
            t.nats[row, PAIR + which] = abs(mean - t.long_mean[row, which])
    t.nats[row, WINDOW] = window
    for track in range(TRACKS):
        magnitude = t.nats[row, track]
        t.nats[row, track] = surprisal(t, row, track, min(magnitude, LARGEST)) if magnitude != NONE else 0.0
    return fused(t, row)


@inlined
def fused(t: Tracks, row: int) -> float:
    """The newest surprisals of all tracks as one number."""
    total = 0.0
    for track in range(TRACKS):
        squared = t.nats[row, track] * t.nats[row, track]
        total += squared * squared * t.nats[row, track]
    return float(total ** (1.0 / EXPONENT))


@inlined
def strength(t: Tracks, row: int, departure: float) -> float:
    """How strange the newest points themselves are, in nats: tracks that agree count for more than in a surprise, their `departure` from
    what is usual at this hour for twice as much as one of them, and the window, which holds on to what it has seen, not at all."""
    total = 2.0 * departure * departure * departure
    for track in range(WINDOW):
        total += t.nats[row, track] * t.nats[row, track] * t.nats[row, track]
    return float(total ** (1.0 / 3.0))


@inlined
def _back(t: Tracks, row: int, by: int) -> float:
    return float(t.recent[row, (t.points[row] - 1 - by) % RECENT])
