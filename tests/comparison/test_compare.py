"""`streamkl.compare`: known drift in known features, whatever the samples come as, and a report that adds up."""

import datetime
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from streamkl import Choice, CompareConfig, InputError, compare
from tests.comparison.material import Frame, credit, electricity


@pytest.fixture(scope="module")
def applications() -> tuple[Frame, Frame]:
    rng = np.random.default_rng(11)
    return credit(rng, 3_000), credit(rng, 2_000, later=True)


def test_drift_of_a_market_is_found_in_the_features_that_drift_and_in_no_other() -> None:
    rng = np.random.default_rng(10)
    report = compare(electricity(rng, 60), electricity(rng, 60, later=True))
    assert report.drift
    assert report.drifted == ["nswprice", "transfer"]
    assert compare(electricity(rng, 60), electricity(rng, 60)).drifted == []


def test_drift_of_applications_says_what_moved(applications: tuple[Frame, Frame]) -> None:
    report = compare(*applications)
    assert report.drifted == ["purpose", "income"]
    assert {name: feature.kind for name, feature in report.features.items()} == {
        "age": "numeric",
        "amount": "numeric",
        "purpose": "categorical",
        "income": "numeric",
        "owner": "categorical",
        "dependants": "numeric",
        "applied": "datetime",
        "reference": "text",
    }
    purpose, income = report.features["purpose"], report.features["income"]
    assert purpose.effect.new_categories == ("holiday",)
    assert purpose.effect.new_share == pytest.approx(0.2, abs=0.03)
    assert (purpose.effect.changes[0].category, purpose.effect.changes[0].reference) == ("holiday", 0.0)
    assert purpose.contributions[0].bin.label == "holiday"
    assert (income.reference_missing, income.current_missing) == (pytest.approx(0.08, abs=0.02), pytest.approx(0.2, abs=0.03))
    assert income.contributions[0].bin.label == "missing"
    assert income.reference_values == 3_000 - round(3_000 * income.reference_missing)


def test_contributions_add_up_and_verdicts_follow_from_thresholds(applications: tuple[Frame, Frame]) -> None:
    for measure, unit in (("kl", "nats"), ("kl", "bits"), ("jensen_shannon", "bits"), ("hellinger", "nats"), ("chi_squared", "nats")):
        report = compare(*applications, config=CompareConfig(divergence=measure, unit=unit, joint_share=0))
        assert report.unit == ("" if measure in ("hellinger", "chi_squared") else unit)
        for feature in report.features.values():
            assert sum(each.value for each in feature.contributions) == pytest.approx(feature.divergence, abs=1e-12)
            assert sum(each.reference for each in feature.contributions) == pytest.approx(1)
            assert feature.drift == (feature.divergence >= feature.threshold) == (feature.p_value <= report.level)
            assert feature.drift == (feature.adjusted_p_value <= report.feature_alpha)
            if measure == "kl":
                assert feature.divergence_nats == pytest.approx(feature.divergence * (np.log(2) if unit == "bits" else 1))
        assert report.drifted == ["purpose", "income"]


def test_both_directions_change_places_with_the_samples(applications: tuple[Frame, Frame]) -> None:
    there, back = compare(*applications), compare(*reversed(applications))
    for name, feature in there.features.items():
        other = back.features[name]
        assert (feature.divergence_nats, feature.reverse_nats) == (pytest.approx(other.reverse_nats), pytest.approx(other.divergence_nats))
    assert back.features["purpose"].effect.vanished_categories == ("holiday",)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "pyarrow"])
def test_frames_of_all_makers_give_the_report_of_a_dict(make: type, applications: tuple[Frame, Frame]) -> None:
    def ready(sample: Frame) -> Frame:  # pyarrow takes no arrays of numpy's texts
        return {name: values.tolist() if getattr(values, "dtype", np.dtype(int)).kind == "U" else values for name, values in sample.items()}

    assert compare(*(make(ready(each)) for each in applications)).features == compare(*applications).features


