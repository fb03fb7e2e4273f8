"""An engine that is stopped anywhere and goes on from its snapshot says and knows what one that never stopped does."""

from dataclasses import replace

import numpy as np
import pytest

from streamkl.adapters.tables import Tables
from streamkl.config.detector import DetectorConfig
from streamkl.core.arena import Arena
from streamkl.core.steps import unpacked
from streamkl.engine.engine import Engine
from streamkl.engine.plan import Plan
from streamkl.engine.snapshot import unpack
from streamkl.library.settings import settings_of
from streamkl.model import Message
from tests.engine.plans import engine, feed, monitor, plan, records, shifted, written
from tests.small import BY_COUNT, BY_TIME, DECAYED, LAGGED, SEASONAL, TRAILING, settings

KINDS = {
    "fixed": settings(),
    "trailing": settings(reference=TRAILING),
    "decayed, by count and time": settings(reference=DECAYED, windows=(BY_COUNT[0], BY_TIME[1])),
    "seasonal": settings(reference=SEASONAL),
    "lagged": settings(reference=LAGGED),
    "single points": settings(point_share=0.75),
    "single points, learning long": settings(point_share=0.75, reference=replace(TRAILING, size=150)),
}


def world(kind: str) -> tuple[Plan, list[Message]]:
    """Five series that learn, alarm, recover, take on a new normal, go silent and come back, and status codes."""
    columns = {
        "recovers": shifted(1, 130, 40, 130),
        "new normal": shifted(2, 130, 170),
        "young": [None] * 230 + shifted(3, 70, 0),
        "silent": [*shifted(4, 90, 0), *[None] * 170, *shifted(5, 40, 0)],
        "code": ["OK", "OK", "slow"] * 50 + ["bad", "OK"] * 30 + ["OK"] * 90,
    }
    return plan(monitor(judged=KINDS[kind]), evict_after_us=6_000_000_000), records(columns)


@pytest.mark.parametrize("kind", KINDS)
def test_restored_anywhere_it_goes_on_as_if_it_had_never_stopped(kind: str) -> None:
    made, messages = world(kind)
    whole = engine(made)
    expected = written(feed(whole, messages))
    dice = np.random.default_rng(6)
    seen = {"learning": 0, "open": 0}
    for cut in [0, 1, len(messages), *dice.integers(0, len(messages), 25).tolist()]:
        first = engine(made)
        before = feed(first, messages[:cut])
        seen["learning"] += first.stats().learning > 0
        seen["open"] += first.stats().open_episodes > 0
        second = engine(made, first.snapshot())
        assert written([*before, *feed(second, messages[cut:])]) == expected
        assert second.snapshot() == whole.snapshot()
    assert min(seen.values()) > 0
    assert len(expected) > (1 if kind == "lagged" else 4)  # it is silent until a lag has passed


def rows_of(one: Engine) -> dict[str, dict[str, bytes]]:
    """Every array's row of every series, but for buffers' numbers and what is known of the newest point of all; rings from the oldest point
    on, as far as they are filled."""
    passing = {"slot", "head", "nats", "surprise", "ratio"}
    router, found = one._router, {}
    for seat in router.seats.values():
        arena = router.banks[seat.bank].arena
        row = {name: getattr(arena, name)[seat.row] for name in Arena._fields if name not in passing}
        row["position_step"] = unpacked(arena.position_step[[seat.row]], len(row["code"]))[0]
        for name in ("code", "time_step" if row["time_step"].size else "time", "position_step"):
            row[name] = np.roll(row[name], row["filled"] - arena.head[seat.row])[: row["filled"]]
        found[seat.name] = {name: array.tobytes() for name, array in row.items()}
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_saved_is_made_as_it_was(kind: str) -> None:
    made, messages = world(kind)
    one = engine(made)
    for cut in range(0, len(messages), 199):
        feed(one, messages[cut : cut + 199])
        assert rows_of(engine(made, one.snapshot())) == rows_of(one)


def test_restored_again_and_again() -> None:
    made, messages = world("trailing")
    whole = engine(made)
    expected = feed(whole, messages)
    events, one = [], engine(made)
    for cut in range(0, len(messages), 23):
        events += feed(one, messages[cut : cut + 23])
        one = engine(made, one.snapshot())
    assert written(events) == written(expected)
    assert one.snapshot() == whole.snapshot()


def test_records_that_come_twice_after_a_restart_count_once() -> None:
    made, messages = world("fixed")
    whole = engine(made)
    expected = feed(whole, messages)
    first = engine(made)
    before = feed(first, messages[:700])
    second = engine(made, first.snapshot())
    assert written([*before, *feed(second, messages[500:], [100, 250])]) == written(expected)
    assert second.stats().replayed == 200
    assert second.snapshot() == whole.snapshot()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_records_give_the_same_bytes(kind: str) -> None:
    made, messages = world(kind)
    one, other = engine(made), engine(made)
    assert written(feed(one, messages)) == written(feed(other, messages))
    assert one.snapshot() == other.snapshot()


def test_with_the_shipped_defaults() -> None:
    made = plan(monitor(judged=settings_of(DetectorConfig())), table=Tables())
    messages = records({"a": shifted(1, 1_500, 200, 800), "b": [100.0, 101.0] * 1_250})
    whole = engine(made)
    expected = written(feed(whole, messages))
    assert expected
    for cut in (700, 3_010, 3_200, 4_999):
        first = engine(made)
        before = feed(first, messages[:cut])
        second = engine(made, first.snapshot())
        assert written([*before, *feed(second, messages[cut:])]) == expected
        assert second.snapshot() == whole.snapshot()


def test_a_snapshot_does_not_grow_with_the_length_of_its_streams() -> None:
    one = engine(plan(monitor(judged=settings(reference=SEASONAL))))
    sizes = []
    for start in range(0, 6_000, 500):
        feed(one, records({"a": shifted(7, 500, 0), "b": shifted(8, 500, 0)}, 2 * start, start))
        _, arrays = unpack(one.snapshot(), dict[str, object])
        sizes.append(sum(array.nbytes for array in arrays.values()))
    buffers = 2 * 60 * 24  # of both series, should episodes be open: 60 values, times and positions
    assert max(sizes) <= sizes[0] + buffers
