"""A clock moved by hand, and statuses of the loop as a test wants them."""

from streamkl.model import Partition
from streamkl.ports import Status


class HandClock:
    """A clock moved by hand and by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.slept.append(seconds)


def a_status(**changed: object) -> Status:
    """Two partitions at work; everything not named is zero."""
    figures: dict[str, object] = dict.fromkeys(Status.__dataclass_fields__, 0)
    figures |= {
        "rejected": {},
        "events": {},
        "partitions": 2,
        "lag": {Partition("metrics", 0): 0},
        "newest_us": None,
        "ready_seconds": None,
    }
    return Status(**(figures | changed))  # type: ignore[arg-type]
