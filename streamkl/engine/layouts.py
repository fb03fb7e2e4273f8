"""What senders repeat: the names of one metric's points, kept under the bytes that decide them, so that each is built once."""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from streamkl.engine.faults import Fault
from streamkl.engine.naming import Template, check_names
from streamkl.model import Message

MOST_BYTES: Final = 64_000_000  # of all layouts kept, roughly; some 400,000 names
NO_SEATS: Final = np.empty(0, np.int64)
WORTH: Final = 4  # names a layout from which on it is quicker than its names
MOST_MET: Final = 50_000  # orders of names that have come once
_OBJECT_BYTES = 100  # what a name or a member of a key costs beside its text

Key = tuple[object, ...]

_joined = "\0".join  # no usable name holds that sign: so many names with so many of them between are these names alone


class Layout:
    """The names of points that follow one another, all of them usable. `seats` are the seats that a router gave them, with its `token`:
    they are those of any router that has this token now, and of no other."""

    __slots__ = ("names", "seats", "token")

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.token: object = None
        self.seats: npt.NDArray[np.int64] = NO_SEATS


class Layouts:
    """Layouts by key. They are forgotten, all at once, when they take more than `MOST_BYTES`; what is decoded never depends on that."""

    def __init__(self, template: Template, max_series_bytes: int) -> None:
        self._template = template
        self._max_series_bytes = max_series_bytes
        self._known: dict[Key, Layout] = {}
        self._bytes = 0
        self._met: set[int] = set()
        self.get: Callable[[Key], Layout | None] = self._known.get

    def learn(self, key: Key, point: object, fields: Iterable[str], message: Message) -> Layout | None:
        """The layout of a point with these fields, kept under `key`; None where a name cannot be used."""
        segments = self._template.render(point, point, message, self._max_series_bytes)
        if isinstance(segments, Fault):
            return None
        return self._keep(key, [field.join(segments) for field in fields])

    def of(self, names: list[str]) -> Layout | None:
        """The layout of names that stand in a record as they are; None where they have not come in this order before, or cannot be used.

        What comes once is not kept, so that names in ever new orders cost little more than they do without layouts.
        """
        key = (len(names), _joined(names))
        return self._known.get(key) or self._meet(key, names)

    def _meet(self, key: Key, names: list[str]) -> Layout | None:
        mark = hash(key)
        if mark in self._met:
            return self._keep(key, names)
        if len(self._met) >= MOST_MET:
            self._met.clear()
        self._met.add(mark)
        return None

    def _keep(self, key: Key, names: list[str]) -> Layout | None:
        if check_names(names, self._max_series_bytes):  # type: ignore[arg-type]  # no name is a Fault here
            return None
        self._bytes += sum(_OBJECT_BYTES + len(name) for name in names) + sum(_OBJECT_BYTES + len(str(part)) for part in key)
        if self._bytes > MOST_BYTES:
            self._known.clear()
            self._bytes = 0
        layout = self._known[key] = Layout(names)
        return layout
