"""The running statistics equal what the definitions give on the raw values, to 1e-12 nats a point: at every step, and after millions."""

import math
from dataclasses import replace

import numpy as np
import pytest

from streamkl.core.arena import JUDGING
from streamkl.core.bank import Bank
from streamkl.core.episode import ACCEPTED, OPENED, RECOVERED
from streamkl.core.settings import Reference, Window
from tests.kernels import statistic
from tests.oracle import Twin, cell_of, cells, n_kl
from tests.small import BY_COUNT, BY_TIME, DECAYED, FIXED, LAGGED, NEVER, SEASONAL, TRAILING, feed, flat, settings
from tests.zoo import MINUTE_US, START_US, ZOO, stream

CLOSE = 1e-12  # nats a point
REFERENCES = {"fixed": FIXED, "trailing": TRAILING, "decayed": DECAYED, "seasonal": SEASONAL, "lagged": LAGGED}
WINDOWS = {"by_count": BY_COUNT, "by_time": BY_TIME}
POINTS = 320


def compare(bank: Bank, row: int, twin: Twin) -> None:
    for w in range(len(bank.settings.windows)):
        n = len(twin.window(w))
        assert int(bank.arena.length[row, w]) == n
        if n:
            assert abs(statistic(bank.arena, bank.rules, row, w) - twin.statistic(w)) / n <= CLOSE


@pytest.mark.parametrize("windows", WINDOWS)
@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("name", ZOO)
def test_at_every_step_of_every_stream(name: str, reference: str, windows: str) -> None:
    judged_by = settings(windows=WINDOWS[windows], reference=REFERENCES[reference])
    bank, twin = Bank(judged_by, flat(5.0), 1), Twin(judged_by)
    row = bank.birth()
    fates = {"ignored": 0, "learning": 0, "judged": 0, "late": 2}
    tell = {OPENED: twin.opened, RECOVERED: twin.closed, ACCEPTED: twin.accepted}
    for i, (value, time) in enumerate(zip(*(column.tolist() for column in stream(name, POINTS)), strict=True)):
        verdicts = feed(bank, row, value, time, i)
        fate = twin.take(value, time)
        assert (verdicts.fate[0] == 2) == (fates[fate] == 2)
        assert (bank.arena.phase[row] == JUDGING) == twin.learned
        for transition in verdicts.transitions:
            tell.get(transition.happened, lambda: None)()
        if fate == "judged" and ACCEPTED not in [t.happened for t in verdicts.transitions]:
            compare(bank, row, twin)


def test_the_streams_make_episodes_open_close_and_be_accepted() -> None:
    """Else the law above would say little about references that are frozen and learned anew."""
    happened = []
    for name in ("moved_for_good", "new_value"):
        bank = Bank(settings(), flat(5.0), 1)
        happened += [t.happened for t in feed(bank, bank.birth(), *stream(name, POINTS)).transitions]
    assert {OPENED, RECOVERED, ACCEPTED} <= set(happened)


# -- millions of points --------------------------------------------------------------

LONG = 2_500_000
PLACES = (5_000, 777_777, 1_250_001, 2_499_999)
WIDE = (Window("16 points", 16, 0), Window("256 points", 256, 0))


def walk_to(reference: Reference, values: np.ndarray, times: np.ndarray, bins: int) -> list[tuple[int, list[float]]]:
    """Statistics of both windows after the points at PLACES."""
    bank = Bank(settings(windows=WIDE, bins=bins, reference=reference), NEVER, 1)
    row, found, at = bank.birth(), [], 0
    for place in PLACES:
        feed(bank, row, values[at : place + 1], times[at : place + 1])
        at = place + 1
        found.append((place, [statistic(bank.arena, bank.rules, row, w) for w in range(2)]))
    return found


def long_stream() -> tuple[np.ndarray, np.ndarray]:
    """Half as wide again after what is learned, so that no bin fades away."""
    values = np.random.default_rng(11).normal(0.0, 1.5, LONG)
    values[:500] /= 1.5
    return values, START_US + MINUTE_US // 60 * np.arange(LONG)


def window_counts(codes: np.ndarray, place: int, points: int, bins: int) -> list[int]:
    return np.bincount(codes[place + 1 - points : place + 1], minlength=bins).tolist()


def check(reference: Reference, masses: object, bins: int = 16) -> None:
    """`masses(place, codes, units)` are the expected ones after the point at `place`, from what came before."""
    values, times = long_stream()
    found = cells(values[: reference.size].tolist(), bins)
    units = [cell.units for cell in found]
    codes = np.searchsorted(np.array([cell.low for cell in found[1:]]), values, side="right")
    assert [cell_of(found, v) for v in values[:300].tolist()] == codes[:300].tolist()
    for place, statistics in walk_to(reference, values, times, bins):
        for window, n in zip(statistics, (16, 256), strict=True):
            expected = n_kl(window_counts(codes, place, n, len(found)), masses(place, codes, units))  # type: ignore[operator]
            assert abs(window - expected) / n <= CLOSE


def test_a_fixed_reference_after_millions_of_points() -> None:
    check(replace(FIXED, size=500), lambda _place, _codes, units: units)


def test_a_fixed_reference_of_more_bins_than_a_byte_counts() -> None:
    check(replace(FIXED, size=1_000), lambda _place, _codes, units: units, bins=256)


@pytest.mark.parametrize(("size", "bins"), [(500, 16), (1_000, 256)])
def test_a_trailing_reference_after_millions_of_points(size: int, bins: int) -> None:
    reference = replace(TRAILING, size=size, gap=300)

    def masses(place: int, codes: np.ndarray, units: list[float]) -> list[float]:
        before = np.bincount(codes[:size], minlength=len(units))
        # The points handed over are those at least 300 deep that came after the learned ones.
        now = np.bincount(codes[place + 1 - 300 - size : place + 1 - 300], minlength=len(units))
        return [max(u + int(b) - int(a), 0.5) for u, b, a in zip(units, now, before, strict=True)]

    check(reference, masses, bins)


def test_a_decayed_reference_after_millions_of_points() -> None:
    half_life = 2_000
    reference = replace(DECAYED, size=500, gap=300, half_life=half_life)

    def masses(place: int, codes: np.ndarray, units: list[float]) -> list[float]:
        handed = codes[500 : place + 1 - 300]
        newest = handed[-80 * half_life :]  # what is older weighs less than 1e-24 of it
        ages = np.arange(len(newest) - 1, -1, -1)
        first = [u * 2.0 ** (-len(handed) / half_life) for u in units]
        return [f + math.fsum((2.0 ** (-ages[newest == k] / half_life)).tolist()) for k, f in enumerate(first)]

    check(reference, masses)


def test_a_seasonal_reference_after_millions_of_points() -> None:
    slots, seconds = 3, 400_000
    reference = replace(
        SEASONAL, size=500, gap=300, slots=slots, period_us=slots * seconds * 1_000_000, phase_us=START_US, shrinkage=50.0
    )  # fmt: skip

    def masses(place: int, codes: np.ndarray, units: list[float]) -> list[float]:
        """All points of the windows lie in one slot; what it has learned came into force when the time entered it, at the latest."""
        stretch = place // seconds
        learned = codes[: max(500, stretch * seconds - 300)]  # handed over before the first point of this stretch
        same = np.arange(len(learned)) // seconds % slots == stretch % slots
        own = np.bincount(learned[same], minlength=len(units))
        return [int(c) + 50.0 * u / math.fsum(units) for c, u in zip(own, units, strict=True)]

    check(reference, masses)
