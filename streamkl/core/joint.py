"""Several features judged as one series: their surprises become two numbers a row, each calibrated by its own past.

| row | magnitudes | what it finds |
|---|---|---|
| largest | the largest surprise of a feature | one feature far out |
| many | the cube root of the sum of their cubes; the root of the sum of squares of what their means of four points say | many that agree |

Beside them every feature is held against its own limit, for its part of the budget: incidents are more frequent in all features together
than in any one, so a limit of the whole may come to learn them.

A surprise counts in parts of the feature's own limit, so that a wild feature does not drown the others. From there on both are series like
any other: each magnitude is turned into nats by its own past, nats become one number, and its own block maxima set the limit, for half of
what single points of a series may spend. So nothing has to be known of how features depend on one another.

Windows and drift keep what each feature found, with its part of the budget; the largest counts. The row "largest" leads: the episode of
all features together is its own. Features move episodes of their own, unheard, by which they accept a new normal; one that begins while
the joint one is open is an escalation of it.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import JUDGING, Arena, Calm, Rules, Tracks, calm_of, tracks_of
from streamkl.core.batch import Batch, Outcome, State
from streamkl.core.compiled import aside, inlined, outlined
from streamkl.core.episode import NOTHING, UPDATED, alarm_output, is_alarm, move
from streamkl.core.gate import passes
from streamkl.core.kernel import JUDGED, LATE, SILENCED, UNJUDGED, walk
from streamkl.core.native import Memory, held
from streamkl.core.past import surprisal
from streamkl.core.surprise import limit_at, weigh
from streamkl.core.tracks import EXPONENT, FOUR, fused

LARGEST, MANY = range(2)  # the joint rows, in the order of `lead`
_tracks: Any = np.arange(2)  # plain numbers to the compiler, not types of their own
FIRST, SECOND = _tracks
PER_UNIT = 0.5  # e-folds of magnitude a nat: a past continues unknown tails at 2 nats per e-fold, so as nats have it
MOST = 600.0  # e-folds that a magnitude can have
WHOLE = 16  # added to what happened to the whole


class Team(NamedTuple):
    """The rows of the features, the two joint rows (unsigned, as in `core.kernel`), and whether each feature's episode has been told of."""

    members: NDArray[np.uint64]
    lead: NDArray[np.uint64]
    told: NDArray[np.bool_]


@outlined
def walk_together(
    state: Memory[State], team: Memory[Team], each: Memory[Batch], whole: Memory[Outcome], at: int, done: int
) -> tuple[int, int, int]:
    """Judge points feature by feature and, when all of a row of values are in, the row, from point `at` and row `done` on. Returns (next
    point, next row, what happened: to a feature, or WHOLE plus what happened to the whole). O(d) a row."""
    a, _, rules = held(state)
    members, lead, told = held(team)
    rows, times, values, positions, _, said_of = held(each)
    fate = said_of.fate
    whole_fate, whole_output, whole_ratio, whole_window = held(whole)
    tracks, calm = tracks_of(a, rules), calm_of(a, rules)
    d = len(members)
    while done * d < len(rows):
        stop = (done + 1) * d
        if at < stop:
            at, happened = walk(state, each, at, stop)
            if happened != NOTHING:
                return at, done, happened
        first = done * d
        here = _taken(values, fate, first, d)
        whole_ratio[done] = whole_output[done] = 0.0
        whole_fate[done] = UNJUDGED if here > 0 else _passed_over(fate, first, d)
        whole_window[done] = -1
        happened = NOTHING
        if here > 0:
            a.points[lead[LARGEST]] += 1
            a.points[lead[MANY]] += 1
            score, best = _hear(a, tracks, calm, rules, members, lead, values, fate, first)
            if best >= 0:
                order = _order(a, members, score)
                alarms, happened = _decide(a, rules, members, lead, told, score, best, times[first], positions[first])
                whole_fate[done], whole_ratio[done], whole_window[done] = JUDGED, score, best
                whole_output[done] = alarm_output(alarms, score, order)
        done += 1
        if happened != NOTHING:
            return at, done, WHOLE + happened
    return at, done, NOTHING


@inlined
def _taken(values: NDArray[np.float64], fate: NDArray[np.int8], first: int, d: int) -> int:
    here = 0
    for i in range(first, first + d):
        here += _is_taken(values, fate, i)
    return here


@inlined
def _passed_over(fate: NDArray[np.int8], first: int, d: int) -> int:
    for i in range(first, first + d):
        if fate[i] == LATE:
            return LATE
    return UNJUDGED


@inlined
def _is_taken(values: NDArray[np.float64], fate: NDArray[np.int8], i: int) -> bool:
    return bool(np.isfinite(values[i]) and fate[i] != LATE and fate[i] != SILENCED)


