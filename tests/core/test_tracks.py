"""What single points say: magnitudes by hand and by a slow twin, and how six tracks become one number."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from streamkl.core.arena import PAST_BINS, RECENT, TRACKS, Tracks
from streamkl.core.point_run_length import _surprises, fresh
from streamkl.core.tracks import NONE
from tests.kernels import fused, strength
from tests.slow_points import SlowPast, long_mean, magnitudes
from tests.zoo import ZOO, stream

JUMP, SKIP, LEVEL, PAIR, FOUR, WINDOW = range(TRACKS)


def fed(
    values: Sequence[float] | NDArray[np.float64], tracks: Tracks | None = None, heard: float | Sequence[float] = NONE
) -> tuple[Tracks, NDArray[np.float64]]:
    """What the window says, at every point alike or at each, is `heard`."""
    known, out = tracks or fresh(1), np.zeros(len(values))
    with np.errstate(over="ignore"):  # plain Python warns where compiled code does not
        _surprises(known, 0, np.array(values, np.float64), np.broadcast_to(heard, len(values)).astype(np.float64), out)
    return known, out


def first_magnitude(tracks: Tracks, track: int) -> float:
    """The first one above zero sets the scale: it lies ten e-folds above the lowest bin."""
    return math.exp(float(tracks.past_low[0, track]) + 10.0)


def test_each_track_speaks_as_soon_as_it_has_something_to_compare_with() -> None:
    """Neighbours from the 2nd point on, those of neighbours from the 3rd; the means of 2 and 4 need ten points and one behind them; the
    window, here, never."""
    known = {n: fed(np.arange(float(n)))[0] for n in (1, 2, 12, 13, 14, 15, 20)}
    counts = {n: (t.past[0, :, 0] + t.fresh_count[0]).tolist() for n, t in known.items()}
    assert counts == {
        1: [0, 0, 0, 0, 0, 0],
        2: [1, 0, 1, 0, 0, 0],
        12: [11, 10, 11, 0, 0, 0],
        13: [12, 11, 12, 1, 0, 0],
        14: [13, 12, 13, 2, 0, 0],
        15: [14, 13, 14, 3, 1, 0],
        20: [19, 18, 19, 8, 6, 0],
    }


def test_magnitudes_by_hand() -> None:
    """Twenty times 5, then 12: 7 from the two points before and from the level, (5 + 12) / 2 - 5 = 3.5, (3 * 5 + 12) / 4 - 5 = 1.75; and a
    window that says 2.5."""
    tracks, _ = fed([5.0] * 20 + [12.0], heard=[NONE] * 20 + [2.5])
    assert [first_magnitude(tracks, track) for track in range(TRACKS)] == pytest.approx([7.0, 7.0, 7.0, 3.5, 1.75, 2.5])
    assert tracks.level[0] == pytest.approx(5.0 + 7.0 / 25.0)
    assert tracks.long_mean[0].tolist() == [5.0, 5.0]


def test_two_points_by_hand() -> None:
    tracks, _ = fed([10.0, 7.0])
    assert first_magnitude(tracks, JUMP) == pytest.approx(3.0)
    assert first_magnitude(tracks, LEVEL) == pytest.approx(3.0)
    assert tracks.level[0] == pytest.approx(10.0 - 3.0 / 25.0)


@pytest.mark.parametrize("n", [13, 20, 99, 104, 105, 150, 400])
def test_long_means_are_numpys_up_to_a_hundred_points_and_then_forget(n: int) -> None:
    values = np.random.default_rng(n).normal(50.0, 10.0, n)
    tracks, _ = fed(values)
    for which, span in ((0, 2), (1, 4)):
        before = values[:-span]
        assert tracks.long_mean[0, which] == pytest.approx(long_mean(before.tolist()), rel=1e-12)
        if len(before) <= 100:
            assert tracks.long_mean[0, which] == pytest.approx(np.mean(before), rel=1e-12)


def slow_surprises(values: list[float]) -> list[float]:
    pasts, out = [SlowPast() for _ in range(TRACKS)], []
    for n in range(1, len(values) + 1):
        sizes = magnitudes(values[:n])
        nats = [0.0 if size is None else past.surprisal(size) for past, size in zip(pasts, sizes, strict=True)]
        out.append(math.fsum(each**5 for each in nats) ** 0.2)
    return out


@pytest.mark.parametrize("name", ["normal", "ramp", "heavy_tail", "autocorrelated", "mostly_zero", "new_value"])
def test_surprises_are_those_of_a_slow_twin(name: str) -> None:
    values = stream(name, 250).values
    values[220] += 40.0
    got, expected = fed(values)[1], slow_surprises(values.tolist())
    # A mean that should be zero is a rounding error: whose it is makes a few magnitudes differ by a bin.
    close = np.isclose(got, expected, rtol=1e-4, atol=1e-4)
    assert close.mean() > (0.99 if name in ("normal", "ramp", "heavy_tail", "autocorrelated") else 0.9)
    assert got[220] == pytest.approx(expected[220], rel=0.02)


def test_the_surprise_is_the_fifth_root_of_the_sum_of_fifth_powers() -> None:
    """Six tracks that agree on 10 nats: 10 * 6 ** (1/5) = 14.310; one of 10 beside three of 5: 10 * (1 + 3/32) ** (1/5) = 10.18."""
    tracks = fresh(1)
    for nats, expected in (
        ((10.0,) * 6, 14.3097),
        ((5.0, 10.0, 5.0, 0.0, 0.0, 5.0), 10.1809),
        ((0.0, 0.0, 3.0, 0.0, 0.0, 0.0), 3.0),
    ):
        tracks.nats[0] = nats
        assert fused(tracks, 0) == pytest.approx(expected, abs=1e-4)


@settings(max_examples=25)
@given(st.lists(st.floats(-10.0, 10.0), min_size=45, max_size=70))
def test_the_surprise_lies_between_the_largest_track_and_six_that_agree(values: list[float]) -> None:
    tracks, out = fed(values)
    largest = float(tracks.nats[0].max())
    assert largest - 1e-9 <= out[-1] <= 6.0**0.2 * largest + 1e-9
    assert out[-1] == pytest.approx(float((tracks.nats[0] ** 5).sum() ** 0.2))


@pytest.mark.parametrize("value", [0.0, -0.0, 42.0, -1e-300, 1e308, 5e-324])
def test_a_constant_never_surprises(value: float) -> None:
    tracks, out = fed([value] * 500)
    assert out.max() == 0.0
    assert (tracks.past[0, : LEVEL + 1, 1:] == 0).all()


def test_the_first_value_that_is_new_after_a_long_constant_surprises_most() -> None:
    _, out = fed([7.0] * 1_000 + [7.001] + [7.0] * 50)
    assert int(np.argmax(out)) == 1_000
    assert out[1_000] > 10.0


@pytest.mark.parametrize("name", [*ZOO])
def test_every_shape_of_series_gives_finite_surprises(name: str) -> None:
    values = stream(name, 400).values
    _, out = fed(values[np.isfinite(values)])
    assert np.isfinite(out).all()
    assert (out >= 0.0).all()


def test_the_largest_numbers_that_there_are_give_finite_surprises() -> None:
    """Jumps between them are larger than any number."""
    tracks, out = fed([1.7e308, -1.7e308] * 200)
    assert np.isfinite(out).all()
    assert np.isfinite(tracks.nats).all()
    assert np.isfinite(tracks.long_mean).all()
    assert tracks.past[0, JUMP, PAST_BINS // 2 :].sum() > 0


def test_the_unit_and_the_zero_of_a_metric_do_not_matter() -> None:
    """Powers of two leave the digits as they are."""
    values = np.round(np.random.default_rng(8).normal(0.0, 64.0, 400))
    plain = fed(values)[1]
    for other in (values * 2.0**20, values * 2.0**-30, -values, values + 4096.0):
        np.testing.assert_allclose(fed(other)[1], plain, atol=0.05)


def test_a_jump_is_found_by_the_jump_and_a_slow_shift_by_the_means() -> None:
    noise = np.random.default_rng(3).normal(0.0, 1.0, 1_500)
    spike, shift = noise.copy(), noise.copy()
    spike[1_300] = 12.0
    shift[1_300:1_304] = (3.1, 2.9, 3.0, 3.2)
    at_spike, _ = fed(spike[:1_301])
    after_shift, _ = fed(shift[:1_304])
    assert at_spike.nats[0, [JUMP, LEVEL]].min() > 7.0
    assert int(np.argmax(after_shift.nats[0])) == FOUR
    assert after_shift.nats[0, FOUR] > 6.5
    assert after_shift.nats[0, JUMP] < 2.0


def test_strength_is_the_third_root_of_the_sum_of_third_powers_without_the_window() -> None:
    """Three of 5 nats: (3 * 125) ** (1/3) = 7.2112; the window's 9 are not among them.

    A departure of 5 counts twice: (5 * 125) ** (1/3) = 8.5499.
    """
    tracks, _ = fed([1.0])
    tracks.nats[0] = (5.0, 0.0, 5.0, 0.0, 5.0, 9.0)
    assert strength(tracks, 0, 0.0) == pytest.approx(7.2112, abs=1e-4)
    assert strength(tracks, 0, 5.0) == pytest.approx(8.5499, abs=1e-4)


def test_a_window_that_says_what_it_never_said_surprises_by_itself() -> None:
    dice = np.random.default_rng(5)
    said = dice.exponential(3.0, 601)
    said[600] = 60.0
    tracks, out = fed(np.full(601, 7.0), heard=said)
    assert out[600] == pytest.approx(tracks.nats[0, WINDOW]) and out[600] > 7.0
    assert out[600] > out[:600].max()


def test_recent_values_wrap_around() -> None:
    values = np.arange(float(3 * RECENT + 5))
    tracks, _ = fed(values)
    assert sorted(tracks.recent[0].tolist()) == values[-RECENT:].tolist()
