"""Who is out: what this replica hears of log-ins that ended, at whichever replica that was.

The services refuse an ended log-in by themselves. The gateway knows of it for what it answers alone: the live streams.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import eventlet
import structlog

from services.gateway.domain.ended_log_ins import EndedLogIns
from shared.clock import wall_clock
from shared.events import Event
from shared.events.times import read_time
from shared.faults import Fault, Unauthenticated
from shared.messaging.connection import backoff
from shared.messaging.topology import LOG_IN_ENDED, PARTICIPANT_ERASED
from shared.security.tokens import LIFETIME, LogIn, ended, mark_of

log = structlog.get_logger()


class LogIns:
    """Refuses log-ins that are over.

    ``load()`` asks registration for all of them (its ``list_ended_log_ins``), and ``end_streams(mark)`` ends the
    streams of a log-in or a participant.
    """

    def __init__(
        self,
        load: Callable[[], dict[str, Any]],
        end_streams: Callable[[str], None],
        spawn: Callable[..., Any] = eventlet.spawn_n,
        pause: Callable[[float], None] = eventlet.sleep,
    ) -> None:
        self._load = load
        self._end_streams = end_streams
        self._spawn = spawn
        self._pause = pause
        self._ended = EndedLogIns()
        self._asked = 0

    @property
    def complete(self) -> bool:
        """Whether every log-in that has ended is known here; else a service must be asked about each."""
        return self._ended.complete

    def refuse(self, log_in: LogIn) -> None:
        """Raise :class:`Unauthenticated` for a log-in that is known to be over."""
        if self._ended.has(log_in.ended_by):
            raise ended()

    def hear(self, event: Event) -> bool:
        """Take in an event; returns whether it was about log-ins."""
        if event.name == LOG_IN_ENDED:
            self.end(event.data["log_in_id"], read_time(event.data["expires_at"]))
        elif event.name == PARTICIPANT_ERASED:
            self.end_all_of(event.data["participant_id"])
        else:
            return False
        return True

    def end(self, ended_id: str, until: datetime) -> None:
        """Refuse from now on a log-in, or all of a participant, by its id, and end the streams."""
        self._end(mark_of(ended_id), until)

    def end_all_of(self, participant_id: str) -> None:
        """Refuse all log-ins of somebody who is erased."""
        self.end(participant_id, wall_clock() + LIFETIME)

    def catch_up(self) -> None:
        """Ask what has ended: events may have been missed. They must be heard already, so that none falls between."""
        self._ended.complete = False
        self._asked += 1
        self._spawn(self._ask, self._asked)

    def end_everywhere(self, log_in_id: str, until: datetime, end: Callable[[], Any]) -> None:
        """End a log-in, here at once and by ``end()`` everywhere; where that fails it is tried on and on.

        Raises:
            Fault: it is not over everywhere yet.
        """
        self.end(log_in_id, until)
        try:
            end()
        except Unauthenticated:
            # It was over before.
            return
        except Fault:
            self._spawn(self._end_on, until, end)
            raise

    def _end(self, mark: str, until: datetime) -> None:
        self._ended.end(mark, until, wall_clock())
        self._end_streams(mark)

    def _end_on(self, until: datetime, end: Callable[[], Any]) -> None:
        for pause in backoff(1.0, 30.0):
            self._pause(pause)
            if wall_clock() >= until:
                return
            try:
                end()
                return
            except Unauthenticated:
                return
            except Fault as fault:
                log.info("log-in-not-ended-yet", fault=fault.code)

    def _ask(self, asked: int) -> None:
        for pause in backoff(0.1, 5.0):
            if asked != self._asked:
                # The connection was lost once more, and the question asked anew.
                return
            try:
                told = self._load()
            except Fault as fault:
                log.info("ended-log-ins-not-told", fault=fault.code, retry_in=pause)
                self._pause(pause)
                continue
            for each in told["ended"]:
                self._end(each["mark"], read_time(each["until"]))
            if asked == self._asked:
                self._ended.complete = bool(told["all"])
            return
