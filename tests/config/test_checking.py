"""What `streamkl check` says about a budget that series share, and about the format."""

import pytest

from streamkl.checking import summary
from streamkl.config import Config


@pytest.mark.parametrize(
    ("fleet", "says"),
    [
        ({}, "divides  what is allowed in all among the series that the one partition has"),
        ({"partitions": 12}, "divides  what is allowed in all among the series that each of 12 partitions has"),
        ({"series": 200}, "divides  what is allowed in all among 200 series"),
    ],
)
def test_it_says_among_which_series_a_budget_in_all_is_divided(fleet: dict[str, int], says: str) -> None:
    shown = summary(Config.model_validate({"detector": {"false_alarms": "5 per day in all"}, "fleet": fleet}))
    assert says in shown.splitlines()


def test_it_says_nothing_of_it_where_every_series_has_a_budget_of_its_own() -> None:
    assert "divides" not in summary(Config())


def test_it_says_how_records_are_written() -> None:
    assert summary(Config()).splitlines()[0] == "reads    metrics on localhost:9092 as group streamkl, format json"
    assert summary(Config.model_validate({"input": {"format": "influx"}})).splitlines()[0].endswith(", format influx")
