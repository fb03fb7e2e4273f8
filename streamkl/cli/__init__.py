"""A command line becomes one call and an exit code; nothing heavy is imported before the command that needs it."""

import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from streamkl.cli import judging, machine, samples, service
from streamkl.cli.door import INTERRUPTED, Door

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

_COMMANDS = (
    (service.run, "Run the service on Kafka topics."),
    (service.check, "Print all mistakes of a configuration."),
    (judging.replay, "Judge files (CSV, JSON lines, line protocol)."),
    (judging.calibrate, "What history says: thresholds, shifts found, settings."),
    (service.estimate, "How much memory so many series need."),
    (judging.explain, "Why a record was judged as it was."),
    (samples.fit, "Which simple model loses least about some numbers."),
    (samples.compare, "Have two samples the same distribution?"),
    (service.reshard, "Move state after a topic got more partitions."),
    (machine.demo, "See it work on this machine."),
    (machine.broker, "Run an Apache Kafka on loopback."),
    (service.config, "Print every option with its default."),
)

app = typer.Typer(
    cls=Door,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _command, _short in _COMMANDS:
    app.command(short_help=_short)(_command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"streamkl {installed_version('streamkl')}")
        raise typer.Exit


@app.callback(help=_HELP, epilog=_EPILOG)
def _front(
    *,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_version)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of errors that are otherwise one line.")] = False,
) -> None:
    del version, debug  # the one has acted, the other is read from the context


def main() -> None:
    """The entry point of the `streamkl` command."""
    try:
        app(prog_name="streamkl")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
