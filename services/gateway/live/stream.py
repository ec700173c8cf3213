"""One open screen: a bounded row of frames that wait for it."""

from collections.abc import Iterator
from contextlib import suppress

from eventlet.queue import Empty, Full, LightQueue

from services.gateway.live.frames import HEARTBEAT
from shared.clock import monotonic

#: Frames that may wait for one screen. One that is further behind is dropped: it connects anew and gets the whole
#: truth at once, which is less than what it has missed.
MOST_WAITING = 64
#: Seconds between signs of life on a quiet stream.
KEEP_ALIVE_SECONDS = 15.0
#: Seconds after which a stream ends and the client proves anew who it is.
STREAM_SECONDS = 3600.0


class Stream:
    """What is on its way to one screen that watches a program, or one of its sites.

    ``org`` is whose events it may see; None, as for the platform's operators: everybody's. ``ended_by`` are the
    marks of what ends the log-in that it was opened with.
    """

    def __init__(
        self,
        program_id: str,
        org: str | None,
        site_id: str | None = None,
        room: int = MOST_WAITING,
        ended_by: tuple[str, ...] = (),
    ) -> None:
        self.program_id = program_id
        self.org = org
        self.site_id = site_id
        self.ended_by = ended_by
        self.open = True
        self._waiting: LightQueue = LightQueue(room)

    def watches(self, org: str | None, site_id: str | None) -> bool:
        """Whether what happens in ``org`` at ``site_id`` (None: everywhere) is for this screen."""
        return self.org in (None, org) and (site_id is None or self.site_id is None or site_id == self.site_id)

    def offer(self, frame: bytes) -> bool:
        """Put ``frame`` in the row; false, and the stream ends, when the row is full."""
        if not self.open:
            return False
        try:
            self._waiting.put_nowait(frame)
        except Full:
            self.close()
            return False
        return True

    def close(self) -> None:
        """End the stream; frames that still wait are dropped, as the next connection begins with the truth."""
        self.open = False
        # Where the row is full its reader is busy, or stuck in a write that times out, and sees the mark after it.
        with suppress(Full):
            self._waiting.put_nowait(b"")

    def frames(self, quiet: float = KEEP_ALIVE_SECONDS, life: float = STREAM_SECONDS) -> Iterator[bytes]:
        """Frames as they come, with signs of life between them, until the stream is closed or ``life`` s old."""
        end = monotonic() + life
        while self.open and monotonic() < end:
            try:
                frame = self._waiting.get(timeout=quiet)
            except Empty:
                frame = HEARTBEAT
            if self.open and frame:
                yield frame
