"""What a file gives: undecoded messages of JSON lines, or the columns of a CSV file, which need no decoding."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamkl.engine.points import Points
from streamkl.model import Message, Rejected


@dataclass(frozen=True, slots=True)
class Lines:
    """JSON lines as messages: the offset is the number of the line, the topic is the file's name."""

    messages: list[Message]


@dataclass(frozen=True, slots=True)
class Columns:
    """Points of a CSV file, and the lines that gave none or not all; `offsets` holds the line number for each `points.message`."""

    points: Points
    offsets: npt.NDArray[np.int64]
    rejected: list[Rejected]


Batch = Lines | Columns
