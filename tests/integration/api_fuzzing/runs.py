"""Runs of schemathesis against a running system, as one of four callers."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROLES = ("organizer", "mentor", "mentee", "nobody")
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass(frozen=True)
class Run:
    """What came of a run: ``counts`` is (operation, mode, status) -> how often."""

    role: str
    exit_status: int
    said: str
    counts: Counter[tuple[str, str, int]]

    @property
    def cases(self) -> int:
        """How many requests were made."""
        return self.counts.total()

    def succeeded(self) -> dict[str, int]:
        """Operation -> valid requests that had their effect."""
        found: Counter[str] = Counter()
        for (operation, mode, status), count in self.counts.items():
            if mode == "positive" and status < 300:
                found[operation] += count
        return dict(found)


def run(role: str, told: dict[str, Any], folder: Path, examples: int, phases: str) -> Run:
    """Make requests as ``role``; ``told`` is the system's address and password, and its lasting ground."""
    url, token = told["url"], told["tokens"][role]
    counts = folder / f"counts-{role}.json"
    brief = folder / f"told-{role}.json"
    brief.write_text(json.dumps({**told, "role": role, "seed": 1, "counts": str(counts)}))
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{url}/openapi.json", "-c", "all", "-n", str(examples), "--phases", phases, "--no-color"),
        *(("-H", f"Authorization: Bearer {token}") if token else ()),
    ]
    environ = {
        **os.environ,
        "API_FUZZING": str(brief),
        "SCHEMATHESIS_HOOKS": "tests.integration.api_fuzzing.hooks",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True)
    found = Counter(
        {(operation, mode, status): count for operation, mode, status, count in json.loads(counts.read_text())}
    )
    return Run(role, done.returncode, done.stdout + done.stderr, found)
