"""When a webhook is tried again, when its endpoint is left alone for a while, and when it is disabled.

Source: Standard Webhooks 1.0.0, "Deliverability and reliability" and "Delivery success and failure".
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

#: From a failed attempt to the next: the specification's own table, 75 hours and 35 minutes in all.
DELAYS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: Each delay is longer by up to this share, by chance, so that what failed together is not tried again together.
JITTER: Final = 0.1
#: An endpoint at which nothing has succeeded for so long is disabled.
FAILING_LIMIT: Final = timedelta(days=3)
#: An endpoint is disabled when so many events were given up that nobody has had delivered since.
GIVEN_UP_LIMIT: Final = 100
#: The longest wait that a receiver may ask for.
LONGEST_RETRY_AFTER: Final = timedelta(hours=24)
#: After so many failures in a row, of whatever events, an endpoint is tried with one request at a time, and left alone
#: in between: a second at first, twice as long each time, at most five minutes.
FAILURES_BEFORE_PAUSE: Final = 20
LONGEST_PAUSE: Final = timedelta(minutes=5)


class Verdict(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    FAILED = "failed"
    #: The server is there and cannot take more at the moment.
    BUSY = "busy"
    #: The server wants no more requests.
    GONE = "gone"


class Reason(StrEnum):
    """Why an endpoint is disabled."""

    GONE = "gone"
    FAILING = "failing"
    GIVEN_UP = "given-up"
    BY_HAND = "by-hand"
    #: The integrator that it belonged to is no more.
    NO_INTEGRATOR = "no-integrator"


@dataclass(frozen=True)
class Outcome:
    """One attempt: ``status`` is None without an answer; ``failure`` says in a word what went wrong, else None."""

    status: int | None
    failure: str | None = None
    retry_after: timedelta | None = None
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """What it came to: only a status of 200 to 299 is a success, and a redirect is none."""
        if self.status is None or self.failure is not None:
            return Verdict.FAILED
        if 200 <= self.status <= 299:
            return Verdict.DELIVERED
        if self.status == 410:
            return Verdict.GONE
        return Verdict.BUSY if self.status in (429, 502, 503, 504) else Verdict.FAILED


@dataclass(frozen=True)
class Standing:
    """How an endpoint does: since when nothing has succeeded, how many failures in a row, and until when it rests."""

    failing_since: datetime | None = None
    failures: int = 0
    busy: bool = False
    rests_until: datetime | None = None

    @property
    def is_probed(self) -> bool:
        """Whether it gets one request at a time until one succeeds."""
        return self.busy or self.failures >= FAILURES_BEFORE_PAUSE

    def rests(self, now: datetime) -> bool:
        """Whether it gets none at all at ``now``."""
        return self.rests_until is not None and now < self.rests_until

    def after(self, outcome: Outcome, now: datetime) -> "Standing":
        """How it does after an attempt that ended at ``now``."""
        if outcome.verdict is Verdict.DELIVERED:
            return Standing()
        failed = replace(
            self,
            failing_since=self.failing_since or now,
            failures=self.failures + 1,
            busy=outcome.verdict is Verdict.BUSY,
        )
        rest = pause(failed.failures)
        if outcome.verdict is Verdict.BUSY:
            rest = max(rest, bounded(outcome.retry_after))
        # A rest that was asked for is not cut short by what fails after it.
        until = max(filter(None, (self.rests_until, now + rest if rest else None)), default=None)
        return replace(failed, rests_until=until)

    def disabling(self, outcome: Outcome, given_up: int, now: datetime) -> Reason | None:
        """Why the endpoint is disabled after ``outcome``, or None; ``given_up`` are its events that nobody has had."""
        if outcome.verdict is Verdict.GONE:
            return Reason.GONE
        if self.failing_since is not None and now - self.failing_since >= FAILING_LIMIT:
            return Reason.FAILING
        return Reason.GIVEN_UP if given_up >= GIVEN_UP_LIMIT else None


def next_attempt(
    attempts: int, now: datetime, retry_after: timedelta | None, chance: Callable[[], float]
) -> datetime | None:
    """When an event is tried again that has failed ``attempts`` times, the last time at ``now``; None: it is given up.

    ``chance`` gives a number from 0 up to 1. A wait that the receiver asked for makes a delay longer, never shorter.
    """
    if attempts > len(DELAYS):
        return None
    delay = DELAYS[attempts - 1]
    return now + max(delay * (1 + JITTER * chance()), bounded(retry_after))


def bounded(retry_after: timedelta | None) -> timedelta:
    """What a receiver has asked for, within reason."""
    return min(max(retry_after or timedelta(), timedelta()), LONGEST_RETRY_AFTER)


def pause(failures: int) -> timedelta:
    """For how long an endpoint is left alone after so many failures in a row."""
    beyond = failures - FAILURES_BEFORE_PAUSE
    if beyond < 0:
        return timedelta()
    return min(timedelta(seconds=2 ** min(beyond, 20)), LONGEST_PAUSE)


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The header ``Retry-After`` (RFC 9110, 10.2.3: seconds or a date), bounded; None without a readable one."""
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # A number of any length would not fit into an interval.
        return bounded(timedelta(seconds=min(int(text[:12]), 10**9)))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if at.tzinfo is None:
        # "-0000": said in no zone. The header knows only GMT.
        at = at.replace(tzinfo=now.tzinfo)
    return bounded(at - now)
