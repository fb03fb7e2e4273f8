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
_OBJECT_BYTES = 100  # what a name or a member of a key costs beside its text

Key = tuple[object, ...]


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
        self.get: Callable[[Key], Layout | None] = self._known.get

    def learn(self, key: Key, point: object, fields: Iterable[str], message: Message) -> Layout | None:
        """The layout of a point with these fields, kept under `key`; None where a name cannot be used."""
        segments = self._template.render(point, point, message, self._max_series_bytes)
        if isinstance(segments, Fault):
            return None
        names = [field.join(segments) for field in fields]
        if check_names(names, self._max_series_bytes):  # type: ignore[arg-type]  # no name is a Fault here
            return None
        self._bytes += sum(_OBJECT_BYTES + len(name) for name in names) + sum(_OBJECT_BYTES + len(str(part)) for part in key)
        if self._bytes > MOST_BYTES:
            self._known.clear()
            self._bytes = 0
        layout = self._known[key] = Layout(names)
        return layout
