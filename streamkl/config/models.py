"""The whole configuration file: what an operator may choose, with bounds, units and defaults. Nothing here acts on a choice."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from streamkl.config.compare import CompareConfig
from streamkl.config.connection import KafkaConfig
from streamkl.config.detector import DetectorConfig, MonitorConfig
from streamkl.config.input import InputConfig
from streamkl.config.kinds import Duration, Host, Hosts, Real, Topic, Unit, Whole, duration
from streamkl.config.section import Mistake, Section
from streamkl.config.silence import SilenceConfig
from streamkl.units import format_duration

# The monitor that events name for series which no [[monitors]] takes.
DEFAULT_MONITOR = "default"


class StateConfig(Section):
    """What survives a restart, and how much is kept."""

    backend: Literal["file", "topic", "none"] = "file"
    """`file`: what was learned is kept in `directory`; `topic`: in `topic`, which needs exactly-once `kafka.delivery`; `none`: a restart
    learns again."""
    directory: Path = Path("state")
    """Where it is kept; relative to the working directory."""
    topic: Topic = "streamkl.state"
    """Compacted topic where it is kept; created where it is missing."""
    max_series: Annotated[Whole, Field(ge=1, le=10_000_000), Unit("series per partition")] = 100_000
    """New series beyond it are not judged; a warning event says so."""
    evict_after: Annotated[Duration, Field(ge=duration("1m"), le=duration("3650d"))] = duration("7d")
    """A series silent for so long is forgotten: by the times of those that go on, so a wrong clock or a pause of all forgets nobody."""


class FleetConfig(Section):
    """How a budget "in all" (`false_alarms = "5 per day in all"`) is divided: each series it holds for has an equal part."""

    series: Annotated[Whole, Field(ge=0, le=100_000_000), Unit("series")] = 0
    """How many there are, in all partitions together; 0: each partition counts its own, from the first point to `state.evict_after`."""
    partitions: Annotated[Whole, Field(ge=1, le=1_000_000), Unit("partitions")] = 1
    """How many partitions are read in all, by all processes; where series are counted, each partition has an equal part of the budget."""

    def mistakes(self) -> Iterator[Mistake]:
        """Both ways of dividing at once."""
        if self.series and self.partitions > 1:
            yield Mistake(("partitions", "series"), f"has no effect with series = {self.series}; remove it")


class LimitsConfig(Section):
    """What each partition may write at most; what is beyond is counted, with one warning event when it begins and one when it is over."""

    dead_letter_share: Annotated[Real, Field(ge=0.000_001, le=1)] = 1.0
    """Share of the records that may become dead letters in the long run; 1: all of them."""
    dead_letter_burst: Annotated[Whole, Field(ge=1, le=10_000_000), Unit("records")] = 10_000
    """So many may become dead letters at once."""
    episodes_per_hour: Annotated[Whole, Field(ge=0, le=10_000_000), Unit("episodes")] = 10_000
    """So many episodes may open in an hour of event time, and at once; others are judged, but not told of; 0: no limit."""


class HttpConfig(Section):
    """/metrics, /healthz and /readyz."""

    host: Host = "127.0.0.1"
    """Address to listen on; 0.0.0.0 lets other machines read them."""
    port: Annotated[Whole, Field(ge=0, le=65_535)] = 9_464
    """Port to listen on; 0 switches them off."""
    allowed_hosts: Hosts = ()
    """Names, beside localhost and `host`, by which others may ask for them, such as the name of a container."""


class Config(Section):
    """The whole configuration file."""

    kafka: KafkaConfig = KafkaConfig()
    input: InputConfig = InputConfig()
    detector: DetectorConfig = DetectorConfig()
    monitors: Annotated[tuple[MonitorConfig, ...], Field(max_length=1_000)] = ()
    silences: Annotated[tuple[SilenceConfig, ...], Field(max_length=1_000)] = ()
    fleet: FleetConfig = FleetConfig()
    state: StateConfig = StateConfig()
    limits: LimitsConfig = LimitsConfig()
    http: HttpConfig = HttpConfig()
    compare: CompareConfig = CompareConfig()

    @property
    def shares_a_budget(self) -> bool:
        """Whether any series are judged by a budget in all."""
        judged = [self.detector, *(monitor.detector for monitor in self.monitors if monitor.kind != "ignore")]
        return any(detector.false_alarms.in_all for detector in judged)

    @model_validator(mode="before")
    @classmethod
    def _monitors_inherit(cls, data: Any) -> Any:
        """A monitor's table [monitors.detector] says only what differs from [detector]."""
        if not isinstance(data, Mapping) or not isinstance(data.get("monitors"), (list, tuple)):
            return data
        return {**data, "monitors": [_inherit(monitor, data.get("detector")) for monitor in data["monitors"]]}

    def mistakes(self) -> Iterator[Mistake]:
        """Delivery and state that do not fit, a fleet without a budget, and monitors that hide one another."""
        yield from self._delivery_mistakes()
        if self.fleet != FleetConfig() and not self.shares_a_budget:
            option = "series" if self.fleet.series else "partitions"
            fix = 'has no effect, since no budget is shared; remove it, or choose for example false_alarms = "5 per day in all"'
            yield Mistake((f"fleet.{option}", "detector.false_alarms"), fix)
        taken: dict[str, int] = {}
        everything = None
        for index, monitor in enumerate(self.monitors):
            path = f"monitors.{index}"
            if monitor.name == DEFAULT_MONITOR:
                yield Mistake((f"{path}.name",), "is the name for series that no monitor takes; choose another")
            if monitor.name in taken:
                first = taken[monitor.name]
                yield Mistake((f"{path}.name", f"monitors.{first}.name"), f"is the name of monitors[{first}] too; choose another")
            if everything is not None:
                fix = f"is never reached: monitors[{everything}] takes every series; move it up"
                yield Mistake((f"{path}.match", f"monitors.{everything}.match"), fix)
            taken.setdefault(monitor.name, index)
            if everything is None and monitor.match == "*":
                everything = index
        yield from self._absences_never_told()

    def _absences_never_told(self) -> Iterator[Mistake]:
        detectors = {"detector": self.detector, **{f"monitors.{i}.detector": each.detector for i, each in enumerate(self.monitors)}}
        for where, detector in detectors.items():
            limit = detector.no_data_after
            if limit is None or limit.microseconds < self.state.evict_after:
                continue
            if where != "detector" and limit == self.detector.no_data_after:
                continue  # told where it was written
            forgotten = f'must be shorter than state.evict_after ("{format_duration(self.state.evict_after)}")'
            yield Mistake((f"{where}.no_data_after", "state.evict_after"), f'{forgotten}, when a series is forgotten; try "10 intervals"')

    def _delivery_mistakes(self) -> Iterator[Mistake]:
        exactly, in_topic = self.kafka.delivery == "exactly_once", self.state.backend == "topic"
        if exactly and not in_topic:
            fix = 'does not fit kafka.delivery = "exactly_once", which writes state and results together; try "topic"'
            yield Mistake(("state.backend", "kafka.delivery"), fix)
        if in_topic and not exactly:
            fix = 'needs kafka.delivery = "exactly_once"; set it, or try "file"'
            yield Mistake(("state.backend", "kafka.delivery"), fix)
        others = {"kafka.events_topic": (self.kafka.events_topic,), "kafka.dead_letter_topic": (self.kafka.dead_letter_topic,)}
        for option, names in ({"kafka.topics": self.kafka.topics} | others).items():
            if in_topic and self.state.topic in names:
                yield Mistake(("state.topic", option), f'is used as {option} too; try "streamkl.state"')


def _inherit(monitor: Any, base: Any) -> Any:
    if not isinstance(monitor, Mapping):
        return monitor
    if isinstance(base, DetectorConfig):
        base = base.model_dump()
    own = monitor.get("detector", {})
    if not isinstance(base, Mapping) or not isinstance(own, Mapping):
        return monitor
    merged = {**base, **own}
    for table in ("reference", "episodes", "gates"):
        ours, theirs = own.get(table), base.get(table)
        # Options of one kind of reference mean nothing to another, so a reference that names its kind stands alone.
        if isinstance(ours, Mapping) and isinstance(theirs, Mapping) and "kind" not in ours:
            merged[table] = {**theirs, **ours}
    return {**monitor, "detector": merged}
