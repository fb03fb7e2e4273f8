"""The part of the page on labelled incidents that has pictures: the worst misses and false alarms, what is known of each, and why."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.incident_pictures import draw
from benchmarks.incidents import APART, BEFORE, OF_ONE_SERIES, Incident, facts, false_alarms, judge, misses, seen, worst
from benchmarks.quiet_data import SLACK
from benchmarks.report import ROOT, Row, Section

WRITTEN = ROOT / "benchmarks" / "detection.toml"
PICTURES = ROOT / "docs" / "pictures"
MISSES, FALSE_ALARMS = "worst_misses.png", "worst_false_alarms.png"
NOT_LOOKED_AT = "*Nobody has looked at this one yet.*"


@dataclass(frozen=True)
class Pages:
    """Sections for people, rows for programs."""

    sections: Sequence[Section]
    rows: Sequence[Row]


def pages(data: Path, save: bool, pictures: Path = PICTURES) -> Pages:
    """Judge every series, choose the worst, and say what is known of them; pictures are only drawn to be saved."""
    why, judged = written()["why"], judge(data)
    missed, false = ([each for series in judged for each in kind(series)] for kind in (misses, false_alarms))
    chosen = {MISSES: worst(missed), FALSE_ALARMS: worst(false)}
    told = {name: [(each, seen(each)) for each in incidents] for name, incidents in chosen.items()}
    unknown = [each.key for incidents in chosen.values() for each in incidents if each.key not in why]
    if unknown:
        Console(stderr=True).print(f"no sentence in {WRITTEN.name} for:", *unknown, sep="\n  ", highlight=False, markup=False)
    if save:
        for name, incidents in chosen.items():
            draw(incidents, pictures / name)
    rules = {
        MISSES: f"Labels missed: {len(missed)}. Worst are those that stand out most: by the distance of their furthest value from "
        f"the median of the {BEFORE:,} rows before them, in ranges of these rows (1st to 99th percentile).",
        FALSE_ALARMS: f"Alarms outside of labels: {len(false)} (up to {SLACK} rows after a label they are its own). Worst are the highest.",
    }
    shown = f"At most {OF_ONE_SERIES} of a series, at least {APART} rows apart. Shaded: labels. Below: score, limit and alarms (dots)."
    return Pages(
        [
            Section(
                "The worst misses" if name == MISSES else "The worst false alarms",
                text=[rules[name], shown, "", *_lines(told[name], why)],
                picture=name,
            )
            for name in chosen
            if chosen[name]
        ],
        [
            {"set": each.judged.series.set, "series": each.judged.series.name, "first": each.first, "last": each.last, **asdict(found)}
            for each, found in (*told[MISSES], *told[FALSE_ALARMS])
        ],
    )


def _lines(told: Sequence[tuple[Incident, Any]], why: Mapping[str, str]) -> list[str]:
    return [
        f"{number}. {each.where}. {facts(each, found)} {why.get(each.key, NOT_LOOKED_AT)}" for number, (each, found) in enumerate(told, 1)
    ]


def tried() -> Section:
    """What did not help."""
    rows = [{"what": each["what"], "what came of it": each["came"]} for each in written()["tried"]]
    text = "Changes of the sum in the ablation's first column, where nothing else is said; differences below .03 are chance."
    return Section("Tried, and left out", rows, [f"{text} More in [decision 0021](../decisions/0021-limit-in-nats.md)."])


def written() -> dict[str, Any]:
    """The sentences."""
    return tomllib.loads(WRITTEN.read_text(encoding="utf-8"))
