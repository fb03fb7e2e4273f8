"""Charts as SVG: round ticks, text that cannot break out, and marks where they belong."""

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamkl.svg import Bars, Chart, Line, picture, ticks

SPACE = "{http://www.w3.org/2000/svg}"


@given(st.floats(-1e3, 1e3), st.floats(1e-6, 1e9), st.integers(2, 12))
def test_ticks_are_few_even_round_and_inside(spans: float, span: float, most: int) -> None:
    low = spans * span
    marks = ticks(low, low + span, most)
    assert len(marks) <= most + 1
    assert all(low - 1e-6 * span <= mark <= low + span * (1 + 1e-6) for mark in marks)
    steps = {round((b - a) / span, 6) for a, b in pairwise(marks)}
    assert len(steps) <= 1 or max(steps) - min(steps) < 1e-5


def test_points_are_where_the_axes_say_and_what_is_not_finite_is_left_out() -> None:
    line = Line("<b>&", [(0, 0), (5, 1), (7, float("inf")), (10, 2)], mark=(5, 1), text='"half"')
    text = picture([Chart("a < b", "x & y", "up", Bars([(0, 5, 2.0)]), [line], top=2.0)], width=440, height=300)
    root = ET.fromstring(text)  # noqa: S314 - our own
    points = [tuple(map(float, pair.split(","))) for pair in next(root.iter(f"{SPACE}polyline")).get("points", "").split()]
    assert len(points) == 3
    (x0, y0), (x1, y1), (x2, y2) = points
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    dot = next(root.iter(f"{SPACE}circle"))
    assert (float(dot.get("cx", "")), float(dot.get("cy", ""))) == (x1, y1)
    bar = next(each for each in root.iter(f"{SPACE}rect") if each.get("fill") == "#c9d6e3")
    assert (float(bar.get("x", "")), float(bar.get("y", ""))) == (x0, y2)
    assert float(bar.get("height", "")) == pytest.approx(y0 - y2)
    assert {'<b>&: "half"', "x & y", "a < b"} <= {each.text for each in root.iter(f"{SPACE}text")}


def test_charts_stand_side_by_side() -> None:
    chart = Chart("one", "x", "y", None, [Line("a", [(0, 1), (1, 2)])])
    root = ET.fromstring(picture([chart, chart, chart], width=100, height=150))  # noqa: S314 - our own
    assert root.get("width") == "300"
    assert [each.get("transform") for each in root.findall(f"{SPACE}g")] == ["translate(0,0)", "translate(100,0)", "translate(200,0)"]
