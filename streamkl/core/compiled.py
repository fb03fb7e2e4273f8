"""How the arithmetic is compiled: two decorators, and why.

The state is a tuple of arrays. Left to itself the compiler counts references to every array of it at every call, which costs twenty
times the arithmetic. Nothing in these functions allocates, so reference counting is off (`_nrt=False`), and what runs once a point is
inlined. No fast-math: results are the same on every run and every batch size.
"""

from numba import njit

inlined = njit(cache=True, forceinline=True, _nrt=False)  # runs once a point
outlined = njit(cache=True, _nrt=False)  # runs seldom: keeps the loop's code small
