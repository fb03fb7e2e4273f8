"""The machine's monotonic clock."""

import time


class MonotonicClock:
    """Seconds that never fall, whatever happens to the time of day."""

    def now(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
