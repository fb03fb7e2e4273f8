"""What is usual at each hour of the day, and how far the newest points lie from it: for the order of rows that are no alarms.

A level that is high for its hour is no news after its first point, and no reason to alarm: a week's rhythm, a holiday or a slow change do
the same. It is a reason to rank a point above those of an ordinary hour. Hours are of event time (UTC); without a clock nothing is known.
"""

import numpy as np

from streamkl.core.arena import HOURS, Arena
from streamkl.core.compiled import inlined

HOUR = 3_600_000_000  # microseconds
FADES = 0.2  # of an hour's mean, with each hour seen: about five days are remembered
NEWEST = 0.3  # weight of the newest point in the departure
FORGETS = 1e-4  # of the mean departure, with each point
FEWEST = 400.0  # points before a mean departure says what is large
MOST = 10.0  # nats: rarer than what so many points can tell
WIDEST = 1e37  # of numbers of 4 bytes


@inlined
def note(a: Arena, row: int, time: int, value: float) -> None:
    """Let a point that is not late, before `a.newest` has moved to it, change what is usual at its hour. O(1)."""
    step = time - a.newest[row] if a.points[row] > 0 else 0
    if step <= 0:
        return
    if a.hours_seen[row] == 0:
        a.origin[row] = value
    hour = (time // HOUR) % HOURS
    level = min(max(value - a.origin[row], -WIDEST), WIDEST)
    if (a.hours_seen[row] >> hour) & 1 == 0:
        a.hours_seen[row] |= np.int32(1 << hour)
        a.hourly[row, hour] = level
        return
    usual = float(a.hourly[row, hour])
    newest = float(a.departure[row])
    newest += NEWEST * (level - usual - newest)
    a.departure[row] = newest
    a.departures[row] += abs(newest) - FORGETS * a.departures[row]
    a.departed[row] += 1.0 - FORGETS * a.departed[row]
    a.hourly[row, hour] = usual + FADES * min(step, HOUR) / HOUR * (level - usual)


@inlined
def departure(a: Arena, row: int) -> float:
    """How far the newest points lie from what is usual at their hour: nats of an exponential tail with the mean of the series' own
    departures, 0 while that is not known. O(1)."""
    if a.departed[row] < FEWEST or a.departures[row] <= 0.0:
        return 0.0
    return float(min(abs(a.departure[row]) * a.departed[row] / a.departures[row], MOST))
