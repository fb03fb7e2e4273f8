"""A bar on standard error for work in several steps."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from streamkl.adapters.console.terminal import logged_above

# What is being done, how much of how much (None: unknown), and a remark.
Step = Callable[[str, int, int | None, str], None]


@contextmanager
def progress(*, shown: bool) -> Iterator[Step]:
    """A bar that needs a terminal; what is logged meanwhile (thresholds that have to be simulated first) stands above it.

    Remarks may name what the input does, so they are no markup.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[remark]}", markup=False),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False)
    bar = Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
    with logged_above(console, shown=shown), bar as live:
        task = live.add_task("", total=None, remark="")
        doing = [""]

        def step(description: str, completed: int, total: int | None, remark: str) -> None:
            if description != doing[0]:
                doing[0] = description
                live.reset(task)
            live.update(task, description=description, completed=completed, total=total, remark=remark)

        yield step
