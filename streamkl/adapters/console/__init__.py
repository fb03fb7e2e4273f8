"""What an operator sees: log lines and a status line on standard error. A terminal gets one living line, anything else plain lines.

Names and values of the input may end up in a line, so every line is one line: control characters are escaped, and long ones are cut.
"""

import contextlib
import logging
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from streamkl.ports import Clock, Status

if TYPE_CHECKING:
    from streamkl.adapters.console.terminal import LivingLine

LONGEST_LINE = 2_000  # characters
LINE_SECONDS = 5.0  # between two plain status lines while figures change,
QUIET_SECONDS = 60.0  # and while they do not

log = logging.getLogger("streamkl")


class OneLine(logging.Formatter):
    r"""Time (UTC), level, who says it where there are several (`name`), message; one line whatever is in it.

    >>> record = logging.LogRecord("streamkl", logging.WARNING, "", 0, "no such series: %s", ("cpu\n2030 ERROR forged",), None)
    >>> OneLine().format(record).split(" ", 2)[2]
    'no such series: cpu\\n2030 ERROR forged'
    """

    def __init__(self, name: str = "") -> None:
        named = f"[{name}] " if name else ""
        super().__init__(f"{{asctime}}.{{msecs:03.0f}}Z {{levelname:<7}} {named}{{message}}", "%Y-%m-%dT%H:%M:%S", "{")
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = super().format(record)[:LONGEST_LINE]
        return line if line.isprintable() else "".join(each if each.isprintable() else _escaped(each) for each in line)


class ConsoleLog(contextlib.AbstractContextManager["ConsoleLog"]):
    """While it is entered, what we log goes to standard error, and what others warn of too. An `Observer` of the loop.

    `name` stands in each line of one of several processes, none of which has the terminal to itself.
    """

    def __init__(self, clock: Clock, name: str = "") -> None:
        self._clock = clock
        self._living = _living_line() if sys.stderr.isatty() and not name else None
        self._handler = self._living.above if self._living else logging.StreamHandler(sys.stderr)
        self._handler.setFormatter(OneLine(name))
        self._said_at = float("-inf")
        self._said = ""

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self._handler)
        log.setLevel(logging.INFO)
        if self._living:
            self._living.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._living:
            self._living.stop()
        log.setLevel(logging.NOTSET)
        logging.getLogger().removeHandler(self._handler)

    def observe(self, status: Status) -> None:
        """Show the figures."""
        line = status_line(status)
        if self._living:
            self._living.show(line)
            return
        now = self._clock.now()
        if now - self._said_at >= (LINE_SECONDS if line != self._said else QUIET_SECONDS):
            self._said_at, self._said = now, line
            log.info("%s", line)

    def committed(self, seconds: float) -> None:
        """Commits are not shown one by one."""


def _living_line() -> "LivingLine":
    from streamkl.adapters.console.terminal import LivingLine  # noqa: PLC0415 - 0.05 s of a start, and most services have no terminal

    return LivingLine()


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def status_line(status: Status) -> str:
    """The figures that an operator wants to see, in one line; what is zero and would only be noise is left out."""
    if status.partitions == 0:
        return "no partitions are ours yet"
    parts = [f"restoring {status.restoring:,} of {status.partitions:,} partitions"] if status.restoring else []
    parts += [
        f"{status.records_per_second:,.0f} records/s",
        f"{status.points_per_second:,.0f} points/s",
        f"lag {sum(status.lag.values()):,}",
        f"{status.series:,} series{_learning(status)}",
        f"{status.open_episodes:,} open" + (f" ({status.absent:,} without data)" if status.absent else ""),
    ]
    if status.rejected:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(status.rejected.items()))
        parts.append(f"rejected {sum(status.rejected.values()):,} ({reasons})")
    rare = {
        "late": status.late,
        "shed": status.shed,
        "dead letters held back": status.unlettered,
        "episodes held back": status.untold,
        "failed commits": status.sink_failures,
        "fenced": status.fenced,
    }
    parts += [f"{name} {count:,}" for name, count in rare.items() if count]
    return " · ".join(parts)


def _learning(status: Status) -> str:
    if not status.learning:
        return ""
    ready = "" if status.ready_seconds is None else f", ready in {_seconds(status.ready_seconds)}"
    return f" ({status.learning:,} learning: {status.learned_points:,} of {status.wanted_points:,} points{ready})"


def _seconds(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3_600:.0f} h"
