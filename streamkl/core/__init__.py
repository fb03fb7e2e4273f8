"""Arithmetic on arrays: from values to verdicts, with no I/O, no clock, and no dice without a seed.

In the order of the data: `binning` (value -> bin), `window` (bins that are still present), `reference` (what normal looked like),
`run_length` and `tail` (from a false-alarm budget to a threshold), `episode` (verdicts over time), `kernel` (one loop over all of it),
`bank` (the loop's driver for many series), `explanation` (why). `arena` holds the state; `divergence` stands beside, for batches.
"""
