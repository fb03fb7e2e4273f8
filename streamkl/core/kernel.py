"""One compiled loop over a batch of points, record by record, so that a verdict never depends on how the records were batched.

The loop stops after a point that needs more than arithmetic (a reference is complete, an episode moves): the bank answers and goes on.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import JUDGING, LEARNING, NO_SLOT, RETURNS, SEASONAL, Arena, Pool, Rules, calm_of, tracks_of
from streamkl.core.batch import Batch, State
from streamkl.core.compiled import inlined, outlined
from streamkl.core.drift import BLOCK, HIGHEST, climb
from streamkl.core.edges import bin_of
from streamkl.core.episode import LEARNED, NOTHING, WARM, alarm_output, is_alarm, move
from streamkl.core.hours import departure, note
from streamkl.core.native import Memory, held
from streamkl.core.reference import advance
from streamkl.core.ring import at_depth, oldest_time, place
from streamkl.core.run_length import drift_limit, limit_for
from streamkl.core.season import in_force, refresh, slot_of
from streamkl.core.surprise import WARM_POINTS, weigh
from streamkl.core.tail import STRETCH, observe
from streamkl.core.tracks import NONE, strength, surprise
from streamkl.core.window import is_full, slide, statistic

SHORTEST_TIME_WINDOW = 16  # points a window by time must hold before it is judged
ROUNDING = 1e-6  # nats times points that running sums may say of a window that is its reference
LINGERS = 0.85  # of its strength, with each point: an incident does not end between two strange points
MOST_SHOWN = float(np.finfo(np.float32).max)  # as a value of four bytes
FULL_VALUE = 8  # bytes of one that is kept as it came
LATE_RUN = 64  # late points in a row after which the series' clock is taken to have stepped back
JUDGED, UNJUDGED, LATE, SILENCED = 1, 0, 2, 3
DRIFT_BLOCK: Any = np.int64(BLOCK)  # to the compiler a plain number, as the blocks of windows are, and no type of its own


@outlined
def walk(state: Memory[State], batch: Memory[Batch], start: int, stop: int) -> tuple[int, int]:
    """Judge the points from `start` to before `stop`. Returns (next index, what the last point caused). A silenced point moves the series'
    clock and nothing else: no window, no reference and no episode hears of it."""
    a, pool, rules = held(state)
    rows, times, values, positions, silent, said_of = held(batch)
    fate, output, ratio, window = held(said_of)
    tracks, calm = tracks_of(a, rules), calm_of(a, rules)
    points = len(rules.window_points) + 1  # what stands for single points where a test's number is asked for
    for i in range(start, stop):
        row: Any = np.uint64(rows[i])  # compiled code then asks of no index whether it counts from the end: a fifth of the time
        fate[i] = UNJUDGED
        output[i] = 0.0
        ratio[i] = 0.0
        window[i] = -1
        hushed = len(silent) > 0 and silent[i]
        if not (hushed or np.isfinite(values[i])):
            continue
        if is_late(a, pool, rules, row, times[i]):
            fate[i] = LATE
            continue
        if hushed:
            a.newest[row] = max(a.newest[row], times[i])
            fate[i] = SILENCED
            continue
        take_in(a, rules, row, times[i], values[i])
        best, score = -1, 0.0
        cause = NOTHING
        said = NONE
        if a.phase[row] == LEARNING:
            hush(a, row)
            if not a.open[row] and keep(a, pool, rules, row, times[i], values[i], positions[i]):
                cause = LEARNED
            elif rules.pointwise and a.learned[row] == WARM_POINTS and a.point_run[row] == 0.0:
                cause = WARM
        else:
            if a.open[row]:
                keep(a, pool, rules, row, times[i], values[i], positions[i])
            score, best = judge(a, rules, row, times[i], values[i], positions[i])
            said = speak(a, rules, row)
        a.ratio[row, points] = weigh(calm, row, surprise(tracks, row, values[i], said)) if rules.pointwise else 0.0
        if a.ratio[row, points] > score or (best < 0 and a.calm_judged[row] > 0):
            score, best = a.ratio[row, points], points
        if best >= 0:
            before = a.teller[row]
            happened = move(a, rules, row, score, best, times[i], positions[i])
            fate[i] = JUDGED
            order = linger(a, row, strength(tracks, row, departure(a, row))) / a.point_limit[row] if a.calm_judged[row] > 0 else score
            output[i] = alarm_output(is_alarm(a, rules, row, happened, before), score, order)
            ratio[i] = score
            window[i] = best
            cause = happened if happened != NOTHING else cause  # an episode puts learning off until it is over
        if cause != NOTHING:
            return i + 1, cause
    return stop, NOTHING


@inlined
def is_late(a: Arena, pool: Pool, rules: Rules, row: int, time: int) -> bool:
    """Older than the grace period, or than all that the ring still holds. A long run of such points restarts the series' clock."""
    late = time < a.newest[row] - rules.grace if a.points[row] > 0 else False
    if not late and time < a.newest[row] and a.phase[row] == JUDGING and a.filled[row] == a.code.shape[1]:
        late = time < oldest_time(a, row)
    if not late:
        a.late_run[row] = 0
        return False
    a.late_run[row] += 1
    if a.late_run[row] >= LATE_RUN:
        restart_clock(a, pool, rules, row, time)
        return False
    a.late[row] += 1
    return True


