"""Commands about samples: which model suits one, and whether two are alike."""
# ruff: noqa: PLC0415  each command imports its own rooms, so that --help is there at once

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from streamkl.cli.door import DRIFT


class Kind(StrEnum):
    """How `streamkl fit` takes the values."""

    AUTO = "auto"
    DISCRETE = "discrete"
    CONTINUOUS = "continuous"


class FailOn(StrEnum):
    """What makes `streamkl compare` end with a code of its own."""

    NOTHING = "nothing"
    DRIFT = "drift"


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
