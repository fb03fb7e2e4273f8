"""A command line becomes one call and an exit code; nothing heavy is imported before the command that needs it."""
# ruff: noqa: PLC0415  each command imports its own rooms, so that --help is there at once

import gc
import os
import sys
from enum import StrEnum
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from streamkl.errors import ConfigError, InputError, StreamklError

OK, FAILED, USAGE, DRIFT, INTERRUPTED = 0, 1, 2, 3, 130
MOST_PROCESSES = 256

_HELP = """Streaming anomaly detection on Kafka metrics.

streamkl compares the distribution of each series' recent values with what is normal for it, and reports an episode when they
differ. You say how many false alarms are acceptable ("1 per series per week"); the threshold follows from that.

\b
Ways to begin:
  streamkl demo                see it work here, with a broker of its own
  streamkl replay metrics.csv  judge a file; one JSON event a line
  streamkl run streamkl.toml   the service: metrics in, anomalies out
  streamkl compare A B         are the rows of two files distributed alike?

\b
A configuration to start from:
  streamkl config > streamkl.toml
  streamkl check streamkl.toml
"""

_EPILOG = """\b
Exit codes:
  0    all went well
  1    a problem at run time
  2    a mistake in the command line, the configuration or an input file
  3    compare --fail-on drift: drift was found
  130  interrupted

Read on: streamkl COMMAND --help; README.md and docs/configuration.md.
"""


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamkl {installed_version('streamkl')}")
        raise typer.Exit