@inlined
def restart_clock(a: Arena, pool: Pool, rules: Rules, row: int, time: int) -> None:
    """The clock stepped back for good: what is held is taken to lie just before `time`, in the order it has."""
    shift = a.newest[row] - time
    a.time_head[row] -= shift
    for depth in range(a.filled[row] if a.time.shape[1] > 0 else 0):
        a.time[row, at_depth(a, row, depth)] -= shift
    if a.slot[row] != NO_SLOT:
        for at in range(min(a.learned[row], rules.size)):
            pool.time[a.slot[row], at] -= shift
    for k in range(RETURNS):
        a.onset[row, k] -= shift if a.interval[row] > 0 else 0
    a.newest[row] = time
    a.late_run[row] = 0


@inlined
def take_in(a: Arena, rules: Rules, row: int, time: int, value: float) -> None:
    """Note a point's arrival."""
    if rules.pointwise:
        note(a, row, time, value)
    most = MOST_SHOWN if a.recent.itemsize < FULL_VALUE else np.inf
    a.recent[row, a.points[row] & (a.recent.shape[1] - 1)] = min(max(value, -most), most)  # a power of two are kept
    a.points[row] += 1
    a.newest[row] = max(a.newest[row], time) if a.points[row] > 1 else time


@inlined
def keep(a: Arena, pool: Pool, rules: Rules, row: int, time: int, value: float, position: int) -> bool:
    """Put a point into the row's learning buffer, over the oldest when it is full; whether it is full now."""
    at = a.learned[row] % rules.size
    pool.value[a.slot[row], at] = value
    pool.time[a.slot[row], at] = time
    pool.position[a.slot[row], at] = position
    a.learned[row] += 1
    return bool(a.learned[row] >= rules.size)


@inlined
def judge(a: Arena, rules: Rules, row: int, time: int, value: float, position: int) -> tuple[float, int]:
    """Move every window, the drift track and the reference by one point; returns (highest ratio statistic / threshold, its test or -1:
    none is ready)."""
    code: Any = np.uint64(bin_of(a, row, value))
    if rules.kind == SEASONAL and slot_of(rules, a.newest[row]) != a.season[row]:
        refresh(a, rules, row)  # before the point is placed: windows are read off the ring
    depth = place(a, row, code, time, position)
    slide(a, rules, row, code, time, depth)
    advance(a, rules, row, depth)
    best, best_window = 0.0, -1
    for w in range(len(rules.window_points)):
        a.ratio[row, w] = 0.0
        if not is_full(a, rules, row, w, SHORTEST_TIME_WINDOW):
            continue
        if a.limit_points[row, w] != a.length[row, w]:
            a.limit[row, w] = limit_for(rules, a.bin_class[row], w, a.length[row, w], a.log_run[row])
            a.limit_points[row, w] = a.length[row, w]
        if compare(a, row, w, statistic(a, rules, row, w), 2 * a.length[row, w]):
            heard = a.muted[row, w] == 0 or a.open[row]
            if best_window < 0 or (heard and a.ratio[row, w] > best):
                best, best_window = a.ratio[row, w] if heard else 0.0, w
    drift = len(rules.window_points)
    a.ratio[row, drift] = 0.0
    known = a.drifts[row] and in_force(a, rules, row, time) and compare(a, row, drift, shift(a, rules, row, code, time), DRIFT_BLOCK)
    if known and (best_window < 0 or a.ratio[row, drift] > best):
        best, best_window = a.ratio[row, drift], drift
    return best, best_window


