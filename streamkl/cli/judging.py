"""Commands that judge series: in files, in history, and one record once more."""
# ruff: noqa: PLC0415  each command imports its own rooms, so that --help is there at once

from pathlib import Path
from typing import Annotated

import typer

from streamkl.errors import InputError


def replay(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="JSON lines, CSV or line protocol, .gz or not; - is standard input.", show_default=False),
    ],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Configuration file; without it the defaults.")
    ] = None,
    events: Annotated[
        str, typer.Option("--events", "-e", metavar="OUT", help="Where events go, one JSON a line; - is standard output.")
    ] = "-",
    rejected: Annotated[
        str | None, typer.Option("--rejected", metavar="OUT", help="Where lines go that could not be judged, with the reason.")
    ] = None,
    *,
    joined: Annotated[bool, typer.Option("--joined", help="The files are parts of one stream, in this order.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no summary.")] = False,
) -> None:
    """Judge files instead of topics, at full speed, with the engine of the service.

    CSV begins with a line that names the columns: series,timestamp,value; or timestamp,value (the file's name is the series); or
    timestamp,a,b,c (each column a series). JSON lines are what the topic would carry. Files named .influx or .lp are InfluxDB line
    protocol, and any file is where [input] says format = "influx". Bad lines are counted and never end it. Each file is a stream of its
    own, as if it were a partition, unless --joined.

    Example: streamkl replay cpu.csv --events episodes.jsonl
    """
    from streamkl import checking
    from streamkl.replay import command

    command.replay_files(files, checking.load_checked(config, files), events, rejected, joined=joined, quiet=quiet)


def calibrate(
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE", help="History as `replay` reads it; - is standard input.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Configuration to calibrate; without it the defaults.")
    ] = None,
    topic: Annotated[
        str | None, typer.Option("--topic", metavar="TOPIC", help="Read this topic from its earliest record to its end, instead of files.")
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="The topic's broker; without it kafka.bootstrap_servers.")
    ] = None,
    within: Annotated[int, typer.Option("--within", min=2, max=10_000, help="Points in which a shift is to be found.")] = 100,
    write: Annotated[
        Path | None, typer.Option("--write", "-w", metavar="OUT.toml", help="Write the suggested configuration, a new file.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=0, help="Series shown, the worst first; 0 shows all.")] = 20,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Everything about every series as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Read history and say what streamkl would find in it, before it runs.

    \b
    For each series, the worst first, and for all together:
      found 1 in 2   the smallest shift of the mean, up or down, that opens an episode within
                     --within points at your budget, one time in two; found 9 in 10: nine times in ten.
                     Measured: shifts are added to stretches of its own history that it has not learned.
      threshold      KL per point of each window; guard factor: how much of it is due to the series' own past
      effective      how many independent points its points are worth; lag 1: correlation of neighbours
      ties           share of points whose value occurs more than once; hint: a day or a week shows in it
      memory         bytes of state

    Then a reference size, windows and bins, where measuring shows that they find smaller shifts. --write puts them into a new
    configuration, with the figures as comments. With --topic no consumer group is joined and nothing is committed.

    Example: streamkl calibrate metrics.csv --within 50 --write streamkl.toml
    """
    from streamkl import checking
    from streamkl.calibrate import command

    loaded = checking.load_checked(config, files or ())
    command.calibrate(
        files or [], loaded, topic=topic, bootstrap=bootstrap, within=within, write=write, as_json=as_json, top=top, quiet=quiet
    )


def explain(
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="A file as `replay` reads it.", show_default=False)] = None,
    line: Annotated[int | None, typer.Option("--line", min=1, help="The record's line in the file.", show_default=False)] = None,
    topic: Annotated[str | None, typer.Option("--topic", metavar="TOPIC", help="The record's topic, instead of a file.")] = None,
    partition: Annotated[int, typer.Option("--partition", min=0, help="Its partition.")] = 0,
    offset: Annotated[int | None, typer.Option("--offset", min=0, help="Its offset.", show_default=False)] = None,
    series: Annotated[str | None, typer.Option("--series", help="Of a record with several points only these.", show_default=False)] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="CONFIG", help="Configuration of the service; without it the defaults.")
    ] = None,
    bootstrap: Annotated[
        str | None, typer.Option("--bootstrap", metavar="HOST:PORT", help="The topic's broker; without it kafka.bootstrap_servers.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option("--state", help="Begin with this file of state.directory (a copy), not with the first record held.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Derive one verdict again: what became of each point of a record, how far each window was from its threshold, in which bins, and why.

    The records before it are judged again, from the first that is still held; no consumer group is joined and nothing is committed. Of a
    topic, the events are compared with those that the service wrote, byte for byte. An event names its record: `source.topic`,
    `source.partition`, `source.last_offset`.

    Example: streamkl explain --topic metrics --partition 3 --offset 120345 --config streamkl.toml
    """
    from streamkl import checking
    from streamkl.explain import command

    if (topic is None) != (offset is None):
        raise InputError("--topic and --offset go together: streamkl explain --topic metrics --partition 0 --offset 120345")
    where = None if topic is None or offset is None else command.Where(topic, partition, offset)
    loaded = checking.load_checked(config, () if file is None else (file,))
    command.explain(
        loaded, file=file, line=line, where=where, bootstrap=bootstrap, series=series, state=state, as_json=as_json, quiet=quiet
    )
