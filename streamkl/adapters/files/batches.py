"""What a file gives: undecoded messages of JSON lines or line protocol, or the columns of a CSV file, which need no decoding."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import overload

from streamkl.engine.points import Points
from streamkl.model import Message, Rejected


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of JSON or line protocol as messages: the offset is the number of the line, the topic is the file's name."""

    messages: list[Message]


class LineMessages(Sequence[Message]):
    """Lines as messages that are made when somebody looks at one: points that are decoded already seldom need theirs."""

    def __init__(self, topic: str, numbers: Sequence[int], lines: Sequence[bytes]) -> None:
        self._topic = topic
        self._numbers = numbers
        self._lines = lines

    def __len__(self) -> int:
        """How many lines. O(1)."""
        return len(self._lines)

    def __iter__(self) -> Iterator[Message]:
        """All messages in order, none of them kept."""
        return map(Message, repeat(self._topic), repeat(0), self._numbers, repeat(-1), repeat(None), self._lines)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> "LineMessages": ...
    def __getitem__(self, index: int | slice) -> "Message | LineMessages":
        """One message, or the lines of a slice. O(1) for one."""
        if isinstance(index, slice):
            return LineMessages(self._topic, self._numbers[index], self._lines[index])
        return Message(self._topic, 0, self._numbers[index], -1, None, self._lines[index])


@dataclass(frozen=True, slots=True)
class Columns:
    """The points of CSV lines; `points.message` counts `messages`, the lines as they came. The rejected gave no point, or not all."""

    points: Points
    messages: LineMessages
    rejected: list[Rejected]


Batch = Lines | Columns
