"""Holds an event on a system whose network loses packets: ``python -m tests.faults.event.lossy``, printing JSON.

To be run in a network namespace of its own, where it has the firewall to itself. The kernel's own ``netem`` is not
to be had everywhere, and is not needed: packets are dropped by a rule where they arrive, and TCP sends them again.
"""

import json

from tests.faults.event.fault_injection import BROKER
from tests.faults.event.ground import grounds
from tests.faults.event.troubles import Lasting

SPEED = 60

if __name__ == "__main__":
    for ground in grounds("lossy-network", SPEED):
        losing = Lasting(BROKER, "holding the rounds", 3.0, "losing", 60.0)
        outcome = ground.hold([losing])
        losing.met.keep("losing")
        print(json.dumps({"wrong": [*losing.met.wrong, *outcome.wrong], "met": losing.met.document()}))
