"""The loop of the service: poll, feed, commit, and start over after a failure. It never looks into a message."""

import logging
from collections.abc import Mapping, Sequence

from streamkl.errors import FencedError, SinkError, SourceError
from streamkl.model import Message, Partition
from streamkl.ports import Assignment, Clock, Observer, Outlet, Source, Step
from streamkl.runner.figures import Figures
from streamkl.runner.holdings import Holdings

log = logging.getLogger(__name__)

POLL_SECONDS = 0.25  # longest wait for records: bounds how late a request to stop is noticed
JOIN_SECONDS = 0.02  # the same while nothing is ours: a poll that waits for records does not end when partitions come
LOOK_SECONDS = 1.0  # between two looks of the observers
MAX_PENDING_RECORDS = 20_000  # results waiting: beyond this, or
MAX_PENDING_BYTES = 32 * 2**20  # this, a commit comes before its time
FIRST_PAUSE_SECONDS = 0.5  # after a failed commit or restore; doubles with each failure in a row
LONGEST_PAUSE_SECONDS = 30.0
MAX_FAILURES = 15  # in a row, after which the loop gives up: five minutes of pauses, and what the tries themselves took
SAVING_SHARE = 0.2  # of the time, at most, goes into packing states: many and large ones are saved more seldom than asked for
PROOF_SECONDS = 2.0  # without anything to commit, after which the same offsets are committed again
PAUSE_SLICE_SECONDS = 0.1  # a pause is cut into these, so that a request to stop ends it


