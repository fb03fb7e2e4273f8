"""Which parts of the detector a point's time goes to, and what earlier versions took."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from benchmarks.report import ROOT, Row, Section
from streamkl.core.settings import Settings

WRITTEN = ROOT / "benchmarks" / "speed.toml"


def parts(shipped: Settings, nanoseconds: Callable[[Sequence[Settings]], Sequence[float]]) -> Iterator[Row]:
    """The shipped detector, then without each part: the difference is what the part takes."""
    without = {
        "default": shipped,
        "without single points": replace(shipped, point_share=0.0),
        "without the drift track": replace(shipped, drift=False),
        "without the two longer windows": replace(shipped, windows=shipped.windows[:1]),
        "one window of 16 alone": replace(shipped, windows=shipped.windows[:1], drift=False, point_share=0.0),
    }
    whole, *others = nanoseconds(list(without.values()))
    taken = [None, *(whole - found for found in others)]
    for name, found, part in zip(without, [whole, *others], taken, strict=True):
        yield {"detector": name, "ns a point": found, "the part takes": part}


def history() -> Section:
    """What was changed, and what a point took before and after."""
    steps = tomllib.loads(WRITTEN.read_text(encoding="utf-8"))["step"]
    rows = [
        {"what": step["what"], "default, ns": step["default"], "one window, ns": step["one"], "Detector.update, µs": step["update"]}
        for step in steps
    ]
    return Section("Before and after", rows, ["Each measured in turn with the one before it, on one machine."])
