"""Whether a configuration can run: what its models cannot see, because it lies on the disk or follows from the arithmetic."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from streamkl.adapters.files import is_line_protocol
from streamkl.assembly.silences import calendar_of
from streamkl.config import Config, DetectorConfig, SilenceConfig, load
from streamkl.config.section import Mistake
from streamkl.core.run_length import classes, keys, longest_run
from streamkl.errors import ConfigError, InputError
from streamkl.library.settings import settings_of
from streamkl.units import Budget, format_duration, format_instant


def load_checked(path: Path | None, files: Sequence[str] = ()) -> Config:
    """The configuration in a file (None: the defaults), or ConfigError with every mistake in it. Contacts nobody.

    `files` are to be read with it: where it does not say what records are, names that end in `.influx` or `.lp` do.
    """
    lines = files and all(map(is_line_protocol, files))
    return load(path, _examine, {"input": {"format": "influx"}} if lines else None)


def check_config(path: Path) -> list[str]:
    """Every mistake in a configuration file, each a line that names the option, its value and the fix; empty if it can run."""
    try:
        load_checked(path)
    except ConfigError as error:
        return error.problems
    return []


def summary(config: Config) -> str:
    """What would run, in a few lines."""
    kafka = config.kafka
    read = f"topics that match {kafka.topic_pattern}" if kafka.topic_pattern else ", ".join(kafka.topics)
    lines = [
        f"reads    {read} on {', '.join(kafka.bootstrap_servers)} as group {kafka.group_id}, format {config.input.format}",
        f"writes   episodes to {kafka.events_topic}, rejected records to {kafka.dead_letter_topic}, {kafka.delivery.replace('_', ' ')}",
        *(f"judges   {monitor.match} ({monitor.name}): {_judged(monitor.detector, monitor.kind)}" for monitor in config.monitors),
        f"judges   {'everything else' if config.monitors else 'every series'}: {_judged(config.detector, 'auto')}",
        *_divided(config),
        *(f"silences {silence.match} ({silence.name}): {_when(silence)}" for silence in config.silences),
        f"keeps    {_kept(config)}"
        f" for up to {config.state.max_series} series per partition, {format_duration(config.state.evict_after)} after their last point",
        f"serves   {f'http://{config.http.host}:{config.http.port}/metrics' if config.http.port else 'no HTTP'}",
    ]
    return "\n".join(lines)


def _kept(config: Config) -> str:
    return {"none": "nothing", "file": str(config.state.directory), "topic": f"topic {config.state.topic}"}[config.state.backend]


def _divided(config: Config) -> Iterator[str]:
    if config.shares_a_budget:
        fleet = config.fleet
        where = "the one partition" if fleet.partitions == 1 else f"each of {fleet.partitions} partitions"
        yield f"divides  what is allowed in all among {f'{fleet.series} series' if fleet.series else f'the series that {where} has'}"


def _examine(config: Config) -> Iterator[Mistake]:
    yield from _missing_files(config)
    yield from _unusable_calendars(config)
    yield from _unreachable_budgets(config)


def _judged(detector: DetectorConfig, kind: str) -> str:
    if kind == "ignore":
        return "ignored"
    windows, reference = ", ".join(map(str, detector.windows)), detector.reference
    kind = "" if kind == "auto" else f"{kind}, "
    return f"{kind}{windows} against {reference.size} points ({reference.kind}), {detector.false_alarms}"


def _when(silence: SilenceConfig) -> str:
    clocks = f" ({silence.timezone})"
    if silence.ics is not None:
        return f"the events of {silence.ics}{clocks}"
    if silence.cron:
        return f"{silence.cron}{clocks} for {format_duration(silence.duration)}"
    return " to ".join(map(format_instant, silence.stretch()))


def _detectors(config: Config) -> Iterator[tuple[str, DetectorConfig]]:
    yield "detector", config.detector
    for index, monitor in enumerate(config.monitors):
        # What a monitor inherits is reported where it was written.
        if monitor.kind != "ignore" and monitor.detector != config.detector:
            yield f"monitors.{index}.detector", monitor.detector


def _missing_files(config: Config) -> Iterator[Mistake]:
    paths = {f"kafka.{option}": getattr(config.kafka, option) for option in ("ssl_cafile", "ssl_certfile", "ssl_keyfile")}
    paths |= {f"{where}.reference.path": detector.reference.path for where, detector in _detectors(config)}
    for option, path in paths.items():
        if path is not None and not path.is_file():
            yield Mistake((option,), f"no such file; relative paths start at the working directory, {Path.cwd()}")


def _unusable_calendars(config: Config) -> Iterator[Mistake]:
    for index, silence in enumerate(config.silences):
        try:
            calendar_of(silence)
        except InputError as error:
            yield Mistake((f"silences.{index}.ics",), f"{error}; relative paths start at the working directory, {Path.cwd()}")


def _unreachable_budgets(config: Config) -> Iterator[Mistake]:
    for where, detector in _detectors(config):
        longest, window = _longest_run(detector)
        for option in ("false_alarms", "false_alarms_without_clock"):
            budget = getattr(detector, option)
            if budget.points is None or budget.run_length_points() <= longest:
                continue
            fix = (
                f'the smallest budget it can keep is "{Budget(1, float(int(longest)), None).plain}"' if longest >= 2 else "it can keep none"
            )
            text = f"cannot be kept by a window of {window} against {detector.reference.size} points; {fix}; or try a longer window"
            yield Mistake((f"{where}.{option}", f"{where}.windows", f"{where}.reference.size"), text)


def _longest_run(detector: DetectorConfig) -> tuple[float, str]:
    """Points between false alarms that every window can promise with its equal part of the budget, and the window that limits it."""
    settings = settings_of(detector)
    lengths = keys(settings, len(classes(settings)) - 1)
    run, window = min((min(map(longest_run, each)), window.name) for each, window in zip(lengths, settings.windows, strict=True))
    return run / (len(settings.windows) + settings.drifting), window
