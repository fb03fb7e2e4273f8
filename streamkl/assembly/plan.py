"""From a configuration to the plan that engines are built from."""

import logging
from collections.abc import Mapping

from streamkl.adapters.files.normal import read_normal
from streamkl.adapters.tables import Tables
from streamkl.assembly.silences import silence_of
from streamkl.config import DEFAULT_MONITOR, Config, DetectorConfig, config_hash
from streamkl.core.run_length import TableKey
from streamkl.engine.codec import Codec
from streamkl.engine.engine import Engine
from streamkl.engine.fleet import Fleet
from streamkl.engine.limits import MILLION, Limits
from streamkl.engine.mapping import InputMapping
from streamkl.engine.plan import Monitor, Normal, Plan
from streamkl.library.settings import settings_of
from streamkl.model import Partition

log = logging.getLogger(__name__)


def build_plan(config: Config) -> Plan:
    """What every engine is built from. Reads reference files and calendars. A threshold table that nobody has simulated is made when it is
    needed.

    Raises InputError where a reference file or a calendar cannot be used.

    >>> [monitor.match for monitor in build_plan(Config()).monitors]
    ['*']
    """
    mapping = config.input.mapping()
    chosen = [(monitor.name, monitor.match, monitor.kind, monitor.detector) for monitor in config.monitors]
    monitors = [
        Monitor(name, match, kind, settings_of(detector), {} if kind == "ignore" else _normal(detector, mapping), detector.no_data_after)
        for name, match, kind, detector in (*chosen, (DEFAULT_MONITOR, "*", "auto", config.detector))
    ]
    return Plan(
        config_hash=config_hash(config),
        codec=Codec(mapping),
        monitors=tuple(monitors),
        table=Tables(on_simulation=_announce),
        max_series=config.state.max_series,
        evict_after_us=config.state.evict_after,
        fleet=Fleet(series=config.fleet.series, partitions=config.fleet.partitions),
        silences=tuple(silence_of(silence) for silence in config.silences),
        heartbeat=config.input.heartbeat,
        limits=Limits(
            dead_letter_share=round(config.limits.dead_letter_share * MILLION),
            dead_letter_burst=config.limits.dead_letter_burst,
            episodes_per_hour=config.limits.episodes_per_hour or None,
        ),
    )


def build_engine(plan: Plan, partition: Partition, state: bytes | None) -> Engine:
    """An engine for one partition. A partition that `fleet.partitions` does not know of is judged all the same, and complained of."""
    fleet = plan.fleet
    shared = any(monitor.kind != "ignore" and monitor.settings.budget.in_all for monitor in plan.monitors)
    if shared and not fleet.series and partition.partition >= fleet.partitions:
        log.warning(
            "fleet.partitions = %d, but %s has a partition %d: together the partitions may raise more than the budget in all; set it to the"
            " number of partitions of all topics",
            fleet.partitions,
            partition.topic,
            partition.partition,
        )
    return Engine(partition, plan, state)


def _normal(detector: DetectorConfig, mapping: InputMapping) -> Mapping[str, Normal]:
    reference = detector.reference
    if reference.kind != "file" or reference.path is None:
        return {}
    return read_normal(reference.path, mapping, reference.size)


def _announce(key: TableKey) -> None:
    sure = f", kept by {key.certainty:.0%} of references (up to half a minute)" if key.certainty else ""
    what = f"window of {key.window} points" if key.window else "slow shifts"
    log.info("simulating thresholds once: %s, %d bins, reference of %d%s", what, key.bins, key.reference, sure)
