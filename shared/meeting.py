"""What a meeting is, wherever one is spoken of: short."""

from typing import Final

MEETING_LIMIT_SECONDS: Final = 900
"""No meeting lasts longer, extensions included: what makes mentoring speed mentoring."""
