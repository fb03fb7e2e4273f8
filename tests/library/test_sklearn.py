"""streamkl as an estimator of scikit-learn: its own checks, the rate it promises, rows by themselves and rows as a stream."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import streamkl
from streamkl import ConfigError, DetectorConfig
from streamkl.library.surprisal import feature_nats, learn_rows, row_nats
from streamkl.sklearn import KLDetector

Law = Callable[[np.random.Generator, int], np.ndarray]


@parametrize_with_checks([KLDetector()])
def test_scikit_learn_checks_pass(estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # or one of them is skipped
    check(estimator)


def _correlated(dice: np.random.Generator, n: int) -> np.ndarray:
    return 0.9 * dice.normal(size=(n, 1)) + 0.44 * dice.normal(size=(n, 4))


LAWS: dict[str, Law] = {
    "normal": lambda dice, n: dice.normal(size=(n, 2)),
    "correlated": _correlated,
    "lognormal": lambda dice, n: dice.lognormal(size=(n, 3)),
    "heavy": lambda dice, n: dice.standard_t(3, size=(n, 1)),
    "uniform": lambda dice, n: 1e6 + dice.random((n, 2)),
}


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("contamination", "least", "most"), [(0.1, 0.85, 1.2), (0.01, 0.75, 1.45), (0.0001, 0.0, 2.0)])
def test_new_normal_rows_are_outliers_as_often_as_was_chosen(law: Law, contamination: float, least: float, most: float) -> None:
    dice = np.random.default_rng(1)
    found = [(KLDetector(contamination=contamination).fit(law(dice, 1_000)).predict(law(dice, 10_000)) == -1).mean() for _ in range(12)]
    assert least <= np.mean(found) / contamination <= most


def test_parameters_may_be_numbers_of_numpy() -> None:
    rows = np.random.default_rng(1).normal(size=(600, 2))
    given = {
        "contamination": np.float32(0.25),
        "points_per_false_alarm": np.int64(20_000),
        "windows": np.array([16, 64]),
        "bins": np.int8(8),
    }
    own = {"contamination": 0.25, "points_per_false_alarm": 20_000, "windows": (16, 64), "bins": 8}
    theirs, ours = KLDetector(**given).fit(rows), KLDetector(**own).fit(rows)
    assert theirs.offset_ == ours.offset_
    assert theirs.score_stream(rows).tobytes() == ours.score_stream(rows).tobytes()


def test_far_out_rows_are_found_beyond_what_was_seen() -> None:
    dice = np.random.default_rng(3)
    detector = KLDetector(contamination=1e-4).fit(dice.normal(size=(1_000, 3)))
    rows = np.zeros((4, 3))
    rows[1:, 1] = [15.0, -15.0, 1e308]
    assert detector.predict(rows).tolist() == [1, -1, -1, -1]
    assert detector.feature_surprise(rows[1:]).argmax(axis=1).tolist() == [1, 1, 1]
    assert np.isfinite(detector.score_samples(rows)).all()


def test_a_column_that_never_moved_is_surprised_by_any_move() -> None:
    detector = KLDetector(contamination=0.01).fit(np.column_stack([np.full(300, 7.0), np.arange(300.0)]))
    assert detector.predict([[7.0, 150.0], [7.0 + 1e-9, 150.0], [6.0, 150.0]]).tolist() == [1, -1, -1]


def test_nats_are_those_of_the_two_sided_tail() -> None:
    """Of a normal law, from 200,000 rows; Šidák's formula over five features, by hand."""
    normal = learn_rows(np.random.default_rng(6).normal(size=(200_000, 1)))
    sigmas = np.array([0.5, 1.0, 2.0, 3.0])
    expected = -np.log(2 * norm.sf(sigmas))
    for sign in (1.0, -1.0):
        assert feature_nats(normal, sign * sigmas[:, None])[:, 0] == pytest.approx(expected, abs=0.15)
    five = learn_rows(np.random.default_rng(6).normal(size=(2_000, 5)))
    row = np.array([[0.3, -2.5, 0.1, 0.0, 0.2]])
    most = float(feature_nats(five, row).max())
    assert row_nats(five, row)[0] == pytest.approx(-np.log(1 - (1 - np.exp(-most)) ** 5))
    far = learn_rows(np.zeros((10, 5)) + np.arange(10.0)[:, None])
    assert row_nats(far, np.full((1, 5), 1e300))[0] == pytest.approx(float(feature_nats(far, np.full((1, 5), 1e300)).max()) - np.log(5))


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=60), st.lists(st.floats(0, 1e9), min_size=2, max_size=10))
def test_what_lies_further_out_is_no_less_surprising(values: list[float], distances: list[float]) -> None:
    rows = np.array(values)[:, None]
    normal = learn_rows(rows)
    for sign in (1.0, -1.0):
        nats = feature_nats(normal, normal.medians + sign * np.sort(distances)[:, None])[:, 0]
        assert (nats >= 0).all()
        assert (np.diff(nats) >= -1e-6).all()


def stream(seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    rows = dice.normal(size=(400, 2))
    rows[250:, 1] *= 2.5
    return dice.normal(size=(1_500, 2)), rows


def test_a_stream_is_scored_as_what_came_after_the_rows_of_fit() -> None:
    fitted, rows = stream()
    detector = KLDetector().fit(fitted)
    before = detector.score_samples(rows)
    found = detector.score_stream(rows)
    expected = streamkl.evaluate(np.concatenate([fitted, rows]), config=DetectorConfig()).ratio[1_500:]
    assert found.tolist() == expected.tolist() == detector.score_stream(rows).tolist()
    assert found[:250].max() < 1.0 <= found[250:280].max()
    assert detector.score_samples(rows).tolist() == before.tolist()
    assert KLDetector().fit(fitted[:50]).score_stream(rows[:50]).max() == 0.0  # single points are judged from the 101st row of all


def test_names_of_columns_are_kept_and_compared() -> None:
    fitted, rows = stream()
    detector = KLDetector().fit(pd.DataFrame(fitted, columns=["cpu", "load"]))
    assert detector.feature_names_in_.tolist() == ["cpu", "load"]
    with pytest.raises(ValueError, match="feature names should match"):
        detector.predict(pd.DataFrame(rows, columns=["cpu", "disk"]))


def test_it_works_in_pipelines_and_searches() -> None:
    fitted, rows = stream()
    pipeline = make_pipeline(StandardScaler(), KLDetector())
    assert (pipeline.fit(fitted).predict(fitted) == -1).sum() == 15
    labels = np.where(np.abs(rows).max(axis=1) > 2.5, -1, 1)
    search = GridSearchCV(KLDetector(), {"contamination": [0.001, 0.01, 0.4]}, scoring="accuracy", error_score="raise", cv=3)
    assert search.fit(rows, labels).best_params_["contamination"] < 0.4


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"contamination": 0.0}, "contamination = 0.0: must be above 0 and at most 0.5; try 0.01"),
        ({"contamination": "auto"}, "contamination = 'auto': must be above 0 and at most 0.5"),
        ({"contamination": 0.6}, "contamination = 0.6: must be above 0 and at most 0.5"),
        ({"points_per_false_alarm": 1}, "points_per_false_alarm = 1: must be between 2 and 1e15"),
        ({"windows": (500,)}, "reference_size = 500: must be more than the longest window"),
    ],
)
def test_options_out_of_bounds_are_refused_by_name(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=f"^{words}"):
        clone(KLDetector(**options)).fit(np.zeros((5, 1)))
