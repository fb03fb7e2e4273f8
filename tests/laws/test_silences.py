"""A silenced point is as good as not sent, however points are batched, wherever a restart falls."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from streamkl.core.bank import Bank
from streamkl.core.kernel import LATE, SILENCED
from streamkl.engine.silence import Silence
from tests.engine.material import NOW_MS
from tests.engine.plans import MINUTE_MS, engine, feed, monitor, plan, records, shifted, written
from tests.small import BY_TIME, DECAYED, LAGGED, SEASONAL, TRAILING, flat, settings
from tests.zoo import stream

COLUMNS = ("fate", "output", "ratio", "window")
KINDS = [{}, {"windows": BY_TIME, "reference": DECAYED}, {"reference": SEASONAL}, {"reference": LAGGED}, {"reference": TRAILING}]


Columns = dict[str, np.ndarray]


def run(bank: Bank, values: np.ndarray, times: np.ndarray, offsets: np.ndarray, silent: np.ndarray, cuts: list[int]) -> Columns:
    outs = [bank.run(np.zeros(b - a, np.int64), times[a:b], values[a:b], offsets[a:b], silent[a:b]) for a, b in pairwise(cuts)]
    return {name: np.concatenate([getattr(out, name) for out in outs]) for name in COLUMNS}


def stretches(n: int, seed: int) -> np.ndarray:
    """A few stretches of points, short and long, from the learning on."""
    dice = np.random.default_rng(seed)
    silent = np.zeros(n, bool)
    for start in dice.choice(n - 80, 5, replace=False):
        silent[start : start + dice.integers(1, 80)] = True
    silent[-1] = False
    return silent


@pytest.mark.parametrize("name", ["steps", "autocorrelated", "ramp", "holes"])
@pytest.mark.parametrize("changes", KINDS)
def test_what_is_silenced_is_as_good_as_not_sent(name: str, changes: dict[str, object]) -> None:
    """For points in the order of their times; the series' clock goes on in a silence, which only late ones notice."""
    values, times = stream(name, 800)
    offsets, silent = np.arange(800), stretches(800, 3)
    banks = [Bank(settings(**changes), flat(5.0), 1) for _ in range(2)]
    for bank in banks:
        assert bank.birth() == 0
    with_them = run(banks[0], values, times, offsets, silent, [0, 800])
    kept = ~silent
    without = run(banks[1], values[kept], times[kept], offsets[kept], np.zeros(0, bool), [0, int(kept.sum())])
    for column in COLUMNS:
        assert with_them[column][kept].tobytes() == without[column].tobytes()
    assert (with_them["fate"][silent] == SILENCED).all()
    for field in banks[0].arena._fields:
        assert getattr(banks[0].arena, field).tobytes() == getattr(banks[1].arena, field).tobytes(), field


@pytest.mark.parametrize("name", ["steps", "late", "out_of_order", "clock_steps_back"])
@pytest.mark.parametrize("changes", KINDS)
def test_any_splitting_says_the_same(name: str, changes: dict[str, object]) -> None:
    values, times = stream(name, 800)
    offsets, silent = np.arange(800), stretches(800, 5)
    cuts = [[0, 800], list(range(801)), [0, *sorted(np.random.default_rng(1).choice(800, 30, replace=False).tolist()), 800]]
    results = []
    for pieces in cuts:
        bank = Bank(settings(**changes), flat(5.0), 1)
        bank.birth()
        said = run(bank, values, times, offsets, silent, pieces)
        results.append(({k: v.tobytes() for k, v in said.items()}, {k: v.tobytes() for k, v in bank.arena._asdict().items()}))
        assert set(said["fate"][silent].tolist()) <= {SILENCED, LATE}
    assert results[1] == results[0]
    assert results[2] == results[0]


COLUMNS_OF_VALUES = {
    "a": shifted(0, 200, 40, 120),
    "b": shifted(10, 220, 60, 80),
    "code": ["OK"] * 200 + ["bad"] * 20 + ["OK"] * 140,
}


def silence(match: str, start: int, length: int) -> Silence:
    """From a minute on, for so many."""
    first, last = ((NOW_MS + MINUTE_MS * minute) * 1_000 for minute in (start, start + length))
    return Silence("test", match, lambda _from, _to: [(first, last)])


@given(
    st.lists(st.tuples(st.sampled_from(["*", "a", "[bc]*"]), st.integers(0, 350), st.integers(1, 60)), min_size=1, max_size=4),
    st.lists(st.integers(1, 1_079), max_size=6, unique=True),
    st.integers(1, 1_079),
)
@hypothesis_settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_an_engine_says_the_same_in_pieces_and_after_a_restart(
    written_as: list[tuple[str, int, int]], pieces: list[int], restart: int
) -> None:
    silences = tuple(silence(*each) for each in written_as)
    made = plan(monitor(judged=settings(reference=TRAILING)), silences=silences)
    messages = records(COLUMNS_OF_VALUES)
    whole, other = engine(made), engine(made)
    expected = written(feed(whole, messages))
    assert written(feed(other, messages, pieces)) == expected
    assert other.snapshot() == whole.snapshot()
    before = engine(made)
    told = feed(before, messages[:restart])
    after = engine(made, before.snapshot())
    assert written([*told, *feed(after, messages[restart:])]) == expected
    assert after.snapshot() == whole.snapshot()
