"""`streamkl estimate`: the sizes of series, multiplied and shown."""

import math
import sys

import msgspec
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from streamkl.config import Config
from streamkl.errors import InputError
from streamkl.estimating.sizes import Size, sizes
from streamkl.units import format_duration

SAVED_BYTES = (932, 1_318)  # of a series in a saved state, shipped settings: docs/benchmarks/packed_state.md
_WIDTH = 120  # where the output is no terminal
_SHOWN = 3
SLOWEST = 1e-6  # points per second


def estimate(config: Config, series: int, rate: float | None = None, *, as_json: bool = False) -> None:
    """Print what `series` series take; `rate` is their points per second together. Raises InputError where it is no rate."""
    if rate is not None and not SLOWEST <= rate < math.inf:
        fix = f"must be a number, at least {SLOWEST:g}, of all series together; try --points-per-second {series}"
        raise InputError(f"--points-per-second {rate:g}: {fix}")
    found = sizes(config)
    if as_json:
        told = [
            msgspec.to_builtins(size)
            | {
                "all_learned_bytes": series * size.learned_bytes,
                "all_learning_bytes": series * (size.learned_bytes + size.buffer_bytes),
                "first_verdict_seconds": None if rate is None else size.first_verdict_points * series / rate,
            }
            for size in found
        ]
        document = {"series": series, "points_per_second": rate, "saved_bytes_shipped_settings": SAVED_BYTES, "monitors": told}
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(document)).decode() + "\n")
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH)
    console.print(f"State of {series:,} series in memory, if all are judged by:", markup=False)
    console.print(_table(found, series, rate))
    for size in found:
        console.print(f"\n{size.monitor}, {size.kind}", style="bold", markup=False)
        largest = list(size.parts.items())[:_SHOWN]
        console.print("  largest: " + ", ".join(f"{part} {count:,} B" for part, count in largest), markup=False)
        for saving in size.savings:
            text = f"  {saving.option}: {-saving.learned_bytes:+,} B learned, {-saving.learning_bytes:+,} B learning"
            console.print(text, markup=False)
    low, high = SAVED_BYTES
    console.print(f"\nSaved state: {low:,} to {high:,} B a series with the shipped settings (docs/benchmarks/packed_state.md).")


def _table(found: list[Size], series: int, rate: float | None) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("monitor", "kind", "learned", "learning", "all learned", "all learning", "first verdict"):
        table.add_column(name, justify="left" if name in ("monitor", "kind") else "right")
    for size in found:
        both, first = size.learned_bytes + size.buffer_bytes, f"point {size.first_verdict_points}"
        if rate is not None:
            first += f", {format_duration(max(1, round(size.first_verdict_points * series / rate)) * 1_000_000)}"
        row = [f"{size.learned_bytes:,} B", f"{both:,} B", decimal(series * size.learned_bytes), decimal(series * both), first]
        table.add_row(Text(size.monitor), size.kind, *row)
    return table
