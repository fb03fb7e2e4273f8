"""A detector point by point: others beside it, copies of it, threads, and its end."""

import copy
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import streamkl
from streamkl.core.joint import walk_together
from streamkl.core.kernel import walk

COPIES = [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]  # noqa: S301


def shifted(seed: int, n: int = 900) -> list[float]:
    values = np.random.default_rng(seed).normal(size=n)
    values[-120:-60] += 5.0
    return [float(value) for value in values]


def features(values: list[float], d: int) -> list[Any]:
    return values if d == 1 else [[value, *[each] * (d - 1)] for value, each in zip(values, reversed(values), strict=True)]


def told(detector: streamkl.Detector, points: list[Any], start: int = 0) -> list[Any]:
    said: list[Any] = []
    for at, point in enumerate(points, start):
        said.append([event.id for event in detector.update(60 * at, point)])
        said.append((detector.score, detector.ratio, detector.judged, detector.late, detector.ready, detector.open))
    return said


@pytest.mark.parametrize("d", [1, 2])
def test_detectors_in_turn_do_not_know_of_one_another(d: int) -> None:
    streams = [features(shifted(seed, 700), d) for seed in range(4)]
    expected = [told(streamkl.Detector(features=d), each) for each in streams]
    detectors = [streamkl.Detector(features=d) for _ in streams]
    found: list[list[Any]] = [[] for _ in streams]
    for at in range(700):
        for said, detector, points in zip(found, detectors, streams, strict=True):
            said.extend(told(detector, points[at : at + 1], at))
    assert found == expected


@pytest.mark.parametrize("d", [1, 2])
def test_detectors_in_threads_do_not_know_of_one_another(d: int) -> None:
    streams = [features(shifted(seed, 700), d) for seed in range(4)]
    expected = [told(streamkl.Detector(features=d), each) for each in streams]
    with ThreadPoolExecutor(len(streams)) as threads:
        assert list(threads.map(lambda each: told(streamkl.Detector(features=d), each), streams)) == expected


@pytest.mark.parametrize("duplicate", COPIES, ids=["deepcopy", "pickle"])
@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("when", [0, 40, 560, 800])
def test_a_copy_of_a_detector_goes_on_alike_apart_and_with_the_same_machine_code(duplicate: Any, d: int, when: int) -> None:
    """Before the first point, before any verdict, after the reference, within an episode."""
    points = features(shifted(3), d)
    expected = told(streamkl.Detector(features=d), points)
    compiled = [len(getattr(function, "signatures", ())) for function in (walk, walk_together)]
    detector = streamkl.Detector(features=d)
    told(detector, points[:when])
    twin, other = duplicate(detector), duplicate(detector)
    told(other, [point if d == 1 else [9.0] * d for point in points[:200]], when)
    assert told(detector, points[when:], when) == expected[2 * when :]
    assert told(twin, points[when:], when) == expected[2 * when :]
    assert [len(getattr(function, "signatures", ())) for function in (walk, walk_together)] == compiled


def resident() -> int:
    """Bytes; the second number of statm counts pages."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_detectors_that_are_gone_take_no_memory() -> None:
    """Each has 16 KB of state and 48 KB of buffers, beside its memory of 5 KB."""

    def made_and_dropped(count: int) -> None:
        for _ in range(count):
            detector = streamkl.Detector()
            detector.update(None, 1.0)
            copy.deepcopy(detector).update(None, 2.0)

    made_and_dropped(200)
    before = resident()
    made_and_dropped(1_000)
    assert resident() - before < 8_000_000
