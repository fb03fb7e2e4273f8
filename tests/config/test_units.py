"""Durations, windows, budgets and instants: what operators write, and what is refused."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.units import (
    AbsenceLimit,
    Budget,
    WindowLength,
    format_duration,
    format_instant,
    parse_absence,
    parse_budget,
    parse_duration,
    parse_instant,
    parse_window,
)

SECOND = 1_000_000
WEEK_SECONDS = 7 * 24 * 60 * 60


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0s", 0),
        ("1us", 1),
        ("1µs", 1),
        ("250ms", 250_000),
        ("0.25s", 250_000),
        ("90s", 90 * SECOND),
        ("5m", 300 * SECOND),
        ("5 min", 300 * SECOND),
        ("5 minutes", 300 * SECOND),
        ("1h 30m", 5_400 * SECOND),
        ("1h30m", 5_400 * SECOND),
        (" 1H 30M ", 5_400 * SECOND),
        ("1 hour 30 minutes", 5_400 * SECOND),
        ("7d", 604_800 * SECOND),
        ("2w", 1_209_600 * SECOND),
        ("1.5d", 129_600 * SECOND),
        ("36500d", 36_500 * 86_400 * SECOND),
    ],
)
def test_a_duration_is_read_as_microseconds(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("60", 'needs a unit, for example "60s"'),
        ("1.5", 'needs a unit, for example "1.5s"'),
        ("-5m", "is not a duration"),
        ("5 parsecs", "is not a duration"),
        ("5m 5m", "is not a duration"),
        ("5m foo", "is not a duration"),
        ("m", "is not a duration"),
        ("1e3s", "is not a duration"),
        ("nan s", "is not a duration"),
        ("٣s", "is not a duration"),
        ("0.1us", "finer than a microsecond"),
        ("36501d", "longer than 100 years"),
        ("9" * 18 + "w", "longer than 100 years"),
        ("9" * 5_000 + "s", "is not a duration"),
    ],
)
def test_what_is_not_a_duration_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_duration(text)


@given(st.integers(0, 36_500 * 86_400 * SECOND))
def test_a_formatted_duration_is_read_back_exactly(microseconds: int) -> None:
    assert parse_duration(format_duration(microseconds)) == microseconds


@pytest.mark.parametrize(
    ("text", "length", "name"),
    [
        ("64 points", WindowLength(64, None), "64 points"),
        ("1 point", WindowLength(1, None), "1 point"),
        ("10_000 points", WindowLength(10_000, None), "10000 points"),
        ("1,500 points", WindowLength(1_500, None), "1500 points"),
        ("1,000,000 points", WindowLength(1_000_000, None), "1000000 points"),
        ("64points", WindowLength(64, None), "64 points"),
        ("5m", WindowLength(None, 300 * SECOND), "5m"),
        ("90s", WindowLength(None, 90 * SECOND), "1m 30s"),
    ],
)
def test_a_window_is_a_number_of_points_or_a_duration(text: str, length: WindowLength, name: str) -> None:
    assert parse_window(text) == length
    assert str(length) == name
    assert parse_window(name) == length


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("64", 'needs a unit, for example "64 points"'),
        ("0 points", "between 1 and 10000000 points"),
        ("10000001 points", "between 1 and 10000000 points"),
        ("-1 points", "is not a window's length"),
        ("1.5 points", "is not a window's length"),
        ("0s", "longer than 0s"),
        ("", "is not a window's length"),
        ("many points", "is not a window's length"),
    ],
)
def test_what_is_not_a_window_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_window(text)


@pytest.mark.parametrize(
    ("text", "alarms", "points", "seconds"),
    [
        ("1 per series per week", 1.0, None, WEEK_SECONDS),
        ("2 per series per day", 2.0, None, 86_400),
        ("0.5 per series per month", 0.5, None, 30 * 86_400),
        ("1 per series per year", 1.0, None, 365 * 86_400),
        ("1 per week", 1.0, None, WEEK_SECONDS),
        ("1 per series per 2 weeks", 1.0, None, 2 * WEEK_SECONDS),
        ("3 Per Series  Per hour", 3.0, None, 3_600),
        ("1 per 10000 points", 1.0, 10_000.0, None),
        ("1 per 10,000 points", 1.0, 10_000.0, None),
        ("1 per 10_000 points per series", 1.0, 10_000.0, None),
        ("2.5 per 1000 points", 2.5, 1_000.0, None),
        ("1 per 1,000,000.5 points", 1.0, 1_000_000.5, None),
        ("1,000 per series per 1,000 days", 1_000.0, None, 86_400_000),
    ],
)
def test_a_budget_counts_alarms_per_time_or_per_points(text: str, alarms: float, points: float | None, seconds: float | None) -> None:
    assert parse_budget(text) == Budget(alarms, points, seconds)


@pytest.mark.parametrize(
    ("text", "alarms", "seconds"),
    [
        ("5 per day in all", 5.0, 86_400),
        ("1 per week in all", 1.0, WEEK_SECONDS),
        ("0.5 Per 2 weeks  IN ALL", 0.5, 2 * WEEK_SECONDS),
        ("10 per month in all", 10.0, 30 * 86_400),
    ],
)
def test_a_budget_in_all_is_one_for_all_series_together(text: str, alarms: float, seconds: float) -> None:
    assert parse_budget(text) == Budget(alarms, None, seconds, in_all=True)
    assert parse_budget(text) != Budget(alarms, None, seconds)


def test_each_series_has_an_equal_part_of_a_budget_in_all() -> None:
    together = parse_budget("5 per day in all")
    assert together.run_length_points(60.0) == 288.0  # 1440 minutes, 5 alarms
    assert together.run_length_points(60.0, sharers=200) == 57_600.0
    assert together.run_length_points(120.0, sharers=200) == 28_800.0  # half as many points, each with twice the share of a day
    assert parse_budget("5 per series per day").run_length_points(60.0, sharers=200) == 288.0


def test_points_in_all_are_refused_since_they_are_points_of_each() -> None:
    with pytest.raises(ValueError, match=r'same for one series and for all.*write "1 per 10000 points"'):
        parse_budget("1 per 10000 points in all")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5 per series per day in all",
        "5 in all per day",
        "5 per day in all series",
        "few",
        "1",
        "1 per",
        "1 per fortnight",
        "per series per week",
        "-1 per series per week",
        "1 per series per -2 weeks",
        "1 per series",
        "1 week",
        "one per series per week",
        "1 per 10000",
        "1 per 1e4 points",
        "1 per series per week per host",
    ],
)
def test_what_is_not_a_budget_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r'"1 per series per week".*"1 per 10000 points"'):
        parse_budget(text)


@pytest.mark.parametrize(
    "text", ["0 per series per week", "1 per 0 weeks", "1 per 101 years", "2000000000 per day", "0 per 10 points", "10 per 10 points"]
)
def test_a_budget_of_nothing_or_of_everything_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than 0 alarms"):
        parse_budget(text)


NO_THOUSANDS = ["0,5", "1,5", "10,5", "0,500", "1,50", "1,5000", "1000,000", "1,000,5", "1,,000", "1,", "1_000,000", "1,000,00", "1,0.5"]


@pytest.mark.parametrize("number", NO_THOUSANDS)
@pytest.mark.parametrize(
    ("text", "parse", "right"),
    [
        ("{} per series per month", parse_budget, '"0.5 per series per month"'),
        ("1 per series per {} weeks", parse_budget, '"1 per series per week"'),
        ("{} per day in all", parse_budget, '"5 per day in all"'),
        ("1 per {} days in all", parse_budget, '"5 per day in all"'),
        ("{} per 10000 points", parse_budget, '"1 per 10000 points"'),
        ("1 per {} points", parse_budget, '"1 per 10000 points"'),
        ("{} points", parse_window, '"64 points"'),
        ("{} intervals", parse_absence, '"5 intervals"'),
        ("{} d", parse_duration, '"7d"'),
    ],
)
def test_a_comma_that_parts_no_thousands_is_refused_with_the_right_form(number: str, text: str, parse: Any, right: str) -> None:
    with pytest.raises(ValueError, match=right):
        parse(text.format(number))


def test_thousands_of_intervals_may_be_parted() -> None:
    assert parse_absence("1,500 intervals") == AbsenceLimit(0, 1_500)


def test_a_budget_in_time_becomes_points_by_the_interval_between_them() -> None:
    budget = parse_budget("2 per series per day")
    assert budget.run_length_points(60.0) == 720.0  # 1440 minutes, 2 alarms
    assert budget.run_length_points(0.05) == 864_000.0


def test_a_budget_in_points_ignores_the_interval() -> None:
    assert parse_budget("2 per 10000 points").run_length_points() == 5_000.0
    assert parse_budget("2 per 10000 points").run_length_points(60.0) == 5_000.0


@pytest.mark.parametrize("interval", [None, 0.0, -1.0, float("nan"), float("inf")])
def test_a_budget_in_time_needs_a_believable_interval(interval: float | None) -> None:
    with pytest.raises(ValueError, match="needs the seconds between points"):
        parse_budget("1 per series per week").run_length_points(interval)


def test_a_budget_is_shown_as_it_was_written_and_compared_by_what_it_means() -> None:
    written = parse_budget("1  per week")
    assert str(written) == "1 per week"
    assert written == parse_budget("1 per series per 7 days")
    assert written.plain == "1 per series per week"


@given(
    st.one_of(
        st.builds(
            Budget,
            alarms=st.floats(0.001, 1e9),
            points=st.none(),
            seconds=st.sampled_from([1, 60, 3_600, 5 * 3_600, 86_400, WEEK_SECONDS, 2_592_000, 31_536_000, 90_061]).map(float),
            in_all=st.booleans(),
        ),
        st.builds(Budget, alarms=st.floats(0.001, 1e3), points=st.floats(2e3, 1e15), seconds=st.none()),
    )
)
def test_the_plain_form_of_a_budget_is_read_back_as_the_same_budget(budget: Budget) -> None:
    assert parse_budget(budget.plain) == budget


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC)),
        ("2000-01-01 12:30", datetime(2000, 1, 1, 12, 30, tzinfo=UTC)),
        ("2000-01-01T02:00:00+02:00", datetime(2000, 1, 1, tzinfo=UTC)),
        ("1969-12-31T23:59:59.999999Z", datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_an_instant_is_iso_8601_and_utc_unless_it_says_otherwise(text: str, moment: datetime) -> None:
    assert parse_instant(text) == round((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * SECOND)


@pytest.mark.parametrize("text", ["", "yesterday", "2000-13-01", "2000-02-30", "1000000000"])
def test_what_is_not_an_instant_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        parse_instant(text)


@given(st.datetimes(min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31)))  # noqa: DTZ001  hypothesis wants them naive
def test_a_formatted_instant_is_read_back_exactly(moment: datetime) -> None:
    microseconds = parse_instant(moment.isoformat())
    assert parse_instant(format_instant(microseconds)) == microseconds