class Stream:
    """What offers itself as an Arrow stream, and as nothing else."""

    def __init__(self, table: pa.Table) -> None:
        self.__arrow_c_stream__ = table.__arrow_c_stream__


def test_streams_arrays_and_single_features_are_taken_too() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(300, 2)), rng.normal((0.0, 1.0), size=(300, 2))
    by_rows = compare(first, second)
    assert by_rows.drifted == ["1"]
    named = [pa.table({"0": each[:, 0], "1": each[:, 1]}) for each in (first, second)]
    assert compare(*map(Stream, named)).features == by_rows.features
    assert compare(first[:, 1], second[:, 1].tolist()).drifted == ["value"]


def test_drift_in_dependence_alone_is_found_and_the_pair_is_named() -> None:
    rng = np.random.default_rng(2)

    def sample(dependence: float) -> Frame:
        z = rng.normal(size=(1_000, 5))
        z[:, 3] = dependence * z[:, 1] + np.sqrt(1 - dependence**2) * z[:, 3]
        return {f"f{i}": z[:, i] for i in range(5)} | {"name": rng.choice(list("abc"), 1_000)}

    report = compare(sample(0.7), sample(0.0))
    assert report.drifted == []
    assert report.drift
    assert report.joint is not None
    assert report.joint.drift
    assert report.joint.pairs[0].features == ("f1", "f3")
    assert report.joint.statistic == report.joint.pairs[0].deviations
    alone = compare(sample(0.7), sample(0.0), config=CompareConfig(joint_share=0))
    assert (alone.drift, alone.joint, alone.feature_alpha) == (False, None, 0.05)


def test_aligned_samples_are_compared_in_shape_and_effects_still_tell_of_the_move() -> None:
    rng = np.random.default_rng(8)
    first, second = {"v": rng.normal(0, 1, 900)}, {"v": rng.normal(5, 3, 900)}
    verdicts = [compare(first, second, config=CompareConfig(align=align)).drift for align in ("none", "location", "scale")]
    assert verdicts == [True, True, False]
    assert compare(first, second, config=CompareConfig(align="scale")).features["v"].effect.median_shift == pytest.approx(5, abs=0.5)
    assert compare(first, {"v": 5 + 3 * rng.exponential(size=900)}, config=CompareConfig(align="scale")).drift


def test_the_same_seed_gives_the_same_report_and_rows_may_come_in_any_order(applications: tuple[Frame, Frame]) -> None:
    first = compare(*applications)
    assert first == compare(*applications)
    assert first.to_json() == compare(*applications).to_json()
    turned = [{name: np.asarray(values)[::-1] for name, values in sample.items()} for sample in applications]
    assert compare(*turned).features == first.features


def test_moments_of_stretches_that_do_not_overlap_are_compared_by_the_time_of_day() -> None:
    rng = np.random.default_rng(4)
    seconds = rng.integers(0, 30 * 86_400, (2, 1_000))
    first = {"at": np.datetime64("2026-01-01") + seconds[0].astype("timedelta64[s]")}
    later = np.datetime64("2026-03-01") + seconds[1].astype("timedelta64[s]")
    report = compare(first, {"at": later})
    assert not report.drift
    assert "times of the day" in report.features["at"].notes[0]
    mornings = later.astype("datetime64[D]") + (seconds[1] % 43_200).astype("timedelta64[s]")
    assert compare(first, {"at": mornings}).drift


