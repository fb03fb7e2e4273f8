"""What is not judged leaves no trace; what comes late within the grace is placed as if it had come in time."""

import numpy as np
import pytest

from streamkl.core.bank import Bank
from streamkl.core.ring import span
from streamkl.core.settings import Settings
from tests.kernels import statistic
from tests.small import BY_TIME, DECAYED, HOUR_US, LAGGED, NEVER, SEASONAL, TRAILING, feed, flat, held, settings
from tests.zoo import MINUTE_US, START_US, every_minute, stream

KINDS = {
    "fixed": settings(),
    "by time": settings(windows=BY_TIME),
    "trailing": settings(reference=TRAILING),
    "decayed": settings(reference=DECAYED),
    "seasonal": settings(reference=SEASONAL),
    "lagged": settings(reference=LAGGED),
}


def images(bank: Bank) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in (bank.arena._asdict() | bank.pool._asdict()).items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [30, 200, 330])
def test_rows_that_are_not_judged_leave_the_state_as_it_was(kind: str, after: int) -> None:
    """While learning, in quiet, and while an episode is open."""
    bank = Bank(KINDS[kind], flat(5.0), 1)
    row = bank.birth()
    values = stream("normal", after).values
    values[300:] += 20.0
    feed(bank, row, values, every_minute(after))
    if kind == "fixed":
        assert bank.arena.open[row] == (after == 330)
    before = images(bank)
    newest = int(bank.arena.newest[row])
    feed(bank, row, [np.nan, np.inf, -np.inf, np.nan], [newest + MINUTE_US, 0, 2**60, -(2**60)])
    assert images(bank) == before
    feed(bank, row, [1.0] * 63, newest - HOUR_US - 1 - np.arange(63))
    changed = {name for name, image in images(bank).items() if image != before[name]}
    assert changed == {"late", "late_run"}
    assert int(bank.arena.late[row]) == 63


@pytest.mark.parametrize("hole", [np.nan, np.inf])
def test_holes_shift_nothing_but_their_own_rows(hole: float) -> None:
    values, times = stream("steps", 360)
    where = np.sort(np.random.default_rng(1).choice(360, 50))
    with_holes, longer = np.insert(values, where, hole), np.insert(times, where, times[where])
    judged = []
    for each, when in ((values, times), (with_holes, longer)):
        bank = Bank(settings(), flat(5.0), 1)
        out = feed(bank, bank.birth(), each, when)
        judged.append((out.ratio[np.isfinite(each)].tolist(), out.output[np.isfinite(each)].tolist()))
    assert judged[0] == judged[1]


def content(bank: Bank, row: int) -> tuple[list[tuple[int, int]], list[float]]:
    """Time and bin of every point held, and the statistic of every window."""
    places = held(bank.arena, row)
    points = list(zip(span(bank.arena, row, len(places))[0].tolist(), bank.arena.code[row, places].tolist(), strict=True))
    return points, [statistic(bank.arena, bank.rules, row, w) for w in range(len(bank.settings.windows))]


@pytest.mark.parametrize("kind", ["fixed", "by time"])
@pytest.mark.parametrize("seed", range(5))
def test_late_points_within_the_grace_end_where_they_belong(kind: str, seed: int) -> None:
    values, times = stream("normal", 200, seed)
    delays = np.random.default_rng(seed).integers(0, 12 * MINUTE_US, 200)
    delays[:60] = 0
    order = np.argsort(times + delays, kind="stable")
    found = []
    for how in (np.arange(200), order):
        bank = Bank(KINDS[kind], NEVER, 1)
        row = bank.birth()
        assert feed(bank, row, values[how], times[how]).late == 0
        found.append(content(bank, row))
    assert found[0][0] == found[1][0]
    assert found[0][1] == pytest.approx(found[1][1], abs=1e-12)


def test_after_as_many_new_points_nothing_of_the_old_is_left_in_a_window() -> None:
    """Two series with the same reference and different incidents are the same to the last digit, once the windows have turned over."""
    learned, same = stream("normal", 60).values, stream("normal", 200, seed=9).values
    ends = []
    for seed in (1, 2):
        incident = np.random.default_rng(seed).standard_cauchy(100)
        bank = Bank(settings(), NEVER, 1)
        row = bank.birth()
        feed(bank, row, np.r_[learned, incident, same[:20]], every_minute(180))
        counts = bank.arena.counts[row].copy()
        # A resynchronisation comes once in 65 points at the latest: then the running sums are those of the counts alone.
        feed(bank, row, same[20:], every_minute(360)[180:])
        ends.append((counts.tolist(), bank.arena.counts[row].tolist(), content(bank, row)[1]))
    assert ends[0][:2] == ends[1][:2]
    assert ends[0][2] == pytest.approx(ends[1][2], abs=1e-12)


@pytest.mark.parametrize("kind", ["fixed", "by time", "trailing"])
def test_a_clock_that_steps_back_is_followed_and_judged_on(kind: str) -> None:
    judged_by: Settings = KINDS[kind]
    bank = Bank(judged_by, NEVER, 1)
    row = bank.birth()
    values, times = stream("clock_steps_back", 1_800)
    out = feed(bank, row, values, times)
    assert out.late == 63
    assert bank.arena.newest[row] == times[-1] < START_US + 1_800 * MINUTE_US
    assert out.fate[1_300:].all()
    assert [t for t, _ in content(bank, row)[0]] == times[-len(content(bank, row)[0]) :].tolist()
