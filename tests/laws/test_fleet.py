"""A budget in all is kept in all: 200 series that never change raise together what was promised for all of them, however many they are."""

import numpy as np
import pytest

from streamkl.adapters.tables import Tables
from streamkl.config import DetectorConfig
from streamkl.engine.engine import Engine
from streamkl.engine.fleet import on_grid
from streamkl.engine.points import Points
from streamkl.library.settings import settings_of
from streamkl.model import Event, Message
from streamkl.units import parse_budget, parse_window
from tests.engine.plans import HERE, monitor, plan

MINUTE_US = 60_000_000
START_US = 1_700_000_000_000_000
LEARNED = 500


def opened(budget: str, series: int, minutes: int, seed: int) -> list[Event]:
    """Episodes opened by independent normal series, a point a minute each; one short window, so that a few days are a long time."""
    config = DetectorConfig(false_alarms=parse_budget(budget), windows=(parse_window("16 points"),))
    one = Engine(HERE, plan(monitor(judged=settings_of(config)), table=Tables()))
    dice = np.random.default_rng(seed)
    names = [f"s{i}" for i in range(series)]
    events: list[Event] = []
    for first in range(0, minutes, 500):
        count = min(500, minutes - first)
        times = np.repeat(START_US + (first + np.arange(count)) * MINUTE_US, series)
        points = Points(names * count, times, dice.normal(size=series * count), {}, np.repeat(np.arange(count, dtype=np.int32), series))
        events += one.receive_points(points, [Message(*HERE, first + i, -1, None, b"") for i in range(count)]).events
    return [event for event in events if event.type == "opened"]


@pytest.mark.native
@pytest.mark.parametrize(("series", "a_day", "days"), [(20, 100, 6), (200, 200, 3)])
def test_many_series_together_raise_what_was_promised_for_all(series: int, a_day: int, days: int) -> None:
    """Some six hundred alarms, each a rare event, so that chance moves their count by 4 %; half to one and a half times is the promise."""
    events = opened(f"{a_day} per day in all", series, LEARNED + days * 1_440, seed=series)
    promised = a_day * days * series / on_grid(series)
    assert 0.5 * promised <= len(events) <= 1.5 * promised
    assert {event.calibration.sharers for event in events} == {on_grid(series)}
    assert len({event.series for event in events}) >= 0.7 * series  # not a few series that spend it all
