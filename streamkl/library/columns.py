"""What callers hold (numpy, lists, dicts of columns, pandas, polars, Arrow) as the arrays that are judged, with names and times."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from operator import index
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from narwhals.exceptions import NarwhalsError
from numpy.typing import ArrayLike, NDArray

from streamkl.errors import InputError
from streamkl.model import MICROSECONDS

LATEST_SECONDS = 62_135_596_800  # either side of 1970: the years 1 to 3938, all of which a date can name
EARLIEST_SECONDS = -LATEST_SECONDS
EARLIEST_YEAR, LATEST_YEAR = -1969, 1968  # the same, counted from 1970
NAME = "value"  # of a single column that has none
LONGEST_SHOWN = 80  # characters of a value that an error quotes
_WHOLE = (int, np.integer)


class Columns(NamedTuple):
    """`data` (n, d) contiguous floats, NaN where there is no value; `names` (d,) what events call the features."""

    data: NDArray[np.float64]
    names: tuple[str, ...]


def numbers(values: Any) -> Columns:
    """Read one column or several.

    A contiguous float64 column of numpy, polars, Arrow (in one chunk) or pandas without nulls is not copied, nor is a C-contiguous float64
    matrix; all else is, once. Nulls become NaN, true 1 and false 0. Features are named by the frame's columns, a dict's keys or a series'
    name, as texts, else "value" or "value[0]", "value[1]", ... O(n d). Raises InputError for what is no column of numbers.

    >>> numbers({"cpu": [1, 2], "load": [0.5, None]}).names
    ('cpu', 'load')
    """
    native = _native(values, "values")
    if isinstance(native, nw.LazyFrame):
        raise InputError("values: must be read already, got a lazy frame; pass its .collect()")
    if isinstance(native, nw.Series):
        name = NAME if native.name is None else str(native.name) or NAME
        return Columns(_column(native, name).reshape(-1, 1), (name,))
    if isinstance(native, nw.DataFrame):  # pandas calls columns anything, also 0: native[0] would be a row
        return _side_by_side([(str(name), _column(native.get_column(name), str(name))) for name in native.columns])
    if isinstance(native, Mapping):
        return _side_by_side([(str(name), _one(column, str(name))) for name, column in native.items()])
    data = _floats(native, "values")
    if data.ndim not in (1, 2) or (data.shape[-1] == 0 and data.ndim == 2):
        raise InputError(f"values: must have the shape (n,) or (n, d), got {data.shape}")
    data = data.reshape(len(data), -1) if data.size else np.zeros((len(data), 1))
    return Columns(data, _numbered(data.shape[1]))


def moments(timestamps: Any, n: int) -> NDArray[np.int64]:
    """Read `n` times: microseconds since 1970. Raises InputError for what is no time.

    Seconds as integers or floats, datetime64, datetimes (without a zone: UTC), and columns of dates and datetimes of pandas, polars and
    Arrow, in any unit and time zone; what is finer than a microsecond is cut off. None: all are equal, and the order of the rows is the
    order.

    >>> moments([datetime(1970, 1, 1), datetime(1970, 1, 2, tzinfo=UTC)], 2).tolist()
    [0, 86400000000]
    """
    if timestamps is None:
        return np.zeros(n, np.int64)
    given = _native(timestamps, "timestamps")
    if isinstance(given, nw.Series):
        given = _dated(given) if isinstance(given.dtype, nw.Date | nw.Datetime) else given.to_numpy()
    try:
        found = np.asarray(given)
    except ValueError as error:
        raise InputError(f"timestamps: must be one column of times ({error})") from error
    if found.shape != (n,):
        raise InputError(f"timestamps: must have the shape ({n},) of the values' rows, got {found.shape}")
    if found.dtype.kind == "O":
        _refuse_nulls(any(_is_null(time) for time in found.tolist()))
        return np.array([moment(time, "timestamps") for time in found.tolist()], np.int64)
    if found.dtype.kind == "M":
        return _microseconds_of(found)
    if found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise InputError(f"timestamps: must be seconds as integers or finite numbers, or datetimes, got {found.dtype}")
    if n and (found.max() > LATEST_SECONDS or found.min() < EARLIEST_SECONDS):
        raise InputError("timestamps: must be seconds; divide milliseconds by 1000, nanoseconds by 1e9")
    if found.dtype.kind == "f":
        return np.round(found.astype(np.float64) * MICROSECONDS).astype(np.int64)
    return found.astype(np.int64) * MICROSECONDS


def moment(timestamp: float | datetime | None, what: str = "timestamp") -> int:
    """One time in microseconds since 1970; 0 for None. Raises InputError, which names `what`."""
    if timestamp is None:
        return 0
    try:
        if isinstance(timestamp, datetime):
            aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
            return round(aware.timestamp() * MICROSECONDS)
        if EARLIEST_SECONDS <= timestamp <= LATEST_SECONDS:  # microseconds have no room in the 32 bits of some of numpy's numbers
            return index(timestamp) * MICROSECONDS if isinstance(timestamp, _WHOLE) else round(float(timestamp) * MICROSECONDS)
    except (TypeError, ValueError, ArithmeticError):  # ValueError: NaT is a datetime; ArithmeticError: a Decimal that is no number
        pass
    raise InputError(f"{what}: must be seconds since 1970, a datetime or None, got {shown(timestamp)}")


def shown(given: object) -> str:
    """What an error quotes of what was given, cut where it gets long."""
    try:
        text = repr(given)
    except ValueError:  # Python writes out no integer of more than 4,300 digits
        return "an integer of thousands of digits"
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def _native(given: Any, what: str) -> Any:
    """A narwhals frame or series where it can be one, else what was given."""
    library = type(given).__module__.partition(".")[0]
    try:
        if library == "pandas" and type(given).__name__ not in ("DataFrame", "Series"):  # an index, an extension array
            given = import_module("pandas").Series(given)
        elif library == "pyarrow" and type(given).__name__ not in ("Table", "ChunkedArray"):
            arrow = import_module("pyarrow")
            given = arrow.Table.from_batches([given]) if isinstance(given, arrow.RecordBatch) else arrow.chunked_array([given])
        return nw.from_native(given, allow_series=True, pass_through=True)
    except (NarwhalsError, TypeError) as error:  # TypeError: one number of Arrow is no array
        raise InputError(f"{what}: {error}") from error


def _column(series: "nw.Series[Any]", name: str) -> NDArray[np.float64]:
    dtype = series.dtype
    if not (dtype.is_numeric() or isinstance(dtype, nw.Boolean)):
        fix = "pass it as timestamps" if isinstance(dtype, nw.Date | nw.Datetime) else "leave it out, or turn it into numbers"
        raise InputError(f'values: the column "{name}" must hold numbers, got {dtype}; {fix}')
    if not dtype.is_float():
        series = series.cast(nw.Float64)
    return _floats(series.to_numpy(), f'values: the column "{name}"')


def _one(column: Any, name: str) -> NDArray[np.float64]:
    read = numbers(column).data
    if read.shape[1] != 1:
        raise InputError(f'values: the column "{name}" must have the shape (n,), got {read.shape}')
    return read[:, 0]


def _side_by_side(columns: list[tuple[str, NDArray[np.float64]]]) -> Columns:
    if not columns:
        raise InputError("values: must have at least one column, got none")
    lengths = {name: len(column) for name, column in columns}
    if len(lengths) < len(columns):  # 1 and "1"
        raise InputError(f"values: two columns have the same name as texts; rename one, got {', '.join(name for name, _ in columns)}")
    if len(set(lengths.values())) > 1:
        raise InputError(f"values: columns must be equally long, got {lengths}")
    read = [column for _, column in columns]
    return Columns(read[0].reshape(-1, 1) if len(read) == 1 else np.column_stack(read), tuple(lengths))


def _floats(values: ArrayLike, what: str) -> NDArray[np.float64]:
    """As they lie where numbers lie in a row, else in a row: any other layout would be one more type, and compiled once more."""
    try:
        if isinstance(values, np.ma.MaskedArray):
            values = np.ma.filled(values.astype(np.float64), np.nan)
        if getattr(values, "dtype", np.dtype(float)).kind in "mM":
            raise TypeError("got times; pass them as timestamps")
        return np.require(values, np.float64, ("C", "ALIGNED", "ENSUREARRAY"))
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{what}: must be numbers ({error})" if what == "values" else f"{what} must hold numbers ({error})") from error


def _numbered(features: int) -> tuple[str, ...]:
    return (NAME,) if features == 1 else tuple(f"{NAME}[{feature}]" for feature in range(features))


def _dated(series: "nw.Series[Any]") -> NDArray[Any]:
    _refuse_nulls(series.null_count() > 0)
    return series.cast(nw.Datetime("us", getattr(series.dtype, "time_zone", None))).dt.timestamp("us").to_numpy().view("datetime64[us]")


def _refuse_nulls(there_are: bool) -> None:
    if there_are:
        raise InputError("timestamps: must not be null; leave those rows out")


def _is_null(time: object) -> bool:
    try:
        return time is None or bool(time != time)  # noqa: PLR0124  # NaT and NaN are not themselves
    except TypeError:  # pandas.NA does not know whether it is
        return True


def _microseconds_of(times: NDArray[Any]) -> NDArray[np.int64]:
    years = times.astype("datetime64[Y]").astype(np.int64)  # NaT becomes the smallest integer; microseconds may have overflowed
    if len(years) and (years.max() > LATEST_YEAR or years.min() < EARLIEST_YEAR):
        raise InputError("timestamps: must not be NaT, nor lie beyond the years 1 to 3938")
    return times.astype("datetime64[us]").astype(np.int64)
