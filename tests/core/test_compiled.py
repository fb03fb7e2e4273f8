"""What is kept of the compiler's work is used again without the compiler's own start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.native

MODULE = """
from typing import NamedTuple
import numpy as np
from streamkl.core.compiled import allocating, inlined, outlined
from streamkl.core.native import held

class Column(NamedTuple):
    values: np.ndarray

@outlined
def picked(column, index):
    return held(column).values[index]

@inlined
def doubled_root(x):
    return 2.0 * np.sqrt(x)

@outlined
def summed(values):
    total = 0.0
    for value in values:
        total += doubled_root(value)
    return total

@allocating
def listed(values):
    return np.exp(np.array([values[0], summed(values)]))
"""
RUN = """
import json, sys
import numpy as np
import kept
from streamkl.core.native import Memory, entry
values = np.array([4.0, 9.0])
column = Memory(kept.Column(values))
found = [kept.summed(values), *kept.listed(values), entry(kept.picked, column)(column, 1)]
hits = [sum(each.stats.cache_hits.values()) for each in (kept.summed, kept.listed, kept.picked)]
print(json.dumps({"found": found, "hits": hits, "compiler": "numba.cpython.setobj" in sys.modules}))
"""


def run(folder: Path, **variables: str) -> dict[str, Any]:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
        "NUMBA_CACHE_DIR": str(folder / "cache"),
        **variables,
    }
    found = subprocess.run([sys.executable, "-c", RUN], env=environment, check=True, stdout=subprocess.PIPE)
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def test_what_was_compiled_before_needs_no_compiler(tmp_path: Path) -> None:
    """Which would load for 0.4 s what it knows about Python and numpy. What is only ever inlined is kept where it is inlined alone."""
    (tmp_path / "kept.py").write_text(MODULE)
    first, again = run(tmp_path), run(tmp_path)
    assert (first["hits"], first["compiler"]) == ([0, 0, 0], True)
    assert (again["hits"], again["compiler"]) == ([1, 1, 1], False)
    assert {each.name.split("-")[0] for each in (tmp_path / "cache").glob("*/*.nbi")} == {"kept.picked", "kept.summed", "kept.listed"}
    assert first["found"] == again["found"] == pytest.approx([10.0, 54.598150033144236, 22026.465794806718, 9.0], rel=1e-15)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("left", [b"", b"\0" * 4096, b"half"])
def test_what_a_machine_left_half_written_is_compiled_again(suffix: str, left: bytes, tmp_path: Path) -> None:
    (tmp_path / "kept.py").write_text(MODULE)
    first = run(tmp_path)
    for file in (tmp_path / "cache").glob(f"*/*.{suffix}"):
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2] if left == b"half" else left)
    second, third = run(tmp_path), run(tmp_path)
    assert (second["hits"], third["hits"]) == ([0, 0, 0], [1, 1, 1])
    assert first["found"] == second["found"] == third["found"]


def test_where_nothing_can_be_written_it_compiles_at_each_start(tmp_path: Path) -> None:
    """Folders that cannot be made, as files stand in their places; a read-only one would stop everybody but the superuser."""
    (tmp_path / "kept.py").write_text(MODULE)
    (tmp_path / "__pycache__").touch()
    nowhere = str(tmp_path / "kept.py" / "home")
    for _ in range(2):
        found = run(tmp_path, NUMBA_CACHE_DIR="", HOME=nowhere, XDG_CACHE_HOME=nowhere, PYTHONDONTWRITEBYTECODE="1")
        assert found["hits"] == [0, 0, 0]
    assert found["found"] == pytest.approx([10.0, 54.598150033144236, 22026.465794806718, 9.0], rel=1e-15)


def test_a_full_disk_costs_the_time_to_compile(tmp_path: Path) -> None:
    (tmp_path / "kept.py").write_text(MODULE)
    small = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512)){RUN}"  # larger files are refused, as on a full disk
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]), "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    found = subprocess.run([sys.executable, "-c", small], env=environment, check=True, stdout=subprocess.PIPE)
    assert json.loads(found.stdout)["hits"] == [0, 0, 0]
    assert list((tmp_path / "cache").glob("*/*.nbc")) == []


def test_neither_does_the_shipped_detector() -> None:
    """A function of numpy that compiled code asks for can bring along the module that it comes from, and that half of the compiler."""
    code = "import sys, streamkl; streamkl.score([0.0] * 600); print(*{'numba.cpython.setobj', 'numba.np.arraymath'} & set(sys.modules))"
    for _ in range(2):  # the first compiles, if nobody did
        again = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    assert again.stdout.split() == []
