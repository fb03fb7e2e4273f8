"""A column of written times is read as each of them alone, which is read as the standard library reads it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamkl.engine.iso8601 import from_column, from_text
from tests.engine.material import NOW_US

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = st.integers(-1_439, 1_439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@st.composite
def written(draw: st.DrawFn) -> tuple[str, int]:
    """A time in a common spelling, and its microseconds since 1970."""
    moment = draw(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))  # noqa: DTZ001  # hypothesis wants naive bounds
    zone = draw(st.none() | ZONES)
    digits = draw(st.integers(0, 9))
    text = moment.strftime("%m-%d{}%H:%M:%S").format(draw(st.sampled_from("Tt ")))
    nanoseconds = f"{moment.microsecond:06d}{draw(st.integers(0, 999)):03d}"[:digits]
    fraction = draw(st.sampled_from(".,")) + nanoseconds if digits else ""
    minutes = 0 if zone is None else int(zone.utcoffset(None).total_seconds()) // 60
    offset = (
        draw(st.sampled_from(["", "Z", "z"]))
        if zone is None
        else f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    )
    kept = moment.replace(microsecond=int(nanoseconds[:6].ljust(6, "0")), tzinfo=UTC) - timedelta(minutes=minutes)
    return f"{moment.year:04d}-{text}{fraction}{offset}", (kept - EPOCH) // timedelta(microseconds=1)


@given(st.lists(written(), max_size=20))
@settings(max_examples=150)
def test_times_in_common_spellings_are_read_to_the_microsecond(times: list[tuple[str, int]]) -> None:
    moments, known = from_column([text for text, _ in times])
    for place, (text, expected) in enumerate(times):
        assert from_text(text) == expected
        assert not known[place] or moments[place] == expected


@given(st.lists(written(), min_size=1, max_size=5), st.integers(0, 34), st.sampled_from("0123456789TZz+-:., \x00é９"))
@settings(max_examples=300)
def test_a_spelling_with_any_character_changed_is_not_read_differently_in_a_column(
    times: list[tuple[str, int]], place: int, character: str
) -> None:
    texts = [text[:place] + character + text[place + 1 :] for text, _ in times] + [text for text, _ in times]
    moments, known = from_column(texts)
    for text, moment, read in zip(texts, moments.tolist(), known.tolist(), strict=True):
        assert not read or from_text(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2023-11-14T22:13:20",
        "2023-11-14 22:13:20Z",
        "2023-11-14T22:13:20.0Z",
        "2023-11-14T22:13:20.000000999Z",
        "2023-11-14T22:13:20+00:00",
        "2023-11-15T21:43:20.000000+23:30",
        "2023-11-13T22:43:20-23:30",
    ],
)
def test_common_spellings_are_read_as_a_column(text: str) -> None:
    moments, known = from_column([text, "x", text])
    assert known.tolist() == [True, False, True]
    assert moments[known].tolist() == [NOW_US, NOW_US]


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29T00:00:00",
        "2100-02-29T00:00:00",
        "2023-11-31T00:00:00",
        "2023-00-01T00:00:00",
        "2023-13-01T00:00:00",
        "2023-01-00T00:00:00",
        "0000-01-01T00:00:00",
        "2023-01-01T24:00:00",
        "2023-01-01T00:60:00",
        "2023-01-01T00:00:60",
        "2023-01-01T00:00:00+24:00",
        "2023-01-01T00:00:00+00:60",
        "2023-01-01T00:00:00.",
        "2023-01-01T00:00:00.x",
        "2023-01-01T00:00:00ZZ",
        "-023-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_none_in_a_column_either(text: str) -> None:
    _, known = from_column(["2023-11-14T22:13:20", text, text])
    assert known.tolist() == [True, False, False]
    assert from_column([text])[1].tolist() == [False]


@pytest.mark.parametrize("text", ["2024-02-29T00:00:00", "2000-02-29T00:00:00"])
def test_leap_days_exist(text: str) -> None:
    assert from_column([text])[1].tolist() == [True]


def test_an_empty_column_is_empty() -> None:
    moments, known = from_column([])
    assert (len(moments), len(known)) == (0, 0)
