"""The detector with one ingredient off at a time: by its configuration, or by what stands in for a constant or function of its core."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks import replacements as r
from streamkl.config.detector import DetectorConfig, EpisodeConfig
from streamkl.core.point_run_length import simulate_points
from streamkl.core.run_length import POINTS_KEY, Table, TableKey
from streamkl.core.tracks import EXPONENT
from streamkl.engine.story import TRACK_NAMES
from streamkl.library import series
from streamkl.units import parse_window

SHIPPED = "streamkl"
USERS = tuple(f"streamkl.core.{user}" for user in ("kernel", "bank", "episode", "tracks", "point_run_length"))  # of names of others
OF_POINTS = ("core.tracks.", "core.past.")  # what decides how surprising independent normal points are


@dataclass(frozen=True)
class Variant:
    """A configuration, and what stands in for names of streamkl's modules."""

    config: DetectorConfig = field(default_factory=DetectorConfig)
    instead: Mapping[str, Any] = field(default_factory=dict)

    def install(self) -> None:
        """Change this process, in which nothing may be compiled yet: what is compiled has its constants frozen. Where another surprise of
        single points is the same ones' no more, their nominal limit is simulated for it too, as it was for the shipped one."""
        for name, stand_in in self.instead.items():
            replace(name, stand_in)
        if any(name.startswith(OF_POINTS) for name in self.instead):
            own, shipped = simulate_points(), series.shared_tables()

            def tables(key: TableKey) -> Table:
                return own if key == POINTS_KEY else shipped(key)

            replace("library.series.shared_tables", lambda: tables)


def replace(name: str, stand_in: Any) -> None:
    """Put it in place of a name of streamkl, in its own module and in those that have taken it from there."""
    module, _, attribute = f"streamkl.{name}".rpartition(".")
    old = getattr(import_module(module), attribute)
    users = (
        "streamkl.core.kernel",
        "streamkl.core.bank",
        "streamkl.core.episode",
        "streamkl.core.tracks",
        "streamkl.core.point_run_length",
    )
    for user in map(import_module, dict.fromkeys((module, *users))):
        if getattr(user, attribute, None) is old:
            setattr(user, attribute, stand_in)


def _configured(**options: Any) -> Variant:
    return Variant(DetectorConfig(**options))


def _changed(**options: Any) -> Variant:
    """Names with double underscores for dots, as keywords have to be."""
    return Variant(instead={f"core.{name.replace('__', '.')}": value for name, value in options.items()})


VARIANTS: dict[str, Variant] = {
    SHIPPED: Variant(),
    "- single points": _configured(point_share=0.0),
    **{f"- track: {name}": _changed(tracks__surprise=r.mixed(EXPONENT, off)) for off, name in enumerate(TRACK_NAMES)},
    "tracks added up": _changed(tracks__surprise=r.mixed(1.0)),
    "the largest track alone": _changed(tracks__surprise=r.mixed(np.inf)),
    "past: its mean only": _changed(past__surprisal=r.by_the_mean),
    "past: counted, no fitted tail": _changed(past__refit=r.counted),
    "past: only the tail of records": _changed(past__WEIGHT_OF_RARE=1.0),
    "past: only the tail of the bulk": _changed(past__WEIGHT_OF_RARE=0.0),
    "past: tails without a prior": _changed(past__PRIOR_WEIGHT=0.01),
    "- the series' own limit": _changed(surprise__KNOWN_BLOCKS=np.inf, surprise__KNOWN_IF_INDEPENDENT=np.inf),
    "own limit: trusted at once": _changed(surprise__KNOWN_BLOCKS=0.0, surprise__KNOWN_IF_INDEPENDENT=0.0),
    "own limit: the largest maxima count in full": _changed(surprise__SPARED=0.0, surprise__SPARED_FEWEST=0.0),
    "own limit: all alarms are learned": _changed(surprise__FORGIVEN_FEWEST=0.0, surprise__FORGIVEN=0.0),
    "- the raise while little is known": _changed(surprise__UNKNOWN=0.0),
    "- windows (one of 16 is left)": _configured(windows=(parse_window("16 points"),), drift=False),
    "- drift": _configured(drift=False),
    "windows: limits of independent points": _changed(tail__fit=r.no_guard),
    "the same share for windows where points are independent": _changed(settings__IF_INDEPENDENT=1.0),
    "- the least run length": _configured(least_run_length=1),
    "- episodes (every point at its limit)": _changed(episode__alarm_output=r.any_score),
    "episodes: longer (8 to close, 16 of cooldown)": _configured(episodes=EpisodeConfig(close_after=8, cooldown=16)),
    "episodes: - updates (a rise by 1000)": _configured(episodes=EpisodeConfig(escalate_factor=1_000.0)),
    "episodes: every update is an alarm": _changed(episode__is_alarm=r.any_event),
    "episodes: windows are not muted after one": _changed(episode__close=r.close_unmuted),
    "episodes: - expected returns": _configured(episodes=EpisodeConfig(expect_returns=False)),
    "episodes: - single points that tell again": _changed(episode___renewed=r.never),
    "order below 1: as judged": _changed(tracks__strength=r.whole),
    "order below 1: without the hours of the day": _changed(hours__departure=r.no_departure),
    "order below 1: without what lingers": _changed(kernel__LINGERS=0.0),
}
