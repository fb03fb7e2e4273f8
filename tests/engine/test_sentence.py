"""The human sentence of an event."""

from fractions import Fraction
from statistics import fmean
from sys import float_info

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.engine.sentence import mean, number, say, say_level, say_points
from streamkl.model import Bin, Quantiles

USUAL = Quantiles(p05=90, p25=100, p50=110, p75=115, p95=120)


def quantiles(p05: float, p50: float, p95: float) -> Quantiles:
    return Quantiles(p05=p05, p25=p05, p50=p50, p75=p95, p95=p95)


def one(low: float | None, high: float | None, reference: float, window: float, category: str | None = None) -> Bin:
    return Bin(low=low, high=high, category=category, reference_share=reference, window_share=window, nats=0.1)


@pytest.mark.parametrize(
    ("now", "sentence"),
    [
        (quantiles(190, 210, 220), "median rose from 110 to 210"),
        (quantiles(30, 50, 60), "median fell from 110 to 50"),
        (quantiles(90, 112, 480), "p95 rose from 120 to 480"),
        (quantiles(5, 108, 121), "p05 fell from 90 to 5"),
        (quantiles(0.5, 110, 480), "p95 rose from 120 to 480"),
        (quantiles(108, 110, 112), "values narrowed: p05 to p95 spans 4 instead of 30"),
        (quantiles(97, 110, 113.5), "the distribution changed shape"),
        (quantiles(100, 110, 112.5), "values narrowed: p05 to p95 spans 12.5 instead of 30"),
        (quantiles(110, 110, 110), "values narrowed: p05 to p95 spans 0 instead of 30"),
        (quantiles(91, 95, 104), "p95 fell from 120 to 104"),
    ],
)
def test_it_names_the_quantile_that_moved_most_in_the_metrics_unit(now: Quantiles, sentence: str) -> None:
    assert say(False, (), USUAL, now) == sentence


@pytest.mark.parametrize(
    ("top", "sentence"),
    [
        (one(None, 90.0, 0.002, 0.25), "share of values below 90 rose from 0.2 % to 25 %"),
        (one(120.5, None, 0.002, 0.25), "share of values of 120.5 and more rose from 0.2 % to 25 %"),
        (one(100.0, 100.0, 0.5, 0.0), "share of values equal to 100 fell from 50 % to 0 %"),
        (one(100.0, 104.0, 0.0625, 0.3333), "share of values from 100 to 104 rose from 6.25 % to 33.3 %"),
    ],
)
def test_where_no_quantile_moved_it_names_the_bin_that_did(top: Bin, sentence: str) -> None:
    assert say(False, (top,), USUAL, USUAL) == sentence


def test_a_series_that_was_constant_has_moved_when_it_is_another_constant() -> None:
    assert say(False, (), quantiles(5, 5, 5), quantiles(7, 7, 7)) == "median rose from 5 to 7"
    assert say(False, (), quantiles(0, 0, 0), quantiles(0, 0, 3)) == "p95 rose from 0 to 3"
    assert say(False, (), quantiles(0, 0, 0), quantiles(0, 0, 0)) == "the distribution changed shape"


@pytest.mark.parametrize(("reference", "window", "moved"), [(0.01, 0.5, "rose from 1 % to 50 %"), (0.97, 0.1, "fell from 97 % to 10 %")])
def test_categories_are_named(reference: float, window: float, moved: str) -> None:
    assert say(True, (one(None, None, reference, window, "500"),), USUAL, USUAL) == f"share of 500 {moved}"


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (-12.3456, "-12.35"), (1e300, "1e+300"), (99_999.0, "1e+05")])
def test_numbers_have_four_digits_that_matter(value: float, text: str) -> None:
    assert number(value) == text


# -- the largest numbers -------------------------------------------------------

MOST = float_info.max
VALUES = st.lists(st.floats(-MOST, MOST), min_size=1, max_size=64)


@pytest.mark.parametrize("track", range(5))
def test_points_of_any_size_are_told_of(track: int) -> None:
    assert say_level([1.7e308] * 64) == "the newest value is 1.7e+308, the mean of those before it 1.7e+308"
    sentence = say_points(track, [1.5e308] * 60 + [-1.5e308] * 4)
    assert "inf" not in sentence
    assert "nan" not in sentence
    assert "1.5e+308" in sentence


@given(VALUES)
def test_a_mean_is_that_of_fractions(values: list[float]) -> None:
    exact = sum(map(Fraction, values)) / len(values)
    error = max(abs(exact), Fraction(max(map(abs, values))) / 2**48) / 2**48 + Fraction(1, 2**1060)  # of sums that nearly cancel
    assert abs(Fraction(mean(values)) - exact) <= error


@given(st.lists(st.one_of(st.integers(-(10**15), 10**15).map(float), st.floats(-1e300, 1e300).filter(lambda x: x == 0 or abs(x) > 1e-300))))
def test_a_mean_of_usual_values_is_as_it_always_was_to_the_last_bit(values: list[float]) -> None:
    assert mean(values or [0.0]) == fmean(values or [0.0])


@pytest.mark.parametrize(
    ("before", "now", "sentence"),
    [
        (quantiles(-1.7e308, 0, 1.7e308), quantiles(-1.7e308, 1.7e308, 1.7e308), "median rose from 0 to 1.7e+308"),
        (quantiles(-1.7e308, 0, 1.7e308), quantiles(-1.7e308, 0, 1e307), "p95 fell from 1.7e+308 to 1e+307"),
        (quantiles(-1.7e308, 0, 1.7e308), quantiles(-1.7e308, 0, 1.7e308), "the distribution changed shape"),
        (quantiles(0, 1, 2), quantiles(0, 1, 1.7e308), "p95 rose from 2 to 1.7e+308"),
        (quantiles(1.7e308, 1.7e308, 1.7e308), quantiles(-1.7e308, -1.7e308, -1.7e308), "median fell from 1.7e+308 to -1.7e+308"),
        (quantiles(-1.7e308, 0, 1.7e308), quantiles(-1, 0, 1), "values narrowed: p05 to p95 spans 2 instead of 1.798e+308"),
    ],
)
def test_quantiles_of_any_size_are_compared(before: Quantiles, now: Quantiles, sentence: str) -> None:
    assert say(False, (), before, now) == sentence
