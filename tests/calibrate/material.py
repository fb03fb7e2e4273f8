"""Histories, files of them, and the command, for the tests of calibration."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from typer.testing import CliRunner

from streamkl.calibrate.history import History
from streamkl.cli import app
from streamkl.config import DetectorConfig
from streamkl.core.run_length import Table, TableKey
from streamkl.engine.plan import Monitor
from streamkl.library.series import shared_tables
from streamkl.library.settings import settings_of

BEGIN_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000
TABLE: Callable[[TableKey], Table] = shared_tables()


def past(values: ArrayLike, name: str = "m", step_us: int = MINUTE_US) -> History:
    """A series of numbers, a point a minute."""
    numbers = np.asarray(values, np.float64)
    times = BEGIN_US + step_us * np.arange(len(numbers), dtype=np.int64)
    return History("stream", name, 0, None, len(numbers), numbers, times)


def monitor(**options: object) -> Monitor:
    """Judged by the defaults, with changes."""
    return Monitor("default", "*", "auto", settings_of(DetectorConfig(**options)), {})


def autoregressive(phi: float, seed: int, n: int) -> np.ndarray:
    """Of variance 1."""
    noise = np.random.default_rng(seed).normal(size=n) * np.sqrt(1.0 - phi * phi)
    for i in range(1, n):
        noise[i] += phi * noise[i - 1]
    return noise


def write_csv(path: Path, values: ArrayLike, first: int = 1_700_000_000) -> str:
    """A file of timestamp and value, a row a minute; returns its name."""
    rows = [f"{first + 60 * i},{value:.6f}\n" for i, value in enumerate(np.asarray(values).tolist())]
    path.write_text("timestamp,value\n" + "".join(rows))
    return str(path)


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `streamkl calibrate`, run in this process."""
    result = CliRunner().invoke(app, ["calibrate", *arguments], prog_name="streamkl")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr
