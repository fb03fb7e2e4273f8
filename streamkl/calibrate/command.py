"""`streamkl calibrate`: history read, every series measured, settings suggested, and the result shown and written."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from streamkl.adapters.console.steps import Step, progress
from streamkl.assembly.plan import build_plan
from streamkl.calibrate import display, suggestion
from streamkl.calibrate.history import Histories, History
from streamkl.calibrate.measuring import add_up, measure
from streamkl.calibrate.reading import read_files, read_topic
from streamkl.calibrate.report import Advice, Report, SeriesReport
from streamkl.calibrate.writing import config_text, require_new, write_config
from streamkl.config import Config, DetectorConfig
from streamkl.engine.plan import Plan
from streamkl.errors import InputError
from streamkl.library.settings import settings_of


def calibrate(
    paths: Sequence[str],
    config: Config,
    *,
    topic: str | None = None,
    bootstrap: str | None = None,
    within: int = 100,
    write: Path | None = None,
    as_json: bool = False,
    top: int = 20,
    quiet: bool = False,
) -> Report:
    """Calibrate on files or on a topic; the report goes to standard output, progress to standard error, the suggestion to `write`.

    Raises InputError where there is nothing to read, or `write` exists; SourceError where the topic cannot be read.
    """
    _refuse(paths, topic, bootstrap, write)
    with progress(shown=not quiet) as step:
        plan = build_plan(config)

        def watch(done: int, total: int | None, points: int) -> None:
            step("reading", done, total, f"{points:,} points")

        mapping = config.input.mapping()
        histories = read_files(paths, plan, mapping, watch) if topic is None else read_topic(topic, bootstrap, plan, config, watch)
        report, suggested = _assess(histories, plan, config, within, step)
    if write is not None:
        write_config(write, _text(suggested, report, [topic] if topic else paths))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(report)).decode() + "\n")
    else:
        display.show(report, top)
    return report


def _refuse(paths: Sequence[str], topic: str | None, bootstrap: str | None, write: Path | None) -> None:
    if bool(paths) == (topic is not None):
        raise InputError("name files or --topic, and not both: streamkl calibrate metrics.csv, or streamkl calibrate --topic metrics")
    if bootstrap is not None and topic is None:
        raise InputError("--bootstrap has no effect without --topic; name the topic to read")
    if write is not None:
        require_new(write)


def _assess(histories: Histories, plan: Plan, config: Config, within: int, step: Step) -> tuple[Report, Config]:
    """The report, and the configuration with what is suggested."""
    known = histories.finish()
    if not known:
        raise InputError("there is not one point to calibrate on" + _why(histories))
    sharers = max(plan.fleet.series, len(known))
    done: dict[int, list[tuple[SeriesReport, History]]] = defaultdict(list)
    for number, history in enumerate(known):
        step("measuring", number, len(known), history.name)
        done[history.monitor].append((measure(history, plan, sharers, within), history))
    advice, suggested = [], config
    for monitor, pairs in sorted(done.items()):
        step("comparing", 0, None, plan.monitors[monitor].name)
        given = _advise(pairs, plan, _detector(config, monitor), sharers, within)
        if given is not None:
            advice.append(given[0])
            suggested = _with(suggested, monitor, given[1]) if given[0].taken else suggested
    series = sorted((report for pairs in done.values() for report, _ in pairs), key=lambda each: (each.rank(), each.stream, each.series))
    report = Report(
        within_points=within,
        false_alarms=str(config.detector.false_alarms),
        totals=add_up(series, histories.refused),
        series=tuple(series),
        advice=tuple(advice),
    )
    return report, suggested


def _why(histories: Histories) -> str:
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(histories.refused.items()) if count)
    return f" (rejected: {reasons})" if reasons else ""


def _advise(
    pairs: Sequence[tuple[SeriesReport, History]], plan: Plan, detector: DetectorConfig, sharers: int, within: int
) -> tuple[Advice, DetectorConfig] | None:
    """None where none of a monitor's series has numbers."""
    reports = [report for report, _ in pairs]
    if not any(report.effective_points for report in reports):
        return None
    proposal = suggestion.propose(detector, reports)
    settings = settings_of(proposal.detector)
    histories = {(report.stream, report.series): history for report, history in pairs}

    def remeasure(report: SeriesReport) -> SeriesReport:
        return measure(histories[report.stream, report.series], plan, sharers, within, settings)

    return suggestion.advise(reports[0].monitor, proposal, suggestion.compared(reports), remeasure), proposal.detector


def _detector(config: Config, monitor: int) -> DetectorConfig:
    return config.monitors[monitor].detector if monitor < len(config.monitors) else config.detector


def _with(config: Config, monitor: int, detector: DetectorConfig) -> Config:
    if monitor >= len(config.monitors):
        return config.model_copy(update={"detector": detector})
    monitors = list(config.monitors)
    monitors[monitor] = monitors[monitor].model_copy(update={"detector": detector})
    return config.model_copy(update={"monitors": tuple(monitors)})


def _text(config: Config, report: Report, sources: Sequence[str]) -> str:
    totals = report.totals
    named = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    shift = "nothing" if totals.median_sigmas is None else f"{totals.median_sigmas:.2f} standard deviations"
    comments: dict[str, list[str]] = {
        "": [
            f"streamkl calibrate on {named}: {totals.series:,} series, {totals.points:,} points, {totals.episodes:,} episodes in them.",
            f"Before these settings the median series found {shift} within {report.within_points} points, one time in two.",
            f"State: {totals.memory_bytes:,} bytes. What is not said here is default; docs/calibrate.md explains the figures.",
        ]
    }
    names = {monitor.name for monitor in config.monitors}
    for advice in report.advice:
        comments[f"monitors.{advice.monitor}" if advice.monitor in names else "detector"] = display.advice_lines(advice)
    return config_text(config, comments)
