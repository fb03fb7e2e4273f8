"""Numbers that callers hand over, as finite arrays; what cannot be one is refused with the argument's name and the fix."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamkl.errors import InputError

Array = NDArray[np.float64]


def numbers(name: str, values: ArrayLike) -> Array:
    """A finite float array of any shape. Raises InputError, which calls it `name`."""
    try:
        raw = np.asarray(values)
        if raw.dtype.kind not in "biufO":
            raise TypeError(f"got {raw.dtype}")
        found = raw.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} must hold plain numbers in rows of equal length: {error}") from None
    refuse(name, found, np.isfinite, "finite", "drop or fill this value before comparing")
    return found


def refuse(name: str, found: Array, good: Callable[[Array], Any], wanted: str, fix: str) -> None:
    """InputError with the first number that is not good."""
    bad = np.argwhere(~good(found))
    if len(bad):
        place = "".join(f"[{i}]" for i in bad[0])
        raise InputError(f"{name} must be {wanted}, but {name}{place} is {found[tuple(bad[0])]}: {fix}")
