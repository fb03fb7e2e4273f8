"""Two samples compared: speed beside others, alarms without drift, and what is found: `python -m benchmarks.compare --help`."""

from itertools import product
from typing import Annotated

import typer

from benchmarks import compare_frames, compare_nulls
from benchmarks.compare_frames import DRIFTING, FEATURES
from benchmarks.compare_nulls import ALIGNED, CHANGES, KINDS, RIVAL_PAIRS, SIZES, WHOLE, Cell, Rates
from benchmarks.progress import progress_bar
from benchmarks.report import Report, Row, Section, command_line, show, write
from benchmarks.tasks import run

PROMISED = 0.05
POWER_SIZES = (50, 500, 5_000)


def main(
    *,
    rows: Annotated[int, typer.Option(min=1_000, help="rows of both frames together")] = 1_000_000,
    null: Annotated[bool, typer.Option("--null", help="alarms without drift and power, instead of speed")] = False,
    pairs: Annotated[int, typer.Option(min=10, help="pairs of samples a cell")] = 1_000,
    jobs: Annotated[int, typer.Option(min=1, help="processes")] = 1,
    save: Annotated[bool, typer.Option("--write", help="write docs/benchmarks/")] = False,
) -> None:
    """Speed: two frames with 30 features, five of which drift a little, beside evidently (where it is installed) and river."""
    made = _null(pairs, jobs) if null else _speed(rows)
    show(made)
    if save:
        write(made)


def _speed(rows: int) -> Report:
    found = {}
    names = compare_frames.contenders()
    with progress_bar("contenders", len(names)) as bar:
        for name in names:
            found[name] = compare_frames.measure(name, rows)
            bar.advance(1)
    base = found[compare_frames.PARQUET].processor_seconds
    lines: list[Row] = [
        {
            "contender": name,
            "seconds": each.seconds,
            "processor seconds": each.processor_seconds,
            "times streamkl's (Parquet)": each.processor_seconds / base,
            "peak memory, MB more": each.megabytes,
            "drifting features found": f"{len(each.found & set(DRIFTING))} of {len(DRIFTING)}",
            "others found": len(each.found - set(DRIFTING)),
        }
        for name, each in found.items()
    ]
    notes = [
        f"{rows:,} rows in two halves, {FEATURES} features: 21 continuous, 5 counts, 4 of categories.",
        f"{', '.join(DRIFTING)} drift a little.",
        "Every contender in a process of its own, warm. "
        "Memory beyond the peak while the two frames were made, which hides small needs; Parquet: all.",
        "evidently reports distances above 0.1 for large samples, not significance: small drift is not meant to be found.",
        "river's ADWIN judges rows as they come, and categories not at all: another task on the same data.",
    ]
    return Report("compare", "Two samples compared: speed", command_line("compare"), notes, lines)


def _null(pairs: int, jobs: int) -> Report:
    cells = [Cell(kind, *sizes, pairs) for kind, sizes in product(KINDS, SIZES) if not (kind in (WHOLE, ALIGNED) and max(sizes) > 1_000)]
    rates = run(compare_nulls.measure, cells, [1] * len(cells), "pairs without drift", jobs)
    quiet: list[Row] = [
        {
            "samples": cell.kind,
            "reference": cell.reference,
            "current": cell.current,
            "streamkl": each.ours,
            "of promised": each.ours / PROMISED,
            "evidently, kl_div at 0.1": each.fixed,
            "evidently, its choice": each.chosen,
        }
        for cell, each in rates.items()
    ]
    changes: list[Row] = [dict(compare_nulls.power(change, size, pairs)._asdict()) for change, size in product(CHANGES, POWER_SIZES)]
    pooled = [_of_size(size, rates) for size in SIZES]
    mean = sum(each.ours for each in rates.values()) / len(rates)
    deviation = (PROMISED * (1 - PROMISED) / pairs) ** 0.5 / PROMISED
    within = sum(abs(each.ours / PROMISED - 1) <= 0.2 for each in rates.values())
    notes = [
        f"Promised: {PROMISED:.0%} of comparisons without drift. {len(rates)} cells: mean {mean:.4f}, {within} of them within 20 %.",
        f"{pairs:,} pairs a cell: chance alone moves a cell by {deviation:.0%} (one standard deviation).",
        f"Of evidently the first {RIVAL_PAIRS} pairs of a cell. By size: all kinds that have all sizes.",
        "Power: share of changed samples that are found at 0.05, beside the Kolmogorov-Smirnov test. Changes shrink as samples grow.",
    ]
    sections = [
        Section("Found without drift, by size", pooled),
        Section("Found without drift", quiet),
        Section("Found with a little drift", changes),
    ]
    return Report(
        "compare_null",
        "Two samples compared: alarms without drift, and power",
        command_line("compare"),
        notes,
        [*quiet, *changes],
        sections,
    )


def _of_size(size: tuple[int, int], rates: dict[Cell, Rates]) -> Row:
    """All kinds that have every size, together."""
    ours = [each.ours for cell, each in rates.items() if (cell.reference, cell.current) == size and cell.kind not in (WHOLE, ALIGNED)]
    share = sum(ours) / len(ours)
    return {"reference": size[0], "current": size[1], "streamkl": share, "of promised": share / PROMISED}


if __name__ == "__main__":
    typer.run(main)
