"""Every named stream against every kind of reference: nothing is raised or warned of, and what is said makes sense."""

import msgspec
import numpy as np
import pytest

from streamkl.assembly.plan import build_plan
from streamkl.calibrate.history import History
from streamkl.calibrate.measuring import add_up, measure
from streamkl.calibrate.report import SeriesReport
from streamkl.config import Config
from tests import zoo

POINTS = 1_400
DETECTORS = {
    "fixed": {},
    "trailing": {"reference": {"kind": "trailing"}},
    "decayed": {"reference": {"kind": "decayed"}},
    "seasonal": {"reference": {"kind": "seasonal"}},
}
PLANS = {name: build_plan(Config.model_validate({"detector": detector})) for name, detector in DETECTORS.items()}


def of(name: str, kind: str) -> SeriesReport:
    values, times = zoo.stream(name, POINTS)
    there = np.isfinite(values)
    history = History("f", name, 0, None, int(there.sum()), values[there], times[there])
    return measure(history, PLANS[kind], 1, 40)


@pytest.mark.parametrize("kind", DETECTORS)
@pytest.mark.parametrize("name", zoo.ZOO)
def test_any_series_is_reported(name: str, kind: str) -> None:
    found = of(name, kind)
    assert found.lag1 is not None
    assert -1 <= found.lag1 <= 1
    assert found.effective_points is not None
    assert 0 < found.effective_points <= found.points
    assert found.ties is not None
    assert 0 <= found.ties <= 1
    assert found.judged + found.late <= found.points
    if found.power is not None:
        half, most = found.power.half, found.power.nine_in_ten
        assert most.blind or (half.units is not None and most.units is not None and 0 < half.units <= most.units)
    totals = add_up([found], {})
    assert totals.blind_series + (totals.median_sigmas is not None) + totals.unmeasured_series == 1
    assert msgspec.json.decode(msgspec.json.encode(found), type=SeriesReport) == found
