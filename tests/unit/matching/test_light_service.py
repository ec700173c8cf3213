"""The service's process stays light: the solver is in processes of its own."""

import subprocess
import sys

CODE = "import sys, services.matching.service; print(*sorted({'numpy', 'ortools'} & set(sys.modules)))"


def test_the_service_loads_no_solver() -> None:
    loaded = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
