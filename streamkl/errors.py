"""Everything streamkl raises on purpose, sorted by who has to act."""


class StreamklError(Exception):
    """Base of all errors that streamkl raises on purpose."""


class ConfigError(StreamklError):
    """The operator has to change the configuration.

    `problems` lists every mistake found, each a line naming the field, the value and the fix.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class InputError(StreamklError):
    """The caller handed over values that cannot be judged (wrong shape, type or range)."""


class SnapshotError(StreamklError):
    """A stored state cannot be restored: damaged, of another version, or of another configuration."""


class SourceError(StreamklError):
    """The place records come from refuses us: unreachable, unknown topic, no permission, lost offsets.

    `transient`: nobody has to act, the same call may succeed later (a broker that restarts).
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class SinkError(StreamklError):
    """The place events go to refuses us; nothing after the last commit has been acknowledged.

    `transient`: nobody has to act, the same commit may succeed later (a broker that restarts).
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


class FencedError(StreamklError):
    """Another member owns our partitions now; what was in flight is dropped and will be replayed there."""


class BrokerError(StreamklError):
    """The broker that streamkl brings itself cannot be fetched, started or reached."""


class DemoError(StreamklError):
    """The demo cannot go on: one of its programs did not start, or ended by itself."""
