"""A network to the broker that loses every fourth packet, each way, for a minute: slow, and nothing lost or doubled."""

import json
import os
import subprocess
import sys

import pytest

from deploy.local.space import CHECKOUT

pytestmark = pytest.mark.fault

#: Real seconds: the deadline of calls, and what a busy machine may add to it.
DEADLINE, MARGIN = 10.0, 3.0

#: In a network namespace of its own, in which all that is started has the loopback interface to itself.
ALONE = ["unshare", *(["--user", "--map-root-user"] if os.getuid() else []), "--net"]
INSIDE = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, "-m", "tests.faults.event.lossy"]


def test_an_event_over_a_network_that_loses_packets_comes_out_whole() -> None:
    run = subprocess.run([*ALONE, *INSIDE], cwd=CHECKOUT, capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(run.stdout.splitlines()[-1])
    assert found["wrong"] == []
    assert found["met"]["longest answer"] < DEADLINE + MARGIN
    assert set(found["met"]["answers"]) <= {"200", "503"}
    assert found["met"]["answers"]["200"] > 0
