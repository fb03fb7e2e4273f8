"""How well founded the threshold behind an event is: one number from what stands behind it, by a formula that a reader can redo."""

SETTLED_BLOCKS = 32  # of two windows: before 64 windows of own past the tail factor rests on few maxima
REACH = 20.0  # promised points between alarms, as a multiple of the points seen, up to which a fitted tail is not stretched too far
SETTLED_REFERENCE = 50.0  # independent points: the smallest reference that may be chosen


def confidence(blocks: int, judged: int, run_length: float, effective: float) -> float:
    """0..1, to two places: the smallest of three parts, and at most 1.

    - blocks / 32: `blocks` maxima of the window's own past stand behind its tail factor;
    - 20 x judged / run_length: the window was judged on `judged` points and promises one false alarm in `run_length`;
    - effective / 50: so many independent points the learned reference is worth.

    1 says that all that was asked for is there. It is no probability: docs/benchmarks/confidence.md has how far thresholds are from those
    they settle at. O(1).

    >>> confidence(blocks=80, judged=5_000, run_length=30_240.0, effective=500.0)
    1.0
    >>> confidence(blocks=8, judged=500, run_length=30_240.0, effective=500.0)  # 8/32 = 0.25; 20 x 500 / 30240 = 0.33
    0.25
    >>> confidence(blocks=80, judged=5_000, run_length=1e6, effective=26.0)  # 20 x 5000 / 1e6 = 0.1; 26/50 = 0.52
    0.1
    """
    return round(min(1.0, blocks / SETTLED_BLOCKS, REACH * judged / run_length, effective / SETTLED_REFERENCE), 2)
