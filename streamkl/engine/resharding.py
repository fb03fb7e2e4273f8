"""The states of a topic's partitions, dealt out anew: each series with all it has learned to the partition where its records now go."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamkl.core.arena import NO_SLOT, NO_TIME
from streamkl.engine.absence_watch import PREFIX, WatchKept
from streamkl.engine.engine import Engine
from streamkl.engine.limiter import LimitsKept
from streamkl.engine.memory import HEARD, Kept
from streamkl.engine.plan import Plan
from streamkl.engine.snapshot import Arrays, pack, unpack
from streamkl.errors import SnapshotError
from streamkl.model import Partition

NEWEST = "newest"
POSITIONS = ("position_head", "since_position", "pool.position")  # offsets of the old partition mean nothing in another one
LIVED_TIMES = (PREFIX + "base", PREFIX + "due")


class Member(NamedTuple):
    """A series in the state it comes from: the partition, and its number there."""

    source: int
    number: int


@dataclass(frozen=True, slots=True)
class _Packed:
    kept: Kept
    arrays: Arrays

    def newest(self, number: int) -> int:
        seat = self.kept.seats[number]
        return int(self.arrays[f"{seat.bank}.{NEWEST}"][seat.row])


@dataclass(frozen=True, slots=True)
class Dealt:
    """The states by partition; which series moved, and which stay where they were because their name is in the other partition already."""

    states: Mapping[int, bytes]
    moved: Sequence[tuple[str, int, int]]  # name, from, to
    doubles: Sequence[tuple[str, int]]
    held: Sequence[tuple[int, str]]  # all there are, by the partition they come from


def deal(states: Mapping[int, bytes], home: Callable[[int, str], int], starts: Mapping[int, int], topic: str, plan: Plan) -> Dealt:
    """Deal the series of `states` (by partition) out to the partitions in `starts`, which says with which offset each goes on.

    `home` names a series' partition, given the one it is in. A series' verdicts go on as if nothing had happened. Where two partitions hold
    the same name and it belongs to one of them, that one's stays; of several that would come to a third, the newest goes. Nothing is ever
    dropped. Raises SnapshotError where a partition would have more than `max_series`, and for states that do not fit the plan. O(state).
    """
    packed = {number: _Packed(*unpack(state, Kept)) for number, state in states.items()}
    groups, moved, doubles = _assign(packed, home, starts)
    out = {}
    for number, start in sorted(starts.items()):
        members = groups.get(number, [])
        if len(members) > plan.max_series:
            raise SnapshotError(
                f"{topic}/{number} would have {len(members)} series, more than state.max_series = {plan.max_series}: learn again instead"
            )
        made = _merge(packed, number, members, start, topic, plan)
        # What restores is a state, and what it packs to is its one form.
        out[number] = Engine(Partition(topic, number), plan, made).snapshot()
    return Dealt(out, moved, doubles, [(source, seat.name) for source, each in sorted(packed.items()) for seat in each.kept.seats])


def _assign(
    packed: Mapping[int, _Packed], home: Callable[[int, str], int], starts: Mapping[int, int]
) -> tuple[Mapping[int, list[Member]], list[tuple[str, int, int]], list[tuple[str, int]]]:
    """Who goes where, each partition's series by name."""
    wishes: dict[tuple[int, str], list[Member]] = {}
    for source, each in sorted(packed.items()):
        for number, seat in enumerate(each.kept.seats):
            to = home(source, seat.name)
            wishes.setdefault((to if to in starts else source, seat.name), []).append(Member(source, number))
    taken = {(source, seat.name) for source, each in packed.items() for seat in each.kept.seats}
    groups: dict[int, list[Member]] = {}
    moved, doubles = [], []
    for (to, name), members in wishes.items():
        native = [member for member in members if member.source == to]
        newest = max(members, key=lambda member: packed[member.source].newest(member.number))
        chosen = native[0] if native else None if (to, name) in taken else newest
        for member in members:
            goes = member is chosen
            groups.setdefault(to if goes else member.source, []).append(member)
            if goes and member.source != to:
                moved.append((name, member.source, to))
            elif not goes:
                doubles.append((name, member.source))
    for members in groups.values():
        members.sort(key=lambda member: packed[member.source].kept.seats[member.number].name)
    return groups, moved, doubles


def _merge(packed: Mapping[int, _Packed], number: int, members: Sequence[Member], start: int, topic: str, plan: Plan) -> bytes:
    own = packed[number].kept if number in packed else Kept(partition=(topic, number), config_hash=plan.config_hash)
    seats = [packed[source].kept.seats[i] for source, i in members]
    names = {(source, packed[source].kept.seats[i].name) for source, i in members}
    newest = [packed[member.source].newest(member.number) for member in members]
    clocks = [time for time in (own.newest_us, *newest) if time is not None and time != NO_TIME]
    arrays, rows = _banks(packed, number, members, start)
    if all(HEARD in each.arrays for each in packed.values()):
        arrays[HEARD] = _gather(packed, HEARD, *_sources(members))
    kept = msgspec.structs.replace(
        own,
        next_offset=start,
        newest_us=max(clocks, default=None),
        shedding=own.shedding and len(members) >= plan.max_series,
        seats=[msgspec.structs.replace(seat, row=row) for seat, row in zip(seats, rows, strict=True)],
        episodes={name: packed[source].kept.episodes[name] for source, name in _open(packed, names, attrgetter("episodes"))},
    )
    if any(each.kept.absence is not None for each in packed.values()):
        kept.absence, columns = _absences(packed, own.absence, members, names)
        arrays |= columns
    kept.limits = _limits(packed, own.limits, kept)
    return pack(kept, arrays)


