"""The demo as a story: learn what is normal, be quiet, cause an incident, watch episodes open and close, judge the whole."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from streamkl.demo.incident import ILLNESS, Incident
from streamkl.demo.publisher import RESPONSE_TIME, STATUS_CODE
from streamkl.demo.screen import Screen
from streamkl.demo.stage import HERTZ, Stage
from streamkl.demo.verdict import QUIET_SECONDS, Finding, Times, judge, seconds_of, still_open
from streamkl.errors import DemoError
from streamkl.model import Event

SERIES = (RESPONSE_TIME, STATUS_CODE)  # what the incident surely moves; CPU moves too, where the machine was not busy already
LIMIT_SECONDS = 240.0  # `--once`: from the first published record to the verdict
INCIDENT_SECONDS = 30.0
RECOVERY_SECONDS = 45.0  # until the longest window holds nothing of the incident any more, and some
MARGIN_SECONDS = 2.0  # an event needs so long from its record to us
SHORT_QUIET_SECONDS = 15.0  # between learning and the incident for those who watch
INTERRUPTED = 130


def main(*, once: bool, bootstrap: str | None) -> int:
    """Run the demo until Ctrl-C, or one incident with a verdict. Returns the exit code.

    `once`: 0 if the episodes of the incident opened and closed when they should, else 1; at most 240 s from the first published record.
    `bootstrap`: a broker to use instead of an own one; the demo's topics there have names of their own and are deleted again.
    Raises BrokerError, SinkError, SourceError and DemoError where a part does not start or ends by itself.
    """
    with _signals_interrupt(), Screen() as screen:
        try:
            with Stage(bootstrap, screen) as stage:
                stage.publish()
                _learn(stage, screen)
                if once:
                    return _verdict(judge(stage.events, SERIES, _incident(stage, screen, QUIET_SECONDS, _latest(stage))), screen)
                while True:
                    _incident(stage, screen, SHORT_QUIET_SECONDS, float("inf"))
        except KeyboardInterrupt:
            return INTERRUPTED if once else 0


def _latest(stage: Stage) -> float:
    """When the incident has to begin so that the verdict comes in time."""
    return stage.published_at + LIMIT_SECONDS - INCIDENT_SECONDS - RECOVERY_SECONDS


def _learn(stage: Stage, screen: Screen) -> None:
    screen.say(f"This machine's metrics are published {HERTZ} times a second. Learning what is normal:")
    while True:
        stage.look()
        progress = stage.detector.learning()
        if progress is not None and progress.wanted == 0:
            break
        if progress is not None:
            left = (progress.wanted - progress.learned) / HERTZ
            screen.status(f"{progress.learned} of {progress.wanted} points, ready in {left:.0f} s")
        if time.time() - stage.published_at > LIMIT_SECONDS:
            raise DemoError(f"Learning did not end within {LIMIT_SECONDS:.0f} s. {stage.detector.program.last_output()}")
    screen.say(f"Learned after {time.time() - stage.published_at:.0f} s; from now on every point is judged.")


def _incident(stage: Stage, screen: Screen, quiet_seconds: float, latest: float) -> Times:
    """A quiet while, the incident, and the recovery. Raises DemoError when it does not become quiet until `latest`."""
    _be_quiet(stage, screen, quiet_seconds, latest)
    began = time.time()
    with Incident(stage.web_url, stage.folder):
        share, slow = ILLNESS.error_share, ILLNESS.slow_ms
        screen.say(
            f"The incident begins: every core is burnt, answers take {slow:.0f} ms longer and {share:.0%} of them are errors.", "bold"
        )
        while (left := began + INCIDENT_SECONDS - time.time()) > 0:
            screen.status(f"incident, {left:.0f} s to go")
            stage.look()
    ended = time.time()
    screen.say("The incident is over.", "bold")
    while (passed := time.time() - ended) < RECOVERY_SECONDS:
        screen.status(f"recovering for {passed:.0f} s")
        stage.look()
        if passed > MARGIN_SECONDS and not still_open(_steps(stage)):
            break
    return Times(began, ended)


def _be_quiet(stage: Stage, screen: Screen, seconds: float, latest: float) -> None:
    """Wait until nothing has moved on the incident's series for so long. Other people's work on this machine may be an incident too."""
    since, told = time.time(), len(_steps(stage))
    while (left := since + seconds + MARGIN_SECONDS - time.time()) > 0:
        if time.time() + left > latest:
            raise DemoError("The machine did not become quiet: episodes kept opening on the incident's series before it began.")
        screen.status(f"quiet; the incident begins in {left:.0f} s")
        stage.look()
        steps = _steps(stage)
        if len(steps) > told:
            screen.say("That was not our incident, so the quiet before it starts anew.")
            told = len(steps)
        if still_open(steps):
            since = time.time()
        elif steps:
            since = max(since, seconds_of(steps[-1].detected_at))


def _steps(stage: Stage) -> list[Event]:
    return [event for event in stage.events if event.series in SERIES]


def _verdict(findings: list[Finding], screen: Screen) -> int:
    for finding in findings:
        if finding.problem is None:
            screen.say(f"{finding.series}: noticed after {finding.detection_seconds:.1f} s, closed after the end.", "green")
        else:
            screen.say(f"{finding.series}: {finding.problem}.", "red")
    failed = any(finding.problem for finding in findings)
    screen.say("The demo failed." if failed else "As promised: nothing before, found while it lasted, closed after it.", "bold")
    return int(failed)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and a closed terminal end the demo as Ctrl-C does, so that everything is taken down."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
