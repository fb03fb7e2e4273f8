"""Many independent pieces of work, in this process or in several, under one progress bar."""

from collections.abc import Callable, Generator, Hashable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import closing
from multiprocessing import get_context
from typing import TypeVar

from benchmarks.progress import progress_bar

Task = TypeVar("Task", bound=Hashable)
Result = TypeVar("Result")


def run(work: Callable[[Task], Result], tasks: Sequence[Task], weights: Sequence[int], what: str, jobs: int) -> dict[Task, Result]:
    """All results, in the order of the tasks; the bar counts their weights. With one job nothing leaves this process."""
    done: dict[Task, Result] = {}
    weight = dict(zip(tasks, weights, strict=True))
    with progress_bar(what, sum(weights)) as bar, closing(_results(work, tasks, jobs)) as results:
        for task, result in results:
            done[task] = result
            bar.advance(weight[task])
    return {task: done[task] for task in tasks}


def _results(work: Callable[[Task], Result], tasks: Sequence[Task], jobs: int) -> Generator[tuple[Task, Result], None, None]:
    if jobs == 1:
        for task in tasks:
            yield task, work(task)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(work, task): task for task in tasks}
        try:
            for future in as_completed(waiting):
                yield waiting[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)
