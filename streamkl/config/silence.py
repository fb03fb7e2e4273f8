"""When series are not judged, as an operator writes it: a cron expression, a time from and to, or a calendar file."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from streamkl.config.kinds import Cron, Duration, Moment, Name, Zone
from streamkl.config.kinds import duration as microseconds
from streamkl.config.section import Mistake, Section
from streamkl.units import format_duration, parse_instant

_EXAMPLES = 'cron = "0 3 * * 0" with duration = "2h", or start and end, or ics = "maintenance.ics"'


class SilenceConfig(Section):
    """When points are passed over, by the time they carry: maintenance, batch jobs, holidays."""

    name: Annotated[Name, Field(examples=["sunday-patches"])]
    """What it is for."""
    match: Annotated[str, Field(min_length=1, max_length=512, examples=["web-*"])] = "*"
    """Shell-style pattern over the series' name: `*`, `?`, `[abc]`. Every silence that fits counts, not only the first."""
    cron: Annotated[Cron, Field(examples=["0 3 * * 0"])] = ""
    """When it begins, again and again: minute, hour, day of the month, month, day of the week (0 and 7: Sunday)."""
    duration: Annotated[Duration, Field(ge=0, le=microseconds("31d"), examples=[microseconds("2h")])] = microseconds("0s")
    """`cron`: how long it lasts, in elapsed time."""
    start: Annotated[Moment, Field(examples=["2024-12-24T18:00"])] = ""
    """When it begins, once; without an offset on the clocks of `timezone`."""
    end: Annotated[Moment, Field(examples=["2024-12-27T06:00"])] = ""
    """`start`: when it ends; a point at this very time is judged."""
    ics: Annotated[Path | None, Field(examples=["maintenance.ics"])] = None
    """Calendar file (iCalendar) whose events are silences, repetitions included and cancelled ones left out. Read at the start."""
    timezone: Annotated[Zone, Field(examples=["Europe/Berlin"])] = "UTC"
    """Clocks that `cron`, and times and whole days without a zone of their own, are read on."""

    def stretch(self) -> tuple[int, int]:
        """`start` and `end` in microseconds since 1970."""
        return self._instant(self.start), self._instant(self.end)

    def mistakes(self) -> Iterator[Mistake]:
        """Not one way of saying when, but none or several; or half of one."""
        ways = {"cron": bool(self.cron), "start": bool(self.start or self.end), "ics": self.ics is not None}
        taken = [way for way, given in ways.items() if given]
        if not taken:
            yield Mistake(("cron", "start", "ics", "duration"), f"missing; say when, by {_EXAMPLES}")
        for other in taken[1:]:
            yield Mistake((other, taken[0]), f"cannot stand beside {taken[0]}; remove one of them, or write two [[silences]]")
        if self.cron and not self.duration:
            yield Mistake(("duration", "cron"), 'missing; cron says when it begins, and this how long it lasts; try "2h"')
        if self.duration and taken and not self.cron:
            fix = f'has no effect without cron; remove it, or add for example cron = "0 3 * * 0" (lasting {format_duration(self.duration)})'
            yield Mistake(("duration", taken[0]), fix)
        for option, other in (("start", "end"), ("end", "start")):
            if getattr(self, other) and not getattr(self, option):
                yield Mistake((option, other), f"missing; {other} is of no use without it")
        if self.start and self.end and self.stretch()[0] >= self.stretch()[1]:
            yield Mistake(("end", "start"), f"must be later than start ({self.start})")

    def _instant(self, text: str) -> int:
        moment = datetime.fromisoformat(text)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(self.timezone))
        return parse_instant(zoned.isoformat())
