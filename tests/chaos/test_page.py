"""docs/faults.md tells what is staged and what the campaigns have found, and the tests that it names are there."""

from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.page import PAGE, page
from tests.chaos.rows import ROWS, Row

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_program_writes() -> None:
    assert (ROOT / PAGE).read_text() == page(ROOT / "tests/chaos/results.tsv"), "run: python -m tests.chaos --page > docs/faults.md"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_every_row_is_staged_or_tested(row: Row) -> None:
    assert row.tests or any(fault.row == row.number for fault in FAULTS.values()) or row.number == 47
    for test in row.tests:
        file, name = test.split("::")
        assert f"def {name}(" in (ROOT / "tests" / f"{file}.py").read_text()


def test_there_are_forty_seven_rows_and_the_random_kill() -> None:
    assert [row.number for row in ROWS] == list(range(48))
