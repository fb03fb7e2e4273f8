"""What an engine is built from: the codec, the monitors and their settings, and the limits on series. Frozen, shared by all partitions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamkl.core.run_length import Table, TableKey
from streamkl.core.settings import Settings
from streamkl.engine.codec import Codec
from streamkl.engine.fleet import Fleet
from streamkl.engine.limits import UNLIMITED, Limits
from streamkl.engine.silence import Silence
from streamkl.units import AbsenceLimit

Kind = Literal["auto", "numeric", "categorical", "ignore"]


@dataclass(frozen=True, slots=True)
class Normal:
    """What is normal for one series, given instead of learned: at least the reference's size of finite values, with their times (µs)."""

    values: NDArray[np.float64]
    times: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Monitor:
    """Which series are judged how: those whose name fits `match`, a shell-style pattern. `no_data_after` None: they may fall silent."""

    name: str
    match: str
    kind: Kind
    settings: Settings
    normal: Mapping[str, Normal]
    no_data_after: AbsenceLimit | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything an engine does not decide itself. The last monitor has to match every name.

    `table` gives a simulated threshold table (see `core.run_length`); `evict_after_us` is event time of silence; `max_series` holds for
    each engine; points of series that fit `heartbeat`, a shell-style pattern ("": none), only move the partition's clock.
    """

    config_hash: str
    codec: Codec
    monitors: tuple[Monitor, ...]
    table: Callable[[TableKey], Table]
    max_series: int
    evict_after_us: int
    fleet: Fleet
    silences: tuple[Silence, ...]
    heartbeat: str = ""
    limits: Limits = UNLIMITED
