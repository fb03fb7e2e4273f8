"""What is usual at each hour of the day, and how far the newest points lie from it: for the order of rows that are no alarms.

A level that is high for its hour is no news after its first point, and no reason to alarm: a week's rhythm, a holiday or a slow change do
the same. It is a reason to rank a point above those of an ordinary hour. Hours are of event time (UTC); without a clock nothing is known.
"""

from streamkl.core.arena import HOURS, Arena
from streamkl.core.compiled import inlined

HOUR = 3_600_000_000  # microseconds
FADES = 0.2  # of an hour's mean, with each hour seen: about five days are remembered
NEWEST = 0.3  # weight of the newest point in the departure
FORGETS = 1e-4  # of the mean departure, with each point
FEWEST = 400.0  # points before a mean departure says what is large
MOST = 10.0  # nats: rarer than what so many points can tell
WIDEST = 1e33  # of numbers of 4 bytes, of which up to 10,000 are added up
NARROWEST = 2e-37  # the same: a smaller mean is 0, kept as half of it, as 0 is what is not known


@inlined
def note(a: Arena, row: int, time: int, value: float) -> None:
    """Let a point that is not late, before `a.newest` has moved to it, change what is usual at its hour. O(1)."""
    if a.points[row] == 0:
        a.origin[row] = min(max(value, -WIDEST), WIDEST)
        return
    step = time - a.newest[row]
    if step <= 0:
        return
    hour = (time // HOUR) % HOURS
    level = min(max(value - float(a.origin[row]), -WIDEST), WIDEST)
    kept = float(a.hourly[row, hour])
    if kept == 0.0:
        a.hourly[row, hour] = _kept(level)
        return
    usual = kept if abs(kept) > NARROWEST else 0.0
    newest, departures, departed = float(a.departure[row]), float(a.departures[row]), float(a.departed[row])
    newest += NEWEST * (level - usual - newest)
    a.departure[row] = newest
    a.departures[row] = departures + (abs(newest) - FORGETS * departures)
    a.departed[row] = departed + (1.0 - FORGETS * departed)
    a.hourly[row, hour] = _kept(usual + FADES * min(step, HOUR) / HOUR * (level - usual))


@inlined
def _kept(level: float) -> float:
    return level if abs(level) > NARROWEST else 0.5 * NARROWEST


@inlined
def departure(a: Arena, row: int) -> float:
    """How far the newest points lie from what is usual at their hour: nats of an exponential tail with the mean of the series' own
    departures, 0 while that is not known. O(1)."""
    departed, departures = float(a.departed[row]), float(a.departures[row])
    if departed < FEWEST or departures <= 0.0:
        return 0.0
    return float(min(abs(float(a.departure[row])) * departed / departures, MOST))
