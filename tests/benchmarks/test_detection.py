"""Labelled incidents: an ingredient is off in its own process, the worst are chosen by what can be counted, pictures have sentences."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer import BadParameter, Typer
from typer.testing import CliRunner

from benchmarks import ablation, alone, incident_pages, kept, replacements
from benchmarks.ablation_table import table
from benchmarks.detection import main, report
from benchmarks.incident_pages import NOT_LOOKED_AT, Pages, pages, tried, written
from benchmarks.incidents import APART, Incident, Judged, facts, false_alarms, judge, misses, seen, stands_out, windows, worst
from benchmarks.ingredients import SHIPPED, VARIANTS, Variant
from benchmarks.labelled import Labelled
from benchmarks.report import Report as Page
from benchmarks.report import Section, write
from streamkl.core import episode, tracks
from streamkl.core.arena import RECENT, Tracks
from streamkl.core.point_run_length import fresh
from streamkl.core.tracks import NONE
from tests.kernels import surprisal

ROWS, FOUND, MISSED, FALSE = 3_000, 1_500, 2_000, 2_500
# A scorer as small as can be: F1 of labelled rows, on sets with a manifest. It has the two functions that the benchmark calls.
SCORER = """
import json, os
import numpy as np

def sets_of(data):
    return sorted(name for name in os.listdir(data) if os.path.isdir(os.path.join(data, name)))

