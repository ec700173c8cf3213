"""What a meeting was, what may be said of it, who stays in touch, and which figures may be shown: all pure."""

from typing import Final

MENTOR: Final = "mentor"
MENTEE: Final = "mentee"
ERASED: Final = "erased"
"""Stands where the id of an erased participant stood."""