class _Door(TyperGroup):
    """Where everything raised on purpose becomes one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command. Errors that are nobody's doing keep their traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough (`| head`). Python would complain once more while it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(OK) from None
        except StreamklError as error:
            if ctx.params.get("debug"):
                raise
            _say(error)
            raise typer.Exit(USAGE if isinstance(error, ConfigError | InputError) else FAILED) from None


class Kind(StrEnum):
    """How `streamkl fit` takes the values."""

    AUTO = "auto"
    DISCRETE = "discrete"
    CONTINUOUS = "continuous"


class FailOn(StrEnum):
    """What makes `streamkl compare` end with a code of its own."""

    NOTHING = "nothing"
    DRIFT = "drift"


class Format(StrEnum):
    """How `streamkl config` writes the options."""

    TOML = "toml"
    MARKDOWN = "markdown"


app = typer.Typer(
    cls=_Door,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file (TOML).", show_default=False)]


@app.callback(help=_HELP, epilog=_EPILOG)
def _front(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of errors that are otherwise one line.")] = False,
) -> None:
    del version, debug  # the one has acted, the other is read from the context


@app.command(short_help="Run the service on Kafka topics.")
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


@app.command(short_help="Print all mistakes of a configuration.")
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


@app.command(short_help="Judge files (CSV, JSON lines, line protocol).")
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


@app.command(short_help="What history says: thresholds, shifts found, settings.")
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


@app.command(short_help="How much memory so many series need.")
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


@app.command(short_help="Why a record was judged as it was.")
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


@app.command(short_help="Which simple model loses least about some numbers.")
def fit(
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="CSV, JSON lines or a number a line, .gz or not; - is standard input.", show_default=False)
    ],
    models: Annotated[
        str | None, typer.Option("--models", "-m", metavar="A,B,...", help="Models to compare; without it all that suit the data.")
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", metavar="NAME", help="The column, or the field (a.b), where there are several.")
    ] = None,
    counts: Annotated[str | None, typer.Option("--counts", metavar="NAME", help="The column with how often each value was seen.")] = None,
    ends: Annotated[
        str | None, typer.Option("--range", metavar="LOW:HIGH", help="The lowest and highest value that can be, e.g. 0:10.")
    ] = None,
    kind: Annotated[Kind, typer.Option("--kind", help="Numbers that are counted, or that are measured.")] = Kind.AUTO,
    cells: Annotated[int | None, typer.Option("--cells", metavar="N", help="Cells for measured numbers; without it 2 n^(2/5).")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", metavar="FILE.svg", help="Draw data, models and curves.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no remarks.")] = False,
) -> None:
    """Fit simple models to numbers and say what each loses: KL(data || model), as small as its parameters make it.

    \b
    Models of whole numbers: binomial, poisson, geometric, negative-binomial
    of any numbers:          normal, mixture (of two normals), uniform, step (half of the range has share p)
    of positive numbers:     exponential, lognormal, gamma

    The best is first, after adding what it costs to tell the parameters. Whole numbers that repeat are compared one by one; other values
    are cut into cells of about equally many. A model that gives no probability to something seen has an infinite KL. See docs/fit.md.

    Example: streamkl fit teeth.csv --column teeth --counts worms --models uniform,binomial --range 0:10
    """
    from streamkl.fitting import command

    command.fit_file(
        data,
        models=models,
        column=column,
        counts=counts,
        ends=ends,
        kind=kind.value,
        cells=cells,
        picture=picture,
        as_json=as_json,
        quiet=quiet,
    )


@app.command(short_help="Have two samples the same distribution?")
def compare(
    reference: Annotated[
        str, typer.Argument(metavar="REFERENCE", help="What is normal: a file or a stretch of a topic.", show_default=False)
    ],
    current: Annotated[str, typer.Argument(metavar="CURRENT", help="What is compared with it.", show_default=False)],
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="CONFIG", help="Configuration with a table [compare], and a topic's broker."),
    ] = None,
    alpha: Annotated[float | None, typer.Option("--alpha", help="Share of comparisons without drift that may find some.")] = None,
    divergence: Annotated[
        str | None, typer.Option("--divergence", metavar="NAME", help="kl, reverse_kl, jeffreys, psi, jensen_shannon, hellinger, ...")
    ] = None,
    align: Annotated[
        str | None, typer.Option("--align", metavar="WHAT", help="location or scale: compare shapes, with medians (and spreads) adjusted.")
    ] = None,
    control: Annotated[str | None, typer.Option("--control", metavar="NAME", help="Over many features: holm, bh or none.")] = None,
    bins: Annotated[int | None, typer.Option("--bins", help="Bins of a number; 0: as the sizes are worth.")] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="PATTERN", help="Compare only these features; repeatable.")] = None,
    ignore: Annotated[list[str] | None, typer.Option("--ignore", metavar="PATTERN", help="Leave these features out; repeatable.")] = None,
    categorical: Annotated[
        list[str] | None, typer.Option("--categorical", metavar="PATTERN", help="Numbers of these features are names; repeatable.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Of what is drawn by chance; the same seed gives the same report.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="OUT.html", help="Write a page with pictures, for any browser.")] = None,
    fail_on: Annotated[FailOn, typer.Option("--fail-on", help="Exit with code 3 where this is found.")] = FailOn.NOTHING,
    top: Annotated[int, typer.Option("--top", min=0, help="Features shown, those furthest apart first; 0 shows all.")] = 20,
    *,
    bits: Annotated[bool, typer.Option("--bits", help="Bits instead of nats.")] = False,
    no_joint: Annotated[bool, typer.Option("--no-joint", help="Do not compare how features depend on one another.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Compare two samples, feature by feature, and in how features depend on one another.

    Files are CSV, Parquet or JSON lines, told apart by their names; features of the same name are compared as numbers, times, categories or
    lengths of texts, as their values are. A missing value is one more category.

    \b
    divergence  how far the current sample is from the reference: 0 where they are alike
    threshold   what chance alone reaches, for just these sizes and ties, as often as --alpha allows
    p           how often chance alone is so far apart
    reverse KL  the same the other way round, in nats: KL is not symmetric

    Of 20 comparisons without any drift one is found to drift (--alpha 0.05), whatever the number of rows and features. Rows have to be
    independent of one another: neighbouring samples of one metric are not; `streamkl replay` judges those.

    A stretch of a topic is topic:NAME@FROM..TO, its series are the features. FROM and TO are times, or lie before the topic's newest point:
    topic:payments@-29d..-28d is the same day of the week, four weeks earlier than topic:payments@-1d..

    Example: streamkl compare january.parquet today.parquet --html drift.html --fail-on drift
    """
    from streamkl import checking
    from streamkl.comparison import command
    from streamkl.comparison.comparing import Choice

    changes = {"alpha": alpha, "divergence": divergence, "align": align, "control": control, "bins": bins, "seed": seed}
    changes |= {"unit": "bits" if bits else None, "joint_share": 0.0 if no_joint else None}
    choice = Choice(only or (), ignore or (), categorical or ())
    loaded = checking.load_checked(config)
    report = command.compare(reference, current, loaded, choice, changes, html=html, as_json=as_json, top=top, quiet=quiet)
    if report.drift and fail_on is FailOn.DRIFT:
        raise typer.Exit(DRIFT)


@app.command(short_help="Move state after a topic got more partitions.")
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


@app.command(short_help="See it work on this machine.")
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


@app.command(short_help="Run an Apache Kafka on loopback.")
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


@app.command(short_help="Print every option with its default.")
def config(
    form: Annotated[Format, typer.Option("--format", help="A file to edit, or the page that explains it.")] = Format.TOML,
) -> None:
    """Print a configuration with every option, its meaning, bounds and default.

    Example: streamkl config > streamkl.toml
    """
    from streamkl.config import render

    typer.echo(render.default_toml() if form is Format.TOML else render.markdown(), nl=False)


def main() -> None:
    """The entry point of the `streamkl` command."""
    try:
        app(prog_name="streamkl")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _say(error: StreamklError) -> None:
    if isinstance(error, ConfigError) and len(error.problems) > 1:
        typer.echo(f"error: the configuration has {len(error.problems)} mistakes", err=True)
        for problem in error.problems:
            typer.echo(f"  {problem}", err=True)
    else:
        typer.echo(f"error: {' '.join(str(error).split())}", err=True)
