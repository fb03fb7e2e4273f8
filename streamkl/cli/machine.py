"""Commands that start things on this machine: a broker, and the demo."""
# ruff: noqa: PLC0415  each command imports its own rooms, so that --help is there at once

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    once: Annotated[bool, typer.Option("--once", help="One incident, then exit: 0 if it was found as promised, else 1.")] = False,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="Use this broker instead of an own one.")
    ] = None,
) -> None:
    """See it work: this machine's own metrics through a real Apache Kafka, a real incident, and the episodes it causes. Ctrl-C ends it.

    Example: streamkl demo --once
    """
    from streamkl.demo import demo as show

    raise typer.Exit(show.main(once=once, bootstrap=bootstrap))


def broker(
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65_535, help="Port on loopback; without it a free one.", show_default=False)
    ] = None,
    directory: Annotated[Path | None, typer.Option("--directory", file_okay=False, help="Keep the data here.", show_default=False)] = None,
) -> None:
    """Run a single-node Apache Kafka on loopback until Ctrl-C; its address is the line on standard output. No Java or Docker is needed.

    Example: streamkl broker --port 9092
    """
    from streamkl.broker import launcher

    launcher.serve(port, directory)
