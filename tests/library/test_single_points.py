"""A single point that surprises, for users of the library: what is told of it, when it is over, and how early it is found."""

import numpy as np
import pytest

import streamkl
from streamkl import DetectorConfig, Event, GatesConfig

TRACKS = ("jump", "skip", "level", "pair", "four", "window")


def noisy(n: int, **spikes: float) -> np.ndarray:
    """A metric around 100 whose points come from a normal law of width 1, one a minute; `at_700=140.0` is a spike."""
    values = np.random.default_rng(12).normal(100.0, 1.0, n)
    for name, value in spikes.items():
        values[int(name.removeprefix("at_"))] = value
    return values


def events(values: np.ndarray, **config: object) -> tuple[Event, ...]:
    seconds = 60 * np.arange(len(values))
    return tuple(streamkl.evaluate(values, seconds, config=DetectorConfig(**config)).events)  # type: ignore[arg-type]


def test_one_spike_is_one_episode_that_says_what_happened_and_when_it_was_over() -> None:
    opened, closed = events(noisy(1_500, at_1200=140.0))
    assert (opened.type, opened.reason, opened.source.last_offset) == ("opened", "threshold", 1_200)
    assert (opened.window_name, opened.statistic_name) == ("newest points", "surprisal of the newest points")
    assert opened.sentence.startswith(("jumped from ", "at 140, far above its recent level of "))
    assert (closed.type, closed.reason, closed.episode_id) == ("closed", "recovered", opened.episode_id)
    assert closed.sentence.startswith("recovered; the newest value is ")
    assert 1_200 < closed.source.last_offset < 1_260


def test_its_tracks_add_up_to_the_statistic_and_the_score() -> None:
    opened, closed = events(noisy(1_500, at_1200=140.0))
    for event in (opened, closed):
        assert tuple(track.name for track in event.tracks) == TRACKS
        assert event.statistic_nats == pytest.approx(sum(track.nats**5 for track in event.tracks) ** 0.2)
        assert event.threshold_nats is not None
        assert event.statistic_nats == pytest.approx(event.score * event.threshold_nats)
    assert max(track.nats for track in opened.tracks) > 8.0  # beyond all of 1,200 points
    assert opened.score >= 1.0 > closed.score
    assert closed.peak_score >= opened.score


def test_a_walk_that_jumps_is_said_to_have_jumped() -> None:
    """It wanders by more than it jumps, but no step was ever so large."""
    values = np.cumsum(np.random.default_rng(3).normal(0.0, 1.0, 1_500))
    before, after = values[1_199], values[1_200] + 15.0
    values[1_200:] += 15.0
    opened = next(event for event in events(values) if event.source.last_offset == 1_200)
    assert opened.sentence == f"jumped from {before:.4g} to {after:.4g}"
    assert max(opened.tracks, key=lambda track: track.nats).name == "jump"


def test_points_on_the_same_side_are_told_by_their_mean() -> None:
    """Each point takes back what the one before it added, so that means hardly move. None of the last four here is far out by itself."""
    values = 100.0 + np.diff(np.random.default_rng(1).normal(0.0, 1.0, 1_501))
    values[1_200:1_202] = 103.7
    opened = events(values)[0]
    assert opened.source.last_offset == 1_201
    assert opened.sentence.startswith(f"mean of the newest 4 points rose to {np.mean(values[1_198:1_202]):.4g}, from ")
    assert (opened.window.points, opened.source.first_offset) == (4, 1_198)


def test_back_and_forth_that_stays_away_is_said_to_have_moved_within_two_points() -> None:
    """Points that take turns are where they were two points ago; one that is not has moved."""
    values = noisy(1_500) + 20.0 * np.where(np.arange(1_500) % 2, 1.0, -1.0)
    values[1_200] = values[1_199] - 0.5
    opened = events(values)[0]
    assert opened.source.last_offset == 1_200
    assert opened.sentence == f"moved from {values[1_198]:.4g} to {values[1_200]:.4g} within two points"
    assert (opened.window.points, opened.source.first_offset) == (3, 1_198)


def test_a_window_that_its_own_past_has_never_seen_speaks_with_the_points() -> None:
    """A series that wanders, and then sticks: no point of it is strange, and 64 of them in a row are, before a window's own threshold."""
    noise = np.random.default_rng(4).normal(size=3_100)
    values = np.zeros(3_100)
    for i in range(3_000):
        values[i] = 0.9 * values[i - 1] + noise[i]
    values[3_000:] = values[2_999]
    opened = next(event for event in events(values) if event.source.last_offset > 3_000)
    assert opened.source.last_offset < 3_064
    assert opened.window_name == "newest points"
    assert max(opened.tracks, key=lambda track: track.nats).name == "window"
    assert opened.window.points == 64
    assert opened.sentence.startswith("p05 rose from ")
    assert sum(each.window_share for each in opened.top_bins) > 0.5


@pytest.mark.parametrize("at", [150, 200, 450])
def test_a_series_that_still_learns_can_alarm(at: int) -> None:
    opened, closed = events(noisy(499, **{f"at_{at}": 160.0}))
    assert (opened.source.last_offset, opened.window_name, opened.type, closed.type) == (at, "newest points", "opened", "closed")
    assert opened.top_bins == ()
    assert opened.reference.points == at + 1  # what is learned yet
    assert opened.window_quantiles is not None
    assert opened.reference_quantiles is not None
    assert 99.0 < opened.reference_quantiles.p50 < 101.0


@pytest.mark.parametrize("at", [0, 1, 20, 99])
def test_the_first_hundred_points_raise_nothing(at: int) -> None:
    verdict = streamkl.evaluate(noisy(100, **{f"at_{at}": 1e9}))
    assert not verdict.judged.any()
    assert not verdict.events


def test_points_of_an_open_episode_are_not_learned() -> None:
    """So the reference of 500 points takes as many points longer."""
    values = noisy(1_300, at_200=160.0)
    values[1_200:] += 8.0
    opened, closed, second, *_ = events(values)
    assert (opened.source.last_offset, closed.type) == (200, "closed")
    assert 1_200 <= second.source.last_offset < 1_216
    assert second.reference.points == 500
    last = 499 + closed.source.last_offset - opened.source.last_offset
    assert second.reference.end == f"1970-01-01T{last // 60:02}:{last % 60:02}:00Z"
    assert second.reference_quantiles is not None
    assert second.reference_quantiles.p95 < 103.0


def test_a_share_of_zero_judges_windows_only() -> None:
    spike = noisy(1_500, at_1200=140.0)
    assert events(spike, point_share=0.0) == ()
    windows_only = streamkl.evaluate(spike, config=DetectorConfig(point_share=0.0))
    assert not windows_only.judged[:500].any()
    assert streamkl.evaluate(spike).judged[100:499].all()


def test_gates_hold_for_single_points_too() -> None:
    spike = noisy(1_500, at_1200=140.0)
    assert len(events(spike, gates=GatesConfig(min_effect=30.0, direction="up"))) == 2
    assert events(spike, gates=GatesConfig(min_effect=50.0)) == ()
    assert events(spike, gates=GatesConfig(min_effect=10.0, direction="down")) == ()
