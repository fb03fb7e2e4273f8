"""Brings the locked jars into the cache, once per machine, with its progress on stderr."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from streamkl.broker.jars import Jar, cache_folder, jars_folder, locked, missing, sha256, verify
from streamkl.errors import BrokerError

ATTEMPTS = 3
CONNECTIONS = 6

Report = Callable[[int], None]  # told the number of bytes that have arrived
Callback = Callable[[str, int], AbstractContextManager[Report]]  # jgo's shape: (file name, total bytes) -> report


def class_path() -> list[Path]:
    """The verified jars, fetched first where they are missing.

    Raises BrokerError that names the jar which cannot be fetched or is not the locked one. The first call on a machine downloads about
    45 MB; later ones take about 0.1 s. Two processes that call it at the same time download once.
    """
    jars, folder = locked(), jars_folder()
    if missing(folder, jars):
        with _one_process():
            wanted = missing(folder, jars)  # another process may have fetched them while this one waited
            if wanted:
                _fetch(wanted, folder)
    return verify(folder, jars)


@contextmanager
def _one_process() -> Iterator[None]:
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        file = (cache_folder() / "lock").open("w")
    except OSError as error:
        raise BrokerError(f"The cache folder {cache_folder()} cannot be written ({error}); set STREAMKL_CACHE to another one.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # given back by the system when the process ends, however it ends
        yield


def _fetch(wanted: tuple[Jar, ...], folder: Path) -> None:
    """Download into a folder of its own, verify, then move each jar in whole: a reader never sees half a jar."""
    console = Console(stderr=True)
    megabytes = sum(jar.size for jar in wanted) / 1e6
    console.print(f"Fetching Apache Kafka, once: {len(wanted)} jars, {megabytes:.0f} MB, into {folder}", highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    folder.mkdir(parents=True, exist_ok=True)
    for abandoned in cache_folder().glob("fetch-*"):  # by a process that was killed: nobody else fetches while we hold the lock
        shutil.rmtree(abandoned)
    with (
        tempfile.TemporaryDirectory(prefix="fetch-", dir=cache_folder()) as staging,
        Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("Apache Kafka", total=sum(jar.size for jar in wanted))

        @contextmanager
        def callback(_file: str, _total: int) -> Iterator[Report]:
            yield lambda count: progress.advance(task, count)

        with ThreadPoolExecutor(CONNECTIONS) as pool:
            for jar, path in zip(wanted, pool.map(downloader(Path(staging), callback), wanted), strict=True):
                actual = sha256(path)
                if actual != jar.sha256:
                    raise BrokerError(
                        f"{jar.file} as downloaded is not the locked one (SHA-256 {actual}, locked {jar.sha256}); it was dropped."
                    )
                path.replace(folder / jar.file)


def downloader(staging: Path, callback: Callback | None = None) -> Callable[[Jar], Path]:
    """A function that brings one jar into the staging folder through jgo, with the user's own repositories where jgo knows some."""
    try:
        from jgo.config import GlobalSettings  # noqa: PLC0415  # only the first start on a machine needs jgo
        from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415
    except ImportError as error:
        raise BrokerError("Fetching the broker needs the extra packages: pip install 'streamkl[broker]'") from error
    context = MavenContext(resolver=PythonResolver(progress_callback=callback), repo_cache=staging, timeout=30)
    context.remote_repos.update(GlobalSettings.load().repositories)

    def download(jar: Jar, attempts: int = ATTEMPTS) -> Path:
        group, artifact, version = jar.coordinate.split(":")
        try:
            return Path(context.project(group, artifact).at_version(version).artifact().resolve())
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors
            for half in staging.rglob(jar.file):
                half.unlink()  # jgo would take it for the whole
            if attempts == 1:
                raise BrokerError(f"{jar.file} cannot be fetched: {error}") from error
            return download(jar, attempts - 1)

    return download
