"""Points as columns: what the codec hands to the engine, one entry per point in record order."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from streamkl.engine.layouts import Layout


@dataclass(slots=True)
class Points:
    """Accepted points in record order; points of one record stay in document order.

    All columns have the same length. A series name is 1..`max_series_bytes` bytes of UTF-8 without control characters.
    """

    series: list[str] = field(default_factory=list)
    timestamp_us: npt.NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))  # microseconds since 1970, UTC
    value: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty(0, np.float64))  # finite; NaN exactly where `text` has an entry
    text: dict[int, str] = field(default_factory=dict)  # point index -> value that is not a number (a category)
    message: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))  # index of its message, never decreasing
    layouts: list[Layout] = field(default_factory=list)  # whose names, one after the other, are `series`; or none

    def __len__(self) -> int:
        """How many points. O(1)."""
        return len(self.series)