def test_values_of_every_type_are_told_apart() -> None:
    day = datetime.date(2026, 1, 1)
    sample = {
        "decimals": [Decimal("1.5"), Decimal("2"), None] * 20,
        "nullable": pd.array([1, 2, None] * 20, dtype="Int64"),
        "categories": pd.Categorical(["x", "y", None] * 20),
        "dates": [day, day + datetime.timedelta(1), None] * 20,
        "zoned": pd.date_range("2026-01-01", periods=60, tz="Europe/Berlin"),
        "spans": np.arange(60).astype("timedelta64[m]"),
        "clock": pa.array([datetime.time(1, 2, 3), None, datetime.time(4)] * 20),
        "flags": [True, False, None] * 20,
        "dictionary": pa.array(["p", "q", None] * 20).dictionary_encode(),
        "lists": [[1], [2], None] * 20,
        "codes": [200, 404, 500] * 20,
    }
    report = compare(sample, sample, choice=Choice(categorical=["codes"]))
    assert not report.drift
    kinds = {name: (feature.kind, round(feature.current_missing, 2)) for name, feature in report.features.items()}
    assert kinds == {
        "decimals": ("numeric", 0.33),
        "nullable": ("numeric", 0.33),
        "categories": ("categorical", 0.33),
        "dates": ("datetime", 0.33),
        "zoned": ("datetime", 0),
        "spans": ("numeric", 0),
        "clock": ("numeric", 0.33),
        "flags": ("categorical", 0.33),
        "dictionary": ("categorical", 0.33),
        "lists": ("categorical", 0.33),
        "codes": ("categorical", 0),
    }
    assert {each.bin.label for each in report.features["codes"].contributions} == {"200", "404", "500"}


def test_texts_beside_numbers_or_times_are_read_and_what_cannot_be_read_is_counted() -> None:
    report = compare(
        {"v": [1.0, 2.0, 3.0] * 20, "at": np.array(["2026-01-01", "2026-01-02", "2026-01-03"] * 20, "datetime64[D]")},
        {"v": ["1", "2", "n/a"] * 20, "at": ["2026-01-01", "soon", "2026-01-03"] * 20},
    )
    assert report.features["v"].current_missing == report.features["at"].current_missing == pytest.approx(1 / 3)
    assert report.features["v"].notes == ("20 texts of the current sample are no numbers and count as missing",)
    assert report.features["at"].kind == "datetime"


def test_bytes_are_the_texts_that_they_spell() -> None:
    texts = ["OK", "München", None] * 20
    raw = [None if text is None else text.encode() for text in texts]
    forms = [raw, pa.array(raw), pa.array(raw).dictionary_encode(), pd.Series(raw), pl.Series(raw)]
    for form in forms:
        report = compare({"city": texts}, {"city": form})
        assert not report.drift
        assert {each.bin.label for each in report.features["city"].contributions} == {"OK", "München", "missing"}
    assert not compare({"city": ["OK", "M\\xfcnchen"] * 30}, {"city": np.array([b"OK", b"M\xfcnchen"] * 30)}).drift


def test_flags_are_the_same_however_they_are_held() -> None:
    flags = np.array([True, False, False] * 20)
    for form in (list(flags), flags.tolist(), pa.array(flags), pd.Categorical(flags), [*flags[:-1], None]):
        report = compare({"flag": flags}, {"flag": form})
        assert not report.drift
        assert {each.bin.label for each in report.features["flag"].contributions} - {"missing"} == {"true", "false"}


def test_a_time_that_no_calendar_has_is_shown_as_its_number() -> None:
    days = np.datetime64("2026-01-01T00:00:00", "us") + np.arange(40) * np.timedelta64(1, "D")
    until = np.concatenate([days, np.array([2**63 - 1] * 20).astype("datetime64[us]")])
    report = compare({"until": until}, {"until": until})
    assert not report.drift
    labels = {each.bin.label for each in report.features["until"].contributions}
    assert "9.2234e+18" in labels
    assert any(label.startswith("2026-01-01T00:00:00Z") for label in labels)