@inlined
def _hear(
    a: Arena,
    tracks: Tracks,
    calm: Calm,
    rules: Rules,
    members: NDArray[np.uint64],
    lead: NDArray[np.uint64],
    values: NDArray[np.float64],
    fate: NDArray[np.int8],
    first: int,
) -> tuple[float, int]:
    """(highest score, its test or -1) of the row of values; the leading row's ratios are the whole's."""
    head = lead[LARGEST]
    points = len(rules.window_points) + 1
    score, best = 0.0, -1
    for w in range(points):
        a.ratio[head, w] = 0.0
        for m in members:
            found = part(a, m, w)
            if found > a.ratio[head, w]:
                a.ratio[head, w] = found
                a.length[head, w] = a.length[m, w]
        heard = w == points - 1 or a.muted[head, w] == 0 or a.open[head]
        if a.ratio[head, w] > 0.0 and (best < 0 or (heard and a.ratio[head, w] > score)):
            score, best = a.ratio[head, w] if heard else 0.0, w
    if not rules.pointwise:
        return score, best
    a.ratio[head, points] = _surprise(a, tracks, calm, members, lead, values, fate, first)
    for m in members:
        a.ratio[head, points] = max(a.ratio[head, points], a.ratio[m, points])
    if a.ratio[head, points] > score or (best < 0 and a.calm_judged[head] > 0):
        score, best = a.ratio[head, points], points
    return score, best


@inlined
def part(a: Arena, member: int, w: int) -> float:
    """A feature's own score in a window or the drift track; 0.0 where it is not ready, or not heard."""
    if a.phase[member] != JUDGING or (w < a.muted.shape[1] and a.muted[member, w] > 0 and not a.open[member]):
        return 0.0
    return float(a.ratio[member, w])


@inlined
def _surprise(
    a: Arena,
    tracks: Tracks,
    calm: Calm,
    members: NDArray[np.uint64],
    lead: NDArray[np.uint64],
    values: NDArray[np.float64],
    fate: NDArray[np.int8],
    first: int,
) -> float:
    """The higher score of the two joint rows. A feature whose point is missing says nothing."""
    usual = limit_at(calm, a.point_run[lead[LARGEST]]) if a.point_run[lead[LARGEST]] > 0.0 else 1.0
    largest, cubes, squares = 0.0, 0.0, 0.0
    for k in range(len(members)):
        m = members[k]
        if _is_taken(values, fate, first + k):
            unit = usual / a.point_limit[m] if a.point_limit[m] > 0.0 else 1.0
            nats = unit * fused(tracks, m)
            lasting = unit * tracks.nats[m, FOUR]
            largest = max(largest, nats)
            cubes += nats * nats * nats
            squares += lasting * lasting
    if largest == 0.0:
        return 0.0  # features have no past yet
    one = surprisal(tracks, lead[LARGEST], FIRST, _magnitude(largest))
    all_of_them = surprisal(tracks, lead[MANY], FIRST, _magnitude(cubes ** (1.0 / 3.0)))
    longer = surprisal(tracks, lead[MANY], SECOND, _magnitude(squares**0.5))
    together = (all_of_them**EXPONENT + longer**EXPONENT) ** (1.0 / EXPONENT)
    return max(weigh(calm, lead[LARGEST], one), weigh(calm, lead[MANY], together))


@inlined
def _magnitude(nats: float) -> float:
    return float(np.exp(min(PER_UNIT * nats, MOST)))


@inlined
def _order(a: Arena, members: NDArray[np.uint64], score: float) -> float:
    """How strange the newest points of the strangest feature are, as a multiple of its limit; `score` where no limit is known."""
    strongest, known = 0.0, False
    for m in members:
        if a.calm_judged[m] > 0:
            strongest, known = max(strongest, a.strength[m] / a.point_limit[m]), True
    return strongest if known else score


@inlined
def _decide(
    a: Arena,
    rules: Rules,
    members: NDArray[np.uint64],
    lead: NDArray[np.uint64],
    told: NDArray[np.bool_],
    score: float,
    best: int,
    time: int,
    position: int,
) -> tuple[bool, int]:
    """Move the episode of the whole; returns (whether it alarms, what happened)."""
    head = lead[LARGEST]
    if rules.gated and score >= 1.0 and not a.open[head] and not passes(a, rules, members[strongest_in(a, members, best)], best):
        score = 0.0
    joined = False
    for k in range(len(members)):
        told[k] = told[k] and a.open[members[k]]  # one that comes back is told of again
        joined = joined or (a.open[members[k]] and not told[k])
    if joined:
        a.cooling[head] = 0  # the feature's own is over
    before = a.teller[head]
    happened = move(a, rules, head, score, best, time, position)
    alarms = is_alarm(a, rules, head, happened, before)
    if not a.open[head]:
        return alarms, happened
    for k in range(len(members)):
        told[k] = a.open[members[k]]
    if joined and happened == NOTHING:
        a.sent[head] = max(a.sent[head], score)
        happened = UPDATED
    return alarms or joined, happened


@aside
def strongest_in(a: Arena, members: NDArray[np.uint64], test: int) -> int:
    """The feature with the highest score of its own in a test."""
    strongest = 0
    highest = -1.0
    for k in range(len(members)):
        found = part(a, members[k], test)
        if found > highest:
            strongest, highest = k, found
    return strongest
