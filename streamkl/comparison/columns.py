"""What is compared, as columns: a feature's values are numbers, moments or categories, found by their type. Nothing here judges."""

import datetime
import numbers
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from streamkl.errors import InputError

Kind = Literal["numeric", "datetime", "categorical", "text"]
MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, or microseconds since 1970 (`moments`), one a row; nan where missing."""

    values: NDArray[np.float64]
    moments: bool = False

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int(np.isnan(self.values).sum())


@dataclass(frozen=True, slots=True)
class Labels:
    """Texts: each row's number in `levels`, -1 where missing."""

    codes: NDArray[np.int64]
    levels: Sequence[str]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int((self.codes < 0).sum())


Column = Numbers | Labels


@dataclass(frozen=True, slots=True)
class Table:
    """A sample. `read` gives one feature's values; it may be called once for each, and in any order. `rowwise`: the values of one row
    belong together."""

    origin: str
    names: Sequence[str]
    read: Callable[[str], Column]
    rowwise: bool = True


def table_of(sample: Any, origin: str) -> Table:
    """A DataFrame (pandas, polars, pyarrow, or what offers itself as an Arrow stream), a dict of arrays, or an array (rows, features).

    Nothing is copied that need not be: columns are converted when they are read. InputError for anything else.
    """
    if isinstance(sample, Mapping):
        return _columns(origin, [str(name) for name in sample], {str(name): values for name, values in sample.items()}.__getitem__)
    names = getattr(sample, "column_names", None)
    if names is None and hasattr(sample, "columns") and hasattr(sample, "__getitem__"):
        names = list(sample.columns)
    if names is not None and hasattr(sample, "__getitem__"):
        known = {str(name): name for name in names}
        if len(known) < len(names):
            raise InputError(f"{origin}: two columns have the same name; rename one")
        return _columns(origin, list(known), lambda name: sample[known[name]])
    if hasattr(sample, "__arrow_c_stream__"):
        return table_of(arrow("an Arrow stream").table(sample), origin)
    return _of_array(sample, origin)


def arrow(wanted: str) -> Any:
    """The package pyarrow; InputError with the command that installs it."""
    try:
        import pyarrow  # noqa: PLC0415  an optional dependency
    except ImportError:
        raise InputError(f"{wanted} needs the package pyarrow: pip install 'streamkl[compare]'") from None
    return pyarrow


def _of_array(sample: Any, origin: str) -> Table:
    try:
        array = np.asarray(sample)
    except ValueError:
        array = np.empty(())
    if array.ndim == 1 and len(array):
        return _columns(origin, ["value"], lambda _: array)
    if array.ndim != 2:
        wanted = "a DataFrame, a dict of arrays, an array of shape (rows, features), or the path of a file"
        raise InputError(f"{origin}: must be {wanted}, not {type(sample).__name__} of shape {array.shape}")
    return _columns(origin, [str(number) for number in range(array.shape[1])], lambda name: array[:, int(name)])


def _columns(origin: str, names: Sequence[str], column: Callable[[str], Any]) -> Table:
    def read(name: str) -> Column:
        try:
            return column_of(column(name))
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{origin}: feature {name!r} cannot be read: {error}") from None

    return Table(origin, names, read)


def column_of(values: Any) -> Column:
    """One feature's values: an array, a list, a pandas or polars Series, an Arrow array.

    >>> column_of(["a", None, "b", "a"]).codes.tolist(), column_of([1, None, 2.5]).values.tolist()
    ([0, -1, 1, 0], [1.0, nan, 2.5])
    """
    if hasattr(values, "combine_chunks") or hasattr(values, "dictionary_encode"):
        return _of_arrow(values)
    array = values.to_numpy() if hasattr(values, "to_numpy") else _array(values)
    if array.ndim != 1:
        raise ValueError(f"a feature has one value a row, not an array of shape {array.shape}")
    kind = array.dtype.kind
    if kind in "iuf":
        return Numbers(array.astype(np.float64, copy=False))
    if kind == "M":
        return _moments(array)
    if kind == "m":
        seconds = array.astype("timedelta64[us]").astype(np.float64) / MICROSECONDS
        return Numbers(np.where(np.isnat(array), np.nan, seconds))
    if kind == "b":
        return Labels(array.astype(np.int64), ("false", "true"))
    if kind in "OSUT":
        return _of_objects(array.tolist())
    raise TypeError(f"its values are {array.dtype}, neither numbers, times nor texts")