def evaluate(data, sets, detectors, jobs=1, quiet=False):
    found = {}
    for name in sets:
        with open(os.path.join(data, name, "manifest.json")) as file:
            rows = json.load(file)["series"]
        series = [np.load(os.path.join(data, name, row["file"])) for row in rows]
        results = []
        for detector in detectors:
            name_of = detector if isinstance(detector, str) else detector.__name__
            score = (lambda v, t: np.zeros(len(v))) if isinstance(detector, str) else detector
            on = np.concatenate([score(one["v"], one["t"]) >= 1 for one in series])
            y = np.concatenate([one["y"] > 0 for one in series])
            f1 = 2 * int((on & y).sum()) / int(on.sum() + y.sum())
            at_1 = {"f1": f1, "false_per_day": 0.0, "precision": 0.0, "recall": 0.0, "median_delay": 0.0}
            more = {"auc_pr": 0.5, "vus_pr": 0.5, "per_series": {"a": 1}}
            results.append({"detector": name_of, "at_1": at_1, "best": at_1, **more})
        found[name] = {"kind": "window", "series": [row["series"] for row in rows], "rows": len(y), "results": results}
    return found
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Tools, and data with one series: a labelled peak, a label on nothing, and a peak without a label."""
    tools, data = tmp_path_factory.mktemp("tools"), tmp_path_factory.mktemp("data")
    (tools / "evaluate.py").write_text(SCORER)
    values = np.random.default_rng(5).normal(size=ROWS)
    values[[FOUND, FALSE]] += 40.0
    marked = np.zeros(ROWS, np.uint8)
    marked[FOUND : FOUND + 3] = marked[MISSED : MISSED + 5] = 1
    (data / "made").mkdir()
    np.savez(data / "made" / "a.npz", t=1_700_000_000 + 60 * np.arange(ROWS), v=values, y=marked)
    manifest = {"series": [{"series": "a", "file": "a.npz", "n": ROWS, "interval_s": 60}]}
    (data / "made" / "manifest.json").write_text(json.dumps(manifest))
    return tools, data


@pytest.fixture(scope="module")
def judged(folders: tuple[Path, Path]) -> Judged:
    (only,) = judge(folders[1])
    return only


def incident(first: int, size: float, series: Judged) -> Incident:
    return Incident(series, first, first, first, size)


def test_a_label_without_an_alarm_is_a_miss_and_an_alarm_without_a_label_is_false(judged: Judged) -> None:
    assert [(each.first, each.last) for each in misses(judged)] == [(MISSED, MISSED + 4)]
    assert FALSE in [each.first for each in false_alarms(judged)]
    assert all(not FOUND <= each.first <= FOUND + 7 for each in false_alarms(judged))


def test_rows_that_nobody_scores_are_neither(judged: Judged) -> None:
    late = Judged(Labelled("s", "a", judged.series.seconds, judged.series.values, judged.series.anomalous, MISSED + 6), judged.result)
    assert list(misses(late)) == []
    late = Judged(Labelled("s", "a", judged.series.seconds, judged.series.values, judged.series.anomalous, FALSE + 1), judged.result)
    assert FALSE not in [each.first for each in false_alarms(late)]


def test_the_worst_are_the_largest_of_different_places(judged: Judged) -> None:
    others = [Judged(judged.series, judged.result) for _ in range(12)]
    near = [incident(1_000, 5.0, judged), incident(1_000 + APART, 9.0, judged), incident(0, 1.0, judged), incident(2_900, 0.5, judged)]
    assert [each.size for each in worst(near)] == [9.0, 1.0]  # one is near the largest, and one is the third of its series
    assert [each.size for each in worst([incident(0, float(k), other) for k, other in enumerate(others)])] == [11.0 - k for k in range(10)]


def test_what_stands_out_lies_far_from_what_came_before() -> None:
    values = np.r_[np.linspace(0.0, 1.0, 101), 0.5, -2.0]
    # Of 0, .01, ..., 1 the median is .5, and from the 1st to the 99th percentile it is .98.
    assert stands_out(values, 101, 102) == pytest.approx(2.5 / 0.98)
    assert stands_out(np.r_[np.zeros(10), 1.0], 10, 10) == np.inf
    assert stands_out(np.zeros(5), 4, 4) == stands_out(np.ones(5), 0, 0) == 0.0
    assert windows(np.array([True, True, False, True])) == [(0, 1), (3, 3)]


def test_what_came_once_before_is_counted_once(judged: Judged) -> None:
    (first,) = [each for each in false_alarms(judged) if each.first == FALSE]
    found = seen(first)
    assert found.share == pytest.approx(judged.result.ratio[FALSE])
    assert found.share >= 1.0
    assert (found.loudest, found.as_far, found.rows) == ("track level", 1, FALSE)  # the labelled peak; its way back is nearer to the level
    assert facts(first, found).startswith("Track level came to ")
    assert facts(first, found).endswith(" of 2,500 rows before 1 lay as far out. Episodes of this series before it: 1.")


def test_a_missed_label_says_what_came_nearest(judged: Judged) -> None:
    (miss,) = misses(judged)
    assert facts(miss, seen(miss)).startswith("Window of 16 points came nearest, to 0.")


def test_pictures_are_drawn_and_what_nobody_has_looked_at_says_so(
    folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentences = tmp_path / "detection.toml"
    sentences.write_text(f'[why]\n"made/a/{MISSED}-{MISSED + 4}" = "Nothing is there."\n')
    monkeypatch.setattr(incident_pages, "WRITTEN", sentences)
    made = pages(folders[1], True, tmp_path)
    missed, false = made.sections
    assert missed.text[-1].endswith(" Nothing is there.")
    assert false.text[3].startswith("1. made, a, row ")
    assert all(line.endswith(NOT_LOOKED_AT) for line in false.text[3:])
    assert f"made/a/{FALSE}" in capsys.readouterr().err
    for section in made.sections:
        assert (tmp_path / section.picture).read_bytes().startswith(b"\x89PNG")
    assert {"set": "made", "series": "a", "first": MISSED, "last": MISSED + 4}.items() <= made.rows[0].items()


def test_a_section_may_be_a_picture_with_text(tmp_path: Path) -> None:
    sections = [Section("Seen", text=["One.", "", "1. Two."], picture="a.png"), Section("Counted", [{"a": 1}], ["Three."])]
    write(Page("one", "One", "python -m benchmarks.one", [], [{"a": 1}], sections), tmp_path)
    page = (tmp_path / "one.md").read_text()
    assert "## Seen\n\n![Seen](../pictures/a.png)\n\nOne.\n\n1. Two.\n\n## Counted\n\nThree.\n\n| a |\n" in page


def test_every_sentence_belongs_to_rows_of_a_series_and_every_try_has_an_outcome() -> None:
    for key, sentence in written()["why"].items():
        name, _, rows = key.rpartition("/")
        assert name.count("/") >= 1
        assert all(part.isdigit() for part in rows.split("-"))
        assert sentence.endswith(".")
    assert all(row["what"] and row["what came of it"] for row in tried().rows)


def test_an_ingredient_that_is_gone_is_an_error() -> None:
    with pytest.raises(AttributeError, match="WEIGHT_OF_NOTHING"):
        Variant(instead={"core.past.WEIGHT_OF_NOTHING": 1.0}).install()
    with pytest.raises(BadParameter, match=r"has no evaluate\.py"):
        ablation.load_scorer(Path(__file__).parent)


def test_an_ingredient_is_off_in_its_own_process_only(folders: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "FOLDER", tmp_path)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")  # of those processes: to compile would take longer than a few points do
    before = episode.alarm_output
    name = "- episodes (every point at its limit)"
    found = ablation.measured([SHIPPED, name], *folders, 1, points=500)
    assert episode.alarm_output is before
    shipped, without = (found[each]["sets"]["made"] for each in (SHIPPED, name))
    assert shipped["series"] == 1
    assert "per_series" not in shipped["results"][0]
    # The way back from the labelled peak is as far as the way up: of the label's three rows two are at the limit, and one is an alarm.
    assert without["results"][0]["at_1"]["f1"] > shipped["results"][0]["at_1"]["f1"] > 0
    first, second = table(found)
    assert (first["variant"], first["change"]) == (SHIPPED, 0.0)
    assert second["change"] > 0.0
    made = report({"made": shipped}, [first, second], Pages([], []))
    assert [section.title for section in made.sections] == ["made: 1 series, 3,000 rows", "Ablation", "Tried, and left out"]
    assert [line["detector"] for line in made.sections[0].rows] == [SHIPPED]
    monkeypatch.setattr(alone, "alone", None)
    assert ablation.measured([SHIPPED, name], *folders, 1, points=500) == found  # kept


def test_a_variant_that_fails_says_why(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "evaluate.py").write_text("raise ValueError('out of order')")
    with pytest.raises(RuntimeError, match="out of order"):
        ablation.measured(["- drift"], tmp_path, folders[1], 1, 500)


def surprises(power: float, off: int = -1) -> tuple[list[float], list[float], Tracks]:
    """Of the same points by the shipped tracks and by others."""
    ours, others, mixed = fresh(1), fresh(1), replacements.mixed(power, off).py_func
    shipped, changed = [], []
    for i, value in enumerate(np.random.default_rng(2).normal(size=300)):
        for t, sums, function in ((ours, shipped, tracks.surprise), (others, changed, mixed)):
            t.recent[0, i % RECENT] = value
            t.points[0] += 1
            sums.append(function(t, 0, value, NONE))
    return shipped, changed, others


def test_tracks_are_mixed_as_shipped_but_for_what_is_changed() -> None:
    shipped, same, _ = surprises(tracks.EXPONENT)
    assert same == pytest.approx(shipped)
    _, alone, t = surprises(np.inf)
    # Of six tracks that say the same the shipped surprise is 6 ** (1/5) times what one says.
    assert alone[-1] == pytest.approx(6**0.2 * t.nats.max())
    _, without, t = surprises(tracks.EXPONENT, tracks.JUMP)
    assert t.nats[0, tracks.JUMP] == 0.0
    assert all(a <= b for a, b in zip(without, shipped, strict=True))
    assert without != shipped


def test_a_past_of_counts_has_no_tail() -> None:
    t = fresh(1)
    t.past[0, 0, :14] = [100] * 11 + [50, 20, 5]
    replacements.counted.py_func(t, 0, 0)
    for bin_number, at_least in zip((10, 11, 12, 13, 14, 47.9), (100, 50, 20, 5, 0, 0), strict=True):
        nats = surprisal(t._make(array.copy() for array in t), 0, 0, math.exp(bin_number / 3.0))
        assert nats == pytest.approx(-math.log((at_least + 0.5) / 100.5), rel=1e-6)


def test_a_past_of_one_mean_knows_no_shape() -> None:
    t, magnitudes = fresh(1), np.random.default_rng(3).exponential(size=200)
    nats = [replacements.by_the_mean.py_func(t, 0, 0, magnitude) for magnitude in magnitudes]
    assert nats[:30] == [0.0] * 30
    assert nats[-1] == pytest.approx(magnitudes[-1] / magnitudes[:-1].mean())


def test_a_variant_that_is_none_is_refused() -> None:
    app = Typer()
    app.command()(main)
    here = str(Path(__file__).parent)
    result = CliRunner().invoke(app, ["--tools", here, "--data", here, "--variant", "- soup"])
    assert result.exit_code == 2
    assert "- soup" in result.output
    assert set(VARIANTS) >= {SHIPPED, "- drift"}
