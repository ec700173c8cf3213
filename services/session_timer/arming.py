"""Putting bells in their places: the frames of what rings soon, and the strikes of what has been claimed."""

from datetime import datetime
from itertools import groupby

from services.session_timer.book import Armed, Batch, Book, Rung
from services.session_timer.chime import chime
from services.session_timer.domain.bells import bells, next_bell_at
from services.session_timer.store import changes_timetable
from services.session_timer.striker import Striker, Volley
from services.session_timer.wire import UNWRITTEN, Press
from shared.events import Event
from shared.storage.outbox import Outbox


class Arming:
    """Hands to ``striker`` what is to be sent, each at its instant."""

    def __init__(self, outbox: Outbox, striker: Striker) -> None:
        self._outbox = outbox
        self._striker = striker

    def prepare(self, press: Press, armed: Armed) -> None:
        """Make the frames of the next bells of a session, ahead of time."""
        session = armed.kept.session
        events: list[Event] = []
        armed.after_at = None
        for bell in bells(session, session.rung_until):
            if bell.at != armed.next_at:
                armed.after_at = bell.at
                break
            events.append(chime(session, bell, UNWRITTEN, armed.ordinal + len(events) + 1, armed.kept.trace))
        armed.frames = press.frames(events, armed.next_at)

    def arm(self, press: Press, book: Book, batch: Batch) -> None:
        """Have all that ``batch`` has claimed sent, and keep the sessions in the book for what they ring next."""
        claim = batch.claim
        due = book.take_due(claim.through)
        volley = Volley(batch)
        pending_from = self._outbox.oldest_pending() if any(armed.must_queue for armed in due) else None
        for armed in due:
            session = armed.kept.session
            armed.look_behind(pending_from)
            sent = not armed.must_queue
            late = claim.since - armed.next_at > session.on_time
            if late or armed.frames is None or (armed.after_at is not None and armed.after_at <= claim.through):
                after, events = armed.kept.after(claim, armed.ordinal)
                sent = sent and not changes_timetable(armed.kept, after)
                self.add(volley, press, events, sent)
                count = len(events)
            else:
                at = max(armed.next_at, claim.since)
                after = armed.kept.rung_at(at, claim)
                count = armed.frames.count
                volley.add(at, armed.frames.at(at) if sent else b"", count if sent else 0, armed.next_at)
            batch.add(Rung(armed.kept, armed.ordinal, after, sent))
            next_at = next_bell_at(after.session)
            if next_at is not None:
                behind_batch = None if sent else batch
                book.put(Armed(after, armed.ordinal + count, armed.behind, next_at, behind_batch))
        self.send(volley)

    def add(self, volley: Volley, press: Press, events: list[Event], sent: bool) -> None:
        """Have a session's events sent, each at its instant; or, behind the outbox, settled no sooner."""
        for at, group in groupby(events, key=lambda event: event.time):
            frames = press.frames(group, at)
            bell_at = datetime.fromisoformat(events[0].data["scheduled_at"]) if at == events[0].time else at
            volley.add(at, frames.data if sent else b"", frames.count if sent else 0, bell_at)

    def send(self, volley: Volley) -> None:
        """Have it sent, each part of it at its instant."""
        self._striker.put(volley)
