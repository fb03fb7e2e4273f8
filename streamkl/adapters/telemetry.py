"""What the loop tells its observers, as Prometheus metrics and as answers to "alive?" and "ready?". It serves nothing itself.

No metric carries a series' name: names come from the input, and there may be hundreds of thousands.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamkl.model import MICROSECONDS, Reason
from streamkl.ports import Clock, Status

ALIVE_SECONDS = 300.0  # the client's max.poll.interval: a loop that has not turned for so long has lost its partitions anyway
READY_COMMITS = 5  # commit intervals without a commit after which we are no longer ready
EVENT_TYPES = ("opened", "updated", "closed", "warning")
COMMIT_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_COUNTERS = (  # field of Status, name without _total, help
    ("records", "streamkl_records", "Records read, those read again after a failure included."),
    ("points", "streamkl_points", "Points decoded from records."),
    ("judged", "streamkl_points_judged", "Points that were given a verdict."),
    ("late", "streamkl_points_late", "Points dropped as older than the grace period."),
    ("silenced", "streamkl_points_silenced", "Points passed over because a silence covers them."),
    ("shed", "streamkl_points_shed", "Points dropped because their series would have been one too many."),
    ("unlettered", "streamkl_dead_letters_held_back", "Rejected records that limits.dead_letter_share kept from the dead letters."),
    ("untold", "streamkl_episodes_held_back", "Episodes that limits.episodes_per_hour kept from being told of."),
    ("replayed", "streamkl_records_replayed", "Records dropped because the state already held them."),
    ("evicted", "streamkl_series_evicted", "Series forgotten after silence."),
    ("fenced", "streamkl_commits_fenced", "Commits refused because the partitions had moved to another member."),
    ("sink_failures", "streamkl_commits_failed", "Commits that failed, were dropped and repeated."),
)
_GAUGES = (
    ("partitions", "streamkl_partitions", "Partitions that are ours."),
    ("restoring", "streamkl_partitions_restoring", "Partitions among them whose state is not back yet."),
    ("series", "streamkl_series", "Series known."),
    ("learning", "streamkl_series_learning", "Series without a reference yet."),
    ("learned_points", "streamkl_learning_points", "Points learned by the series that has furthest to go; 0 when none learns."),
    ("wanted_points", "streamkl_learning_points_wanted", "Points that this series has to learn."),
    ("open_episodes", "streamkl_open_episodes", "Episodes that are open, of any kind."),
    ("absent", "streamkl_series_without_data", "Series with an open episode of kind no_data."),
)


class Telemetry(Collector):
    """An `Observer` that keeps the last status and the time of the last commit.

    Written by the loop's thread, read by the server's: what they share is replaced as a whole, never changed.
    """

    def __init__(self, clock: Clock, commit_seconds: float) -> None:
        self._clock = clock
        self._ready_within = READY_COMMITS * max(commit_seconds, 1.0)
        self._status: Status | None = None
        self._turned_at = clock.now()
        self._committed_at: float | None = None
        self._registry = CollectorRegistry()
        self._commits = Histogram(
            "streamkl_commit_seconds", "Time until a commit was durable.", buckets=COMMIT_BUCKETS, registry=self._registry
        )
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def observe(self, status: Status) -> None:
        """The loop has turned."""
        self._status = status
        self.turned()

    def turned(self) -> None:
        """We are alive, though there may be nothing to tell."""
        self._turned_at = self._clock.now()

    def committed(self, seconds: float) -> None:
        """Everything up to now is durable."""
        self._committed_at = self._clock.now()
        self._commits.observe(seconds)

    def metrics(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def not_alive(self) -> str | None:
        """Why a supervisor should restart us, or None."""
        still = self._clock.now() - self._turned_at
        return f"the loop has not turned for {still:.0f} s" if still > ALIVE_SECONDS else None

    def not_ready(self) -> str | None:
        """Why we do not do our work at the moment, or None: partitions are ours, and results became durable lately."""
        if self._status is None or self._status.partitions == 0:
            return "no partitions are assigned"
        if self._status.restoring:
            return f"{self._status.restoring} of {self._status.partitions} partitions are not restored yet"
        if self._committed_at is None:
            return "nothing is committed yet"
        still = self._clock.now() - self._committed_at
        return f"the last commit was {still:.0f} s ago" if still > self._ready_within else None

    def collect(self) -> Iterator[Metric]:
        """The last status as metrics; only what is always known before the first one."""
        yield GaugeMetricFamily("streamkl_ready", "1 while /readyz says so.", value=float(self.not_ready() is None))
        status = self._status
        if status is None:
            return
        for name, metric, text in _COUNTERS:
            yield CounterMetricFamily(metric, text, value=getattr(status, name))
        for name, metric, text in _GAUGES:
            yield GaugeMetricFamily(metric, text, value=getattr(status, name))
        rejected = CounterMetricFamily("streamkl_rejected", "Records or points that could not be judged, by reason.", labels=["reason"])
        for reason in sorted({*Reason, *status.rejected}):
            rejected.add_metric([reason], status.rejected.get(reason, 0))
        yield rejected
        events = CounterMetricFamily("streamkl_events", "Events that became durable, by type.", labels=["type"])
        for kind in dict.fromkeys((*EVENT_TYPES, *status.events)):
            events.add_metric([kind], status.events.get(kind, 0))
        yield events
        lag = GaugeMetricFamily("streamkl_lag_records", "Records behind the newest.", labels=["topic", "partition"])
        for partition, records in sorted(status.lag.items()):
            lag.add_metric([partition.topic, str(partition.partition)], records)
        yield lag
        if status.newest_us is not None:
            text = "Event time of the newest point; time() minus it is its age."
            yield GaugeMetricFamily("streamkl_newest_point_timestamp_seconds", text, value=status.newest_us / MICROSECONDS)