def _open(
    packed: Mapping[int, _Packed], names: set[tuple[int, str]], told: Callable[[Kept], Mapping[str, object]]
) -> Iterator[tuple[int, str]]:
    """The series among them that have an open episode, by name."""
    yield from sorted(((source, name) for source, name in names if name in told(packed[source].kept)), key=lambda pair: pair[1])


def _banks(packed: Mapping[int, _Packed], number: int, members: Sequence[Member], start: int) -> tuple[Arrays, list[int]]:
    """The rows of all banks, and the row of each member in its own."""
    banks: dict[int, list[Member]] = {}
    rows = []
    for member in members:
        group = banks.setdefault(packed[member.source].kept.seats[member.number].bank, [])
        rows.append(len(group))
        group.append(member)
    arrays: Arrays = {}
    for bank, group in sorted(banks.items()):
        sources = np.array([member.source for member in group])
        places = np.array([packed[member.source].kept.seats[member.number].row for member in group])
        prefix = f"{bank}."
        columns = {key: _gather(packed, key, sources, places) for key in _keys(packed, group, prefix)}
        slots = columns[prefix + "slot"]
        used = slots != NO_SLOT
        pools = _keys(packed, group, prefix, pool=True)
        columns[prefix + "slot"] = np.where(used, np.cumsum(used) - 1, NO_SLOT).astype(slots.dtype)
        columns |= {key: _gather(packed, key, sources[used], slots[used]) for key in pools}
        strange = {"row": sources != number, "slot": sources[used] != number}
        for name in POSITIONS:
            columns[prefix + name][strange["slot" if name.startswith("pool.") else "row"]] = start
        columns[prefix + "position_step"][strange["row"]] = 0
        columns[prefix + "position_power"][strange["row"]] = 0
        arrays |= columns
    return arrays, rows


def _keys(packed: Mapping[int, _Packed], group: Sequence[Member], prefix: str, *, pool: bool = False) -> list[str]:
    arrays = packed[group[0].source].arrays
    return [key for key in arrays if key.startswith(prefix) and key.startswith(prefix + "pool.") is pool]


def _gather(packed: Mapping[int, _Packed], key: str, sources: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.generic]:
    first = next(each.arrays[key] for each in packed.values() if key in each.arrays)
    out = np.empty((len(rows), *first.shape[1:]), first.dtype)
    for source in np.unique(sources).tolist():
        mine = sources == source
        out[mine] = packed[source].arrays[key][rows[mine]]
    return out


def _sources(members: Sequence[Member]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each comes from, and its number there."""
    return np.array([m.source for m in members], np.int64), np.array([m.number for m in members], np.int64)


def _absences(
    packed: Mapping[int, _Packed], own: WatchKept | None, members: Sequence[Member], names: set[tuple[int, str]]
) -> tuple[WatchKept, Arrays]:
    """Lived time is a partition's own: what a series has been silent for is what it takes along."""
    watch = own or WatchKept(0, (NO_TIME, 0), {})
    sources, numbers = _sources(members)
    some = next(iter(packed.values())).arrays
    columns = {key: _gather(packed, key, sources, numbers) for key in some if key.startswith(PREFIX)}
    lived = {source: each.kept.absence.lived for source, each in packed.items() if each.kept.absence is not None}
    shift = np.array([watch.lived - lived[source] for source in sources.tolist()], np.int64)
    known = columns[PREFIX + "base"] != NO_TIME
    for key in LIVED_TIMES:
        columns[key] = np.where(known, columns[key] + np.where(known, shift, 0), columns[key])
    absent = {}
    for source, name in _open(packed, names, lambda kept: kept.absence.absent if kept.absence is not None else {}):
        told = packed[source].kept.absence
        absent[name] = told.absent[name] if told is not None else ("", 0, 0, 0)
    return WatchKept(watch.lived, watch.heart, absent), columns


def _limits(packed: Mapping[int, _Packed], own: LimitsKept, kept: Kept) -> LimitsKept:
    """An episode that nobody was told of stays one."""
    secret = {episode for each in packed.values() for episode in each.kept.limits.untold}
    here = {told[0] for told in kept.episodes.values()}
    if kept.absence is not None:
        here |= {told[0] for told in kept.absence.absent.values()}
    return LimitsKept(own.letters, own.episodes, tuple(sorted(secret & here)))
