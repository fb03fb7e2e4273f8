"""Threshold tables on disk: what is shipped, what is kept, and that the kinds of promise do not get mixed up."""

import json
from pathlib import Path

import pytest

from streamkl.adapters.tables import SHIPPED, Tables
from streamkl.core import run_length
from streamkl.core.run_length import TableKey

SMALL = TableKey(2, 50, 2)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[TableKey]:
    """Simulations, which take seconds, cut down to their first points."""
    monkeypatch.setattr(run_length, "POINTS", 50_000)
    monkeypatch.setattr(run_length, "STRETCH", 300)
    return []


def test_a_shipped_table_is_not_simulated(tmp_path: Path, asked: list[TableKey]) -> None:
    assert len(Tables(tmp_path, asked.append)(TableKey(16, 500, 16))) == len(run_length.RUN_LENGTHS)
    assert asked == []
    assert list(tmp_path.iterdir()) == []


def test_a_table_is_simulated_once_on_a_machine(tmp_path: Path, asked: list[TableKey]) -> None:
    first = Tables(tmp_path, asked.append)
    table = first(SMALL)
    assert first(SMALL) == table == Tables(tmp_path, asked.append)(SMALL)
    assert asked == [SMALL]


def test_tables_for_another_certainty_are_kept_apart(tmp_path: Path, asked: list[TableKey]) -> None:
    keys = [SMALL, SMALL._replace(certainty=0.5), SMALL._replace(certainty=0.95)]
    tables = [Tables(tmp_path, asked.append)(key) for key in keys]
    assert asked == keys
    assert set(json.loads((tmp_path / SHIPPED).read_text())["tables"]) == {"2-50-2", "2-50-2-0.5", "2-50-2-0.95"}
    assert [Tables(tmp_path, asked.append)(key) for key in keys] == tables
    assert asked == keys


def test_a_certainty_does_not_take_the_shipped_pooled_table(tmp_path: Path, asked: list[TableKey]) -> None:
    sure = TableKey(16, 500, 16, 0.9)
    Tables(tmp_path, asked.append)(sure)
    assert asked == [sure]


@pytest.mark.parametrize("damage", ["", "{", '{"version": 1}', "[]"])
def test_a_damaged_cache_is_made_again(tmp_path: Path, asked: list[TableKey], damage: str) -> None:
    table = Tables(tmp_path)(SMALL)
    (tmp_path / SHIPPED).write_text(damage)
    assert Tables(tmp_path, asked.append)(SMALL) == table
    assert asked == [SMALL]
