"""Files in, outputs of the engine out, and the totals; nothing here prints or writes."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streamkl.adapters.files import Batch, LineFile, Lines, read_batches
from streamkl.engine.engine import Engine, Output
from streamkl.engine.mapping import InputMapping
from streamkl.engine.plan import Plan
from streamkl.errors import InputError
from streamkl.model import Partition

# Hears of the file and of the number of points, after each batch.
Watch = Callable[[LineFile, int], None]
_LONGEST_NAME = 200
_TOTALS = ("points", "judged", "late", "silenced", "shed", "evicted", "unlettered", "untold", "series", "learning", "open_episodes")


@dataclass(slots=True)
class Summary:
    """Totals of a replay. `opened` counts episodes, `open_episodes` those open at the end."""

    files: int = 0
    lines: int = 0
    points: int = 0
    judged: int = 0
    late: int = 0
    silenced: int = 0
    shed: int = 0
    evicted: int = 0
    unlettered: int = 0
    untold: int = 0
    series: int = 0
    learning: int = 0
    opened: int = 0
    open_episodes: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def add(self, engine: Engine) -> None:
        """An engine has seen all it will."""
        stats = engine.stats()
        for name in _TOTALS:
            setattr(self, name, getattr(self, name) + getattr(stats, name))
        self.rejected.update(stats.rejected)


def check_files(paths: Sequence[str]) -> None:
    """Open all files once. InputError for one that cannot be, or for standard input named twice."""
    if paths.count("-") > 1:
        raise InputError("-: standard input can be read only once")
    for path in paths:
        with LineFile(path):
            pass


def judge_files(
    paths: Sequence[str],
    plan: Plan,
    mapping: InputMapping,
    on_output: Callable[[Output], None],
    on_batch: Watch = lambda _file, _points: None,
    *,
    joined: bool = False,
) -> Summary:
    """Judge files one after the other, each as a partition of its own, or all as one (`joined`: lines are then counted through).

    `on_output` hears of each batch with a result, `on_batch` of the file and the number of points after each batch. InputError for a file
    that cannot be opened (`check_files` tells beforehand), or that names no usable columns; SourceError where reading fails.
    """
    summary = Summary(files=len(paths))
    shared = Engine(Partition(",".join(dict.fromkeys(paths))[:_LONGEST_NAME], 0), plan) if joined else None
    for path in paths:
        with LineFile(path) as file:
            engine = shared or Engine(Partition(file.name, 0), plan)
            first = 1 + (summary.lines if joined else 0)
            for batch in read_batches(file, mapping, engine.partition.topic, first):
                output = _feed(engine, batch)
                summary.opened += sum(event.type == "opened" for event in output.events)
                if output.events or output.rejected:
                    on_output(output)
                on_batch(file, _size(batch))
            summary.lines += file.lines
            if shared is None:
                summary.add(engine)
    if shared is not None:
        summary.add(shared)
    return summary


def _feed(engine: Engine, batch: Batch) -> Output:
    if isinstance(batch, Lines):
        return engine.receive(batch.messages)
    return engine.receive_points(batch.points, batch.messages, batch.rejected) if batch.messages else Output()


def _size(batch: Batch) -> int:
    return len(batch.messages) if isinstance(batch, Lines) else len(batch.points)