class Runner:
    """Runs until `stop()`. Whatever is raised out of `run` loses nothing: a restart repeats what was not committed."""

    def __init__(
        self,
        *,
        source: Source,
        outlet: Outlet,
        holdings: Holdings,
        clock: Clock,
        commit_seconds: float,
        snapshot_seconds: float,
        observers: Sequence[Observer],
    ) -> None:
        self._source = source
        self._outlet = outlet
        self._holdings = holdings
        self._clock = clock
        self._commit_seconds = commit_seconds
        self._snapshot_seconds = snapshot_seconds
        self._observers = observers
        self._stopping = False
        self._taken: Assignment | None = None
        self._failures = 0
        now = clock.now()
        self._saved_at = self._proved_at = self._looked_at = self._commit_at = now
        self._packing_seconds = 0.0  # what a state took the last time
        self._figures = Figures(now)

    def stop(self) -> None:
        """Ask the loop to finish the batch, commit with a snapshot of everything, and return. Safe in a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Turn until asked to stop, then leave the group.

        Raises SnapshotError; SourceError and SinkError where waiting cannot help, after MAX_FAILURES in a row, or in the last commit.
        """
        try:
            while not self._stopping:
                self._turn()
            self._leave()
        finally:
            self._outlet.close()
            self._source.close()

    def _turn(self) -> None:
        try:
            batch = self._poll()
            if self._taken is None:
                self._taken = self._take(self._source.assignment())  # parks or seeks everything: the batch will be read again
                replayed = False
            else:
                replayed = self._feed(batch, self._taken)
            if not replayed:  # what is being replayed commits first; where its records do not come, nobody waits for them
                self._holdings.restore_next()
        except FencedError as error:
            log.warning("another member owns these partitions now, starting over: %s", error)
            self._holdings.tally.fenced += 1
            self._start_over()
        except (SinkError, SourceError) as error:
            self._count_failure(error)
            self._start_over()
        self._look()

    def _poll(self) -> Mapping[Partition, Sequence[Message]]:
        batch = self._source.poll(self._patience())
        if self._taken is not None and self._taken.generation != self._source.assignment().generation:
            self._taken = None
        return batch

    def _patience(self) -> float:
        """How long a poll may wait for records."""
        if not self._source.assignment().partitions:
            return JOIN_SECONDS
        first = self._holdings.restoring and len(self._holdings) == 1
        if first or self._holdings.replaying:
            return POLL_SECONDS  # they are there, and only the broker's answer is waited for
        return 0.0 if self._holdings.restoring else max(0.0, min(POLL_SECONDS, self._commit_at - self._clock.now()))

    def _take(self, assignment: Assignment) -> Assignment:
        self._holdings.take(assignment)
        self._proved_at = self._clock.now()  # restoring asks the broker for everything
        return assignment

    def _feed(self, batch: Mapping[Partition, Sequence[Message]], assignment: Assignment) -> bool:
        replayed = self._holdings.feed(batch)
        records, size = self._holdings.pending()
        now = self._clock.now()
        if now >= self._commit_at or records >= MAX_PENDING_RECORDS or size >= MAX_PENDING_BYTES:
            self._commit(assignment)
        return replayed

    def _count_failure(self, error: SinkError | SourceError) -> None:
        """Raises the error where waiting does not help, or has not helped for long enough."""
        self._failures += 1
        if isinstance(error, SinkError):
            self._holdings.tally.sink_failures += 1
        if not error.transient or self._failures >= MAX_FAILURES:
            raise error
        log.warning("failed %d of %d times in a row, restoring and replaying: %s", self._failures, MAX_FAILURES, error)

    def _commit(self, assignment: Assignment) -> None:
        step = self._step(assignment)
        wait = self._commit_seconds
        if step is not None:
            self._make_durable(step)
        else:
            # What comes after a pause does not wait a whole interval, and what comes after a restore not at all.
            wait = 0.0 if self._holdings.restoring or self._holdings.replaying else min(wait, POLL_SECONDS)
            if self._clock.now() - self._proved_at >= max(PROOF_SECONDS, self._commit_seconds):
                self._prove(assignment)
        self._commit_at = self._clock.now() + wait

    def _step(self, assignment: Assignment) -> Step | None:
        """What is committed now, with the states that are due."""
        saves = self._due_saves()
        began = self._clock.now()
        step = self._holdings.step(assignment, saves=saves)
        if step is not None and step.snapshots:
            self._packing_seconds = (self._clock.now() - began) / len(step.snapshots)
        return step

    def _due_saves(self) -> int:
        """How many partitions' states are saved now, in turn, so that no commit waits for them all.

        Each comes once in `snapshot_seconds`, unless packing would take more than its share of the time.
        """
        now, count = self._clock.now(), len(self._holdings)
        if not count:
            return 0
        pace = max(self._snapshot_seconds / count, self._packing_seconds / SAVING_SHARE)
        due = int((now - self._saved_at) / pace)
        self._saved_at = now if due >= count else self._saved_at + due * pace
        return due

    def _make_durable(self, step: Step) -> None:
        began = self._clock.now()
        self._holdings.committed(step, self._outlet.commit(step))
        self._proved_at = self._clock.now()
        if not self._holdings.restoring:  # a state that never comes back is no success, whatever the others commit
            self._failures = 0
        for observer in self._observers:
            observer.committed(self._proved_at - began)

    def _prove(self, assignment: Assignment) -> None:
        """Commit the same offsets again, so that an idle service still notices that it could not commit, or is no member any more."""
        step = self._holdings.proof(assignment)
        if step is None:
            return
        try:
            self._make_durable(step)
        except SinkError as error:
            if not error.transient:
                raise
            log.warning("nothing could be committed at the moment, and nothing had to be: %s", error)
            self._proved_at = self._clock.now()

    def _start_over(self) -> None:
        """Forget what is not committed; the next turn restores it, after a pause that grows with the failures in a row."""
        self._holdings.drop()
        self._taken = None
        pause = min(FIRST_PAUSE_SECONDS * 2 ** max(0, self._failures - 1), LONGEST_PAUSE_SECONDS)
        until = self._clock.now() + pause
        while not self._stopping and self._clock.now() < until:
            self._clock.sleep(PAUSE_SLICE_SECONDS)
            self._look()
        self._commit_at = self._clock.now()

    def _leave(self) -> None:
        if self._taken is None:
            return
        step = self._holdings.step(self._taken, leaving=True)
        try:
            if step is not None:
                self._make_durable(step)
        except FencedError as error:
            log.warning("the partitions moved on before the last commit; their new owner repeats it: %s", error)
        self._look(now=True)

    def _look(self, *, now: bool = False) -> None:
        moment = self._clock.now()
        if not now and moment - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = moment
        restoring = self._holdings.restoring
        status = self._figures.look(moment, self._holdings.tally, self._holdings.stats(), self._source.lag(), restoring)
        for observer in self._observers:
            observer.observe(status)
