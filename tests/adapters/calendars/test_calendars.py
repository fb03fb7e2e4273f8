"""What cron expressions and .ics files mean, against cases worked by hand on a wall calendar, and against themselves piece by piece."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.adapters.calendars import CronCalendar, IcsCalendar
from streamkl.errors import InputError

HOUR_US = 3_600_000_000
BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")

EVENTS = """\
BEGIN:VEVENT
UID:patch-night@example.org
DTSTART;TZID=Europe/Berlin:20240320T220000
DTEND;TZID=Europe/Berlin:20240320T233000
RRULE:FREQ=WEEKLY;COUNT=4
EXDATE;TZID=Europe/Berlin:20240403T220000
END:VEVENT
BEGIN:VEVENT
UID:patch-night@example.org
RECURRENCE-ID;TZID=Europe/Berlin:20240410T220000
DTSTART;TZID=Europe/Berlin:20240411T010000
DTEND;TZID=Europe/Berlin:20240411T020000
END:VEVENT
"""


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp()) * 1_000_000


def said(stretches: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """In UTC, to the minute."""
    return [tuple(datetime.fromtimestamp(at / 1e6, UTC).strftime("%Y-%m-%d %H:%M") for at in each) for each in sorted(stretches)]  # type: ignore[misc]


def ics(folder: Path, events: str, zone: ZoneInfo = BERLIN) -> IcsCalendar:
    path = folder / "calendar.ics"
    lines = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//example//EN\n{events}END:VCALENDAR\n"
    path.write_text(lines.replace("\n", "\r\n"), encoding="utf-8")
    return IcsCalendar(path, zone)


def test_sundays_at_three_for_two_hours() -> None:
    calendar = CronCalendar("0 3 * * 0", 2 * HOUR_US, UTC_ZONE)
    found = calendar(us("2024-02-01T00:00:00+00:00"), us("2024-03-01T00:00:00+00:00"))
    assert said(found) == [(f"2024-02-{day:02d} 03:00", f"2024-02-{day:02d} 05:00") for day in (4, 11, 18, 25)]


def test_the_clock_on_the_wall_decides_and_the_duration_is_elapsed_time() -> None:
    """Berlin went to summer time at 01:00 UTC on 2024-03-31, New York at 07:00 UTC on 2024-03-10."""
    around = us("2024-03-30T00:00:00+00:00"), us("2024-04-02T00:00:00+00:00")
    assert said(CronCalendar("0 1 * * *", 3 * HOUR_US, BERLIN)(*around)) == [
        ("2024-03-30 00:00", "2024-03-30 03:00"),
        ("2024-03-31 00:00", "2024-03-31 03:00"),
        ("2024-03-31 23:00", "2024-04-01 02:00"),
        ("2024-04-01 23:00", "2024-04-02 02:00"),
    ]
    assert said(CronCalendar("0 9 * * 1", HOUR_US, NEW_YORK)(us("2024-03-01T00:00:00+00:00"), us("2024-03-19T00:00:00+00:00"))) == [
        ("2024-03-04 14:00", "2024-03-04 15:00"),
        ("2024-03-11 13:00", "2024-03-11 14:00"),
        ("2024-03-18 13:00", "2024-03-18 14:00"),
    ]


def test_a_time_that_the_clock_leaves_out_begins_after_the_gap() -> None:
    found = CronCalendar("30 2 * * *", HOUR_US, BERLIN)(us("2024-03-31T00:00:00+00:00"), us("2024-04-01T02:00:00+00:00"))
    assert said(found) == [("2024-03-31 01:00", "2024-03-31 02:00"), ("2024-04-01 00:30", "2024-04-01 01:30")]


def test_a_time_that_the_clock_has_twice_begins_the_first_time_only() -> None:
    """Berlin left summer time at 01:00 UTC on 2024-10-27."""
    found = CronCalendar("30 2 * * *", HOUR_US, BERLIN)(us("2024-10-26T12:00:00+00:00"), us("2024-10-28T12:00:00+00:00"))
    assert said(found) == [("2024-10-27 00:30", "2024-10-27 01:30"), ("2024-10-28 01:30", "2024-10-28 02:30")]


def test_every_half_hour_goes_on_through_a_change_of_clocks() -> None:
    calendar = CronCalendar("*/30 * * * *", 60_000_000, BERLIN)
    for begin in ("2024-03-30T22:00:00+00:00", "2024-10-26T22:00:00+00:00"):
        starts = [start for start, _ in calendar(us(begin), us(begin) + 8 * HOUR_US)]
        assert starts == list(range(us(begin), us(begin) + 8 * HOUR_US, HOUR_US // 2))


def test_a_stretch_counts_when_any_part_of_it_lies_within() -> None:
    calendar = CronCalendar("0 12 * * *", HOUR_US, UTC_ZONE)
    noon = us("2024-05-01T12:00:00+00:00")
    stretch = [(noon, noon + HOUR_US)]
    assert calendar(noon + HOUR_US - 1, noon + HOUR_US) == stretch
    assert calendar(noon, noon + 1) == stretch
    assert calendar(noon + HOUR_US, noon + 2 * HOUR_US) == []
    assert calendar(noon - HOUR_US, noon) == []


@given(
    st.sampled_from(["0 3 * * 0", "30 2 * * *", "*/10 * * * *", "0 0 1 * *", "15 1,2,3 * * 1-5"]),
    st.sampled_from([BERLIN, NEW_YORK, UTC_ZONE, ZoneInfo("Australia/Lord_Howe")]),
    st.integers(0, 366 * 24),
    st.lists(st.integers(1, 40), min_size=1, max_size=5),
    st.sampled_from([1, HOUR_US // 3, 30 * HOUR_US]),
)
def test_a_calendar_in_pieces_is_the_calendar(expression: str, zone: ZoneInfo, begin: int, hours: list[int], duration: int) -> None:
    calendar = CronCalendar(expression, duration, zone)
    cuts = [us("2024-01-01T00:00:00+00:00") + begin * HOUR_US]
    for each in hours:
        cuts.append(cuts[-1] + each * HOUR_US)
    whole = set(calendar(cuts[0], cuts[-1]))
    assert {stretch for a, b in pairwise(cuts) for stretch in calendar(a, b)} == whole
    assert all(start < cuts[-1] and end > cuts[0] for start, end in whole)


def test_before_1900_and_after_2200_there_is_nothing() -> None:
    calendar = CronCalendar("0 3 * * *", HOUR_US, BERLIN)
    assert calendar(us("0001-01-01T00:00:00+00:00"), us("1500-01-01T00:00:00+00:00")) == []
    assert calendar(us("3000-01-01T00:00:00+00:00"), us("3000-01-02T00:00:00+00:00")) == []


def test_repetitions_exceptions_and_moved_events(tmp_path: Path) -> None:
    found = ics(tmp_path, EVENTS)(us("2024-03-01T00:00:00+00:00"), us("2024-05-01T00:00:00+00:00"))
    assert said(found) == [
        ("2024-03-20 21:00", "2024-03-20 22:30"),
        ("2024-03-27 21:00", "2024-03-27 22:30"),
        ("2024-04-10 23:00", "2024-04-11 00:00"),  # the third is an exception, the fourth was moved
    ]


def test_whole_days_and_times_without_a_zone_are_those_of_the_zone_given(tmp_path: Path) -> None:
    events = (
        "BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20240331\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:2\nDTSTART:20240402T120000\nDURATION:PT90M\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:3\nDTSTART:20240402T120000Z\nDTEND:20240402T130000Z\nEND:VEVENT\n"
    )
    around = us("2024-03-30T00:00:00+00:00"), us("2024-04-04T00:00:00+00:00")
    day = [("2024-03-30 23:00", "2024-03-31 22:00")]  # 23 hours long
    assert said(ics(tmp_path, events)(*around)) == [
        *day,
        ("2024-04-02 10:00", "2024-04-02 11:30"),
        ("2024-04-02 12:00", "2024-04-02 13:00"),
    ]
    assert said(ics(tmp_path, events, NEW_YORK)(*around))[0] == ("2024-03-31 04:00", "2024-04-01 04:00")


def test_what_is_cancelled_does_not_happen(tmp_path: Path) -> None:
    event = "BEGIN:VEVENT\nUID:{0}\nDTSTART:2024040{0}T120000Z\nDTEND:2024040{0}T130000Z\n{1}END:VEVENT\n"
    calendar = ics(tmp_path, event.format(1, "") + event.format(2, "STATUS:CANCELLED\n"))
    assert said(calendar(us("2024-04-01T00:00:00+00:00"), us("2024-04-04T00:00:00+00:00"))) == [("2024-04-01 12:00", "2024-04-01 13:00")]


def test_the_file_in_pieces_is_the_file(tmp_path: Path) -> None:
    calendar = ics(tmp_path, EVENTS)
    begin = us("2024-03-15T00:00:00+00:00")
    cuts = [begin + hours * HOUR_US for hours in range(0, 40 * 24, 7)]
    assert sorted({each for a, b in pairwise(cuts) for each in calendar(a, b)}) == sorted(calendar(cuts[0], cuts[-1]))


def test_a_zone_of_the_file_itself_is_understood(tmp_path: Path) -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:Plant\nBEGIN:STANDARD\nDTSTART:19700101T000000\n"
        "TZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    event = "BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Plant:20240402T120000\nDURATION:PT1H\nEND:VEVENT\n"
    around = us("2024-04-01T00:00:00+00:00"), us("2024-04-04T00:00:00+00:00")
    assert said(ics(tmp_path, zone + event)(*around)) == [("2024-04-02 06:30", "2024-04-02 07:30")]


@pytest.mark.parametrize(
    ("events", "complaint"),
    [
        ("", "holds no event"),
        ("BEGIN:VEVENT\nUID:1\nEND:VEVENT\n", "an event lacks DTSTART"),
        ("BEGIN:VEVENT\nUID:1\nDTSTART:2024\nEND:VEVENT\n", "DTSTART"),
        ("BEGIN:VEVENT\nUID:1\nDTSTART:20240401T100000Z\nRRULE:FREQ=SOMETIMES\nEND:VEVENT\n", "SOMETIMES"),
        ("BEGIN:VEVENT\nUID:1\nDTSTART;TZID=Nowhere/Land:20240401T100000\nEND:VEVENT\n", "nobody knows: Nowhere/Land"),
        ("BEGIN:VEVENT\nUID:1\nDTSTART:20240401T100000Z\n", "not an iCalendar file"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path: Path, events: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        ics(tmp_path, events)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_calendar_or_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.ics").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not an iCalendar file"):
        IcsCalendar(tmp_path / "list.ics", UTC_ZONE)
    with pytest.raises(InputError, match="cannot be read: No such file"):
        IcsCalendar(tmp_path / "missing.ics", UTC_ZONE)


def test_a_year_of_every_ten_minutes_has_no_gap() -> None:
    calendar = CronCalendar("*/10 * * * *", 10 * 60_000_000, NEW_YORK)
    begin = datetime(2024, 10, 1, tzinfo=UTC)
    starts = [start for start, _ in calendar(us(begin.isoformat()), us((begin + timedelta(days=60)).isoformat()))]
    assert {b - a for a, b in pairwise(starts)} == {600_000_000}
