"""What the benchmark of exactly-once makes of commits, episodes and log lines."""

import json
from itertools import islice

import numpy as np
import pytest
import typer

from benchmarks import quantiles
from benchmarks.delivery import main
from benchmarks.delivery_cost import row
from benchmarks.delivery_latency import Seen, latencies
from benchmarks.reading import Speed
from benchmarks.recovery import Look, Started, gaps, new_commits, started
from benchmarks.stream import MEAN, SHIFT, Stream, groups, history, history_records, values
from benchmarks.topics import Shape

LOG = """\
2026-01-02T03:04:05.000Z INFO    preparing kernels and thresholds (a minute or more on the first start on a machine)
2026-01-02T03:04:06.250Z INFO    metrics/0: continues with offset 120 (saved state), newest 500
2026-01-02T03:04:06.500Z INFO    metrics/1: continues with offset 100 (saved state), newest 400
2026-01-02T03:04:09.000Z WARNING failed 1 of 15 times in a row, restoring and replaying: no answer
2026-01-02T03:04:09.750Z INFO    metrics/0: continues with offset 120 (saved state), newest 520
"""
FIVE_PAST_FOUR = 1_767_323_045.0  # 2026-01-02T03:04:05Z


def test_a_start_is_told_by_its_log_once_every_state_is_back() -> None:
    assert started(LOG, partitions=2) == Started(FIVE_PAST_FOUR, FIVE_PAST_FOUR + 1.25, FIVE_PAST_FOUR + 1.5)
    assert started(LOG, partitions=4) is None
    half_a_line = LOG[: LOG.index(", newest 400")]
    assert started(half_a_line, partitions=1) is not None
    assert started(half_a_line, partitions=2) is None
    assert started("", partitions=1) is None


def test_a_commit_that_the_broker_still_finished_for_the_dead_process_is_not_new() -> None:
    looks = [
        Look(0.0, [100, 50]),
        Look(0.1, [110, 60]),  # of the dead one
        Look(2.0, [110, 60]),
        Look(2.1, [110, 61]),
        Look(2.2, [110, 75]),
        Look(2.3, [111, 75]),
    ]
    assert new_commits(looks, since=1.5) == (2.1, 2.3)
    assert new_commits(looks[:5], since=1.5) == (2.1, None)
    assert new_commits(looks[:3], since=1.5) == (None, None)


def test_time_between_commits_is_from_one_change_to_the_next() -> None:
    looks = [Look(at, [offset]) for at, offset in ((0.0, 1), (0.5, 2), (1.0, 2), (1.5, 3), (4.0, 5), (5.0, 5))]
    assert gaps(looks) == [1.0, 2.5]


def test_an_episode_is_as_late_as_the_record_that_it_names_is_old() -> None:
    seen = [Seen((0, 7), sent=10.5, seen=11.0), Seen((1, 7), sent=10.75, seen=12.0), Seen((0, 8), sent=21.0, seen=21.5)]
    written = {(0, 7): 10.0, (1, 7): 9.0, (0, 8): 20.0}
    measured = latencies(seen, written, since=9.5, until=20.0)
    assert (measured.until_sent, measured.until_seen) == ([0.5], [1.0])
    assert latencies(seen, written, since=0.0, until=99.0).until_seen == [1.0, 3.0, 1.5]


def test_quantiles_are_durations_that_were_measured() -> None:
    hundred = quantiles.seconds([float(number) for number in range(100, 0, -1)])
    assert hundred == {"p50, s": 50.0, "p99, s": 99.0, "longest, s": 100.0, "count": 100}
    assert quantiles.seconds([float(number) for number in range(20)])["p99, s"] == 19.0
    assert quantiles.seconds([]) == {"p50, s": None, "p99, s": None, "longest, s": None, "count": 0}


def test_the_cost_is_the_median_over_pairs_and_not_the_ratio_of_medians() -> None:
    pairs = [(Speed(100.0, 10.0), Speed(90.0, 12.5)), (Speed(50.0, 10.0), Speed(50.0, 20.0)), (Speed(200.0, 10.0), Speed(100.0, 10.0))]
    found = row(Shape("t", 1_000, 1), pairs)
    assert (found["exactly / at least"], found["lowest"], found["highest"]) == (0.9, 0.5, 1.0)
    assert found["by processor time"] == pytest.approx(0.8)
    assert (found["records/s exactly"], found["records/s at least"], found["pairs"]) == (90.0, 100.0, 3)


def test_the_history_ends_where_the_stream_begins_and_knows_its_series_on_their_partitions() -> None:
    flow = Stream("t", series=230, partitions=2, rate=23.0)
    records = [(partition, json.loads(record)) for partition, record in history(flow, points=3, end=1_000.0)]
    assert len(records) == history_records(flow, 3) == 12  # 115 series on each partition: 100 and 15
    points = [(partition, point["series"], point["timestamp"]) for partition, record in records for point in record]
    names = [f"host-{number:06}/cpu" for number in range(230)]
    assert sorted(points) == sorted((number % 2, name, at) for number, name in enumerate(names) for at in (970.0, 980.0, 990.0))


@pytest.mark.parametrize("size", [1, 7, 100, 1_000])
def test_every_series_is_written_once_in_a_round_however_many_share_a_record(size: int) -> None:
    found = groups(Stream("t", series=230, partitions=4, rate=1.0), size)
    names = [f"host-{number:06}/cpu" for number in range(230)]
    homes = [(json.loads(f"{head}0}}")["series"], partition) for partition, heads in found for head in heads]
    assert sorted(homes) == [(name, number % 4) for number, name in enumerate(names)]
    assert max(len(heads) for _, heads in found) == min(size, 58)
    assert [partition for partition, _ in found[:4]] == [0, 1, 2, 3]


def test_each_series_shifts_for_eight_points_again_and_again_at_moments_of_its_own() -> None:
    flow = Stream("t", series=20, partitions=1, rate=1.0, shift_every=50)
    high = np.array(list(islice(values(flow), 20 * 500))).reshape(500, 20) > MEAN + SHIFT / 2
    assert high.sum(axis=0) == pytest.approx(np.full(20, 80), abs=0)
    assert high[:450].tolist() == high[50:].tolist()
    assert len({tuple(column) for column in high.T.tolist()}) > 10


def test_sizes_that_could_not_be_measured_are_refused_before_anything_starts() -> None:
    with pytest.raises(typer.BadParameter, match="--points: 300 points teach no series of --learning 500; try 770"):
        main(points=300)
    with pytest.raises(typer.BadParameter, match="--many: 12 series leave some of --partitions 16 without any; try 1600"):
        main(many=12)


def test_a_stream_without_shifts_stays_where_it_is() -> None:
    quiet = np.array(list(islice(values(Stream("t", series=10, partitions=1, rate=1.0)), 50_000)))
    assert abs(quiet.mean() - MEAN) < 0.1
    assert quiet.max() < MEAN + SHIFT / 2 + 10
