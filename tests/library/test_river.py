"""streamkl in river's words: river's own checks, the same verdicts as the library's, copies, pipelines, filters."""

import copy
import datetime as dt
import math
import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from river import anomaly, base, checks, compose, datasets, drift, preprocessing, utils
from scipy.stats import entropy

import streamkl
from streamkl import ConfigError, InputError
from streamkl.errors import SnapshotError
from streamkl.library.settings import config_in_points
from streamkl.river import KLAnomaly, KLDrift, KLFilter, KLHistogram

DEFAULTS: dict[str, Any] = {"size": 500, "windows": (16, 64, 256), "bins": 16}


class Cards:
    """In the shape of river's CreditCard, which its checks would download: 30 features, and a few frauds that stand out in four."""

    def take(self, records: int) -> Iterator[tuple[dict[str, float], bool]]:
        dice = np.random.default_rng(3)
        for i in range(records):
            fraud = i % 400 == 241
            parts = {f"V{k}": float(dice.normal(3.0 if fraud and k <= 4 else 0.0)) for k in range(1, 29)}
            yield {"Time": float(i // 3), **parts, "Amount": float(dice.lognormal(3.0))}, fraud


def checked(model: Any) -> list[Any]:
    """River's checks of a model, each with its name. A drift detector and a statistic are no estimators, so that they have no tags."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "CreditCard", Cards)
        found = list(checks.yield_checks(model))
    wanted = [check for check in found if hasattr(model, "_tags") or check.__name__ != "check_tags"]
    return [pytest.param(model, check, id=f"{type(model).__name__}-{check.__name__}") for check in wanted]


MODELS = (KLAnomaly(), KLFilter(), KLDrift(), KLHistogram(reference=(1.0, 2.0, 3.0, 4.0)))


@pytest.mark.parametrize(("model", "check"), [case for model in MODELS for case in checked(model)])
def test_river_checks_pass(model: Any, check: Any) -> None:
    check(model.clone())


def test_what_river_checks_of_drift_detectors_leaves_out_is_what_its_own_lack() -> None:
    assert not hasattr(drift.ADWIN(), "_tags")
    assert len([case for case in checked(KLDrift()) if "KLDrift" in str(case.id)]) >= 12


# -- drift -------------------------------------------------------------------


def drifts(detector: Any, values: np.ndarray) -> list[int]:
    rows = []
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row)
    return rows


def stream(seed: int, spread: float = 1.0, mean: float = 0.0, before: int = 2_500, after: int = 1_500) -> np.ndarray:
    dice = np.random.default_rng(seed)
    return np.concatenate([dice.normal(size=before), dice.normal(mean, spread, after)])


@pytest.mark.parametrize(("spread", "mean", "soon"), [(1.0, 1.0, 80), (1.0, -2.0, 40), (2.5, 0.0, 120), (0.25, 0.0, 200)])
def test_a_change_of_mean_or_spread_is_found_once_and_then_is_normal(spread: float, mean: float, soon: int) -> None:
    for seed in range(3):
        detector = KLDrift()
        found = drifts(detector, stream(seed, spread, mean))
        assert len(found) == detector.n_detections == 1
        assert 2_500 <= found[0] < 2_500 + soon
        assert detector.event is not None
        assert detector.event.sentence


def test_it_detects_where_the_library_opens_its_first_episode() -> None:
    values = stream(5, mean=1.5)
    config = config_in_points(10_000, **DEFAULTS)
    result = streamkl.evaluate(values, config=config)
    detector = KLDrift()
    assert drifts(detector, values)[0] == np.flatnonzero(result.opened)[0]
    assert detector.event is not None
    assert (detector.event.sentence, detector.event.score) == (result.events[0].sentence, result.events[0].score)


@pytest.mark.parametrize("options", [{}, {"windows": (64,), "drift_track": False}], ids=["default", "one window"])
def test_quiet_streams_raise_no_more_than_was_promised(options: dict[str, Any]) -> None:
    """One in 1,000 points: 40 in 40,000, of which chance may make some more."""
    found = [
        len(drifts(KLDrift(points_per_false_alarm=1_000, points_per_warning=0, **options), np.random.default_rng(seed).normal(size=4_000)))
        for seed in range(10)
    ]
    assert 1 <= sum(found) <= 40 + 3 * math.sqrt(40)


def test_lone_outliers_are_no_drift() -> None:
    values = np.random.default_rng(2).normal(size=3_000)
    values[1_000::250] = 50.0
    assert drifts(KLDrift(), values) == []


def test_nan_changes_nothing() -> None:
    values = stream(1, mean=1.0)
    holes = np.insert(values, [700, 700, 2_600], np.nan)
    without, with_holes = KLDrift(), KLDrift()
    assert len(drifts(without, values)) == len(drifts(with_holes, holes)) == 1
    assert with_holes.score == without.score


def test_warnings_come_before_drifts_and_end_with_them() -> None:
    values = stream(4, mean=0.5)
    warned, detector = [], KLDrift()
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.warning_detected:
            warned.append(row)
        if detector.drift_detected:
            break
    assert detector.drift_detected
    assert not detector.warning_detected
    assert warned[-1] == row - 1
    silent = KLDrift(points_per_warning=0)
    assert drifts(silent, values) == [row]
    assert not silent.warning_detected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"points_per_false_alarm": 0}, "points_per_false_alarm = 0: must be between 2 and 1e15 points; try 10000"),
        ({"points_per_false_alarm": np.int64(1)}, "points_per_false_alarm = 1: must be between 2 and 1e15 points"),
        ({"points_per_false_alarm": 1e15 + 1}, r"points_per_false_alarm = 1000000000000001\.0: must be between 2 and 1e15 points"),
        ({"windows": np.array([[16, 64]])}, r"windows = \[\[16, 64\]\]: must be whole numbers of points"),
        ({"windows": (16.5,)}, r"windows = \(16\.5,\): must be whole numbers of points"),
        ({"points_per_warning": 1.5}, "points_per_warning = 1.5: must be between 2 and 1e15 points"),
        ({"windows": (600,)}, r'reference_size = 500: must be more than the longest window \("600 points"\)'),
        ({"windows": 64}, r"windows = 64: must be whole numbers of points, one or more; try \(16, 64, 256\)"),
        ({"windows": ()}, "windows = .*: must be a list of windows of 1 to 8"),
        ({"bins": 1}, "bins = 1: must be between 2 and 256"),
        ({"reference_size": 10}, "reference_size = 10: must be between 50 and 100000"),
    ],
)
def test_options_out_of_bounds_are_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"^{words}"):
        KLDrift(**options)


def test_numbers_of_numpy_are_numbers() -> None:
    """As a grid of parameters holds them; the budget to the digit."""
    own = {"size": 500, "windows": (16, 64), "bins": 16, "drift": True, "point_share": 0.5}
    theirs = {name: np.array(value)[()] for name, value in own.items()}
    assert isinstance(theirs["windows"], np.ndarray)
    for points in (np.int64(10_000), np.int32(10_000), np.uint16(10_000), np.float32(10_000.0)):
        assert config_in_points(points, **theirs) == config_in_points(10_000, **own)  # type: ignore[arg-type]
    windows = [np.int64(16), np.int64(64)]
    assert config_in_points(10_000, **own | {"windows": windows}) == config_in_points(10_000, **own)
    assert KLDrift(np.int64(10_000), np.int64(0), np.int64(500), tuple(windows), np.int64(16)).score == 0.0  # type: ignore[arg-type]


@pytest.mark.parametrize("points", [2, 2.5, 12_345.678901234567, 999_999_999_999_999, 10**15, 1e15])
def test_a_budget_in_points_is_kept_to_the_digit(points: float) -> None:
    assert config_in_points(points, **DEFAULTS).false_alarms_without_clock.run_length_points() == points


# -- anomalies ------------------------------------------------------------------


def records(seed: int = 8, n: int = 900, incident: int = 60) -> tuple[np.ndarray, list[dict[str, float]]]:
    dice = np.random.default_rng(seed)
    values = np.column_stack([dice.normal(100, 5, n), dice.lognormal(size=n)])
    values[-incident:, 0] += 25.0
    return values, [{"latency": float(a), "size": float(b)} for a, b in values]


def prequential(model: Any, rows: list[dict[str, float]]) -> list[float]:
    scores = []
    for x in rows:
        scores.append(model.score_one(x))
        model.learn_one(x)
    return scores


def test_scores_are_the_ratios_of_the_library() -> None:
    """The features are series of their own, each with half of the budget."""
    values, rows = records()
    half = config_in_points(20_000, point_share=0.75, **DEFAULTS)
    expected = np.max([streamkl.evaluate(values[:, k], config=half).ratio for k in range(2)], axis=0)
    assert prequential(KLAnomaly(), rows) == expected.tolist()
    assert max(expected[:-60]) < 1.0 <= expected[-60:].max()


def test_asking_teaches_nothing_and_learning_first_tells_the_same() -> None:
    _, rows = records()
    expected = prequential(KLAnomaly(), rows)
    asked, silent = KLAnomaly(), KLAnomaly()
    found = []
    for x, other in zip(rows, reversed(rows), strict=True):
        asked.score_one(x)
        asked.score_one(dict.fromkeys(x, 1e9))
        asked.score_one(other)
        asked.learn_one(x)
        silent.learn_one(x)
        found.append(silent.score_one(x))
    assert found == expected
    assert asked.score_one(rows[0]) == silent.score_one(rows[0])


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])  # noqa: S301
def test_copies_go_on_alike_and_apart(duplicate: Any) -> None:
    _, rows = records()
    for model in (KLAnomaly(), KLFilter(), preprocessing.StandardScaler() | KLAnomaly()):
        prequential(model, rows[:600])
        twin = duplicate(model)
        assert prequential(twin, rows[600:]) == prequential(model, rows[600:])
    detector = KLDrift()
    values = stream(6, mean=1.0)
    drifts(detector, values[:1_500])
    twin = duplicate(detector)
    assert drifts(twin, values[1_500:]) == drifts(detector, values[1_500:]) != []


def test_features_may_appear_after_a_record_was_asked_about() -> None:
    asked, silent = KLAnomaly(), KLAnomaly()
    for value in (1.0, 2.0):
        asked.score_one({"a": value})
        for model in (asked, silent):
            model.learn_one({"a": value})
    _, rows = records()
    many = [{f"{name}{k}": value for k in range(12) for name, value in x.items()} for x in rows[:150]]
    assert prequential(asked, many) == prequential(silent, many)
    assert len(asked._judge.rows) == 25


def test_a_damaged_copy_is_refused() -> None:
    model = KLAnomaly()
    model.learn_one({"a": 1.0})
    state = model._judge.__getstate__()
    with pytest.raises(SnapshotError, match="damaged"):
        model._judge.__setstate__({**state, "state": state["state"][:-1]})


def test_features_share_the_budget_as_they_appear() -> None:
    dice = np.random.default_rng(4)
    model, three = KLAnomaly(), KLAnomaly()
    for _ in range(700):
        values = dict(zip("abc", dice.normal(size=3).tolist(), strict=True))
        model.learn_one({"a": values["a"]})
        three.learn_one(values)
    alone = float(model._judge.bank.arena.log_run[model._judge.rows["a"]])
    model.learn_one({"b": 0.0, "c": 0.0, "a": 0.0})
    run = float(model._judge.bank.arena.log_run[model._judge.rows["a"]])
    assert run == pytest.approx(alone + math.log(3.0))
    assert run == float(three._judge.bank.arena.log_run[three._judge.rows["a"]])
    assert list(model._judge.rows) == ["a", "b", "c"]


def test_what_a_record_lacks_says_nothing() -> None:
    model = KLAnomaly()
    assert model.score_one({"a": 1.0}) == 0.0
    assert model.score_one({}) == 0.0
    model.learn_one({})
    model.learn_one({"a": float("nan")})
    assert model._judge.rows == {}
    model.learn_one({"a": True, "b": np.int64(3)})
    assert model.score_one({"c": 1e9}) == 0.0


@pytest.mark.parametrize("value", ["high", None, [1.0, 2.0], 10**400], ids=["text", "none", "two", "long"])
def test_features_that_are_no_numbers_are_refused_by_name(value: object) -> None:
    for call in (KLAnomaly().learn_one, KLAnomaly().score_one):
        with pytest.raises(InputError, match=r'the feature "city": must be a number, got .*; select numbers first'):
            call({"load": 1.0, "city": value})
    with pytest.raises(InputError, match=r"^x: must be a dict of features, got list"):
        KLAnomaly().learn_one([1.0])  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"^x: must be a number, got"):
        KLDrift().update(value)  # type: ignore[arg-type]


# -- pipelines and filters ---------------------------------------------------------


class Recorder(base.Regressor):
    """What comes through a pipeline: `y` is the number of the row."""

    def __init__(self) -> None:
        self.learned: list[float] = []

    def learn_one(self, x: dict[str, float], y: float) -> None:  # noqa: ARG002
        self.learned.append(y)

    def predict_one(self, x: dict[str, float]) -> float:  # noqa: ARG002
        return self.learned[-1]


FILTERS = [(KLFilter, 5), (lambda: anomaly.ThresholdFilter(KLAnomaly(), threshold=1.0), 0)]


@pytest.mark.parametrize(("make", "after"), FILTERS, ids=["KLFilter", "river's own"])
def test_a_filter_keeps_anomalies_from_what_comes_after_it(make: Any, after: int) -> None:
    """A detector that learns of a spike, too, waits for some points to be sure that it is over."""
    dice = np.random.default_rng(5)
    broken = {1_000, 1_201, 1_402}
    model = compose.Pipeline(preprocessing.StandardScaler(), make(), Recorder())
    for i in range(1_500):
        model.learn_one({"x": float(dice.normal()) + 20.0 * (i in broken)}, i)
    kept_away = set(range(1_500)) - set(model.steps["Recorder"].learned)
    assert broken <= kept_away <= {i + j for i in broken for j in range(after + 1)}


def test_a_filter_lets_by_no_more_than_it_promises_and_filters_an_incident_to_its_end() -> None:
    _, rows = records(n=3_000, incident=200)
    model = KLFilter(KLAnomaly(points_per_false_alarm=1_000))
    kept = []
    for x in rows:
        model.learn_one(x)
        kept.append(not model.classify(model.score_one(x)))
    assert sum(not k for k in kept[:-200]) < 2_800 * 0.02  # some alarms last for a while
    assert not any(kept[-190:])


# -- histogram ------------------------------------------------------------------------


def test_a_rolling_histogram_is_the_divergence_of_its_window() -> None:
    dice = np.random.default_rng(9)
    reference, values = dice.normal(size=400), dice.normal(0.5, 1.5, 300)
    rolling = utils.Rolling(KLHistogram, window_size=50, reference=reference, bins=8)
    assert rolling.get() is None
    inner = np.sort(reference)
    for i, x in enumerate(values):
        rolling.update(x)
        window = values[max(0, i - 49) : i + 1]
        counts = np.histogram(window, np.concatenate([[-np.inf], rolling.edges, [np.inf]]))[0]
        masses = np.histogram(inner, np.concatenate([[-np.inf], rolling.edges, [np.inf]]))[0]
        masses[0], masses[-2:] = 1, [masses[-2] - 1, 1]  # ranks: a tail beyond the smallest and one from the largest on, see core.binning
        assert rolling.get() == pytest.approx(entropy(counts, masses), abs=1e-12)


def test_a_histogram_of_the_last_hour() -> None:
    rolling = utils.TimeRolling(KLHistogram, period=dt.timedelta(hours=1), reference=np.arange(100.0))
    start = dt.datetime(2024, 1, 1, tzinfo=None)  # noqa: DTZ001  # river's own clock has no zone
    for minute in range(180):
        rolling.update(50.0 if minute < 90 else float(minute % 100), t=start + dt.timedelta(minutes=minute))
    assert rolling.counts.sum() == 60
    assert rolling.get() < 1.0


def test_a_histogram_refuses_what_it_cannot_hold() -> None:
    histogram = KLHistogram(reference=[1.0, 2.0, 3.0])
    histogram.update(2.0)
    histogram.update(float("nan"))
    histogram.revert(2.0)
    assert histogram.get() is None
    with pytest.raises(InputError, match=r"x: 2\.0 was not taken in, so it cannot be taken back"):
        histogram.revert(2.0)
    with pytest.raises(InputError, match="bins: must be 2 or more, got 1"):
        KLHistogram(reference=[1.0, 2.0], bins=1)
    for reference in ([], [1.0], [1.0, float("nan")], [[1.0], [2.0]], ["a", "b"], [1, 10**400]):
        with pytest.raises(InputError, match="reference: must be two or more finite numbers"):
            KLHistogram(reference=reference)  # type: ignore[arg-type]


@pytest.mark.parametrize(("module", "missing"), [("river", "river"), ("sklearn", "scikit-learn")])
def test_without_the_other_library_the_error_says_what_to_install(module: str, missing: str) -> None:
    program = f"import sys; sys.modules[{module!r}] = None; import streamkl.{module}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ModuleNotFoundError: streamkl.{module} needs {missing} (")
    assert done.stderr.splitlines()[-1].endswith(f"pip install 'streamkl[{module}]'")
