"""Draws the README's picture: a metric, its score and the episodes, from `streamkl.evaluate` on a made incident.

python -m benchmarks.picture            writes docs/pictures/episode.svg
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np

import streamkl

mpl.use("svg")
mpl.rcParams["svg.hashsalt"] = "streamkl"  # the same picture gives the same bytes
from matplotlib import pyplot as plt  # noqa: E402

TARGET = Path(__file__).parent.parent / "docs" / "pictures" / "episode.svg"
MINUTES, SEED, SHOWN = 20_160, 2, 1_600
SPREAD, SLOW = slice(18_900, 19_030), slice(19_600, 19_720)


def response_times() -> np.ndarray:
    """Two weeks of minutes of a lognormal response time: at the end its spread more than doubles, and later it slows by half."""
    rng = np.random.default_rng(SEED)
    noise = rng.normal(size=MINUTES)
    noise[SPREAD] *= 2.5
    values = 120 * np.exp(0.2 * noise)
    values[SLOW] *= 1.5
    return values


def main() -> None:
    """Evaluate, and draw what came of it."""
    values = response_times()
    times = 1_700_000_000 + 60 * np.arange(MINUTES)
    result = streamkl.evaluate(values, times)
    shown = slice(MINUTES - SHOWN, MINUTES)
    hours = np.arange(MINUTES) / 60
    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 4.6), sharex=True, height_ratios=(2, 1.2), layout="constrained")
    above.plot(hours[shown], values[shown], color="#4c78a8", linewidth=0.7)
    above.set_ylabel("response time, ms")
    below.plot(hours[shown], result.ratio[shown], color="#333333", linewidth=0.9)
    below.axhline(1.0, color="#d62728", linewidth=1, linestyle="--")
    below.set_ylabel("score")
    below.set_xlabel("hours")
    below.set_yscale("symlog", linthresh=1)
    episodes = np.flatnonzero(np.diff(np.r_[0, result.in_episode.astype(int), 0])).reshape(-1, 2)
    shown_episodes = [(start, end) for start, end in episodes if end > shown.start]
    for start, end in shown_episodes:
        for axis in (above, below):
            axis.axvspan(start / 60, end / 60, color="#d62728", alpha=0.15, linewidth=0)
    for event in result.events:
        if event.type == "opened" and event.source.last_offset >= shown.start:
            at = event.source.last_offset / 60
            above.annotate(
                event.sentence, (at, values[shown].max()), xytext=(-4, 0), textcoords="offset points", ha="right", va="top", fontsize=9
            )
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, metadata={"Date": None})
    print(f"{len(shown_episodes)} episodes shown of {len(episodes)}, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
