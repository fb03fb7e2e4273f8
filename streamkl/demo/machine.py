"""This machine's own metrics, as psutil tells them. Nothing here sends them anywhere."""

import time

import psutil

MIB = 2**20


class Machine:
    """Reads CPU, memory, disk, network and load; CPU shares and rates are over the time since the reading before."""

    def __init__(self) -> None:
        psutil.cpu_percent(percpu=True)  # the first call has nothing to compare with
        self._bytes = _transferred()
        self._at = time.monotonic()

    def read(self) -> dict[str, float]:
        """Value by series: shares in percent, rates in MiB per second. Takes less than a millisecond."""
        now, transferred, cores = time.monotonic(), _transferred(), psutil.cpu_percent(percpu=True)
        seconds = max(now - self._at, 1e-3)
        memory = psutil.virtual_memory()
        values = {f"cpu.core{number}.percent": share for number, share in enumerate(cores)}
        values["cpu.percent"] = sum(cores) / len(cores)
        values["memory.used_percent"] = 100.0 * (1.0 - memory.available / memory.total)
        values["load.one_minute"] = psutil.getloadavg()[0]
        for name, count in transferred.items():
            values[f"{name}_mib_per_second"] = max(0, count - self._bytes.get(name, count)) / seconds / MIB
        self._bytes, self._at = transferred, now
        return values


def _transferred() -> dict[str, int]:
    """Bytes since the machine started, of those devices that the system counts."""
    disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
    counts: dict[str, int] = {}
    if disk is not None:
        counts |= {"disk.read": disk.read_bytes, "disk.written": disk.write_bytes}
    if network is not None:
        counts |= {"network.received": network.bytes_recv, "network.sent": network.bytes_sent}
    return counts
