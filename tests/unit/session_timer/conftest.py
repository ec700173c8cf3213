"""Sessions to test with: three rounds of 10 minutes with breaks of 2, from 09:00 UTC."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.session_timer.domain.scheduling import schedule
from services.session_timer.domain.session import Session

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture
def start() -> datetime:
    return START


@pytest.fixture
def at() -> Callable[[float], datetime]:
    """The instant so many seconds after the planned start."""
    return lambda seconds: START + timedelta(seconds=seconds)


@pytest.fixture
def session_of() -> Callable[..., Session]:
    """A scheduled session, with whatever is given said otherwise."""

    def make(**other: Any) -> Session:
        values: dict[str, Any] = {
            "session_id": "session-1",
            "program_id": "program-1",
            "site_id": "jkt",
            "plan_id": "plan-1",
            "org": "org-1",
            "time_zone": "Asia/Jakarta",
            "starts_at": "2026-11-24T09:00:00.000Z",
            "rounds": 3,
            "round_seconds": 600,
            "break_seconds": 120,
            "warning_seconds": [120, 30],
            "now": START - timedelta(days=1),
        }
        return schedule(**{**values, **other})[0]

    return make
