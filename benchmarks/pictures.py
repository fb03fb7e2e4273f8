"""Draws the picture of docs/how-it-works.md: what is compared, and where the tail factor comes from.

python -m benchmarks.pictures            writes docs/pictures/how-it-works.svg
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.zoo import series
from streamkl.config.detector import DetectorConfig
from streamkl.core.bank import Bank
from streamkl.core.binning import learn
from streamkl.core.tail import bin_edge
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of
from streamkl.svg import Bars, Chart, Line, picture
from streamkl.units import parse_budget

TARGET = Path(__file__).parent.parent / "docs" / "pictures" / "how-it-works.svg"
POINTS, WINDOW, SEED = 500, 64, 3
PAST = 50_000  # points of a series whose maxima are shown
PROCESSES = {"normal": "independent points", "ar_0.9": "AR(1) with 0.9"}
WIDEST = 5.0  # multiples of the table's threshold that are shown


def compared() -> Chart:
    """A reference of response times and a window whose spread has doubled, over the reference's bins."""
    rng = np.random.default_rng(SEED)
    reference, window = rng.lognormal(4.8, 0.2, POINTS), rng.lognormal(4.8, 0.4, WINDOW)
    learned = learn(reference, 16)
    edges = np.r_[window.min(), learned.edges, window.max()]  # tails are open; here they end with the window
    counts = np.histogram(window, edges)[0]
    widths = np.diff(edges)
    normal, now = learned.units / learned.units.sum() / widths, counts / WINDOW / widths
    steps = [(x, y) for low, high, y in zip(edges, edges[1:], now, strict=False) for x in (low, high)]
    return Chart(
        title="What is compared: shares of the same bins",
        across="response time, ms",
        up="share per ms",
        bars=Bars([(float(low), float(high), float(y)) for low, high, y in zip(edges, edges[1:], normal, strict=False)]),
        lines=[Line(f"the newest {WINDOW} points, over {POINTS} of the reference", [(float(x), float(y)) for x, y in steps])],
    )


def reached(process: str) -> tuple[NDArray[np.float64], float]:
    """The share of blocks whose largest statistic reached each edge of the tail guard's bins, and the factor that follows."""
    settings = settings_of(DetectorConfig(false_alarms_without_clock=parse_budget("1 per 10000 points")))
    bank = Bank(settings, shared_tables(), 1)
    row, positions = bank.birth(), np.arange(PAST)
    bank.run(np.full(PAST, row), np.zeros(PAST, np.int64), series(process, PAST, SEED), positions)
    tail = bank.arena.tail[row, 0].astype(np.float64)
    return np.cumsum(tail[::-1])[::-1] / tail.sum(), float(bank.arena.factor[row, 0])


def calibrated() -> Chart:
    """How far the statistic of the shortest window went in two series' own pasts."""
    lines = []
    for process, name in PROCESSES.items():
        share, factor = reached(process)
        edges = [bin_edge.py_func(index) for index in range(len(share))]
        points = [(edge, float(y)) for edge, y in zip(edges, share, strict=True) if edge <= WIDEST and y > 0]
        lines.append(Line(name, [*points, (factor, 0.0)], mark=(factor, 0.0), text=f"factor {factor:.2f}"))
    return Chart(
        title="Where the factor comes from: the series' own past",
        across="largest statistic of a block / table threshold",
        up="share of blocks that reached it",
        bars=None,
        lines=lines,
        top=1.0,
    )


def draw() -> str:
    """Both side by side."""
    return picture([compared(), calibrated()])


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8")
    print(TARGET.name, TARGET.stat().st_size, "bytes")