def test_rare_categories_share_a_bin() -> None:
    rng = np.random.default_rng(5)
    sample = {"v": [f"level {i}" for i in np.minimum(rng.geometric(0.02, 3_000), 500)]}
    feature = compare(sample, sample, config=CompareConfig(most_categories=20)).features["v"]
    assert feature.kind == "categorical"
    assert len(feature.contributions) == 21
    assert sum(each.bin.label.endswith(" other") for each in feature.contributions) == 1


def test_features_of_one_side_and_those_without_values_are_told() -> None:
    report = compare({"a": [1.0, 2, 3], "old": [1, 2, 3], "gone": [None] * 3}, {"a": [1.0, 2], "new": [1, 2], "gone": [None] * 2})
    assert report.skipped == {"old": "only in reference", "new": "only in current", "gone": "all its values are missing"}
    assert report.features["a"].threshold is None
    assert report.features["a"].notes == ("so few values that no difference could be found",)


def test_a_feature_that_is_missing_altogether_now_drifts() -> None:
    assert compare({"a": np.arange(50.0)}, {"a": [None] * 50}).drifted == ["a"]


def test_infinite_values_are_values() -> None:
    rng = np.random.default_rng(6)
    values = np.where(rng.random(200) < 0.3, np.inf, rng.normal(size=200))
    report = compare({"v": values}, {"v": rng.normal(size=200)}, config=CompareConfig(align="scale"))
    assert report.drift
    assert report.features["v"].notes == ("not aligned: there are infinite values",)
    assert json.loads(report.to_json())["features"]["v"]["drift"] is True


@pytest.mark.parametrize(
    ("reference", "current", "says"),
    [
        ({"a": [1]}, {"b": [1]}, "have no feature in common: reference has a; current has b"),
        ({"a": []}, {"a": [1.0]}, "no feature can be compared (a: the reference is empty)"),
        ({"a": [None]}, {"a": [None]}, "no feature can be compared (a: all its values are missing)"),
        ({}, {"a": [1]}, "reference has none"),
        (7, {"a": [1]}, "reference: must be a DataFrame, a dict of arrays"),
        (np.zeros((2, 2, 2)), {"a": [1]}, "not ndarray of shape (2, 2, 2)"),
        ({"a": np.zeros((3, 2))}, {"a": [1]}, "feature 'a' cannot be read: a feature has one value a row"),
        ({"a": np.array([1j])}, {"a": [1]}, "feature 'a' cannot be read: its values are complex128"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [1]}, "two columns have the same name"),
    ],
)
def test_samples_that_cannot_be_compared_are_refused_in_one_sentence(reference: object, current: object, says: str) -> None:
    with pytest.raises(InputError) as refusal:
        compare(reference, current)
    assert says in str(refusal.value)


def test_a_pattern_that_fits_no_feature_is_refused() -> None:
    sample = {"amount": np.arange(30.0), "hour": np.arange(30)}
    assert list(compare(sample, sample, choice=Choice(only=["am*"])).features) == ["amount"]
    assert list(compare(sample, sample, choice=Choice(ignore=["am*"])).features) == ["hour"]
    with pytest.raises(InputError, match="no feature is called 'amuont'; there are: amount, hour"):
        compare(sample, sample, choice=Choice(only=["amuont"]))


@pytest.mark.native
@pytest.mark.parametrize("size", [50, 400])
def test_comparisons_without_drift_find_some_as_rarely_as_promised(size: int) -> None:
    """Pairs of four features, two of them dependent. At 0.05 more than 21 of 200 come once in 1,000 times."""
    found = 0
    for pair in range(200):
        rng = np.random.default_rng((7, size, pair))
        z = rng.normal(size=(2, size, 2))
        samples = [
            {"a": z[i, :, 0], "b": z[i, :, 0] + z[i, :, 1], "c": rng.poisson(2, size), "d": rng.choice(list("vwxyz"), size)}
            for i in range(2)
        ]
        found += compare(*samples, config=CompareConfig(seed=pair, joint_rows=100)).drift
    assert 2 <= found <= 21
