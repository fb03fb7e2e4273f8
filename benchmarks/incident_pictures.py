"""Small pictures side by side: a series around its incident, the label shaded, the detector's ratio below with the limit at 1."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

from benchmarks.incidents import Incident

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.figure import SubFigure

AROUND, MOST = 200, 400  # rows shown on either side, at least and at most; between them as many as are labelled
COLUMNS, WIDE, HIGH, DOTS = 2, 5.6, 2.3, 110  # inches, and dots an inch
COLOURS = 32
LOWEST, HIGHEST = 0.05, 50.0  # of the ratio


def draw(incidents: Sequence[Incident], target: Path) -> None:
    """One picture with all of them; the same incidents give the same bytes."""
    lines = -(-len(incidents) // COLUMNS)
    figure = plt.figure(figsize=(COLUMNS * WIDE, lines * HIGH), layout="constrained")
    parts = figure.subfigures(lines, COLUMNS, squeeze=False).ravel()
    for number, (incident, part) in enumerate(zip(incidents, parts, strict=False), 1):
        _one(part, number, incident)
    target.parent.mkdir(parents=True, exist_ok=True)
    with BytesIO() as drawn:
        figure.savefig(drawn, dpi=DOTS)
        Image.open(drawn).convert("RGB").quantize(COLOURS).save(target, optimize=True)
    plt.close(figure)


def shown(incident: Incident) -> slice:
    """The rows around it."""
    around = min(max(incident.last - incident.first + 1, AROUND), MOST)
    return slice(max(0, incident.first - around), min(len(incident.judged.series.values), incident.last + 1 + around))


def _one(part: SubFigure, number: int, incident: Incident) -> None:
    series, result, rows = incident.judged.series, incident.judged.result, shown(incident)
    at = np.arange(rows.start, rows.stop)
    above, below = part.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    above.set_title(f"{number}  {series.set}/{series.name}, row {incident.first:,}", fontsize=7, loc="left")
    above.plot(at, series.values[rows], color="#4c78a8", linewidth=0.7)
    below.plot(at, np.clip(result.ratio[rows], LOWEST, HIGHEST), color="#333333", linewidth=0.7)
    alarms = at[result.score[rows] >= 1.0]
    below.plot(alarms, np.clip(result.score[alarms], LOWEST, HIGHEST), "o", color="#d62728", markersize=2.5)
    below.axhline(1.0, color="#d62728", linewidth=0.7, linestyle="--")
    below.set_yscale("log")
    below.yaxis.set_major_formatter("{x:g}")
    below.set_ylim(LOWEST, max(2.0, 1.3 * float(np.clip(result.ratio[rows], LOWEST, HIGHEST).max())))
    edges = np.diff(np.r_[0, series.anomalous[rows].astype(np.int8), 0])
    for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        for axis in (above, below):
            axis.axvspan(rows.start + first - 0.5, rows.start + last - 0.5, color="#f2a900", alpha=0.25, linewidth=0)
    for axis in (above, below):
        axis.tick_params(labelsize=6)
