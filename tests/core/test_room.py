"""Memory of large arrays: what is written stays, what nobody holds is not copied, and what is given back is no longer resident."""

import numpy as np
import psutil
import pytest

from streamkl.core import room

ROW = 1 << 12
ROWS = 4 * room.LARGE // ROW


def resident() -> int:
    return int(psutil.Process().memory_info().rss)


@pytest.mark.parametrize("rows", [3, ROWS])
def test_what_is_written_stays_and_what_is_new_is_zero(rows: int) -> None:
    arrays = [room.zeros((rows, ROW), np.uint8)]
    arrays[0][:] = np.arange(rows)[:, None] % 251
    for more in (1, rows, 0):
        before = len(arrays[0])
        room.lengthen(arrays, 0, more)
        assert arrays[0].shape == (before + more, ROW)
        assert (arrays[0][:rows, [0, -1]] == np.arange(rows)[:, None] % 251).all()
        assert not arrays[0][rows:].any()


def test_an_array_that_somebody_holds_is_copied_and_his_stays() -> None:
    arrays = [room.zeros((ROWS, ROW), np.uint8)]
    arrays[0][:] = 7
    held = arrays[0][5:6]
    room.lengthen(arrays, 0, 1)
    arrays[0][:] = 1
    assert (held == 7).all()


def test_growing_takes_no_memory_and_touches_no_rows() -> None:
    arrays = [room.zeros((ROWS, ROW), np.uint8, large_pages=False)]
    arrays[0][: ROWS // 2] = 1
    before = resident()
    room.lengthen(arrays, 0, 20 * ROWS)
    assert resident() - before < room.LARGE
    assert arrays[0][ROWS // 2 - 1].all()


def test_what_is_given_back_is_no_longer_resident_and_neighbours_stay() -> None:
    array = room.zeros((ROWS, ROW), np.uint8, large_pages=False)
    array[:] = 1
    before = resident()
    array[2 : ROWS - 1] = 0
    room.give_back(array, 2, ROWS - 1)
    assert before - resident() > 3 * room.LARGE
    assert (array[:2] == 1).all()
    assert (array[-1] == 1).all()
    assert not array[2:-1].any()


def test_rows_that_are_no_whole_pages_lose_nothing() -> None:
    rows = room.LARGE // 1_000 + 1
    array = room.zeros((rows, 1_000), np.uint8, large_pages=False)
    array[:] = 1
    array[3:50] = 0
    room.give_back(array, 3, 50)
    assert (array[:3] == 1).all()
    assert (array[50:] == 1).all()
    assert not array[3:50].any()
