"""From settings to the numbers and tables that compiled code reads."""

import numpy as np

from streamkl.core.arena import Rules
from streamkl.core.layout import ring_length
from streamkl.core.past import LOG_COUNTS
from streamkl.core.run_length import RUN_LENGTHS, classes, length_nodes
from streamkl.core.settings import Settings


def make_rules(settings: Settings) -> Rules:
    """The settings in the form that compiled code reads; thresholds are NaN until a series needs them."""
    ref, episodes, gates = settings.reference, settings.episodes, settings.gates
    nodes = length_nodes(settings)
    widest = max(map(len, nodes))
    longest = ring_length(settings) + 1
    steps = np.arange(1, longest + 1, dtype=np.float64)
    return Rules(
        window_points=np.array([w.points for w in settings.windows], np.int32),
        window_span=np.array([w.span_us for w in settings.windows], np.int64),
        xlogx=np.r_[0.0, steps * np.log(steps)],
        log_halves=np.r_[0.0, np.log(np.arange(1, 2 * ref.size + 3) / 2.0)],
        log_counts=LOG_COUNTS,
        log_growth=float(np.log(2.0) / ref.half_life),
        grace=settings.grace_us,
        kind=int(ref.kind),
        size=ref.size,
        gap=ref.gap,
        slots=ref.slots,
        period=ref.period_us,
        phase=ref.phase_us,
        shrinkage=ref.shrinkage,
        lagged=ref.lagged,
        nodes=np.array([len(n) for n in nodes], np.int32),
        node_log_points=np.array([np.log(n + [1] * (widest - len(n))) for n in nodes]),
        log_runs=np.log(RUN_LENGTHS),
        drift_limits=np.full((len(classes(settings)), len(RUN_LENGTHS)), np.nan),
        pointwise=settings.pointwise,
        voice=settings.voice if settings.pointwise else -1,
        point_limits=np.full(len(RUN_LENGTHS), np.nan),
        limits=np.full((len(classes(settings)), len(nodes), widest, len(RUN_LENGTHS)), np.nan),
        min_points=episodes.min_points,
        close_below=episodes.close_below,
        close_after=episodes.close_after,
        cooldown=episodes.cooldown,
        escalate=episodes.escalate_factor,
        returns=episodes.expect_returns,
        accept_after=episodes.accept_after,
        first_after=episodes.first_after,
        min_duration=episodes.min_duration_us,
        gated=settings.gated,
        min_effect=gates.min_effect,
        min_relative_effect=gates.min_relative_effect,
        direction=gates.direction,
    )