@inlined
def hush(a: Arena, row: int) -> None:
    """No window and no drift track says anything."""
    for test in range(a.ratio.shape[1] - 1):
        a.ratio[row, test] = 0.0


@inlined
def speak(a: Arena, rules: Rules, row: int) -> float:
    """The statistic of the window that speaks with single points; NONE while it is not full, or where none does."""
    if rules.voice < 0 or not is_full(a, rules, row, rules.voice, SHORTEST_TIME_WINDOW):
        return NONE
    said = statistic(a, rules, row, rules.voice)
    return said if said > ROUNDING else 0.0


@inlined
def linger(a: Arena, row: int, found: float) -> float:
    """The strength of the newest points, or what is left of that of the ones before."""
    a.strength[row] = max(found, LINGERS * float(a.strength[row]))
    return float(a.strength[row])


@inlined
def shift(a: Arena, rules: Rules, row: int, code: int, time: int) -> float:
    """Move the drift track by one point; returns its sum in nats."""
    drift = len(rules.window_points)
    if a.limit_points[row, drift] == 0:
        a.limit[row, drift] = drift_limit(rules, a.bin_class[row], a.log_run[row])
        a.limit_points[row, drift] = 1
    factor = a.factor[row, drift]
    return climb(a, rules, row, code, time, a.limit[row, drift] * (HIGHEST * factor if factor > 0.0 else STRETCH))


@inlined
def compare(a: Arena, row: int, w: int, found: float, block: int) -> bool:
    """Hold a test's statistic against its threshold, which it then helps to set; whether the threshold is known yet."""
    multiple = found / a.limit[row, w]
    factor = a.factor[row, w]
    observe(a, row, w, multiple, block)
    a.ratio[row, w] = multiple / factor if factor > 0.0 else 0.0
    return bool(factor > 0.0)


@outlined
def rehearse(
    state: Memory[State], number: int, times: NDArray[np.int64], values: NDArray[np.float64], positions: NDArray[np.int64]
) -> None:
    """Run a row's just learned reference, sorted by time, through its own tests, to fill the windows and give the tail guard a first past.

    A window inside the reference lies closer to it than one outside, by (1 - x) / (1 + x) with x = window / reference length; the
    statistic is corrected by that. No verdict comes of it.
    """
    a, _, rules = held(state)
    row: Any = np.uint64(number)  # as in `walk`: every function is compiled once
    newest = a.newest[row]
    for i in range(len(values)):
        code: Any = np.uint64(bin_of(a, row, values[i]))
        depth = place(a, row, code, times[i], positions[i])
        a.newest[row] = times[i]
        slide(a, rules, row, code, times[i], depth)
        for w in range(len(rules.window_points)):
            share = a.length[row, w] / rules.size
            if share < 0.5 and is_full(a, rules, row, w, SHORTEST_TIME_WINDOW):
                limit = limit_for(rules, a.bin_class[row], w, a.length[row, w], a.log_run[row])
                observe(a, row, w, statistic(a, rules, row, w) / limit * (1.0 + share) / (1.0 - share), 2 * a.length[row, w])
        if a.drifts[row] and in_force(a, rules, row, times[i]):
            compare(a, row, len(rules.window_points), shift(a, rules, row, code, times[i]), DRIFT_BLOCK)
    a.newest[row] = newest
