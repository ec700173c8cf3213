"""Whether the broker takes what this process publishes, and if not, why: one state for all connections of a process.

While RabbitMQ is short of memory or disk it reads nothing more from connections that publish, and tells those that ask
for it (``connection.blocked``): each when it next publishes, not before. What it has not read then waits in the socket,
and is taken when the alarm ends, however long that is. So one connection publishes a probe all the time
(:mod:`~shared.messaging.broker_watch`), and nobody else writes into a socket that is not read.
Source: RabbitMQ, "Blocked Connection Notifications" and "Memory and Disk Alarms".
"""

from threading import Event as Flag
from threading import Lock

import structlog
from prometheus_client import Enum

from shared.clock import monotonic
from shared.observability.readiness import NotReady

log = structlog.get_logger()

#: What the broker is short of, as our log, readiness and metric name it.
MEMORY, DISK, BOTH, OTHER = "memory", "disk", "memory-and-disk", "other"

_TAKES, _AWAY = "takes", "away"

STATE = Enum(
    "speedmentor_broker_state",
    "What the broker does with what this process publishes",
    states=[_TAKES, _AWAY, *(f"blocks-{each}" for each in (MEMORY, DISK, BOTH, OTHER))],
)


def short_of(told: str) -> str:
    """What the broker is short of by the reason that it gave with ``connection.blocked``."""
    # RabbitMQ writes "low on memory", "low on disk" and "low on disk & memory"; what later ones add is another reason.
    memory, disk = MEMORY in told, DISK in told
    return BOTH if memory and disk else MEMORY if memory else DISK if disk else OTHER


class BrokerState:
    """The broker as this process sees it. Connections tell; whoever publishes asks first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._short_of: str | None = None
        self._is_away = False
        #: When that began, by the monotonic clock.
        self._blocked_at = self._away_at = 0.0
        self._takes = Flag()
        self._takes.set()

    @property
    def short_of(self) -> str | None:
        """What the broker is short of, so that it blocks who publishes; None while it does not."""
        return self._short_of

    @property
    def is_away(self) -> bool:
        """Whether the broker cannot be reached, or does not answer."""
        return self._is_away

    @property
    def takes(self) -> bool:
        """Whether, as far as is known, the broker takes what is published now."""
        return self._takes.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the broker takes what is published, for so many real seconds at the most; whether it does."""
        return self._takes.wait(seconds)

    def check(self) -> bool:
        """For readiness.

        Raises:
            NotReady: with what the broker is short of, or that it is away.
        """
        if self._is_away:
            raise NotReady("broker does not answer")
        if self._short_of is not None:
            raise NotReady(f"broker blocks: {self._short_of}")
        return True

    # What connections tell

    def blocked(self, told: str) -> None:
        """A connection was blocked; ``told`` is the broker's reason."""
        with self._lock:
            before, self._short_of = self._short_of, short_of(told)
            if before is None:
                self._blocked_at = monotonic()
            self._show()
            is_news = self._short_of != before
        if is_news:
            log.warning("broker-blocks", short_of=self._short_of, told=told[:200])

    def unblocked(self) -> None:
        """A connection was unblocked. The broker does so for all at the same time, when the last alarm has ended."""
        with self._lock:
            before, self._short_of = self._short_of, None
            self._show()
        if before is not None:
            log.info("broker-unblocks", was_short_of=before, seconds=round(monotonic() - self._blocked_at, 1))

    def answered(self, sent_at: float) -> None:
        """The broker has taken a message that was sent at ``sent_at`` (by the monotonic clock)."""
        if sent_at >= self._blocked_at:
            self.unblocked()
        with self._lock:
            before, self._is_away = self._is_away, False
            self._show()
        if before:
            log.info("broker-reached", seconds=round(monotonic() - self._away_at, 1))

    def lost(self, error: BaseException) -> None:
        """The broker cannot be reached, or does not answer in time."""
        with self._lock:
            before, self._is_away = self._is_away, True
            if not before:
                self._away_at = monotonic()
            self._show()
        if not before:
            log.warning("broker-away", error=type(error).__name__, detail=str(error)[:300])

    def _show(self) -> None:
        if self._is_away:
            STATE.state(_AWAY)
        else:
            STATE.state(_TAKES if self._short_of is None else f"blocks-{self._short_of}")
        if self._is_away or self._short_of is not None:
            self._takes.clear()
        else:
            self._takes.set()


#: The state of the one broker that a process has.
BROKER = BrokerState()
