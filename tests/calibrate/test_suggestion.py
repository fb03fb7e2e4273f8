"""The rules that propose settings, and the measuring that decides."""

from typing import Any

import msgspec
import pytest

from streamkl.calibrate.report import Direction, Found, PowerReport, SeriesReport
from streamkl.calibrate.suggestion import COMPARED, FEWEST_TRIALS, advise, compared, propose
from streamkl.config import DetectorConfig

NOTHING = Found(units=None, sigmas=None)


def series(sigmas: float | None = 1.0, stretches: int = 32, **changes: Any) -> SeriesReport:
    shift = NOTHING if sigmas is None else Found(units=2 * sigmas, sigmas=sigmas)
    way = Direction(half=shift, nine_in_ten=shift)
    power = PowerReport(within_points=100, stretches=stretches, half=shift, nine_in_ten=shift, up=way, down=way)
    values: dict[str, Any] = {
        "stream": "f", "series": "s", "monitor": "default", "kind": "numeric", "points": 40_000, "start": None, "end": None,
        "interval_seconds": 60.0, "sigma": 2.0, "lag1": 0.0, "effective_points": 40_000.0, "ties": 0.0, "period_hint": "",
        "run_length_points": 1e4, "windows": (), "judged": 0, "late": 0, "episodes": 0, "memory_bytes": 1, "power": power, "note": "",
    }  # fmt: skip
    return SeriesReport(**(values | changes))


@pytest.mark.parametrize(
    ("turn", "points", "size", "windows", "bins"),
    [
        (1.0, 40_000, 500, [16, 64, 256], 16),
        (1.25, 40_000, 500, [16, 64, 256], 16),
        (2.0, 40_000, 1_000, [16, 64, 256], 16),
        (5.0, 40_000, 2_000, [16, 64, 256, 1_024], 16),
        (25.0, 40_000, 10_000, [16, 64, 256, 1_024, 4_096], 16),
        (99.0, 40_000, 10_000, [16, 64, 256, 1_024, 4_096], 8),
        (5.0, 3_000, 1_000, [16, 64, 256], 8),
        (5.0, 1_999, 500, [16, 64, 256], 8),
    ],
)
def test_the_rules(turn: float, points: int, size: int, windows: list[int], bins: int) -> None:
    proposal = propose(DetectorConfig(), [series(points=points, effective_points=points / turn)])
    assert proposal.detector.reference.size == size
    assert [window.points for window in proposal.detector.windows] == windows
    assert proposal.detector.bins == bins
    assert set(proposal.changes) == {
        option for option, differs in (("reference.size", size != 500), ("windows", len(windows) != 3), ("bins", bins != 16)) if differs
    }


def test_three_quarters_of_the_series_decide_and_what_is_configured_is_never_shrunk() -> None:
    easy = [series() for _ in range(9)]
    assert propose(DetectorConfig(), [*easy, series(effective_points=10.0)]).changes == {}
    large = DetectorConfig(reference={"size": 5_000}, windows=["16 points", "64 points", "256 points", "1024 points"])
    assert propose(large, easy).changes == {}


def test_windows_by_time_a_file_and_a_gap_are_respected() -> None:
    slow = [series(effective_points=8_000.0)]
    by_time = DetectorConfig(windows=["5m", "64 points"])
    assert propose(by_time, slow).detector.windows == by_time.windows
    given = DetectorConfig(reference={"kind": "file", "path": "normal.csv"})
    assert propose(given, slow).detector.reference == given.reference
    close = DetectorConfig(reference={"kind": "trailing", "gap": 300})
    assert [str(window) for window in propose(close, slow).detector.windows] == ["16 points", "64 points", "256 points"]


def test_a_period_is_only_told() -> None:
    proposal = propose(DetectorConfig(), [series(period_hint="day"), series(period_hint="day, week"), series()])
    assert [reason for reason in proposal.reasons if "shows in" in reason] == [
        'a day shows in 2 of 3 series: try reference.kind = "seasonal", season = "hour_of_day" on them',
        'a week shows in 1 of 3 series: try reference.kind = "seasonal", season = "hour_of_week" on them',
    ]
    assert proposal.changes == {}
    seasonal = DetectorConfig(reference={"kind": "seasonal"})
    assert not any("shows in" in reason for reason in propose(seasonal, [series(period_hint="day")]).reasons)


@pytest.mark.parametrize(
    ("before", "after", "taken"),
    [
        ([1.0, 1.0, 1.0], [0.9, 0.9, 2.0], True),
        ([1.0, 1.0, 1.0], [0.9, 0.99, 1.0], False),
        ([None, None, 1.0], [3.0, 3.0, 1.0], True),
        ([None, None, None], [None, None, None], False),
        ([1.0, 1.0, 1.0], [None, None, 0.1], False),
        ([1.0, 1.0], [0.5, 1.5], False),
    ],
)
def test_a_proposal_is_taken_where_the_median_series_needs_a_smaller_shift(
    before: list[float | None], after: list[float | None], taken: bool
) -> None:
    proposal = propose(DetectorConfig(), [series(effective_points=8_000.0)])
    reports = [series(sigmas, series=str(i)) for i, sigmas in enumerate(before)]
    assert advise("m", proposal, reports, lambda report: series(after[int(report.series)])).taken is taken


def test_a_series_that_cannot_be_measured_any_more_counts_against_it() -> None:
    proposal = propose(DetectorConfig(), [series(effective_points=8_000.0)])
    advice = advise("m", proposal, [series(), series()], lambda report: msgspec.structs.replace(report, power=None))
    assert (advice.taken, advice.configured_sigmas, advice.suggested_sigmas) == (False, 1.0, None)


def test_a_few_stretches_decide_nothing() -> None:
    proposal = propose(DetectorConfig(), [series(effective_points=8_000.0)])
    few = advise("m", proposal, [series(stretches=FEWEST_TRIALS - 1)], lambda _: series(0.1))
    assert (few.taken, few.reasons[-1]) == (False, "29 stretches to measure on are too few to decide by; 30 are needed")
    assert advise("m", proposal, [series(stretches=FEWEST_TRIALS)], lambda _: series(0.1)).taken
    assert (few.compared_series, few.suggested_sigmas) == (0, None)
    assert not advise("m", proposal, [], lambda _: series(0.1)).taken


def test_nothing_is_measured_again_where_nothing_changes() -> None:
    def never(_: SeriesReport) -> SeriesReport:
        raise AssertionError

    advice = advise("m", propose(DetectorConfig(), [series()]), [series()], never)
    assert (advice.taken, advice.changes) == (False, {})


def test_series_are_compared_evenly_over_the_ranks_and_not_too_many_of_them() -> None:
    reports = [series(float(i)) for i in range(1, 81)] + [series(power=None)]
    chosen = compared(reports)
    assert len(chosen) == COMPARED
    assert [each.power.half.sigmas for each in chosen if each.power] == [80.0, 70.0, 60.0, 50.0, 40.0, 30.0, 20.0, 10.0]
