"""Detectors that are called point by point from Python: ours, river's, and those of packages that may be installed beside."""

from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import Any, NamedTuple

import numpy as np
from river.anomaly import HalfSpaceTrees
from river.drift import ADWIN, KSWIN, PageHinkley

from benchmarks.feed import clocked, in_turns
from benchmarks.report import Row
from streamkl import Detector
from streamkl.config.detector import DetectorConfig
from streamkl.units import parse_window

Call = Callable[[int, float], Any]


class Peer(NamedTuple):
    """A detector by its name, of a package, and how to make what takes in a point; `points` keep the slow ones within seconds."""

    name: str
    package: str
    make: Callable[[], Call]
    points: int = 3_000
    divergence: bool = False  # another detector by Kullback-Leibler divergence


def _ours(config: DetectorConfig) -> Call:
    detector = Detector(config)
    return lambda at, value: detector.update(60 * at, value)


def _one_window() -> DetectorConfig:
    return DetectorConfig(windows=(parse_window("256 points"),), bins=32, point_share=0.0, drift=False)


def _half_space_trees() -> Call:
    model = HalfSpaceTrees(seed=0)

    def take(_: int, value: float) -> None:
        model.score_one({"value": value})
        model.learn_one({"value": value})

    return take


def _river(make: Callable[[], Any]) -> Callable[[], Call]:
    def made() -> Call:
        update = make().update
        return lambda _, value: update(value)

    return made


def _relative_entropy() -> Call:
    model = import_module("pysad.models.relative_entropy").RelativeEntropy(min_val=-5.0, max_val=5.0)
    return lambda _, value: model.fit_score_partial(np.array([value]))


def _kdq_tree() -> Call:
    model = import_module("menelaus.data_drift").KdqTreeStreaming(window_size=256)
    return lambda _, value: model.update(np.array([[value]]))


PEERS = (
    Peer("streamkl Detector.update, default", "streamkl", lambda: _ours(DetectorConfig()), 30_000),
    Peer("streamkl Detector.update, one window", "streamkl", lambda: _ours(_one_window()), 30_000),
    Peer("river ADWIN", "river", _river(ADWIN), 30_000),
    Peer("river PageHinkley", "river", _river(PageHinkley), 30_000),
    Peer("river KSWIN", "river", _river(lambda: KSWIN(seed=0))),
    Peer("river HalfSpaceTrees", "river", _half_space_trees),
    Peer("PySAD RelativeEntropy", "pysad", _relative_entropy, divergence=True),
    Peer("menelaus KdqTreeStreaming", "menelaus", _kdq_tree, divergence=True),
)


def installed() -> list[Peer]:
    """Those that can run here: the last two are no part of the locked environment."""
    return [peer for peer in PEERS if find_spec(peer.package)]


def measure(runs: int) -> Iterator[Row]:
    """All of them in turns."""
    peers = installed()
    for peer, found in zip(peers, in_turns([_timed(peer) for peer in peers], runs), strict=True):
        yield {"detector": peer.name, "by KL divergence": "yes" if peer.divergence else "", "ns a point": found, "runs": runs}


def _timed(peer: Peer) -> Callable[[], float]:
    """Nanoseconds of a call, each time over as many new points."""
    call, at, dice = peer.make(), count(), np.random.default_rng(0)

    def measured() -> float:
        values = dice.normal(size=peer.points).tolist()
        return clocked(lambda: [call(next(at), value) for value in values], peer.points)

    return measured
