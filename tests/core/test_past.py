"""Surprisals by a series' own past: against a slow twin that keeps it all, against tails that are known, and their laws."""

import math
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamkl.core.arena import FRESH_MOST, PAST_BINS, Tracks
from streamkl.core.past import _join, histograms, newer_histograms, of_histograms
from streamkl.core.point_run_length import fresh
from tests.kernels import newer, note_fresh, surprisal
from tests.slow_points import SlowPast

HUGE = float(np.finfo(np.float64).max)
FIRST = 30


def nats_of(magnitudes: Iterable[float], tracks: Tracks | None = None) -> list[float]:
    known = tracks or fresh(1)
    return [surprisal(known, 0, 0, each) for each in magnitudes]


def by_twin(magnitudes: Iterable[float]) -> list[float]:
    twin = SlowPast()
    return [twin.surprisal(each) for each in magnitudes]


def asked(tracks: Tracks, magnitude: float) -> float:
    """What a magnitude would be worth, without letting it join."""
    copy = Tracks._make(array.copy() for array in tracks)
    _join(copy, 0, 0)
    return float(surprisal(copy, 0, 0, magnitude))


def grown(magnitudes: Iterable[float]) -> Tracks:
    tracks = fresh(1)
    nats_of(magnitudes, tracks)
    return tracks


def half_normal(n: int, seed: int = 1) -> list[float]:
    return [float(each) for each in np.abs(np.random.default_rng(seed).standard_normal(n))]


def zeros_between(n: int) -> list[float]:
    dice = np.random.default_rng(2)
    return [float(each) for each in np.where(dice.random(n) < 0.7, 0.0, dice.exponential(3.0, n))]


