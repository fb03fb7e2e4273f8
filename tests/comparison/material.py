"""Samples with drift in features that the tests know: electricity prices and loan applications."""

from typing import Any

import numpy as np

Frame = dict[str, Any]


def electricity(rng: np.random.Generator, days: int, *, later: bool = False) -> Frame:
    """Half-hours of a market in random order. Later, prices are higher and less of the state's demand is met by its neighbour."""
    n = 48 * days
    hour = rng.integers(0, 48, n)
    demand = 0.4 + 0.15 * np.sin(hour / 48 * 2 * np.pi) + 0.08 * rng.normal(size=n)
    price = np.exp(rng.normal(-3, 0.4, n)) * (1.25 if later else 1.0)
    transfer = np.where(rng.random(n) < (0.3 if later else 0.45), 0.415, rng.beta(4, 4, n))
    return {"day": rng.integers(1, 8, n), "period": hour, "nswdemand": demand, "nswprice": price, "transfer": transfer}


def credit(rng: np.random.Generator, n: int, *, later: bool = False) -> Frame:
    """Applications. Later, a new purpose appears, income is missing more often, and young applicants ask for more than they did."""
    age = np.minimum(18 + rng.gamma(3, 7, n).astype(int), 90)
    amount = rng.lognormal(8, 0.6, n)
    if later:
        amount = np.where(age < 30, np.sort(amount)[::-1][np.argsort(np.argsort(rng.random(n)))] * 1.0, amount)
    purposes = ["car", "education", "furniture", "repairs"] + (["holiday"] if later else [])
    income = np.where(rng.random(n) < (0.2 if later else 0.08), np.nan, rng.lognormal(10, 0.4, n))
    return {
        "age": age,
        "amount": amount,
        "purpose": rng.choice(purposes, n),
        "income": income,
        "owner": rng.random(n) < 0.4,
        "dependants": rng.poisson(0.8, n),
        "applied": np.datetime64("2026-01-01") + rng.integers(0, 86_400 * 30, n).astype("timedelta64[s]").astype("timedelta64[us]"),
        "reference": [f"A-{number:x}" for number in rng.integers(0, 2**40, n)],
    }
