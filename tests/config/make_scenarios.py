"""Writes the records of the shipped scenarios: `python tests/config/make_scenarios.py`. The events come from `streamkl replay`."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parents[2] / "config"


def server_metrics() -> Iterator[dict[str, Any]]:
    """A web server for 20 hours, a record a minute. From minute 960 on its database is slow for 50 minutes and some requests fail."""
    rng = np.random.default_rng(1)
    begin, load = datetime(2026, 3, 2, tzinfo=UTC), 0.0
    for minute in range(1_200):
        slow = 960 <= minute < 1_010
        load = 0.7 * load + rng.normal()  # the minutes resemble those before
        yield {
            "name": "web",
            "tags": {"host": "web-1", "region": "eu"},
            "timestamp": round((begin + timedelta(minutes=minute)).timestamp()),
            "fields": {
                "cpu_percent": round(35 + 4 * load, 1),
                "response_ms": round(float(np.exp(4.8 + 0.05 * load + 0.25 * rng.normal() + 1.1 * slow)), 1),
                "status": int(rng.choice([200, 302, 404, 503], p=[0.6, 0.03, 0.02, 0.35] if slow else [0.94, 0.04, 0.02, 0.0])),
            },
        }


def fraud_drift() -> Iterator[dict[str, Any]]:
    """Card payments in two countries, about 34 a day for 60 days. In the last ten small amounts appear in one: cards are tested."""
    rng = np.random.default_rng(3)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(2_040):
        at += timedelta(seconds=round(rng.exponential(86_400 / 34)))
        country = "DE" if rng.random() < 0.5 else "FR"
        tested = country == "DE" and at >= datetime(2026, 2, 20, tzinfo=UTC) and rng.random() < 0.3
        yield {
            "id": f"tx-{number:05d}",
            "at": at.isoformat().replace("+00:00", "Z"),
            "country": country,
            "features": {
                "amount": round(float(rng.uniform(0.5, 2) if tested else rng.lognormal(3.4, 0.8)), 2),
                "seconds_since_last": round(float(rng.exponential(40_000))),
                "distance_km": round(float(rng.exponential(12)), 1),
            },
        }


def telegraf() -> Iterator[dict[str, Any]]:
    """Batches of two hosts, one a minute for 14 hours. From minute 700 on a job that hangs takes a third of db-1's processors, for 45."""
    rng = np.random.default_rng(6)
    begin, load = datetime(2026, 3, 2, tzinfo=UTC), {"db-1": 0.0, "db-2": 0.0}
    for minute in range(840):
        when, metrics = round((begin + timedelta(minutes=minute)).timestamp()), []
        for host, before in load.items():
            load[host] = now = 0.5 * before + rng.normal()
            user = round(float(20 + 3 * now + (33 if host == "db-1" and 700 <= minute < 745 else 0)), 2)
            system = round(float(5 + rng.gamma(4, 0.4)), 2)
            cpu = {"usage_idle": round(100 - user - system, 2), "usage_system": system, "usage_user": user}
            net = {"bytes_recv": 10_000_000 + 61_000 * minute + int(rng.integers(0, 5_000))}
            for name, tags, fields in (("cpu", {"cpu": "cpu-total"}, cpu), ("net", {"interface": "eth0"}, net)):
                metrics.append({"fields": fields, "name": name, "tags": {**tags, "host": host}, "timestamp": when})
        yield {"metrics": metrics}


def same_weekday() -> Iterator[dict[str, Any]]:
    """Orders of a shop every 20 minutes for nine weeks, fewer by night and on Saturdays and Sundays. One Wednesday looks like a Sunday."""
    rng = np.random.default_rng(12)
    by_hour = (10, 8, 6, 5, 6, 10, 25, 50, 80, 100, 110, 115, 120, 115, 110, 105, 110, 120, 125, 110, 90, 60, 35, 20)
    by_weekday = (0.6, 0.6, 0.6, 0.63, 0.72, 0.33, 0.24)
    begin, quiet = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 2, 25, tzinfo=UTC).date()
    for number in range(63 * 72):
        at = begin + timedelta(minutes=20 * number)
        weekday = 6 if at.date() == quiet else at.weekday()
        usual = by_hour[at.hour] * by_weekday[weekday] * rng.lognormal(0, 0.05)
        yield {"shop": "berlin", "at": at.isoformat().replace("+00:00", "Z"), "orders": int(rng.poisson(usual))}


def main() -> None:
    """All files, each record on a line."""
    made = {"server-metrics": server_metrics(), "fraud-drift": fraud_drift(), "telegraf": telegraf(), "same-weekday": same_weekday()}
    for name, records in made.items():
        text = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        (FOLDER / f"{name}.scenario.jsonl").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