def records_upwards(n: int) -> list[float]:
    """Every hundred magnitudes another scale, twenty times the last: the bins move up again and again."""
    return [20.0 ** (i // 100) * each for i, each in enumerate(half_normal(n, 3))]


SHAPES = {
    "half normal": half_normal(2_400),
    "zeros between": zeros_between(700),
    "zeros first": [0.0] * 100 + half_normal(300),
    "records upwards": records_upwards(700),
    "one record beyond all bins": [*half_normal(100), 1e300, *half_normal(100, 2)],
    "a scale that falls": (np.array(half_normal(500)) * np.repeat([1.0, 1e-3, 1e-9, 1e-3, 1.0], 100)).tolist(),
    "one value": [0.3] * 400,
    "two values": [1.0, 7.0] * 200,
    "smallest and largest": [5e-324, 1e-300, HUGE, 0.0] * 50,
    "heavy tail": np.abs(np.random.default_rng(4).standard_cauchy(1_500)).tolist(),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_surprisals_are_those_of_a_slow_twin(shape: str) -> None:
    np.testing.assert_allclose(nats_of(SHAPES[shape]), by_twin(SHAPES[shape]), rtol=1e-5, atol=1e-5)


# The scale is set by the first magnitude; those a rounding error away from a bin's edge would tell logarithms apart, not pasts.
thirds = st.integers(-300, 300).map(lambda k: math.exp((k + 0.5) / 3.0))


@settings(max_examples=40)
@given(st.floats(0.5, 2.0), st.lists(st.just(0.0) | thirds, min_size=FIRST + 1, max_size=60))
@example(1.0, [0.0] * 40 + [math.exp(60.0 + 1.0 / 6.0)])
def test_whatever_comes_surprisals_are_those_of_a_slow_twin(first: float, later: list[float]) -> None:
    magnitudes = [first, *(first * each for each in later)]
    np.testing.assert_allclose(nats_of(magnitudes), by_twin(magnitudes), rtol=1e-5, atol=1e-5)


@settings(max_examples=40)
@given(st.lists(st.floats(0.0, HUGE), max_size=80))
def test_surprisals_are_numbers_and_none_is_negative(magnitudes: list[float]) -> None:
    nats = np.array(nats_of(magnitudes))
    assert np.isfinite(nats).all()
    assert (nats >= 0.0).all()
    assert (nats[:FIRST] == 0.0).all()


def test_the_first_thirty_surprise_nobody() -> None:
    nats = nats_of([1.0] * 29 + [1e6] + [1e12])
    assert nats[:FIRST] == [0.0] * FIRST
    assert nats[FIRST] > 3.0


def test_as_much_as_always_is_no_surprise() -> None:
    assert max(nats_of([0.0] * 500)) == 0.0
    assert nats_of([3.0] * 500)[-1] < 0.7


@pytest.mark.parametrize("steps", [-400, -40, -3, 1, 7, 300])
def test_the_unit_does_not_matter(steps: int) -> None:
    magnitudes = np.array(half_normal(600, 5))
    plain = np.array(nats_of(magnitudes.tolist()))
    for scale in (2.0**steps, math.exp(steps / 3.0)):
        # The magnitude that sets the scale lies on a bin's edge, and may be rounded to the one below: one count among many.
        np.testing.assert_allclose(nats_of((magnitudes * scale).tolist()), plain, atol=0.05)


def test_tracks_and_rows_have_pasts_of_their_own() -> None:
    together, alone = fresh(2), fresh(1)
    mine = half_normal(200)
    expected = nats_of(mine, alone)
    got = []
    for each in mine:
        for row, track in ((0, 1), (1, 0), (1, 3)):
            surprisal(together, row, track, 1e5 * each)
        got.append(surprisal(together, 1, 2, each))
    assert got == expected


@pytest.mark.parametrize("shape", ["half normal", "zeros between", "two values", "heavy tail", "one value"])
def test_more_is_never_less_surprising(shape: str) -> None:
    tracks = grown(SHAPES[shape])
    top = float(np.exp(tracks.past_low[0, 0] + 15.99))  # the upper end of the bins
    nats = [asked(tracks, float(each)) for each in np.geomspace(1e-6 * top, top, 150)]
    assert all(b >= a - 1e-6 for a, b in pairwise(nats))
    assert nats[-1] > nats[0]


def test_within_the_body_it_is_the_share_that_was_at_least_as_large() -> None:
    magnitudes = half_normal(10_000)
    tracks = grown(magnitudes)
    for each in (0.1, 0.5, 1.0, 1.3):
        share = (np.array(magnitudes) >= each).mean()
        assert asked(tracks, each) == pytest.approx(-math.log(share), abs=0.03)


@pytest.mark.parametrize("rate", [1.0, 2.0, 5.0])
def test_a_pareto_tail_is_continued_where_nothing_was_seen(rate: float) -> None:
    """Of magnitudes e^(exponential with this rate) the share e^(-rate x) lies beyond e^x; ten in 10,000 beyond 6.9 nats."""
    magnitudes = np.exp(np.random.default_rng(6).exponential(1.0 / rate, 10_000))
    tracks = grown(magnitudes.tolist())
    for true in (3.0, 6.0, 10.0, 15.0, 20.0):
        # Bins of a third of an e-fold, and the prior of two nats an e-fold, flatten a tail that is much steeper.
        assert asked(tracks, math.exp(true / rate)) == pytest.approx(true, rel=0.05 if rate < 5.0 else 0.2)


def test_what_comes_often_surprises_less() -> None:
    """The same magnitude, again and again: each time it is less far out."""
    tracks = grown(half_normal(1_000))
    nats = [nats_of([20.0, *half_normal(200, seed)], tracks)[0] for seed in range(20)]
    assert nats[0] > 10.0
    assert nats[-1] < 0.85 * nats[0]
    assert all(later < earlier + 0.2 for earlier, later in pairwise(nats))


def test_a_few_incidents_do_not_hide_the_next() -> None:
    """Only the tail at the bulk's edge is hardly taught by them, and it has most of the weight."""
    tracks = grown(half_normal(5_000))
    before = asked(tracks, 50.0)
    nats_of([50.0] * 10, tracks)
    assert asked(tracks, 50.0) > 0.6 * before


def test_a_gap_below_the_largest_magnitudes_is_no_tail() -> None:
    """Nothing, and one time in 500 something about as large as ever: no rarer than that, however far it lies from nothing."""
    dice = np.random.default_rng(1)
    nats = nats_of(dice.uniform(1.0, 1.2) if i % 500 == 499 else 0.0 for i in range(4_000))
    assert nats[-1] == pytest.approx(math.log(500), abs=1.0)


def test_a_full_past_is_halved_and_shares_stay() -> None:
    """65,535 magnitudes are the most that it counts; rounded up, so that no record is forgotten."""
    tracks = grown([1.0, *half_normal(2_000), 1e4])
    _join(tracks, 0, 0)
    tracks.past[0, 0, :5] = 65_535
    before = tracks.past[0, 0].astype(int)
    note_fresh(tracks, 0, 0, 3)
    _join(tracks, 0, 0)
    after = (before + 1) // 2
    after[:4] += 1
    assert tracks.past[0, 0].tolist() == after.tolist()
    assert np.count_nonzero(tracks.past[0, 0]) == np.count_nonzero(before)


@given(st.lists(st.integers(0, PAST_BINS - 1) | st.sampled_from([0, 47]), max_size=FRESH_MOST))
@example([47] * FRESH_MOST)
@example([0] * 16 + [1] * 16 + [2] * 16 + [3] * 16)
def test_half_a_byte_a_bin_counts_the_newer_magnitudes(indices: list[int]) -> None:
    tracks = fresh(2)
    for index in indices:
        note_fresh(tracks, 1, 2, index)
    counted = np.bincount(np.array(indices, int), minlength=PAST_BINS)
    assert [newer(tracks, 1, 2, index) for index in range(PAST_BINS)] == counted.tolist()
    assert newer_histograms(tracks.fresh)[1, 2].tolist() == counted.tolist()
    assert newer_histograms(tracks.fresh).sum() == len(indices)
    _join(tracks, 1, 2)
    assert histograms(tracks.past)[1, 2].tolist() == counted.tolist()
    assert not tracks.fresh.any()


@given(st.lists(st.floats(0.0, 1e6), max_size=200))
def test_a_past_is_kept_as_its_histogram_and_comes_back(magnitudes: list[float]) -> None:
    past = grown(magnitudes).past
    counts = histograms(past)
    assert counts.sum(axis=2).tolist() == past[:, :, 0].tolist()
    assert (of_histograms(counts) == past).all()
