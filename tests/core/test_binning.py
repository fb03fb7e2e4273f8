"""Bins of a reference against their definition, written a second time in tests.oracle, and against what every cut must keep."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streamkl.core.arena import Arena
from streamkl.core.binning import HALF, Learned, bin_capacity, learn
from streamkl.core.edges import edges_of, put_edges
from streamkl.core.layout import allocate
from tests.kernels import bin_of, edge
from tests.oracle import cell_of, cells
from tests.small import settings
from tests.zoo import ZOO, stream

continuous = st.floats(allow_nan=False, allow_infinity=False)
few = st.sampled_from([0.0, 1.0, 2.0, 5.0, 5e-324, -1e308, 1.7976931348623157e308])
tied = st.integers(-20, 20).map(float)
samples = st.lists(st.one_of(continuous, few, tied), min_size=1, max_size=40) | st.lists(few | tied, min_size=2, max_size=30)


def bounds(learned: Learned) -> list[tuple[float, float]]:
    return list(pairwise([-math.inf, *learned.edges.tolist(), math.inf]))


def kept(learned: Learned, bins: int) -> Arena:
    """A row that has these edges."""
    arena = allocate(settings(bins=bins), 2)
    put_edges(arena, 1, learned.edges)
    arena.bins[1] = len(learned.units)
    return arena


def code(learned: Learned, value: float) -> int:
    return int(bin_of(kept(learned, len(learned.units)), 1, value))


def test_a_hundred_different_values_make_four_equal_bins_and_two_tails() -> None:
    learned = learn(np.arange(1.0, 101.0), 4)
    # Ranks 1 + round(j * 99 / 4) = 1, 26, 50 (49.5 rounds to even), 75, 100; the border between the last bin and the tail is the rank 100.
    assert learned.edges.tolist() == [1.0, 26.0, 51.0, 75.0, math.nextafter(100.0, 101.0)]
    assert learned.units.tolist() == [1.0, 25.0, 25.0, 24.0, 25.0, 1.0]
    assert learned.occupied == 4
    assert learned.quantiles.tolist() == [5.0, 25.0, 50.0, 75.0, 95.0]


def test_a_value_with_a_bins_mass_is_a_bin() -> None:
    learned = learn(np.array([7.0] * 30 + [float(i) for i in range(10, 80)]), 4)
    assert bounds(learned)[:2] == [(-math.inf, 7.0), (7.0, math.nextafter(7.0, 8.0))]
    assert learned.units[:2].tolist() == [HALF, 30.0]
    assert learned.units[2:].sum() == 70.0  # 69 of 70 in the bins above, the largest point's rank is the border, 1 beyond


def test_a_constant_is_one_atom_between_two_gaps_of_half_a_unit() -> None:
    learned = learn(np.full(500, 42.0), 16)
    assert bounds(learned) == [(-math.inf, 42.0), (42.0, math.nextafter(42.0, 43.0)), (math.nextafter(42.0, 43.0), math.inf)]
    assert learned.units.tolist() == [HALF, 500.0, HALF]
    assert learned.occupied == 1


def test_neighbouring_atoms_leave_an_empty_gap_that_no_value_falls_into() -> None:
    one, two = 1.0, math.nextafter(1.0, 2.0)
    learned = learn(np.array([one, two] * 10), 4)
    assert learned.units.tolist() == [HALF, 10.0, HALF, 10.0, HALF]
    assert [code(learned, v) for v in (0.5, one, two, 1.5)] == [0, 1, 3, 4]


@pytest.mark.parametrize("distinct", [1, 16, 17, 40, 256, 500])
def test_however_many_categories_there_are_the_bins_have_room(distinct: int) -> None:
    learned = learn(np.arange(500.0) % distinct, 16, every_value=True)
    assert len(learned.units) <= bin_capacity(16)
    assert learned.units.min() > 0
    atoms = [low for low, high in bounds(learned) if high == math.nextafter(low, math.inf)]
    assert len(atoms) == min(distinct, 16)


def test_the_commonest_categories_keep_a_bin_of_their_own() -> None:
    learned = learn(np.array([200.0] * 90 + [404.0] * 6 + [500.0] * 3 + [418.0]), 3, every_value=True)
    atoms = [low for low, high in bounds(learned) if high == math.nextafter(low, math.inf)]
    assert atoms == [200.0, 404.0, 500.0]


@pytest.mark.parametrize("name", sorted(set(ZOO) - {"holes"}))
@pytest.mark.parametrize("bins", [2, 6, 16])
def test_bins_of_the_zoo_are_those_of_the_definition(name: str, bins: int) -> None:
    values = stream(name, 97).values
    learned, expected = learn(values, bins), cells(values.tolist(), bins)
    assert bounds(learned) == [(cell.low, cell.high) for cell in expected]
    assert learned.units.tolist() == [cell.units for cell in expected]
    assert [code(learned, v) for v in values.tolist()] == [cell_of(expected, v) for v in values.tolist()]


@given(samples, st.integers(2, 20))
@example([1.0], 2)
@example([0.0, 5e-324] * 20, 16)
@example([1.7976931348623157e308] * 5 + [-1.7976931348623157e308], 2)
def test_every_reference_is_cut_by_the_definition(values: list[float], bins: int) -> None:
    learned, expected = learn(np.array(values), bins), cells(values, bins)
    assert bounds(learned) == [(cell.low, cell.high) for cell in expected]
    assert learned.units.tolist() == [cell.units for cell in expected]


@given(samples, st.integers(2, 20), st.booleans(), continuous)
def test_every_cut_keeps_its_promises(values: list[float], bins: int, categories: bool, other: float) -> None:
    learned = learn(np.array(values), bins, categories)
    n, units, edges = len(values), learned.units, learned.edges
    assert len(units) == len(edges) + 1 <= bin_capacity(bins)
    assert (units > 0).all()
    assert n - 1 <= units.sum() <= n + 1 + HALF * len(units)  # each end adds a tail; each gap between atoms half a unit
    assert (edges[1:] >= edges[:-1]).all()
    for value in [*values, other, -math.inf, math.inf]:
        low, high = bounds(learned)[code(learned, value)]
        assert low <= value < high or value == high == math.inf
    counts = np.bincount([code(learned, v) for v in values], minlength=len(units))
    assert (np.abs(counts - units) <= 1).all()


@given(samples, st.integers(2, 20), st.booleans())
@example([1.7976931348623157e308] * 5, 2, False)
@example([float(v) for v in (0, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7)], 8, False)
def test_edges_are_kept_in_the_room_that_there_is(values: list[float], bins: int, categories: bool) -> None:
    learned = learn(np.array(values), bins, categories)
    arena = kept(learned, bins)
    assert edges_of(arena, 1).tolist() == learned.edges.tolist()
    with np.errstate(over="ignore"):  # plain Python warns where compiled code does not
        assert [edge(arena, 1, k) for k in range(len(learned.edges))] == learned.edges.tolist()


@given(st.integers(64, 2_000), st.integers(2, 16), st.integers(0, 2**32))
def test_bins_of_different_values_hold_equally_many_of_them(size: int, bins: int, seed: int) -> None:
    values = np.random.default_rng(seed).standard_cauchy(size)
    learned = learn(values, bins)
    assert len(learned.units) == bins + 2
    assert learned.units.sum() == len(values) + 1
    assert learned.units[1:-1].max() - learned.units[1:-1].min() <= 1
