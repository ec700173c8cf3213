"""The session timer's door: what it can be asked, and what it listens to."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from services.session_timer import store
from services.session_timer.domain.session import Change, Session, State
from services.session_timer.handlers import hear, on_time
from services.session_timer.ringing.extension import Ringing
from services.session_timer.schemas import ChoosePolicy, Command, Extend, RoundCommand, ShiftStart
from shared.arguments import load
from shared.events import Event, write_time
from shared.extensions import Caller, Health, Work, answers, consumes
from shared.faults import Conflict, Invalid, NotFound, Problem, pointer_step
from shared.ids import new_id
from shared.messages import say
from shared.security.principal import OPERATOR, Principal
from shared.storage.outbox import Outbox
from shared.storage.unit_of_work import Transaction

Decision = Callable[[Session, datetime], Change]


class SessionTimer:
    """Times the sessions of all programs.

    Every command takes the ``revision`` of the timetable it was given on (None: whichever holds), those about a round
    the ``round`` that was running or had run last (None: whichever), and all an ``idempotency_key``: a repetition
    with the same key gets the first answer and has no effect.
    """

    name = "session_timer"

    work = Work(store.prepare)
    caller = Caller()
    health = Health()
    ringing = Ringing()

    @consumes("programs")
    def hear(self, events: list[Event], transaction: Transaction) -> None:
        """Schedule and cancel."""
        hear(events, transaction, self._sessions(transaction), on_time(self.work.clock))

    # Reading

    @answers
    def time(self) -> dict[str, Any]:
        """What time it is here: ``{"now": …}``. Screens estimate their offset by it."""
        return {"now": write_time(self.work.now())}

    @answers
    def list_sessions(self, program_id: str) -> list[dict[str, Any]]:
        """The sessions of a program with their timetables, by start."""
        principal, now = self.caller(), self.work.now()
        sessions = store.read(self.work.database, {"program_id": program_id}, self.work.clock)
        seen = [session for session in sessions if _may_see(principal, session)]
        return [each.view(now) for each in sorted(seen, key=lambda each: (each.slots[0].starts_at, each.site_id))]

    @answers
    def get_session(self, session_id: str) -> dict[str, Any]:
        """One session with its timetable."""
        principal, now = self.caller(), self.work.now()
        session = self._found(session_id)
        if not _may_see(principal, session):
            raise NotFound(say("There is no such session."))
        return session.view(now)

    @answers
    def ledger(self, program_id: str) -> dict[str, Any]:
        """What this service holds of a program, to compare with the others."""
        principal, now = self.caller(), self.work.now()
        sessions = store.read(self.work.database, {"program_id": program_id}, self.work.clock)
        seen = [session for session in sessions if _may_see(principal, session)]
        held: Counter[str] = Counter()
        for session in seen:
            held[session.site_id] += session.rounds_held()
        unrecorded = store.count_unrecorded(self.work.database, program_id, self.work.clock)
        return {
            "sessions": {each.session_id: f"{each.phase(now).state}/{each.rounds_held()}" for each in seen},
            "rounds-held": dict(held),
            "starts": {each.site_id: write_time(each.slots[0].starts_at) for each in seen},
            # A bell that has rung is an event before it is in the outbox.
            "outbox-pending": self.work.pending_events() + unrecorded,
        }

    # Commanding

    @answers
    def shift_start(self, **arguments: Any) -> dict[str, Any]:
        """Start ``by_seconds`` later (or earlier): one session, or all of the program that have not begun.

        Returns:
            ``sessions``: those moved; ``left``: the ids of those that had begun.
        """
        given = load(ShiftStart, arguments)
        by = timedelta(seconds=given["by_seconds"])
        if given["session_id"] is None:
            return self._shift_program(given, by)
        if given["revisions"]:
            problem = Problem("/revisions", say("it is for all sites together"), say("give `revision` instead"))
            raise Invalid(say("The command cannot be carried out as it is."), [problem])
        moved = self._command(
            "shift_start", given, lambda session, now: session.shift_start(by, now, given["revision"])
        )
        return {"sessions": [moved], "left": []}

    @answers
    def pause(self, **arguments: Any) -> dict[str, Any]:
        """Stop the clock of a session."""
        given = load(Command, arguments)
        return self._command("pause", given, lambda session, now: session.pause(now, given["revision"]))

    @answers
    def resume(self, **arguments: Any) -> dict[str, Any]:
        """Go on after a pause, or after the timer has held the session."""
        given = load(Command, arguments)
        return self._command("resume", given, lambda session, now: session.resume(now, given["revision"]))

    @answers
    def extend(self, **arguments: Any) -> dict[str, Any]:
        """Give the running round ``seconds`` more; no meeting passes 900 s."""
        given = load(Extend, arguments)
        return self._command(
            "extend",
            given,
            lambda session, now: session.extend(given["seconds"], now, given["revision"], given["round"]),
        )

    @answers
    def skip_break(self, **arguments: Any) -> dict[str, Any]:
        """Start the next round now."""
        given = load(RoundCommand, arguments)
        return self._command(
            "skip_break", given, lambda session, now: session.skip_break(now, given["revision"], given["round"])
        )

    @answers
    def end_round(self, **arguments: Any) -> dict[str, Any]:
        """End the running round now."""
        given = load(RoundCommand, arguments)
        return self._command(
            "end_round", given, lambda session, now: session.end_round(now, given["revision"], given["round"])
        )

    @answers
    def restart_round(self, **arguments: Any) -> dict[str, Any]:
        """Begin the running round anew, within its first 30 s."""
        given = load(RoundCommand, arguments)
        return self._command(
            "restart_round", given, lambda session, now: session.restart_round(now, given["revision"], given["round"])
        )

    @answers
    def choose_policy(self, **arguments: Any) -> dict[str, Any]:
        """Say what a session does after an outage: ``on_outage`` is ``catch-up`` or ``hold``."""
        given = load(ChoosePolicy, arguments)
        on_outage, revision = given["on_outage"], given["revision"]
        return self._command(
            "choose_policy", given, lambda session, now: session.choose_policy(on_outage, now, revision)
        )

    # Steps that commands share

    def _sessions(self, transaction: Transaction) -> store.Sessions:
        return store.Sessions(transaction, Outbox(self.work.database), self.work.trace, self.work.clock)

    def _command(self, name: str, given: dict[str, Any], decide: Decision) -> dict[str, Any]:
        principal = self.caller()
        # Before anything is locked: whoever may not command holds nobody up.
        session = self._found(given["session_id"])
        if given.get("program_id", session.program_id) != session.program_id:
            raise NotFound(say("There is no such session."))
        _require_organizer(principal, session)

        def work(transaction: Transaction) -> dict[str, Any]:
            return self._carry_out(transaction, principal, name, given, [given["session_id"]], decide)[0]

        answer: dict[str, Any] = self.work.once(principal, name, given, work)
        return answer

    def _shift_program(self, given: dict[str, Any], by: timedelta) -> dict[str, Any]:
        principal = self.caller()
        revisions = given["revisions"]
        if given["revision"] is not None:
            problem = Problem(
                "/revision",
                say("one revision cannot stand for all sites"),
                say("give `revisions`, or `session_id` too"),
            )
            raise Invalid(say("The command cannot be carried out as it is."), [problem])

        def work(transaction: Transaction) -> dict[str, Any]:
            sessions = store.read(self.work.database, {"program_id": given["program_id"]}, self.work.clock)
            if not sessions:
                raise NotFound(say("The program has no sessions yet."))
            if not _may_see(principal, sessions[0]):
                raise NotFound(say("There is no such program."))
            principal.require_organizer(sessions[0].org or "", given["program_id"])
            strangers = sorted(revisions.keys() - {each.session_id for each in sessions})
            if strangers:
                what, remedy = say("the program has no such session"), say("leave it out")
                problems = [Problem(f"/revisions/{pointer_step(each)}", what, remedy) for each in strangers]
                raise Invalid(say("The command cannot be carried out as it is."), problems)
            ahead = {each.session_id for each in sessions if each.phase(transaction.now).state is State.SCHEDULED}
            if not ahead:
                raise Conflict(say("All sessions of the program have begun: no start can be moved any more."))

            def decide(session: Session, now: datetime) -> Change:
                return session.shift_start(by, now, revisions.get(session.session_id))

            moved = self._carry_out(transaction, principal, "shift_start", given, sorted(ahead), decide)
            left = sorted(each.session_id for each in sessions if each.session_id not in ahead)
            return {"sessions": moved, "left": left}

        answer: dict[str, Any] = self.work.once(principal, "shift_start", given, work)
        return answer

    def _carry_out(
        self,
        transaction: Transaction,
        principal: Principal,
        name: str,
        given: dict[str, Any],
        ids: Sequence[str],
        decide: Decision,
    ) -> list[dict[str, Any]]:
        """Change sessions and write down who did what, in one transaction."""

        def allowed(session: Session, now: datetime) -> Change:
            _require_organizer(principal, session)
            return decide(session, now)

        sessions = self._sessions(transaction).change_all(ids, allowed)
        # Of all sites' revisions each session keeps its own: all of them in each would be their number squared.
        revisions = given.get("revisions", {})
        said = {key: value for key, value in given.items() if value is not None and key != "revisions"}
        transaction["audit"].insert_many(
            [
                {
                    "_id": new_id(),
                    "session_id": session.session_id,
                    "program_id": session.program_id,
                    "site_id": session.site_id,
                    "who": principal.subject,
                    "role": principal.role,
                    "what": name,
                    "given": said | ({"revision": seen} if (seen := revisions.get(session.session_id)) else {}),
                    "at": transaction.now,
                    "revision": session.revision,
                }
                for session in sessions
            ]
        )
        return [session.view(transaction.now) for session in sessions]

    def _found(self, session_id: str) -> Session:
        found = store.read(self.work.database, {"_id": session_id}, self.work.clock)
        if not found:
            raise NotFound(say("There is no such session."))
        return found[0]


def _require_organizer(principal: Principal, session: Session) -> None:
    if not _may_see(principal, session):
        raise NotFound(say("There is no such session."))
    principal.require_organizer(session.org or "", session.program_id, session.site_id)


def _may_see(principal: Principal, session: Session) -> bool:
    """Timetables are for everybody in the program, and for operators."""
    if principal.role == OPERATOR:
        return True
    return principal.org == session.org and (not principal.programs or session.program_id in principal.programs)
