"""Doors from Python into compiled functions that have none of their own; not cached, so they never run against older code."""

from collections.abc import Callable
from typing import Any

import numba

from streamkl.core import counts, edges, episode, gate, hours, past, ring, run_length, season, tail, tracks, window
from streamkl.core.arena import Arena, Rules, Tracks

_door: Callable[..., Any] = numba.njit(_nrt=False)


@_door
def place(a: Arena, row: int, code: int, time: int, position: int) -> int:
    return ring.place(a, row, code, time, position)


@_door
def bin_of(a: Arena, row: int, value: float) -> int:
    return edges.bin_of(a, row, value)


@_door
def edge(a: Arena, row: int, k: int) -> float:
    return edges.edge(a, row, k)


@_door
def count_of(a: Arena, row: int, w: int, code: int) -> int:
    return counts.count_of(a, row, w, code)


@_door
def note_fresh(t: Tracks, row: int, track: int, index: int) -> None:
    past._note(t, row, track, index)


@_door
def newer(t: Tracks, row: int, track: int, index: int) -> int:
    return past._fresh(t, row, track, index)


@_door
def add(a: Arena, rules: Rules, row: int, w: int, code: int) -> None:
    window.add(a, rules, row, w, code)


@_door
def remove(a: Arena, rules: Rules, row: int, w: int, code: int) -> None:
    window.remove(a, rules, row, w, code)


@_door
def statistic(a: Arena, rules: Rules, row: int, w: int) -> float:
    return window.statistic(a, rules, row, w)


@_door
def move(a: Arena, rules: Rules, row: int, score: float, w: int, time: int, position: int) -> int:
    return episode.move(a, rules, row, score, w, time, position)


@_door
def alarm_output(alarms: bool, score: float, strength: float) -> float:
    return episode.alarm_output(alarms, score, strength)


@_door
def is_alarm(a: Arena, rules: Rules, row: int, happened: int, before: int) -> bool:
    return episode.is_alarm(a, rules, row, happened, before)


@_door
def observe(a: Arena, row: int, w: int, ratio: float, block: int) -> None:
    tail.observe(a, row, w, ratio, block)


@_door
def limit_for(rules: Rules, bin_class: int, w: int, points: int, log_run: float) -> float:
    return run_length.limit_for(rules, bin_class, w, points, log_run)


@_door
def slot_of(rules: Rules, time: int) -> int:
    return season.slot_of(rules, time)


@_door
def normal_quantile(a: Arena, rules: Rules, row: int, w: int, q: int) -> float:
    return gate.normal_quantile(a, rules, row, w, q)


@_door
def strength(t: Tracks, row: int, departure: float) -> float:
    return tracks.strength(t, row, departure)


@_door
def note(a: Arena, row: int, time: int, value: float) -> None:
    hours.note(a, row, time, value)


@_door
def departure(a: Arena, row: int) -> float:
    return hours.departure(a, row)


@_door
def fused(t: Tracks, row: int) -> float:
    return tracks.fused(t, row)


@_door
def surprisal(t: Tracks, row: int, track: int, magnitude: float) -> float:
    return past.surprisal(t, row, track, magnitude)
