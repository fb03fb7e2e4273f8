"""Memory that is free: kept for what comes next."""

import platform
import subprocess
import sys

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


def test_the_room_of_an_answer_is_kept_for_the_next() -> None:
    given_back, kept = faults(kept=False), faults(kept=True)
    assert (kept < 100 and given_back > 1_000) or platform.libc_ver()[0] != "glibc"  # another C library decides for itself
