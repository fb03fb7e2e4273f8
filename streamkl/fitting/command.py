"""`streamkl fit`: numbers read, models fitted, and the report shown, printed and drawn."""

import sys
from pathlib import Path

import msgspec

from streamkl.config.fitting import Kind
from streamkl.errors import InputError
from streamkl.fitting import display
from streamkl.fitting.choosing import fit
from streamkl.fitting.picture import draw
from streamkl.fitting.reading import Numbers, read_numbers
from streamkl.fitting.report import FitReport


def fit_file(
    path: str,
    *,
    models: str | None,
    column: str | None,
    counts: str | None,
    ends: str | None,
    kind: Kind,
    cells: int | None,
    picture: Path | None,
    as_json: bool,
    quiet: bool,
) -> FitReport:
    """Fit models to the numbers of a file; the report goes to standard output, remarks to standard error, the picture to `picture`.

    Raises InputError for what cannot be read or fitted, SourceError where reading fails.
    """
    if picture is not None and picture.suffix.lower() != ".svg":
        raise InputError(f"--picture: {picture}: the picture is an SVG; name a file that ends in .svg")
    given = _ends(ends)
    with display.progress(shown=not quiet) as watch:
        numbers = read_numbers(path, column, counts, watch)
    report = fit(numbers.values, numbers.counts, models=models, range=given, kind=kind, cells=cells)
    if picture is not None:
        _write(picture, draw(report))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        display.show(report)
    if not quiet:
        _remark(path, numbers)
    return report


def _ends(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    low, colon, high = text.partition(":")
    try:
        if colon:
            return float(low), float(high)
    except ValueError:
        pass
    raise InputError(f"--range: must be LOWEST:HIGHEST, such as 0:10, not {text!r}")


def _write(picture: Path, text: str) -> None:
    try:
        picture.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--picture: {picture}: cannot be written: {error.strerror or error}") from None


def _remark(path: str, numbers: Numbers) -> None:
    if numbers.bad:
        sys.stderr.write(f"{path}: left out {numbers.bad:,} lines that are no numbers, the first {numbers.first_bad}\n")
    if numbers.empty:
        sys.stderr.write(f"{path}: left out {numbers.empty:,} empty values\n")
