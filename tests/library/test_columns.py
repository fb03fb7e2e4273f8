"""What callers hold: numpy, lists, dicts, and the columns and frames of pandas, polars and Arrow."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import streamkl
from streamkl import InputError
from streamkl.core.kernel import walk
from streamkl.library.columns import moment, moments, numbers

COLUMNS: dict[str, Callable[[Any], Any]] = {
    "numpy": np.asarray,
    "list": lambda array: np.asarray(array).tolist(),
    "pandas": pd.Series,
    "pandas index": pd.Index,
    "pandas array": pd.array,
    "pandas on arrow": lambda array: pd.Series(array, dtype="double[pyarrow]"),
    "polars": lambda array: pl.Series(values=array),
    "arrow": pa.array,
    "arrow in chunks": lambda array: pa.chunked_array([array[:2], array[2:]]),
}
FRAMES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dict": dict,
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "arrow": pa.table,
    "arrow batch": pa.record_batch,
}
NULLS = {
    "list": [1.0, None, 3.0],
    "numpy masked": np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False]),
    "numpy masked integers": np.ma.masked_array([1, 2, 3], [False, True, False]),
    "pandas Int64": pd.Series([1, None, 3], dtype="Int64"),
    "pandas Float64": pd.Series([1.0, None, 3.0], dtype="Float64"),
    "pandas boolean": pd.Series([True, None, False], dtype="boolean"),
    "pandas on arrow": pd.Series([1, None, 3], dtype="int64[pyarrow]"),
    "polars integers": pl.Series([1, None, 3]),
    "polars booleans": pl.Series([True, None, False]),
    "polars decimals": pl.Series([Decimal(1), None, Decimal(3)]),
    "arrow integers": pa.array([1, None, 3]),
    "arrow booleans": pa.array([True, None, False]),
    "arrow decimals": pa.array([Decimal(1), None, Decimal(3)]),
}


def shifted(n: int = 1_200) -> np.ndarray:
    values = np.random.default_rng(5).normal(size=n)
    values[-60:] += 6.0
    return values


@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_a_column_is_judged_alike_whoever_holds_it(make: Callable[[Any], Any]) -> None:
    expected = streamkl.evaluate(shifted())
    found = streamkl.evaluate(make(shifted()))
    assert found.score.tobytes() == expected.score.tobytes()
    assert found.events == expected.events
    assert len(expected.events) > 0


@pytest.mark.parametrize("given", NULLS.values(), ids=NULLS)
def test_nulls_are_no_values(given: object) -> None:
    data, names = numbers(given)
    first, hole, last = data[:, 0].tolist()
    assert (first, last, names) == (
        1.0,
        0.0 if "bool" in str(getattr(given, "dtype", getattr(given, "type", ""))).lower() else 3.0,
        ("value",),
    )
    assert np.isnan(hole)


@pytest.mark.parametrize(
    "make",
    [
        np.asarray,
        pa.array,
        lambda array: pa.chunked_array([array]),
        lambda array: pl.Series(values=array),
        lambda array: pd.Series(array, dtype="double[pyarrow]"),
    ],
    ids=["numpy", "arrow", "arrow chunk", "polars", "pandas on arrow"],
)
def test_floats_that_lie_in_a_row_are_not_copied(make: Callable[[Any], Any]) -> None:
    column = make(shifted())
    theirs = column if isinstance(column, np.ndarray) else np.asarray(column)
    assert np.shares_memory(numbers(column).data, theirs)


def test_memory_of_others_is_judged_by_the_same_machine_code() -> None:
    streamkl.score(shifted())
    before = len(getattr(walk, "signatures", []))
    frozen = shifted()
    frozen.flags.writeable = False
    assert streamkl.score(frozen).tobytes() == streamkl.score(pa.array(frozen)).tobytes() == streamkl.score(shifted()).tobytes()
    assert len(getattr(walk, "signatures", [])) == before


APART = np.random.default_rng(5).normal(size=(1_200, 3))
STRIDED: dict[str, Any] = {
    "every third": APART[:, 1],
    "backwards": APART[::-1, 1],
    "pandas backwards": pd.Series(APART[:, 1]).iloc[::-1],
    "pandas column of a block": pd.DataFrame(APART, columns=["a", "b", "c"], copy=False)["b"],
    "pandas frame of a block": pd.DataFrame(APART, columns=["a", "b", "c"], copy=False),
    "dict": {"a": APART[:, 1], "b": APART[::-1, 1]},
    "Fortran's order": np.asfortranarray(APART),
    "off the grid of eight bytes": np.frombuffer(b"?" + APART[:, 1].tobytes(), np.float64, offset=1),
    "the other byte order": APART[:, 1].astype(">f8"),
}


@pytest.mark.parametrize("given", STRIDED.values(), ids=STRIDED)
def test_numbers_apart_are_put_in_a_row_so_that_nothing_is_compiled_once_more(given: object) -> None:
    data = numbers(given).data
    assert (data.flags.c_contiguous, data.flags.aligned, data.dtype) == (True, True, np.dtype(np.float64))
    expected = np.asarray(pd.DataFrame(given) if isinstance(given, dict) else given, np.float64)
    assert data.tolist() == expected.reshape(len(data), -1).tolist()


def test_a_column_of_a_block_is_judged_by_the_same_machine_code() -> None:
    streamkl.score(shifted())
    before = len(getattr(walk, "signatures", []))
    block = np.column_stack([shifted(), shifted()])
    for column in (block[:, 1], pd.DataFrame(block, columns=["a", "b"], copy=False)["b"], pd.Series(shifted()[::-1]).iloc[::-1]):
        assert streamkl.score(column).tobytes() == streamkl.score(shifted()).tobytes()
    assert len(getattr(walk, "signatures", [])) == before


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (None, ("0", "1")),
        ([5, 0], ("5", "0")),
        ([1.5, True], ("1.5", "True")),
        (pd.MultiIndex.from_tuples([("web", "p50"), ("web", "p95")]), ("('web', 'p50')", "('web', 'p95')")),
        ([dt.date(2024, 7, 1), "load"], ("2024-07-01", "load")),
    ],
    ids=["none", "integers", "others", "tuples", "dates"],
)
def test_columns_that_are_called_by_no_text_are_called_by_what_it_is_as_one(columns: Any, names: tuple[str, ...]) -> None:
    quiet = np.random.default_rng(8).normal(size=1_200)
    frame = pd.DataFrame(np.column_stack([quiet, shifted()]), columns=columns)
    found = streamkl.evaluate(frame)
    assert found.score.tobytes() == streamkl.score(np.column_stack([quiet, shifted()])).tobytes()
    assert {event.features[0].name for event in found.events} == {names[1]}
    assert numbers(frame).names == names
    assert [numbers(frame[column]).names for column in frame.columns] == [(name,) for name in names]


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_features_of_a_frame_are_told_by_their_names(make: Callable[[dict[str, Any]], Any]) -> None:
    quiet = np.random.default_rng(8).normal(size=1_200)
    expected = streamkl.evaluate(np.column_stack([quiet, shifted()]))
    found = streamkl.evaluate(make({"cpu": quiet, "load": shifted()}))
    assert found.score.tobytes() == expected.score.tobytes()
    assert {event.features[0].name for event in expected.events} == {"value[1]"}
    assert {event.features[0].name for event in found.events} == {"load"}
    assert {event.series for event in [*expected.events, *found.events]} == {"value"}


def test_a_named_series_is_told_by_its_name() -> None:
    for column in (pd.Series(shifted(), name="latency"), pl.Series("latency", shifted()), pl.DataFrame({"latency": shifted()})):
        assert {event.series for event in streamkl.evaluate(column).events} == {"latency"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            pd.DataFrame({"a": [1.0], "city": ["Bonn"]}),
            'the column "city" must hold numbers, got String; leave it out, or turn it into numbers',
        ),
        (pl.DataFrame({"city": ["1"]}), 'the column "city" must hold numbers, got String'),
        (pl.DataFrame({"at": [dt.date(2024, 1, 1)]}), r'the column "at" must hold numbers, got Date; pass it as timestamps'),
        (pd.Series(["high"]), 'the column "value" must hold numbers, got String'),
        (pl.LazyFrame({"a": [1.0]}), r"must be read already, got a lazy frame; pass its \.collect"),
        (pl.DataFrame(), "must have at least one column, got none"),
        ({}, "must have at least one column, got none"),
        ({"a": [1.0], "b": [1.0, 2.0]}, r"columns must be equally long, got {'a': 1, 'b': 2}"),
        ({"a": np.zeros((2, 2))}, r'the column "a" must have the shape \(n,\), got \(2, 2\)'),
        ({"a": ["x"]}, "must be numbers"),
        ({1: [1.0], "1": [2.0]}, "two columns have the same name as texts; rename one, got 1, 1"),
        (pd.DataFrame({1: [1.0], "1": [2.0]}), "two columns have the same name as texts; rename one, got 1, 1"),
        ([10**400, 1], "must be numbers"),
        ([[1, 10**400]], "must be numbers"),
        ({"a": [10**400]}, "must be numbers"),
        (pa.scalar(1.0), ".*not iterable"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", "a"]), "Expected unique column names"),
        (np.array(["2024-01-01"], "datetime64[s]"), r"must be numbers \(got times; pass them as timestamps\)"),
        (1.0, "must have the shape"),
    ],
)
def test_what_is_no_column_of_numbers_is_refused(given: object, words: str) -> None:
    with pytest.raises(InputError, match=f"values: {words}"):
        streamkl.score(given)


BERLIN = "Europe/Berlin"
NOON = dt.datetime(2024, 7, 1, 12, tzinfo=dt.UTC)
NOON_SECONDS = 1_719_835_200  # date -u -d "2024-07-01 12:00" +%s
EXPECTED = [1_719_835_200_000_000, 1_719_835_260_000_000]
DATES = [dt.datetime(2024, 7, 1, 12), dt.datetime(2024, 7, 1, 12, 1)]  # noqa: DTZ001
TIMES = {
    "seconds": [1_719_835_200, 1_719_835_260],
    "datetimes": [NOON, NOON + dt.timedelta(minutes=1)],
    "datetimes without a zone": DATES,
    "pandas index": pd.date_range("2024-07-01 12:00", periods=2, freq="min"),
    **{f"pandas {unit}": pd.Series(DATES).astype(f"datetime64[{unit}]") for unit in ("s", "ms", "us", "ns")},
    "pandas in Berlin": pd.Series(pd.date_range("2024-07-01 14:00", periods=2, freq="min", tz=BERLIN)),
    "pandas in Berlin, ns": pd.Series(pd.date_range("2024-07-01 14:00", periods=2, freq="min", tz=BERLIN).as_unit("ns")),
    "pandas on arrow": pd.Series(DATES).astype("timestamp[ms][pyarrow]"),
    **{f"polars {unit}": pl.Series(DATES).cast(pl.Datetime(unit)) for unit in ("ms", "us", "ns")},
    "polars in Berlin": pl.Series(DATES).dt.replace_time_zone("UTC").dt.convert_time_zone(BERLIN),
    "polars seconds": pl.Series([1_719_835_200, 1_719_835_260]),
    **{f"arrow {unit}": pa.array(DATES, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    "arrow in Berlin": pa.array(DATES, pa.timestamp("ms", tz=BERLIN)),
    "arrow in chunks": pa.chunked_array([[DATES[0]], [DATES[1]]], pa.timestamp("s")),
}


@pytest.mark.parametrize("given", TIMES.values(), ids=TIMES)
def test_times_of_any_unit_and_zone_are_the_same_moments(given: object) -> None:
    found = moments(given, 2)
    assert (found.tolist(), found.dtype) == (EXPECTED, np.dtype(np.int64))


@pytest.mark.parametrize(
    "given",
    [
        pl.Series([dt.date(2024, 7, 1)]),
        pa.array([dt.date(2024, 7, 1)]),
        pa.array([dt.date(2024, 7, 1)], pa.date64()),
        np.array(["2024-07-01"], "M8[D]"),
    ],
    ids=["polars", "arrow", "arrow date64", "numpy"],
)
def test_a_date_is_its_midnight(given: object) -> None:
    assert moments(given, 1).tolist() == [1_719_792_000_000_000]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (pl.Series([dt.datetime(2024, 7, 1), None]), "must not be null; leave those rows out"),  # noqa: DTZ001
        (pd.Series(pd.to_datetime(["2024-07-01", None])), "must not be null"),
        (pa.array([1, None], pa.timestamp("s")), "must not be null"),
        (pl.Series(["2024-07-01", "now"]), "must be seconds as integers or finite numbers, or datetimes, got <U10"),
        (pd.Series(["2024-07-01", "now"], dtype=object), "must be seconds since 1970, a datetime or None, got '2024-07-01'"),
        (pl.Series([1_719_835_200_000, 0]), "must be seconds; divide milliseconds by 1000"),
        ([NOON, None], "must not be null"),
        (pd.Series([NOON, pd.NaT], dtype=object), "must not be null"),
        ([NOON, "later"], "must be seconds since 1970, a datetime or None, got 'later'"),
        ([1, pd.NA], "must not be null"),
        ([1, 10**400], "must be seconds since 1970, a datetime or None, got 10{79}…$"),
        ([1, 10**5_000], "must be seconds since 1970, a datetime or None, got an integer of thousands of digits"),
        ([[1], [2, 3]], "must be one column of times"),
        (np.array([0, 2**60], "M8[s]"), "must not be NaT, nor lie beyond the years 1 to 3938"),
        (pl.Series([0]), r"must have the shape \(2,\) of the values' rows, got \(1,\)"),
    ],
)
def test_times_that_are_none_are_refused(given: object, words: str) -> None:
    with pytest.raises(InputError, match=f"timestamps: {words}"):
        streamkl.score([1.0, 2.0], given)


def test_what_a_frame_tells_has_the_times_of_its_column() -> None:
    frame = pd.DataFrame({"at": pd.date_range("2024-07-01 14:00", periods=1_200, freq="min", tz=BERLIN), "latency": shifted()})
    events = streamkl.evaluate(frame[["latency"]], frame["at"]).events
    assert events[0].series == "latency"
    assert events[0].detected_at is not None
    assert events[0].detected_at.startswith("2024-07-02T07:")


@pytest.mark.parametrize("kind", [np.int32, np.uint32, np.int64, np.uint64, np.float32, np.float64, np.longdouble, int, float, Decimal])
def test_a_time_is_the_same_in_any_kind_of_number(kind: Callable[[int], Any]) -> None:
    seconds = 1_700_000_000 - 1_700_000_000 % 256  # what 32 bits of a float can hold
    assert (moment(kind(seconds)), type(moment(kind(seconds)))) == (seconds * 1_000_000, int)
    if kind is not Decimal:
        assert moments(np.array([kind(seconds)]), 1).tolist() == [seconds * 1_000_000]


def test_parts_of_a_second_are_kept() -> None:
    for half in (1.5, np.float32(1.5), np.float64(1.5), Decimal("1.5")):
        assert moment(half) == 1_500_000
    assert moments(np.array([1.5, 2.25], np.float32), 2).tolist() == [1_500_000, 2_250_000]


def test_a_detector_fed_with_32_bits_is_told_the_right_times() -> None:
    wide, narrow = streamkl.Detector(), streamkl.Detector()
    times = NOON_SECONDS + 60 * np.arange(1_200)
    expected = [event for at, value in zip(times.tolist(), shifted(), strict=True) for event in wide.update(at, value)]
    found = [event for at, value in zip(times.astype(np.int32), shifted(), strict=True) for event in narrow.update(at, value)]
    assert found == expected != []


NO_TIMES: dict[str, Any] = {
    "hundreds of digits": 10**400,
    "below zero": -(10**400),
    "thousands of digits": 10**5_000,
    "NaT": pd.NaT,
    "NA": pd.NA,
    "a decimal": Decimal("NaN"),
    "NaN": np.float32("nan"),
    "numpy's date": np.datetime64(5, "ns"),
    "numpy's duration": np.timedelta64(5, "ns"),
    "a duration": dt.timedelta(5),
    "complex": 1j,
    "two": [1, 2],
    "an array": np.arange(2),
}


@pytest.mark.parametrize("given", NO_TIMES.values(), ids=NO_TIMES)
def test_what_is_no_time_is_none_of_a_detector(given: Any) -> None:
    with pytest.raises(InputError, match="timestamp: must be seconds since 1970, a datetime or None, got"):
        streamkl.Detector().update(given, 1.0)
