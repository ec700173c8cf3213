"""Installs the libraries of one service while its image is built: ``libraries.py common|SERVICE FOLDER``.

``common`` gives what all services share; a service's own folder has what only that one needs. Versions and hashes are
those of ``requirements.lock``, and what tests, linters and the local launcher need is left out. It runs in the image
with nothing but pip and the standard library.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from lockfile import canonical, subset

#: What only one service imports, and nothing else should carry: the planner's libraries are two thirds of all.
SPECIAL = {"matching": ("ortools", "numpy")}

#: Folders inside libraries that only their own tests read.
TESTS = ("tests", "test")


def main(service: str, folder: Path) -> None:
    """Install what ``service`` needs into ``folder``."""
    here = Path(__file__).resolve().parent
    lock = (here / "requirements.lock").read_text(encoding="utf-8")
    wanted = tomllib.loads((here / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    special = {each for names in SPECIAL.values() for each in names}
    common = [each for each in wanted if _name(each) not in special]
    folder.mkdir(parents=True, exist_ok=True)
    if service == "common":
        names = _closure(common, lock)
    elif service in SPECIAL:
        mine = [each for each in wanted if _name(each) in SPECIAL[service]]
        names = _closure([*common, *mine], lock) - _closure(common, lock)
    else:
        return
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as chosen:
        chosen.write(subset(names, lock))
        chosen.flush()
        _pip("install", "--no-deps", "--require-hashes", "--target", str(folder), "-r", chosen.name)
    for each in sorted(folder.rglob("*"), reverse=True):
        if each.is_dir() and each.name in TESTS and each.parent != folder and each.parts[-2] != "testing":
            shutil.rmtree(each)
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _closure(requirements: list[str], lock: str) -> set[str]:
    """The canonical names of ``requirements`` and of all that they need, as locked."""
    pins = "\n".join(line.split("\\")[0].rstrip() for line in lock.splitlines() if re.match(r"[A-Za-z0-9]", line))
    with tempfile.TemporaryDirectory() as folder:
        constraints, report = Path(folder, "constraints.txt"), Path(folder, "report.json")
        constraints.write_text(pins + "\n", encoding="utf-8")
        _pip(
            *("install", "--dry-run", "--ignore-installed", "--report", str(report)),
            *("-c", str(constraints), *requirements),
        )
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonical(each["metadata"]["name"]) for each in found}


def _name(requirement: str) -> str:
    return canonical(re.split(r"[=<>!~;\[ ]", requirement, maxsplit=1)[0])


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
