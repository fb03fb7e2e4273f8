"""The ablation as a table: one line a variant, what it is worth on every set, and what quiet series get of it."""

from collections.abc import Mapping
from typing import Any

from benchmarks.ingredients import SHIPPED
from benchmarks.report import Row


def table(found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """One line a variant: what it is good for on every set, that added up beside the shipped detector's, and what quiet series get."""
    total = {name: sum(map(main_figure, each["sets"].values())) for name, each in found.items()}
    return [
        {
            "variant": name,
            "sum": round(total[name], 3),
            "change": round(total[name] - total[SHIPPED], 3),
            **{f"{part}: {column}": value for part, one in each["sets"].items() for column, value in figures(one).items()},
            **{f"{process}: alarms / promised": round(ratio, 2) for process, ratio in each["quiet"].items()},
        }
        for name, each in found.items()
    ]


def main_figure(one: Mapping[str, Any]) -> float:
    """What counts of a set, about 0 to 1, at the detector's own threshold."""
    at_1 = one["results"][0]["at_1"]
    return float(at_1["standard"]["score"] / 100.0 if one["kind"] == "nab" else at_1["f1"])


def figures(one: Mapping[str, Any]) -> dict[str, float]:
    """The columns of a set."""
    result = one["results"][0]
    at_1 = result["at_1"]
    if one["kind"] == "nab":
        return {"at 1.0": round(at_1["standard"]["score"], 1), "best": round(result["best"]["standard"]["score"], 1)}
    if one["kind"] == "change":
        return {"F1": round(at_1["f1"], 3)}
    return {"F1": round(at_1["f1"], 3), "AUC-PR": round(result["auc_pr"], 3), "false a day": round(at_1["false_per_day"], 3)}
