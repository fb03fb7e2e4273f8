"""Bytes of a series under each detector of a configuration, by what they are for, and what other options would save."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from streamkl.config import DEFAULT_MONITOR, Config, DetectorConfig
from streamkl.core.layout import buffer_bytes, field_bytes, row_bytes
from streamkl.core.settings import Settings
from streamkl.core.surprise import WARM_POINTS
from streamkl.library.settings import settings_of

_PARTS = {
    "ring": ("code", "time", "time_step", "position_step"),
    "windows": ("counts", "counts_high", "mixture"),
    "reference": ("edges", "atoms", "halves", "units", "log_units", "prior", "ref_code", "ref_time"),
    "hours": ("hourly", "slot_count", "slot_share", "slot_points"),
    "tails": ("tail",),
    "pasts": ("past", "fresh", "calm"),
    "newest values": ("recent",),
    "single numbers": ("block",),
}


@dataclass(frozen=True, slots=True)
class Saving:
    """What a changed option would save, bytes a series after learning and while it learns; negative where it costs."""

    option: str
    learned_bytes: int
    learning_bytes: int


@dataclass(frozen=True, slots=True)
class Size:
    """A series of one monitor; `first_verdict_points` is the earliest point that can have one. `parts`: the largest first."""

    monitor: str
    kind: str
    learned_bytes: int
    buffer_bytes: int
    first_verdict_points: int
    parts: dict[str, int]
    savings: tuple[Saving, ...]


def sizes(config: Config) -> list[Size]:
    """Every detector's size of a series, numeric and categorical; O(monitors).

    >>> [(size.kind, size.buffer_bytes) for size in sizes(Config())]
    [('numeric', 12000), ('categorical', 12000)]
    """
    chosen = [(monitor.name, monitor.kind, monitor.detector) for monitor in config.monitors if monitor.kind != "ignore"]
    return [
        _size(name, detector, categorical)
        for name, kind, detector in (*chosen, (DEFAULT_MONITOR, "auto", config.detector))
        for categorical in (False, True)
        if kind in ("auto", "categorical" if categorical else "numeric")
    ]


def _size(name: str, detector: DetectorConfig, categorical: bool) -> Size:
    settings = replace(settings_of(detector), categorical=categorical)
    fields = field_bytes(settings)
    parts = {part: sum(fields[name] for name in names) for part, names in _PARTS.items()}
    return Size(
        monitor=name,
        kind="categorical" if categorical else "numeric",
        learned_bytes=row_bytes(settings),
        buffer_bytes=buffer_bytes(settings),
        first_verdict_points=(WARM_POINTS if settings.pointwise else settings.reference.size) + 1,
        parts=dict(sorted(((part, size) for part, size in parts.items() if size), key=lambda item: -item[1])),
        savings=tuple(_savings(detector, settings)),
    )


def _savings(detector: DetectorConfig, settings: Settings) -> Iterator[Saving]:
    for option, changed in _alternatives(detector):
        other = replace(settings_of(changed), categorical=settings.categorical)
        learned = row_bytes(settings) - row_bytes(other)
        learning = learned + buffer_bytes(settings) - buffer_bytes(other)
        if (learned or learning) and not list(changed.mistakes()):
            yield Saving(option, learned, learning)


def _alternatives(detector: DetectorConfig) -> Iterator[tuple[str, DetectorConfig]]:
    """Each with one option changed."""
    reference, settings = detector.reference, settings_of(detector)
    if len(detector.windows) > 1:
        longest = max(range(len(detector.windows)), key=lambda w: settings.windows[w].points or detector.max_window_points)
        rest = tuple(window for w, window in enumerate(detector.windows) if w != longest)
        yield f'windows without "{detector.windows[longest]}"', detector.model_copy(update={"windows": rest})
    if detector.bins >= 4:
        yield f"bins = {detector.bins // 2}", detector.model_copy(update={"bins": detector.bins // 2})
    if reference.kind not in ("fixed", "file"):
        fixed = type(reference)(kind="fixed", size=reference.size)
        yield 'reference.kind = "fixed"', detector.model_copy(update={"reference": fixed})
    if reference.size >= 100:
        halved = reference.model_copy(update={"size": reference.size // 2})
        yield f"reference.size = {halved.size}", detector.model_copy(update={"reference": halved})
    if detector.point_share:
        yield "point_share = 0", detector.model_copy(update={"point_share": 0.0})
