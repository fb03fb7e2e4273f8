"""What stands in for an ingredient of the detector that is off: compiled functions with the signatures of those they replace."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core import episode, tracks
from streamkl.core.arena import PAST_BINS, TRACKS, Arena, Rules, Tracks
from streamkl.core.compiled import inlined, outlined
from streamkl.core.episode import OPENED, UPDATED
from streamkl.core.past import FIRST_PAST, FULL

MOST = 1e6  # nats
_surprise, _close, _alarm_output = tracks.surprise, episode.close, episode.alarm_output


def mixed(power: float, off: int = -1) -> Any:
    """For `core.tracks.surprise`: its tracks without number `off`, added up by another power; of an infinite one the largest is left. Where
    all tracks are alike the sum is the shipped one, so that other constants in nats keep their meaning."""
    largest = np.isinf(power)
    scale = TRACKS ** (1.0 / tracks.EXPONENT - 1.0 / power)

    @outlined
    def surprise(t: Tracks, row: int, value: float, window: float) -> float:
        _surprise(t, row, value, window)
        total = 0.0
        for track in range(TRACKS):
            if track == off:
                t.nats[row, track] = 0.0
            if largest:
                total = max(total, t.nats[row, track])
            else:
                total += t.nats[row, track] ** power
        return float(scale * (total if largest else total ** (1.0 / power)))

    return surprise


@inlined
def by_the_mean(t: Tracks, row: int, track: int, magnitude: float) -> float:
    """For `core.past.surprisal`: of the past only the mean is known, and magnitudes are taken to be exponential."""
    count = t.past[row, track, 0]
    mean = t.past_low[row, track]
    t.past_low[row, track] += magnitude / (count + 1.0) - mean / (count + 1.0)
    t.past[row, track, 0] = min(count + 1, FULL - 1)
    return float(min(magnitude / mean, MOST)) if count >= FIRST_PAST and mean > 0.0 else 0.0


@outlined
def counted(t: Tracks, row: int, track: int) -> None:
    """For `core.past.refit`: shares of the past as counted, no tail beyond."""
    t.past_edge[row, track] = PAST_BINS


@outlined
def no_guard(_histogram: NDArray[np.uint32], _blocks: int, _block: float, _log_run: float) -> float:
    """For `core.tail.fit`: thresholds of independent points for every series."""
    return 1.0


@inlined
def any_event(_a: Arena, _rules: Rules, _row: int, happened: int, _before: int) -> bool:
    """For `core.episode.is_alarm`: an episode that escalates always is one."""
    return bool(happened in (OPENED, UPDATED))


@inlined
def never(_a: Arena, _rules: Rules, _row: int) -> bool:
    """For `core.episode._renewed`: while an episode is open, single points tell nothing but a rise."""
    return False


@inlined
def any_score(alarms: bool, score: float, strength: float) -> float:
    """For `core.episode.alarm_output`: no episodes, every point at its limit is an alarm."""
    return score if score >= 1.0 else float(_alarm_output(alarms, score, strength))


@inlined
def close_unmuted(a: Arena, rules: Rules, row: int) -> None:
    """For `core.episode.close`: windows that still hold the incident are heard."""
    _close(a, rules, row)
    for w in range(len(rules.window_points)):
        a.muted[row, w] = 0


@inlined
def whole(t: Tracks, row: int, _departure: float) -> float:
    """For `core.tracks.strength`: the surprise as it is judged, windows included, hours of the day not."""
    total = 0.0
    for track in range(TRACKS):
        total += t.nats[row, track] ** tracks.EXPONENT
    return float(total ** (1.0 / tracks.EXPONENT))


@inlined
def no_departure(_a: Arena, _row: int) -> float:
    """For `core.hours.departure`: nothing is known of hours."""
    return 0.0
