"""Values in nested tables and lists by their path; nothing here knows an option."""

import copy
from collections.abc import Mapping
from typing import Any

Path = tuple[str | int, ...]
MISSING = object()


def dotted(path: Path) -> str:
    """How a path is shown.

    >>> dotted(("monitors", 0, "name"))
    'monitors[0].name'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def find(data: Any, path: Path) -> Any:
    """What stands there, or MISSING."""
    for part in path:
        in_table = isinstance(data, Mapping) and part in data
        in_list = isinstance(data, (list, tuple)) and isinstance(part, int) and part < len(data)
        if not (in_table or in_list):
            return MISSING
        data = data[part]
    return data


def remove(data: Any, path: Path) -> bool:
    """Takes away what stands there (a list as a whole, for its other items keep their numbers); False where nothing stood."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    if not path or find(data, path) is MISSING:
        return False
    del find(data, path[:-1])[path[-1]]
    return True


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of `base` in which `over` wins, table by table."""
    merged = copy.deepcopy(dict(base))
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else copy.deepcopy(value)
    return merged