def _array(values: Any) -> NDArray[Any]:
    if isinstance(values, np.ndarray):
        return values
    listed = list(values)
    array = np.empty(len(listed), object)
    array[:] = listed
    return array


def _moments(array: NDArray[Any]) -> Numbers:
    microseconds = array.astype("datetime64[us]").astype(np.int64).astype(np.float64)
    return Numbers(np.where(np.isnat(array), np.nan, microseconds), moments=True)


def _of_arrow(values: Any) -> Column:
    pa = arrow("an Arrow array")
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    kind, types = values.type, pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_boolean(kind):
        values = (values.cast(pa.string()) if types.is_boolean(kind) else values).dictionary_encode()
    if types.is_dictionary(values.type):
        codes = values.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return _merged(codes, values.dictionary.to_pylist())
    if types.is_date(kind) or types.is_timestamp(kind):
        return _moments(values.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False))
    if types.is_nested(kind) or types.is_time(kind) or types.is_decimal(kind) or types.is_null(kind):
        return _of_objects(values.to_pylist())
    return column_of(values.to_numpy(zero_copy_only=False))


def _merged(codes: NDArray[np.int64], levels: Sequence[Any]) -> Labels:
    """Levels as texts, each once; None is no level."""
    place: dict[str, int] = {}
    moved = [-1 if _is_missing(each) else place.setdefault(_text(each), len(place)) for each in levels]
    return Labels(np.array([*moved, -1], np.int64)[codes], list(place))


def _of_objects(values: list[Any]) -> Column:
    held = {type(each) for each in values if not _is_missing(each)}
    if all(issubclass(each, numbers.Real) or each.__name__ == "Decimal" for each in held) and bool not in held:
        return Numbers(np.array([np.nan if _is_missing(each) else float(each) for each in values], np.float64))
    if held == {datetime.time}:
        return Numbers(np.array([np.nan if _is_missing(each) else _second_of_day(each) for each in values]))
    if all(issubclass(each, datetime.date) for each in held):
        return Numbers(np.array([np.nan if _is_missing(each) else _microseconds(each) for each in values]), moments=True)
    place: dict[str, int] = {}
    codes = [-1 if _is_missing(each) else place.setdefault(_text(each), len(place)) for each in values]
    return Labels(np.array(codes, np.int64), list(place))


def _is_missing(value: Any) -> bool:
    if value is None or isinstance(value, str):
        return value is None
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and isnan(value)


def _second_of_day(value: datetime.time) -> float:
    return value.hour * 3600 + value.minute * 60 + value.second + value.microsecond / MICROSECONDS


def _text(value: Any) -> str:
    """The same text for the same value, whatever kind of column holds it: bytes are UTF-8, as far as they can be."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value).lower() if isinstance(value, bool | np.bool_) else str(value)


def _microseconds(value: datetime.date) -> float:
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)  # noqa: DTZ001  made UTC below
    aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
    return float(round(aware.timestamp() * MICROSECONDS))


def numbers_in(column: Labels) -> Numbers:
    """Texts read as numbers; nan where one is none."""
    return Numbers(np.array([*_parsed(column.levels), np.nan])[column.codes])


def moments_in(column: Labels) -> Numbers:
    """Texts read as ISO 8601 moments; nan where one is none."""
    return Numbers(np.array([*_instants(column.levels), np.nan])[column.codes], moments=True)


def _parsed(levels: Iterable[str]) -> Iterator[float]:
    for level in levels:
        try:
            yield float(level)
        except ValueError:
            yield np.nan


def _instants(levels: Iterable[str]) -> Iterator[float]:
    for level in levels:
        try:
            yield _microseconds(datetime.datetime.fromisoformat(level))
        except ValueError:
            yield np.nan


def lengths_in(column: Labels) -> Numbers:
    """How many characters each text has."""
    return Numbers(np.array([*map(len, column.levels), np.nan], np.float64)[column.codes])


def as_labels(column: Column) -> Labels:
    """Numbers as the categories that they are written as: 404, not 404.0."""
    if isinstance(column, Labels):
        return column
    distinct, codes = np.unique(column.values, return_inverse=True)  # nan is the last, and once
    known = distinct[~np.isnan(distinct)]
    texts = [str(int(each)) if each == np.floor(each) and abs(each) < 1e15 else repr(float(each)) for each in known]
    return Labels(np.where(codes < len(known), codes, -1), texts)
