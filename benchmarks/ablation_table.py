"""The ablation as a table: one line a variant, what it is worth on every set, and what quiet series get of it."""

from collections.abc import Mapping
from typing import Any

from benchmarks.ingredients import SHIPPED
from benchmarks.report import Row


def table(found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The shipped detector, then one line a variant, those first that lose most; beside what it is worth what quiet series get."""
    total = {name: sum(main_figure(one, "at_1") for one in each["sets"].values()) for name, each in found.items()}
    best = {name: sum(main_figure(one, "best") for one in each["sets"].values()) for name, each in found.items()}
    return [
        {
            "variant": name,
            "sum": round(total[name], 3),
            "change": round(total[name] - total[SHIPPED], 3),
            "best sum": round(best[name], 3),
            **{f"{part}: {column}": value for part, one in found[name]["sets"].items() for column, value in figures(one).items()},
            **{f"{process}: alarms / promised": round(ratio, 2) for process, ratio in found[name]["quiet"].items()},
        }
        for name in sorted(found, key=lambda name: (name != SHIPPED, total[name]))
    ]


def main_figure(one: Mapping[str, Any], threshold: str) -> float:
    """What counts of a set, about 0 to 1, at the detector's own threshold ("at_1") or at the best for the set."""
    found = one["results"][0][threshold]
    return float(found["standard"]["score"] / 100.0 if one["kind"] == "nab" else found["f1"])


def figures(one: Mapping[str, Any]) -> dict[str, float]:
    """The columns of a set."""
    result = one["results"][0]
    at_1 = result["at_1"]
    if one["kind"] == "nab":
        return {"at 1.0": round(at_1["standard"]["score"], 1), "best": round(result["best"]["standard"]["score"], 1)}
    if one["kind"] == "change":
        return {"F1": round(at_1["f1"], 3)}
    return {"F1": round(at_1["f1"], 3), "AUC-PR": round(result["auc_pr"], 3), "false a day": round(at_1["false_per_day"], 3)}
