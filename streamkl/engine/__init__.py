"""Many series and no I/O: from bytes to columns of points, from points to the kernel, from verdicts to events."""
