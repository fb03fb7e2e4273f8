"""From a series' name to its place: which monitor takes it, which bank and row hold its state; births, sheds and evictions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from streamkl.core.absence import HEARTBEAT
from streamkl.core.arena import NO_TIME
from streamkl.core.bank import Bank
from streamkl.core.batch import NONE_SILENT
from streamkl.engine.fleet import Count
from streamkl.engine.layouts import WORTH, Layout
from streamkl.engine.plan import Plan
from streamkl.engine.points import Points
from streamkl.engine.silence import Silences

UNKNOWN, IGNORED, SHED = -1, -2, -3  # HEARTBEAT is -4
FIRST_ROWS = 64  # rows a bank starts with
MOST_CATEGORIES = 256  # names a categorical series tells apart; later ones share one
OTHER = "(other)"


@dataclass(slots=True)
class Seat:
    """One series: its name, its bank and row. A categorical series numbers its values in the order of their first appearance."""

    name: str
    bank: int
    row: int
    categories: dict[str, int]
    categorical: bool

    def category(self, value: str) -> int:
        """Number of a category."""
        known = self.categories.get(value)
        if known is None:
            known = len(self.categories)
            if known >= MOST_CATEGORIES:
                return MOST_CATEGORIES
            self.categories[value] = known
        return known

    def category_name(self, number: float) -> str:
        """The category of a number that `category` gave."""
        return next((name for name, known in self.categories.items() if known == number), OTHER)


@dataclass(slots=True)
class Router:
    """All series of one partition. Banks are made when their first series is born: two a monitor, numeric and categorical."""

    plan: Plan
    banks: dict[int, Bank] = field(default_factory=dict)  # 2 * monitor + categorical
    seats: dict[int, Seat] = field(default_factory=dict)
    index: dict[str, int] = field(default_factory=dict)  # name -> seat number, IGNORED or HEARTBEAT
    seat_bank: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FIRST_ROWS, np.int64))
    seat_row: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FIRST_ROWS, np.int64))
    free: list[int] = field(default_factory=list)
    unjudged: int = 0  # names in the index that have no seat
    next_sweep_us: int | None = None
    sharing: Count = field(init=False)
    silences: Silences = field(init=False)
    seat_group: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FIRST_ROWS, np.int64))  # which silences take it
    seat_heard: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(FIRST_ROWS, np.bool_))  # since silent series were looked for
    token: object = field(default_factory=object)  # of the seats that layouts remember; another one when a series has been forgotten

    def __post_init__(self) -> None:
        """Nobody shares a budget yet."""
        self.sharing = Count(self.plan.fleet)
        self.silences = Silences(self.plan.silences)

    def find(self, name: str, text: bool) -> int:
        """Seat number of a series, born now if it is new; IGNORED, SHED or HEARTBEAT. `text`: its first value is no number.

        O(1), O(monitors) once.
        """
        known = self.index.get(name, UNKNOWN)
        return known if known != UNKNOWN else self._meet(name, text)

    def known(self, points: Points, start: int, stop: int) -> NDArray[np.int64]:
        """Seat numbers of the series of points, UNKNOWN where a name is new. One look-up a name; one a layout where layouts repeat."""
        if points.layouts and stop - start == len(points) >= WORTH * len(points.layouts):
            token = self.token
            return np.concatenate([layout.seats if layout.token is token else self._seats(layout) for layout in points.layouts])
        return self._look_up(points.series[start:stop])

    def _seats(self, layout: Layout) -> NDArray[np.int64]:
        seats = self._look_up(layout.names)
        if (seats != UNKNOWN).all():
            layout.token, layout.seats = self.token, seats
        return seats

    def _look_up(self, names: Sequence[str]) -> NDArray[np.int64]:
        find = self.index.get
        return np.array([find(name, UNKNOWN) for name in names], np.int64)

    def _meet(self, name: str, text: bool) -> int:
        if self.plan.heartbeat and fnmatchcase(name, self.plan.heartbeat):
            return self._remember(name, HEARTBEAT)
        number = next(i for i, monitor in enumerate(self.plan.monitors) if fnmatchcase(name, monitor.match))
        monitor = self.plan.monitors[number]
        if monitor.kind == "ignore":
            return self._remember(name, IGNORED)
        if len(self.seats) >= self.plan.max_series:
            return SHED
        categorical = monitor.kind == "categorical" or (monitor.kind == "auto" and text)
        bank = 2 * number + categorical
        given = monitor.normal.get(name)
        row = self.bank(bank).birth() if given is None else self.bank(bank).birth(given.values, given.times)
        return self.seat(Seat(name, bank, row, {}, categorical))

    def _remember(self, name: str, what: int) -> int:
        """To be quick, not to be right: only so many names."""
        if self.unjudged < self.plan.max_series:
            self.index[name] = what
            self.unjudged += 1
        return what

    def bank(self, number: int) -> Bank:
        """A bank, made when it is first needed."""
        if number not in self.banks:
            settings = replace(self.plan.monitors[number // 2].settings, categorical=bool(number % 2))
            self.banks[number] = Bank(settings, self.plan.table, FIRST_ROWS)
            self.banks[number].share(self.sharing.of(settings.budget))
        return self.banks[number]

    def seat(self, seat: Seat) -> int:
        """Give a series a number."""
        number = self.free.pop() if self.free else len(self.seats)
        if number >= len(self.seat_bank):
            for name in ("seat_bank", "seat_row", "seat_group", "seat_heard"):
                column = getattr(self, name)
                setattr(self, name, np.concatenate([column, np.zeros_like(column)]))
        self.seats[number] = seat
        self.index[seat.name] = number
        self.seat_bank[number] = seat.bank
        self.seat_row[number] = seat.row
        self.seat_group[number] = self.silences.group(seat.name)
        self.seat_heard[number] = True
        self.sharing.move(self.banks[seat.bank].settings.budget, +1)
        return number

    def deal(self) -> None:
        """Divide budgets in all by the series there are now; O(series), each time their number has moved by a tenth."""
        self.sharing.deal()
        for bank in self.banks.values():
            bank.share(self.sharing.of(bank.settings.budget))

    def sweep_due(self, clock_us: int) -> int:
        """The event time at which silent series are looked for next; the first time asked starts the count."""
        if self.next_sweep_us is None:
            self.next_sweep_us = clock_us + self.plan.evict_after_us
        return self.next_sweep_us

    def shares(self, seats: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Which of these points each bank takes, banks in the order of their making. Numbers below 0 are no seats."""
        seated = np.flatnonzero(seats >= 0)
        if len(self.banks) < 2:
            shares = [(number, seated) for number in self.banks]
        else:
            banks = self.seat_bank[seats[seated]]
            shares = [(number, seated[banks == number]) for number in self.banks]
        return ((number, share) for number, share in shares if len(share))

    def hear(self, seats: NDArray[np.int64]) -> None:
        """Points of these have come, whatever their times and values."""
        self.seat_heard[seats] = True

    def hushed(self, seats: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these points are silenced; empty where there are no silences at all."""
        return self.silences.marks(self.seat_group[seats], times) if self.plan.silences else NONE_SILENT

    def silent(self, clock_us: int) -> list[int]:
        """Seats of series that have been silent for too long; the next look is due later. O(series), four times per eviction period.

        How late it is, half of the series say that were heard since the last look, not the newest time of all: one wrong clock, or a pause
        of the whole partition, must not make it forget everything. Who was heard is not silent, even if its own clock is far behind. Where
        only those came that have no seat, the newest time has to do: they wait for one.
        """
        self.next_sweep_us = clock_us + max(self.plan.evict_after_us // 4, 1)
        seats = np.array(sorted(self.seats), np.int64)
        newest, heard = self._newest(seats), self.seat_heard[seats]
        reached = np.sort(newest[heard & (newest != NO_TIME)])
        self.seat_heard[seats] = False
        late = min(clock_us, int(reached[len(reached) // 2])) if len(reached) else clock_us
        return [int(number) for number in seats[~heard & (newest < late - self.plan.evict_after_us)]]

    def _newest(self, seats: NDArray[np.int64]) -> NDArray[np.int64]:
        """The newest event time of each, NO_TIME where there is none."""
        newest = np.full(len(seats), NO_TIME, np.int64)
        for number, bank in self.banks.items():
            mine = self.seat_bank[seats] == number
            newest[mine] = bank.arena.newest[self.seat_row[seats[mine]]]
        return newest

    def forget(self, gone: Sequence[int]) -> None:
        """Give the seats of these series to others. O(gone)."""
        for number in gone:
            seat = self.seats.pop(number)
            del self.index[seat.name]
            self.banks[seat.bank].death(seat.row)
            self.sharing.move(self.banks[seat.bank].settings.budget, -1)
            self.free.append(number)
        if gone:
            self.token = object()
