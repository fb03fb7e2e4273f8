"""Holds a partition to its limits: which results pass, and what is said of the rest; a function of its records alone."""

from collections.abc import Sequence
from operator import itemgetter

import msgspec
import numpy as np

from streamkl.engine.batch import Batch, offsets_of
from streamkl.engine.limits import MILLION, Limits
from streamkl.engine.metering import Meter, MeterKept, Notice, Request
from streamkl.engine.story import instant, written_at
from streamkl.engine.warning import EPISODES, LETTERS, limit_event
from streamkl.model import MICROSECONDS, Event, Message, Rejected

HOUR_US = 3_600 * MICROSECONDS


Told = list[tuple[float, Event]]  # with its place in the order of the points


class LimitsKept(msgspec.Struct, array_like=True, frozen=True):
    """What a snapshot holds of it: both meters, and the open episodes that nobody is told of."""

    letters: MeterKept = MeterKept()
    episodes: MeterKept = MeterKept()
    untold: tuple[str, ...] = ()


class Limiter:
    """Lets results pass, or counts them. An episode that was told of is told to its end; one whose opening was held back never is.

    `unlettered` and `untold` count records and episodes that were held back since this was made.
    """

    def __init__(self, limits: Limits, config_hash: str, kept: LimitsKept) -> None:
        self._limits = limits
        self._config_hash = config_hash
        self._letters = _meter(limits.dead_letter_share, MILLION, limits.dead_letter_burst, kept.letters)
        hourly = limits.episodes_per_hour or 1
        self._episodes = _meter(hourly, HOUR_US, hourly, kept.episodes)
        self._secret = set(kept.untold)
        self.unlettered = 0
        self.untold = 0

    def keep(self) -> LimitsKept:
        """What `kept` was. Equal histories give equal bytes."""
        return LimitsKept(self._letters.kept, self._episodes.kept, tuple(sorted(self._secret)))

    def events(self, batch: Batch) -> Told:
        """What of a batch may be told, in record order, and what is to be said of the rest."""
        told: Told = sorted(batch.told, key=itemgetter(0))
        hourly = self._limits.episodes_per_hour
        if not (self._secret or self._episodes.kept.held_back or (told and hourly is not None)):
            return told
        openings = [(int(i), event) for i, event in told if event.type == "opened" and hourly is not None]
        places = [batch.place(i) for i, _ in openings]
        requests = [Request(i, place.offset, place.ordinal) for (i, _), place in zip(openings, places, strict=True)]
        passed, notices = self._episodes.sift(batch.clock, requests)
        refused = [event.episode_id for (_, event), may in zip(openings, passed, strict=True) if not may]
        self.untold += len(refused)
        self._secret.update(refused)
        said = [(each.unit + (-0.25 if each.over else 0.25), self._say_of_episodes(batch, each)) for each in notices]
        return sorted([*((i, event) for i, event in told if self._may_be_told(event)), *said], key=itemgetter(0))

    def _say_of_episodes(self, batch: Batch, notice: Notice) -> Event:
        place = batch.place(notice.unit)
        where = (place.topic, place.partition, place.offset)
        limit = f"limits.episodes_per_hour = {self._limits.episodes_per_hour}"
        return limit_event(where, instant(place.time_us), EPISODES, limit, notice, self._config_hash)

    def _may_be_told(self, event: Event) -> bool:
        if event.episode_id not in self._secret:
            return True
        if event.type == "closed":
            self._secret.discard(event.episode_id)
        return False

    def letters(self, messages: Sequence[Message], rejected: list[Rejected]) -> tuple[list[Rejected], list[tuple[int, Event]]]:
        """Which messages may become dead letters, and what is to be said of the rest, each with the index of its message."""
        held_back = self._letters.kept.held_back
        if not held_back and (not rejected or self._limits.dead_letter_share == MILLION):
            return rejected, []
        offsets = offsets_of(messages)
        indices = np.searchsorted(offsets, [one.message.offset for one in rejected]).tolist()
        requests = [Request(index, one.message.offset) for index, one in zip(indices, rejected, strict=True)]
        passed, notices = self._letters.sift(offsets, requests)
        self.unlettered += len(passed) - sum(passed)
        said = [(each.unit, self._say_of_letters(messages[each.unit], each)) for each in notices]
        return [one for one, may in zip(rejected, passed, strict=True) if may], said

    def _say_of_letters(self, message: Message, notice: Notice) -> Event:
        where = (message.topic, message.partition, message.offset)
        limit = f"limits.dead_letter_share = {self._limits.dead_letter_share / MILLION:g}"
        return limit_event(where, written_at(message), LETTERS, limit, notice, self._config_hash)


def _meter(rate: int, cost: int, at_once: int, kept: MeterKept) -> Meter:
    """A limit may have been lowered since: nobody owes more than it allows at once."""
    capacity = at_once * cost
    return Meter(rate, cost, capacity, msgspec.structs.replace(kept, owed=min(kept.owed, capacity)))
