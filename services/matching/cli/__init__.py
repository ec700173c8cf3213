"""Matching's commands: files in, files out."""

from services.matching.cli.pair_command import pair
from services.matching.cli.plan_command import plan

__all__ = ["pair", "plan"]
