"""Small charts as SVG text, side by side: bars, lines and marked points between two axes. The same charts give the same text."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#1f6fb4", "#d6601d", "#2f8f46", "#b3325f", "#7a5ab5", "#8a6d1d", "#4d5966")
_BAR, _INK, _GRID = "#c9d6e3", "#333333", "#e4e4e4"
_FONT = 'font-family="sans-serif" font-size="11"'
_LEFT, _RIGHT, _TOP, _BOTTOM, _LINE = 52, 14, 28, 44, 16

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bars:
    """Rectangles from 0 up to a height, each from `low` to `high`."""

    rectangles: Sequence[tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, named in the legend with its text; `mark` is set off with a dot. Points that are not finite are left out."""

    name: str
    points: Points
    mark: tuple[float, float] | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """One pair of axes. The vertical one begins at 0 and ends at the highest point, or at `top`."""

    title: str
    across: str
    up: str
    bars: Bars | None
    lines: Sequence[Line]
    top: float | None = None


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high: 1, 2 or 5 times a power of ten apart, at most `most`. Needs low < high.

    >>> ticks(0, 1), ticks(0, 10), ticks(-3.2, 4.1)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [-2.0, 0.0, 2.0, 4.0])
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(power * each for each in (1, 2, 5, 10, 20) if (high - low) / (power * each) <= most - 1 or each == 20)
    first = math.ceil(low / step - 1e-9)
    count = math.floor(high / step + 1e-9) - first + 1
    return [round((first + i) * step, 12) + 0.0 for i in range(count)]


def picture(charts: Sequence[Chart], *, width: int = 440, height: int = 300) -> str:
    """Charts side by side, each `width` by `height` pixels, as one SVG document."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width * len(charts)}" height="{height}"'
        f' viewBox="0 0 {width * len(charts)} {height}" role="img">',
        f"<title>{escape('; '.join(chart.title for chart in charts))}</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for place, chart in enumerate(charts):
        parts += [f'<g transform="translate({width * place},0)" {_FONT} fill="{_INK}">', *_chart(chart, width, height), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _chart(chart: Chart, width: int, height: int) -> Iterator[str]:
    rectangles = chart.bars.rectangles if chart.bars else ()
    xs = [x for line in chart.lines for x, _ in line.points] + [x for low, high, _ in rectangles for x in (low, high)]
    heights = [y for line in chart.lines for _, y in line.points if math.isfinite(y)] + [top for _, _, top in rectangles]
    low, high = min(xs), max(xs)
    top = chart.top or max(heights) * 1.05
    columns = 2 if any(line.text for line in chart.lines) else 3
    bottom = height - _BOTTOM - _LINE * math.ceil(len(chart.lines) / columns)

    def across(x: float) -> float:
        return _LEFT + (x - low) / (high - low) * (width - _LEFT - _RIGHT)

    def up(y: float) -> float:
        return bottom - y / top * (bottom - _TOP)

    yield f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(chart.title)}</text>'
    for y in ticks(0, top):
        yield f'<line x1="{_LEFT}" x2="{width - _RIGHT}" y1="{up(y):.1f}" y2="{up(y):.1f}" stroke="{_GRID}"/>'
        yield f'<text x="{_LEFT - 6}" y="{up(y) + 4:.1f}" text-anchor="end">{y:.6g}</text>'
    for x in ticks(low, high, 11):
        yield f'<text x="{across(x):.1f}" y="{bottom + 15}" text-anchor="middle">{x:.6g}</text>'
    yield f'<text x="{(_LEFT + width - _RIGHT) / 2:.1f}" y="{bottom + 31}" text-anchor="middle">{escape(chart.across)}</text>'
    yield f'<text transform="translate(13,{(_TOP + bottom) / 2:.1f}) rotate(-90)" text-anchor="middle">{escape(chart.up)}</text>'
    for left, right, tall in rectangles:
        size = f'width="{max(across(right) - across(left) - 0.6, 0.4):.1f}" height="{bottom - up(tall):.1f}"'
        yield f'<rect x="{across(left):.1f}" y="{up(tall):.1f}" {size} fill="{_BAR}"/>'
    yield f'<line x1="{_LEFT}" x2="{width - _RIGHT}" y1="{bottom}" y2="{bottom}" stroke="{_INK}"/>'
    for number, line in enumerate(chart.lines):
        colour = COLOURS[number % len(COLOURS)]
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in line.points if math.isfinite(y) and y <= top)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        if line.mark is not None:
            yield f'<circle cx="{across(line.mark[0]):.1f}" cy="{up(line.mark[1]):.1f}" r="3.5" fill="{colour}"/>'
        row, column = divmod(number, columns)
        x, y = _LEFT + column * (width - _LEFT) / columns, bottom + 31 + _LINE * (row + 1)
        yield f'<rect x="{x:.1f}" y="{y - 6:.1f}" width="14" height="3" fill="{colour}"/>'
        yield f'<text x="{x + 19:.1f}" y="{y:.1f}">{escape(f"{line.name}: {line.text}" if line.text else line.name)}</text>'
