"""The level that many features are judged at: exactly those below it are found, and it is what the procedures say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from streamkl.comparison.verdicts import adjusted, level_of

P_VALUES = st.lists(st.floats(1e-6, 1), min_size=1, max_size=40)


def holm(p_values: list[float], alpha: float) -> set[int]:
    """Step by step, as the paper says it."""
    found: set[int] = set()
    for step, place in enumerate(np.argsort(p_values, kind="stable").tolist()):
        if p_values[place] > alpha / (len(p_values) - step):
            break
        found.add(place)
    return found


@given(P_VALUES)
def test_below_the_level_is_what_the_procedure_finds(p_values: list[float]) -> None:
    found = {i for i, p in enumerate(p_values) if p <= level_of(p_values, 0.05, "holm")}
    assert found == holm(p_values, 0.05)
    by_scipy = stats.false_discovery_control(p_values)
    if np.abs(by_scipy - 0.05).min() > 1e-9:
        assert [p <= level_of(p_values, 0.05, "bh") for p in p_values] == (by_scipy <= 0.05).tolist()
    assert level_of(p_values, 0.05, "none") == 0.05


@given(P_VALUES)
def test_adjusted_p_values_say_the_same(p_values: list[float]) -> None:
    assert adjusted(p_values, "bh") == pytest.approx(stats.false_discovery_control(p_values))
    assert adjusted(p_values, "none") == pytest.approx(p_values, abs=1e-11)
    values = adjusted(p_values, "holm")
    if np.abs(np.array(values) - 0.05).min() > 1e-9:
        assert {i for i, p in enumerate(values) if p <= 0.05} == holm(p_values, 0.05)
