"""Memory that is free: kept for what comes next."""

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
from streamkl.assembly.allocating import keep_memory
if {kept}:
    keep_memory()
def fetch():
    return [b"x" * 4_000_000 for _ in range(4)]
for _ in range(3):
    fetch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    fetch()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(*, kept: bool) -> int:
    """Pages made while ten answers come and go."""
    told = subprocess.run([sys.executable, "-c", FAULTS.format(kept=kept)], capture_output=True, text=True, check=True)
    return int(told.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library decides for itself")
def test_the_room_of_an_answer_is_kept_for_the_next() -> None:
    assert faults(kept=False) > 1_000
    assert faults(kept=True) < 100
