"""The file ``.env`` beside ``docker-compose.yml``, which Compose reads settings from."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / ".env"


def write_settings(settings: Mapping[str, str], path: Path = FILE) -> Path:
    """Set some settings in the file and leave all other lines as they are; returns its path."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if _name(line) not in settings]
    path.write_text("\n".join([*kept, *(f"{name}={value}" for name, value in settings.items())]) + "\n", "utf-8")
    return path


def setting(name: str, default: str, path: Path = FILE) -> str:
    """The setting as Compose would have it: from the environment, else from the file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    written = {_name(line): line.partition("=")[2].strip() for line in lines}
    return os.environ.get(name) or written.get(name) or default


def _name(line: str) -> str:
    found = re.match(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
    return found[1] if found else ""
