"""The figures of a running service: totals that outlive engines, and rates between two looks. No clock of its own."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streamkl.engine.engine import EngineStats
from streamkl.model import Partition
from streamkl.ports import Status

TOTALS = ("messages", "points", "judged", "late", "silenced", "replayed", "shed", "evicted", "unlettered", "untold")


@dataclass(slots=True)
class Tally:
    """What happened since the process began, whoever did it. Engines come and go; a total never falls."""

    gone: Counter[str] = field(default_factory=Counter)  # totals of engines that were let go
    gone_rejected: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    fenced: int = 0
    sink_failures: int = 0

    def retire(self, stats: EngineStats) -> None:
        """An engine is let go; its totals stay."""
        self.gone.update({name: getattr(stats, name) for name in TOTALS})
        self.gone_rejected.update(stats.rejected)


@dataclass(slots=True)
class _Look:
    at: float
    records: int
    points: int
    learned: int
    wanted: int


class Figures:
    """Turns a tally and the engines' figures into a `Status`, with rates since the look before."""

    def __init__(self, now: float) -> None:
        self._before = _Look(now, 0, 0, 0, 0)

    def look(self, now: float, tally: Tally, engines: Iterable[EngineStats], lag: Mapping[Partition, int], restoring: int) -> Status:
        """The status at `now` (monotonic seconds, later than the look before). O(engines)."""
        held = list(engines)
        totals = {name: tally.gone[name] + sum(getattr(stats, name) for stats in held) for name in TOTALS}
        rejected = Counter(tally.gone_rejected)
        for stats in held:
            rejected.update(stats.rejected)
        learned, wanted = max(
            ((stats.learned_points, stats.wanted_points) for stats in held if stats.learning),
            key=lambda progress: progress[1] - progress[0],
            default=(0, 0),
        )
        before, self._before = self._before, _Look(now, totals["messages"], totals["points"], learned, wanted)
        seconds = max(now - before.at, 1e-9)
        gained = learned - before.learned if wanted == before.wanted else 0
        newest = [stats.newest_us for stats in held if stats.newest_us is not None]
        return Status(
            records=totals["messages"],
            points=totals["points"],
            judged=totals["judged"],
            late=totals["late"],
            silenced=totals["silenced"],
            replayed=totals["replayed"],
            shed=totals["shed"],
            evicted=totals["evicted"],
            unlettered=totals["unlettered"],
            untold=totals["untold"],
            rejected=dict(sorted(rejected.items())),
            events=dict(sorted(tally.events.items())),
            fenced=tally.fenced,
            sink_failures=tally.sink_failures,
            records_per_second=(totals["messages"] - before.records) / seconds,
            points_per_second=(totals["points"] - before.points) / seconds,
            partitions=len(held) + restoring,
            restoring=restoring,
            lag=dict(lag),
            series=sum(stats.series for stats in held),
            learning=sum(stats.learning for stats in held),
            open_episodes=sum(stats.open_episodes for stats in held),
            absent=sum(stats.absent for stats in held),
            learned_points=learned,
            wanted_points=wanted,
            ready_seconds=(wanted - learned) * seconds / gained if gained > 0 else None,
            newest_us=max(newest, default=None),
        )
