"""Commands about the service: its configuration, its memory, its state, and itself."""
# ruff: noqa: PLC0415  each command imports its own rooms, so that --help is there at once

import gc
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

MOST_PROCESSES = 256


class Format(StrEnum):
    """How `streamkl config` writes the options."""

    TOML = "toml"
    MARKDOWN = "markdown"


ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file (TOML).", show_default=False)]


def run(
    config: ConfigFile,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", min=1, max=MOST_PROCESSES, metavar="N", help="Share the partitions among so many processes.", show_default=False
        ),
    ] = None,
) -> None:
    """Run the service: read the topics, judge, write episodes, until Ctrl-C or SIGTERM.

    Every mistake in the configuration is reported before the consumer group is joined.

    One process uses one core. With --processes N, so many members of the consumer group run under a supervisor, which starts anew who is
    killed and stops all when one ends with an error. Process k of 0 to N-1 is called kafka.group_instance_id (or this host's name) and -k
    in the group, serves HTTP on http.port + k, and writes [k] into its lines of the log. More processes than partitions are of no use.
    See docs/service.md.

    Example: streamkl run config/server-metrics.toml --processes 4
    """
    if processes is not None:
        # Threads for large matrices, which no service multiplies: a process that has none forks in safety.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.disable()  # what is imported stays: looking through it again and again would take a seventh of the start
    try:
        from streamkl import checking
        from streamkl.assembly import service
    finally:
        gc.enable()
    loaded = checking.load_checked(config)
    if processes is None:
        raise typer.Exit(service.run(loaded))
    from streamkl import processes as several

    raise typer.Exit(several.run(loaded, processes))


def check(config: ConfigFile) -> None:
    """Check a configuration and print all mistakes, each with its option, value and fix. Nothing is contacted.

    Exit code 0: it would run, with a summary of what would; 2: it has mistakes.

    Example: streamkl check config/streamkl.toml
    """
    from streamkl import checking
    from streamkl.assembly import plan

    loaded = checking.load_checked(config)
    plan.build_plan(loaded)  # reads what reference files hold
    typer.echo(checking.summary(loaded))


def estimate(
    config: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="Configuration file; without it the defaults.", show_default=False)
    ] = None,
    series: Annotated[int, typer.Option("--series", min=1, max=1_000_000_000, help="How many series.", show_default=False)] = ...,  # type: ignore[assignment]
    rate: Annotated[
        float | None, typer.Option("--points-per-second", metavar="R", help="Of all series together; tells how long learning takes.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
) -> None:
    """Say how much memory the detector's state of so many series takes, what it is made of, and which options change it.

    \b
    learned        bytes of a series that has learned its reference
    learning       with the buffer that it has while it learns, and while an episode is open
    first verdict  points until then at the earliest; with --points-per-second also the time

    Each line is for the case that all series are judged by this monitor. Names of series, Python and compiled code come on top. Nothing is
    contacted and nothing allocated.

    Example: streamkl estimate streamkl.toml --series 100000 --points-per-second 10000
    """
    from streamkl import checking
    from streamkl.estimating import command

    command.estimate(checking.load_checked(config), series, rate, as_json=as_json)


def reshard(
    config: ConfigFile,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and commit nothing.")] = False,
    settled: Annotated[bool, typer.Option("--settled", help="All producers know of the new partitions, or have stopped.")] = False,
) -> None:
    """After an input topic was given more partitions: move what series have learned to the partitions where their records now go.

    Stop all instances first. What the old partitions still hold is judged as the service would have, and its results, all states and all
    offsets are committed in one transaction: nothing is lost, nothing comes twice, and if anything fails, nothing has changed. Needs
    state.backend = "topic", and records whose keys Kafka's default partitioner has placed. See docs/delivery.md.

    Example: streamkl reshard config/streamkl.toml --dry-run
    """
    from streamkl import checking
    from streamkl.reshard import command

    command.reshard(checking.load_checked(config), dry_run=dry_run, settled=settled)


def config(
    form: Annotated[Format, typer.Option("--format", help="A file to edit, or the page that explains it.")] = Format.TOML,
) -> None:
    """Print a configuration with every option, its meaning, bounds and default.

    Example: streamkl config > streamkl.toml
    """
    from streamkl.config import render

    typer.echo(render.default_toml() if form is Format.TOML else render.markdown(), nl=False)
