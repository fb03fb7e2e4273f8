"""One progress bar on stderr for anything that takes more than a moment."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Bar:
    """A running bar; `advance` moves it by, `reach` moves it to."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, by: int = 1) -> None:
        """Move on."""
        self._progress.advance(self._task, by)

    def reach(self, done: int) -> None:
        """Move to."""
        self._progress.update(self._task, completed=done)


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Bar]:
    """A bar that vanishes when the work is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress, progress.add_task(what, total=total))
