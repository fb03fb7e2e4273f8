"""The verdict on a demo: each way in which the episodes of an incident can be wrong has its own words."""

import pytest

from streamkl.demo.verdict import Times, judge
from tests.demo.events import at, event

TIMES = Times(began=1_000.0, ended=1_030.0)
# (type, episode, seconds since 1970)
STORIES = {
    "as promised": ([("opened", 1, 1_001.5), ("updated", 1, 1_005.0), ("closed", 1, 1_034.0)], None, 1.5),
    "opened twice, closed twice": (
        [("opened", 1, 1_002.0), ("closed", 1, 1_010.0), ("opened", 2, 1_012.0), ("closed", 2, 1_031.0)],
        None,
        2.0,
    ),
    "a false alarm long before": ([("opened", 1, 900.0), ("closed", 1, 905.0), ("opened", 2, 1_003.0), ("closed", 2, 1_032.0)], None, 3.0),
    "nothing": ([], "no episode opened while the incident lasted", None),
    "too late": ([("opened", 1, 1_030.5), ("closed", 1, 1_036.0)], "no episode opened while the incident lasted", None),
    "never closed": ([("opened", 1, 1_001.0)], "its episode did not close", 1.0),
    "one of two never closed": (
        [("opened", 1, 1_001.0), ("closed", 1, 1_005.0), ("opened", 2, 1_007.0)],
        "its episode did not close",
        1.0,
    ),
    "closed too early": ([("opened", 1, 1_001.0), ("closed", 1, 1_020.0)], "its episode closed 10.0 s before the incident ended", 1.0),
    "noise before": (
        [("opened", 1, 990.0), ("closed", 1, 995.0), ("opened", 2, 1_001.0), ("closed", 2, 1_034.0)],
        "an episode opened 10.0 s before the incident began",
        None,
    ),
    "open since before the quiet": ([("opened", 1, 930.0), ("closed", 1, 1_034.0)], "no episode opened while the incident lasted", None),
}


@pytest.mark.parametrize("story", STORIES)
def test_each_story_has_its_verdict(story: str) -> None:
    steps, problem, delay = STORIES[story]
    events = [event(series="web", type=kind, episode_id=str(episode), detected_at=at(when)) for kind, episode, when in steps]
    assert judge(events, ["web"], TIMES) == [("web", problem, delay)]


def test_other_series_do_not_count() -> None:
    others = [event(series="cpu.percent", type="opened", detected_at=at(990.0))]
    ours = [event(series="web", type="opened", detected_at=at(1_001.0)), event(series="web", type="closed", detected_at=at(1_031.0))]
    assert judge(others + ours, ["web"], TIMES) == [("web", None, 1.0)]


def test_series_are_judged_in_their_order() -> None:
    assert [finding.series for finding in judge([], ["b", "a"], TIMES)] == ["b", "a"]
