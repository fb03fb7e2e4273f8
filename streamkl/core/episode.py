"""Verdicts over time: when an episode opens, is worth another event, closes, or is accepted as the new normal.

| from | to | when |
|---|---|---|
| quiet | open (OPENED) | `min_points` points in a row, for `min_duration`, score >= 1 and pass the gates; see also below |
| quiet | expected | the same, but it comes back at equal steps (`core.returns`): nothing is told |
| expected | open (OPENED) | it is larger or takes longer than it ever did |
| expected | quiet | as an open one recovers |
| open | gone (FORGOTTEN) | its series is forgotten |
| open | open (UPDATED) | the score is `escalate_factor` times the last one sent, or single points tell again (`_renewed`) |
| open | quiet (RECOVERED) | for `close_after` points in a row, points, the window last told of and shorter ones are below `close_below` |
| open | quiet, with a new reference (ACCEPTED) | it stayed open for `accept_after` points, and as many as a reference takes |

None opens before the cooldown is over and the series has had `first_after` points.

Long windows still hold an incident long after it is over. When an episode closes, windows that are still up are muted until they have
come down, or until every point they hold is newer than the closing. The drift track begins anew.
"""

from streamkl.core.arena import Arena, Rules
from streamkl.core.compiled import inlined
from streamkl.core.drift import forget
from streamkl.core.gate import passes
from streamkl.core.returns import is_expected, last

NOTHING, OPENED, UPDATED, RECOVERED, ACCEPTED, LEARNED, WARM, FORGOTTEN = 0, 1, 2, 3, 4, 5, 6, 7


@inlined
def move(a: Arena, rules: Rules, row: int, score: float, window: int, time: int, position: int) -> int:
    """Take one judged score and the window it comes from; returns what happened. O(windows)."""
    renewed = _renewed(a, rules, row)
    if a.open[row]:
        return _while_open(a, rules, row, score, window, renewed)
    listen(a, rules, row)
    if a.expected[row]:
        return _while_expected(a, rules, row, score, window, time, position)
    if a.cooling[row] > 0:
        a.cooling[row] -= 1
        return NOTHING
    if score < 1.0 or a.points[row] < rules.first_after or (rules.gated and not passes(a, rules, row, window)):
        a.above[row] = 0
        return NOTHING
    if a.above[row] == 0:
        a.since_time[row] = time
        a.since_position[row] = position
    a.above[row] += 1
    if a.above[row] < rules.min_points or time - a.since_time[row] < rules.min_duration:
        return NOTHING
    begin(a, row, score, window)
    a.expected[row] = is_expected(a, rules, row, time, score)
    a.open[row] = not a.expected[row]
    return OPENED if a.open[row] else NOTHING


@inlined
def begin(a: Arena, row: int, score: float, window: int) -> None:
    """An episode, told or expected, has had no points yet."""
    a.above[row] = 0
    a.below[row] = 0
    a.age[row] = 0
    a.sent[row] = score
    a.peak[row] = score
    a.teller[row] = window


@inlined
def _renewed(a: Arena, rules: Rules, row: int) -> bool:
    """Whether single points are at the limit again, after `close_after` in a row below `close_below`."""
    ratio = a.ratio[row, len(rules.window_points) + 1]
    rested = a.calmed[row] >= rules.close_after
    if ratio >= 1.0:
        a.calmed[row] = 0
    elif ratio < rules.close_below:
        a.calmed[row] += not rested
    elif not rested:
        a.calmed[row] = 0
    return bool(rested and ratio >= 1.0)


@inlined
def _while_expected(a: Arena, rules: Rules, row: int, score: float, window: int, time: int, position: int) -> int:
    if _is_over(a, rules, row, score):
        close(a, rules, row)
    elif score >= a.bound[row] or (score >= 1.0 and a.age[row] > a.bound_points[row]):
        begin(a, row, score, window)
        a.since_time[row] = time
        a.since_position[row] = position
        a.expected[row] = False
        a.open[row] = True
        return OPENED
    return NOTHING


@inlined
def _is_over(a: Arena, rules: Rules, row: int, score: float) -> bool:
    a.age[row] += 1
    a.peak[row] = max(a.peak[row], score)
    last(a, row, score)
    a.below[row] = a.below[row] + 1 if recovered(a, rules, row) else 0
    return bool(a.below[row] >= rules.close_after)


@inlined
def _while_open(a: Arena, rules: Rules, row: int, score: float, window: int, renewed: bool) -> int:
    if _is_over(a, rules, row, score):
        close(a, rules, row)
        return RECOVERED
    if a.age[row] >= rules.accept_after and a.learned[row] >= rules.size:
        close(a, rules, row)
        return ACCEPTED
    if renewed or score >= rules.escalate * a.sent[row]:
        a.sent[row] = max(score, a.sent[row])
        a.teller[row] = len(rules.window_points) + 1 if renewed else window
        return UPDATED
    return NOTHING


@inlined
def recovered(a: Arena, rules: Rules, row: int) -> bool:
    """Whether the window last told of, all that are not longer, and single points are below `close_below`."""
    points = len(rules.window_points) + 1
    if a.teller[row] == points:
        _hand_over(a, rules, row)
    longest = a.length[row, a.teller[row]] if a.teller[row] < points else 0
    for w in range(a.limit.shape[1]):
        if a.length[row, w] <= longest and a.ratio[row, w] >= rules.close_below:
            return False
    return bool(a.ratio[row, points] < rules.close_below)


@inlined
def _hand_over(a: Arena, rules: Rules, row: int) -> None:
    """Single points told of the change first. The shortest window that has seen it since says how long it lasts."""
    points = len(rules.window_points) + 1
    for w in range(a.limit.shape[1]):
        if a.ratio[row, w] >= 1.0 and (a.teller[row] == points or a.length[row, w] < a.length[row, a.teller[row]]):
            a.teller[row] = w


@inlined
def listen(a: Arena, rules: Rules, row: int) -> None:
    """While quiet: unmute windows that have come down, or have nothing left of what was muted."""
    for w in range(len(rules.window_points)):
        if a.muted[row, w] > 0:
            a.muted[row, w] = 0 if a.ratio[row, w] < rules.close_below else a.muted[row, w] - 1


@inlined
def close(a: Arena, rules: Rules, row: int) -> None:
    """Back to quiet; what was seen so far is kept from a moving reference."""
    a.open[row] = False
    a.expected[row] = False
    a.cooling[row] = rules.cooldown
    if rules.kind != 0:
        a.resume[row] = a.points[row]
    for w in range(len(rules.window_points)):
        a.muted[row, w] = a.length[row, w] if a.ratio[row, w] >= rules.close_below else 0
    forget(a, row)


@inlined
def is_alarm(a: Arena, rules: Rules, row: int, happened: int, before: int) -> bool:
    """Whether somebody has to be woken: an episode opened, or is told of again because of single points or of another test than was told
    of `before`. A window that fills up with an incident says the same thing louder and louder."""
    if happened == UPDATED:
        return bool(a.teller[row] != before or a.teller[row] == len(rules.window_points) + 1)
    return happened == OPENED


@inlined
def alarm_output(alarms: bool, score: float, strength: float) -> float:
    """One number per point: >= 1, the score, where it alarms, else below 1 and in the order of `strength`."""
    if alarms:
        return max(score, 1.0)
    if strength < 1.0:
        return 0.9 * strength
    return 0.9 + 0.0999 * (1.0 - 1.0 / strength)
