"""Fans events out to the open streams of this replica.

An event of the bus only says that a timetable has changed; the screens get the timetable as the session timer has it
then, asked for once per changed session however many changes come together and however many screens watch.
"""

from collections.abc import Callable
from typing import Any

import eventlet
import structlog
from eventlet.semaphore import Semaphore
from prometheus_client import Counter, Gauge

from services.gateway.live.frames import Frames
from services.gateway.live.snapshots import Snapshots, Views
from services.gateway.live.stream import Stream
from shared.events import Event
from shared.faults import Fault
from shared.messaging.connection import backoff

log = structlog.get_logger()

STREAMS = Gauge("speedmentor_live_streams", "Open live streams")
DROPPED = Counter("speedmentor_live_dropped_total", "Live streams ended because their screen fell behind")

#: Sessions asked for at once.
ASKING = 16
#: Times a session is asked for after a change before we send what there is.
TRIES = 12

_TIMER = "session-timer."
BELLS = frozenset(_TIMER + name for name in ("round-started", "round-warned", "round-ended", "session-finished"))
#: After these the timetable is another one.
CHANGES = frozenset(
    _TIMER + name
    for name in (
        "session-scheduled",
        "session-paused",
        "session-resumed",
        "round-extended",
        "session-rescheduled",
        "session-finished",
    )
)
PAIRING = "matching.pairing-published"


class Hub:
    """The open streams, by program."""

    def __init__(
        self,
        load_sessions: Callable[[str], Views],
        load_session: Callable[[str], dict[str, Any]],
        spawn: Callable[..., Any] = eventlet.spawn_n,
    ) -> None:
        self._load_session = load_session
        self._spawn = spawn
        self._frames = Frames()
        self._snapshots = Snapshots(load_sessions)
        self._streams: dict[str, set[Stream]] = {}
        #: Session -> the revision its screens are to get, while it is being asked for.
        self._wanted: dict[str, int] = {}
        self._asking = Semaphore(ASKING)
        self._closed = False

    @property
    def open_streams(self) -> int:
        """How many screens are connected."""
        return sum(map(len, self._streams.values()))

    def join(self, stream: Stream) -> bytes:
        """Begin to send to ``stream``; returns the frame it begins with: the whole truth.

        Raises:
            Fault: the session timer does not answer; nothing has begun then.
        """
        # Listening comes before asking: what changes in between then comes as an event.
        self._streams.setdefault(stream.program_id, set()).add(stream)
        STREAMS.inc()
        try:
            views = self._snapshots.of(stream.program_id)
        except BaseException:
            self.leave(stream)
            raise
        if self._closed:
            stream.close()
        return self._timetables(stream, views)

    def shows_anything(self, stream: Stream) -> bool:
        """Whether there is a session that ``stream`` gets to see."""
        return any(stream.watches(view["org"], view["site_id"]) for view in self._snapshots.of(stream.program_id))

    def leave(self, stream: Stream) -> None:
        """Send nothing to ``stream`` any more."""
        there = self._streams.get(stream.program_id, set())
        if stream in there:
            there.remove(stream)
            STREAMS.dec()
        if not there:
            self._streams.pop(stream.program_id, None)
        stream.close()

    def hear(self, event: Event) -> None:
        """Tell the screens what the bus tells us."""
        program_id = event.data["program_id"]
        changed = event.name in CHANGES
        if changed:
            self._snapshots.forget(program_id)
        if program_id not in self._streams:
            return
        if event.name in BELLS:
            kind = event.name.removeprefix(_TIMER)
            self._send(program_id, event.org, event.data["site_id"], "bell", {"kind": kind, **event.data})
        if changed:
            self._session_changed(program_id, event.data["session_id"], event.data["revision"])
        if event.name.startswith("matching."):
            kind, what = ("pairs", "pairing_id") if event.name == PAIRING else ("plan", "plan_id")
            told = {name: event.data[name] for name in ("program_id", what, "revision")}
            self._send(program_id, event.org, None, kind, told)

    def catch_up(self) -> None:
        """Send everybody the whole truth anew: events may have been missed."""
        self._snapshots.forget()
        for program_id in list(self._streams):
            self._spawn(self._repeat, program_id)

    def end(self, mark: str) -> None:
        """End the streams of a log-in, or of all of a participant's, by the mark of its end."""
        for streams in list(self._streams.values()):
            for stream in [each for each in streams if mark in each.ended_by]:
                stream.close()

    def close(self) -> None:
        """End all streams; their screens connect to another replica."""
        self._closed = True
        for streams in list(self._streams.values()):
            for stream in list(streams):
                stream.close()

    def _timetables(self, stream: Stream, views: Views) -> bytes:
        seen = [view for view in views if stream.watches(view["org"], view["site_id"])]
        return self._frames.frame("timetables", {"program_id": stream.program_id, "sessions": seen})

    def _repeat(self, program_id: str) -> None:
        for pause in backoff(0.1, 5.0):
            try:
                views = self._snapshots.of(program_id)
                break
            except Fault as fault:
                log.info("timetables-not-there", program_id=program_id, fault=fault.code, retry_in=pause)
            eventlet.sleep(pause)
            if program_id not in self._streams:
                return
        for stream in list(self._streams.get(program_id, ())):
            self._offer(stream, self._timetables(stream, views))

    def _session_changed(self, program_id: str, session_id: str, revision: int) -> None:
        under_way = session_id in self._wanted
        self._wanted[session_id] = max(revision, self._wanted.get(session_id, 0))
        if not under_way:
            self._spawn(self._refresh, program_id, session_id)

    def _refresh(self, program_id: str, session_id: str) -> None:
        """Ask for a changed session until the answer is as new as the newest event of it, and send it."""
        try:
            view = None
            for tried, pause in enumerate(backoff(0.02, 2.0), start=1):
                wanted = self._wanted[session_id]
                view = self._ask(session_id) or view
                if view is not None and view["revision"] >= self._wanted[session_id] == wanted:
                    break
                if tried >= TRIES or program_id not in self._streams:
                    log.warning("session-not-there", session_id=session_id, revision=wanted)
                    break
                eventlet.sleep(pause)
        finally:
            del self._wanted[session_id]
        if view is not None:
            self._send(program_id, view["org"], view["site_id"], "timetable", view)

    def _ask(self, session_id: str) -> dict[str, Any] | None:
        try:
            with self._asking:
                return self._load_session(session_id)
        except Fault as fault:
            log.info("session-not-there", session_id=session_id, fault=fault.code)
            return None

    def _send(self, program_id: str, org: str | None, site_id: str | None, name: str, data: Any) -> None:
        streams = [each for each in self._streams.get(program_id, ()) if each.watches(org, site_id)]
        if streams:
            frame = self._frames.frame(name, data)
            for stream in streams:
                self._offer(stream, frame)

    def _offer(self, stream: Stream, frame: bytes) -> None:
        if stream.open and not stream.offer(frame):
            DROPPED.inc()
