"""What a file gives: undecoded messages of JSON lines, or the columns of a CSV file, which need no decoding."""

from dataclasses import dataclass

from streamkl.engine.points import Points
from streamkl.model import Message, Rejected


@dataclass(frozen=True, slots=True)
class Lines:
    """JSON lines as messages: the offset is the number of the line, the topic is the file's name."""

    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Columns:
    """The points of CSV lines; `points.message` counts `messages`, the lines as they came. The rejected gave no point, or not all."""

    points: Points
    messages: list[Message]
    rejected: list[Rejected]


Batch = Lines | Columns
