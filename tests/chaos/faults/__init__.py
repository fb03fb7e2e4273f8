"""Every fault that one machine can stage, by name."""

from tests.chaos.faults.brokers import BROKERS
from tests.chaos.faults.fault import Fault
from tests.chaos.faults.kills import KILLS
from tests.chaos.faults.machine import MACHINE
from tests.chaos.faults.members import MEMBERS
from tests.chaos.faults.network import NETWORK

FAULTS = {fault.name: fault for fault in (*KILLS, *BROKERS, *MEMBERS, *NETWORK, *MACHINE)}

__all__ = ["FAULTS", "Fault"]
