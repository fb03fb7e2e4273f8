"""Two frames of a known drift, and what `streamkl compare` and others need to find it: seconds, memory, features found."""

import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FEATURES = 30
DRIFTING = ("n03", "n07", "n11", "k02", "c01")


class Run(NamedTuple):
    """What one contender took and found."""

    seconds: float
    processor_seconds: float
    megabytes: float  # of the process at its peak, beyond what it held when the frames were there
    found: frozenset[str]


def frames(rows: int) -> tuple[Any, Any]:
    """Reference and current, pandas, half of the rows each: 21 continuous features, 5 counts, 4 of categories; five drift a little."""
    import pandas as pd  # noqa: PLC0415  only processes that use it load it

    made = []
    for side in range(2):
        rng, n = np.random.default_rng((5, side)), rows // 2
        frame = {f"n{i:02d}": rng.lognormal(i / 10, 0.5, n) if i % 3 else rng.normal(i, 1 + i, n) for i in range(21)}
        frame |= {f"k{i:02d}": rng.poisson(1 + 2 * i, n) for i in range(5)}
        frame |= {f"c{i:02d}": rng.choice([f"level {j}" for j in range(3 + 20 * i)], n) for i in range(4)}
        frame["n05"][rng.random(n) < 0.1] = np.nan
        if side:
            frame["n03"] += 0.1 * 4
            frame["n07"] *= 1.05
            frame["n11"] = np.where(rng.random(n) < 0.01, 50.0, frame["n11"])
            frame["k02"] = rng.poisson(5.1, n)
            frame["c01"] = np.where(rng.random(n) < 0.02, "new level", frame["c01"])
        made.append(pd.DataFrame(frame))
    return made[0], made[1]


def streamkl_frames(reference: Any, current: Any, joint: bool = True) -> set[str]:
    """From memory."""
    from streamkl import CompareConfig, compare  # noqa: PLC0415

    return set(compare(reference, current, config=CompareConfig() if joint else CompareConfig(joint_share=0)).drifted)


def streamkl_parquet(folder: Path) -> set[str]:
    """From two files, column by column."""
    from streamkl import compare  # noqa: PLC0415

    return set(compare(folder / "reference.parquet", folder / "current.parquet").drifted)


def evidently(reference: Any, current: Any, **method: Any) -> set[str]:
    """Its preset, with its default choice of a method for each column, or the one that is named."""
    warnings.simplefilter("ignore")
    from evidently import Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    found = set()
    for metric in Report([DataDriftPreset(**method)]).run(current, reference).dict()["metrics"]:
        config = metric["config"]
        if "column" in config:
            distance = "distance" in config["method"] or config["method"] in ("kl_div", "psi")
            drifts = metric["value"] >= config["threshold"] if distance else metric["value"] < config["threshold"]
            found |= {config["column"]} if drifts else set()
    return found


def river_adwin(reference: Any, current: Any) -> set[str]:
    """One ADWIN for each number, the reference first: drift is what it finds in the current rows. Names cannot be judged."""
    from river.drift import ADWIN  # noqa: PLC0415

    found = set()
    for name in reference.columns:
        if reference[name].dtype.kind in "if":
            detector = ADWIN()
            for value in reference[name].dropna().tolist():
                detector.update(value)
            for value in current[name].dropna().tolist():
                detector.update(value)
                found |= {name} if detector.drift_detected else set()
    return found


CONTENDERS: dict[str, Callable[[Any, Any], set[str]]] = {
    "streamkl, frames": streamkl_frames,
    "streamkl, frames, no joint figure": partial(streamkl_frames, joint=False),
    "evidently, its choice of methods": evidently,
    "evidently, kl_div at 0.1": partial(evidently, method="kl_div", threshold=0.1),
    "river, ADWIN each": river_adwin,
}
PARQUET = "streamkl, Parquet files"


def contenders() -> list[str]:
    """Those that are installed."""
    return [PARQUET, *(name for name in CONTENDERS if not name.startswith("evidently") or find_spec("evidently"))]


def measure(name: str, rows: int) -> Run:
    """One contender, warm, in a process of its own, so that its memory is its own."""
    if name != PARQUET:
        return _alone(_measure, name, rows)
    with tempfile.TemporaryDirectory() as folder:
        _alone(_write, Path(folder), rows)
        return _alone(_measure_parquet, Path(folder))


def _alone(work: Callable[..., Any], *arguments: Any) -> Any:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _measure(name: str, rows: int) -> Run:
    reference, current = frames(rows)
    CONTENDERS[name](reference.head(2_000), current.head(2_000))  # loads and compiles
    return _timed(lambda: CONTENDERS[name](reference, current))


def _write(folder: Path, rows: int) -> None:
    for part, frame in zip(("reference", "current"), frames(rows), strict=True):
        frame.to_parquet(folder / f"{part}.parquet", row_group_size=100_000)


def _measure_parquet(folder: Path) -> Run:
    rng = np.random.default_rng(0)
    streamkl_frames(*({name: rng.normal(size=500) for name in "ab"} for _ in range(2)))
    return _timed(lambda: streamkl_parquet(folder))


def _timed(work: Callable[[], set[str]]) -> Run:
    before = _peak()
    begin, processor = time.perf_counter(), time.process_time()
    found = work()
    return Run(time.perf_counter() - begin, time.process_time() - processor, _peak() - before, frozenset(found))


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
