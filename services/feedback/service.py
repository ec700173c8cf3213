"""Feedback's door: what it can be asked, and what it listens to."""

from collections import Counter
from typing import Any

from services.feedback import store
from services.feedback.domain import report
from services.feedback.domain.aggregates import rounds_rated
from services.feedback.domain.choices import Pair
from services.feedback.domain.meetings import State
from services.feedback.events import closed, rated, reported
from services.feedback.handlers import hear
from services.feedback.schemas import CloseProgram, OfProgram, SubmitFeedback
from services.feedback.submitting import submit
from shared.arguments import load
from shared.events import Event, write_time
from shared.extensions import Caller, Health, Work, answers, consumes
from shared.faults import Conflict, Forbidden, NotFound, Unheard
from shared.messages import say
from shared.security.principal import OPERATOR, PARTICIPANTS, Principal
from shared.storage.unit_of_work import Transaction


class Feedback:
    """Takes what both sides say of their meetings, connects those who both want it, and reports."""

    name = "feedback"

    work = Work(store.prepare)
    caller = Caller()
    health = Health()

    @consumes("meetings")
    def hear(self, events: list[Event], transaction: Transaction) -> None:
        """Keep programs, meetings and ended rounds, and forget who is erased."""
        hear(events, transaction)

    # Participants

    @answers
    def submit_feedback(self, **arguments: Any) -> dict[str, Any]:
        """Say what the caller makes of one of the caller's meetings, once its round has ended.

        Said again it takes the place of what was said before, until the program is closed. ``takeaway`` is shown
        to its writer only. Where both sides choose to stay in touch a connection is formed, which stays formed
        whatever is chosen later; before that a choice can be taken back.

        Returns:
            ``meeting_id``, ``by_role``, ``submitted_at`` and ``connection_id`` (None without a connection).
        """
        given = load(SubmitFeedback, arguments)
        principal = self.caller()
        return self.work.once(
            principal, "submit_feedback", given, lambda transaction: submit(transaction, principal, given)
        )

    @answers
    def get_submitted(self, program_id: str) -> dict[str, Any]:
        """What the caller has said: ``meeting_ids``, and each in full under ``feedback``."""
        given = load(OfProgram, {"program_id": program_id})
        rows = store.said_by(self.work.database, given["program_id"], self.caller().subject)
        return {
            "meeting_ids": [row["meeting_id"] for row in rows],
            "feedback": [
                {
                    **{name: row[name] for name in ("meeting_id", "ratings", "stay_in_touch", "takeaway")},
                    "submitted_at": write_time(row["submitted_at"]),
                }
                for row in rows
            ],
        }

    @answers
    def get_connections(self, program_id: str) -> dict[str, Any]:
        """Who stays in touch with whom: all for an organizer (of a site: that site's), their own for participants."""
        given = load(OfProgram, {"program_id": program_id})
        principal = self.caller()
        if principal.role in PARTICIPANTS:
            query: dict[str, Any] = {"$or": [{"mentor_id": principal.subject}, {"mentee_id": principal.subject}]}
        else:
            program = self._program(given["program_id"], principal)
            sites = list(principal.sites)
            for site in sites or [None]:
                principal.require_organizer(program["org"], given["program_id"], site)
            query = {"site_id": {"$in": sites}} if sites else {}
        found = store.connections(self.work.database, given["program_id"], query)
        return {"connections": [_view(pair) for pair in found]}

    # Organizers

    @answers
    def close_program(self, **arguments: Any) -> dict[str, Any]:
        """Take no more feedback, and make and publish the report. Once closed, the answer is always that report."""
        given = load(CloseProgram, arguments)
        principal, program_id = self.caller(), given["program_id"]
        org = self._program(program_id, principal)["org"]
        principal.require_organizer(org, program_id)
        # Under a key of its own, so that a key used for something else is refused before anything is closed.
        key = given["idempotency_key"]
        beginning = {**given, "idempotency_key": f"{key}|begin" if key else None}
        self.work.once(
            principal, "close_program", beginning, lambda transaction: _begin_to_close(transaction, program_id)
        )
        store.seal_meetings(self.work.database, program_id)

        def finish(transaction: Transaction) -> dict[str, Any]:
            before = store.report(transaction, program_id)
            if before is not None:
                return before
            cells = store.cells(transaction, program_id)
            made = {
                "program_id": program_id,
                "closed_at": write_time(transaction.now),
                **_report(transaction, program_id, cells),
            }
            store.save_report(transaction, program_id, made)
            # Once, as the report is: two figures with one answer between them would tell that answer.
            transaction.publish(
                closed(program_id, org),
                *(rated(program_id, org, each) for each in rounds_rated(cells, made)),
                reported(program_id, org, made, _pairing(transaction, program_id)),
            )
            return made

        return self.work.once(principal, "close_program", given, finish)

    @answers
    def get_report(self, program_id: str) -> dict[str, Any]:
        """The report of a closed program; no figure in it is over fewer than ``k`` answers.

        ``pairing`` is who goes on with whom, in numbers; it is added whenever the pairs are formed, and follows them
        where they change. No kind of pair is told there of fewer than ``k`` pairs.
        """
        given = load(OfProgram, {"program_id": program_id})
        principal = self.caller()
        program = self._program(given["program_id"], principal)
        principal.require_organizer(program["org"], given["program_id"])
        made = store.report(self.work.database, given["program_id"])
        if made is None:
            # Two reports with one answer between them would tell that answer: so there is only one.
            raise Conflict(say("The report is made when the program is closed; close the program first."))
        return {**made, "pairing": report.pairing(program.get("pairing"))}

    @answers
    def ledger(self, program_id: str) -> dict[str, Any]:
        """What this service holds of a program, to compare with the others."""
        given = load(OfProgram, {"program_id": program_id})
        program_id = given["program_id"]
        principal = self.caller()
        program = self._program(program_id, principal)
        if principal.role != OPERATOR and not principal.organizes(program["org"], program_id):
            raise Forbidden(say("only an organizer of this program may do this; log in as one"))

        def read(transaction: Transaction) -> dict[str, Any]:
            ended = store.ended(transaction, program_id)
            pairing = (store.program(transaction, program_id) or {}).get("pairing")
            meetings = store.meetings_of_program(transaction, program_id)
            seats = [(each, seat) for each in meetings if (seat := each.seat(ended))]
            rounds = Counter(dict.fromkeys(program["sites"], 0))
            rounds.update(site for site, _ in ended.by_round)
            return {
                "programs": {program_id: "cancelled" if program.get("cancelled") else "published"},
                "closed": store.report(transaction, program_id) is not None,
                "meetings": {
                    each.meeting_id: f"{seat.round}/{seat.table}/{each.mentor_id}/{each.mentee_id}"
                    for each, seat in seats
                },
                "pairings": {program_id: pairing["revision"]} if pairing else {},
                "rounds-held": dict(rounds),
                "held": sum(ended.at(seat.site_id, seat.round) is not None for _, seat in seats),
                "feedback": store.count(transaction, "said", program_id),
                "connections": store.count(transaction, "pairs", program_id, formed_at={"$ne": None}),
                "formed": {
                    pair.connection_id: f"{pair.mentor_id}/{pair.mentee_id}"
                    for pair in store.connections(transaction, program_id, {})
                },
            }

        return {**self.work.transact(read), "outbox-pending": self.work.pending_events()}

    # Steps that calls share

    def _program(self, program_id: str, principal: Principal) -> dict[str, Any]:
        program = store.program(self.work.database, program_id)
        if program is None or "sites" not in program:
            # The event that tells of it may still be on its way, so this is not a plain "not found".
            raise Unheard(say("This program is not known here yet; publish it, or try again in a moment."))
        if not principal.knows(program["org"], program_id):
            raise NotFound(say("There is no such program."))
        return program


def _begin_to_close(transaction: Transaction, program_id: str) -> dict[str, Any]:
    if not store.ended(transaction, program_id).by_round:
        raise Conflict(say("No round of the program has ended yet; close it after its rounds."))
    store.save_program(transaction, program_id, {"closing": True})
    return {}


def _report(transaction: Transaction, program_id: str, cells: list[report.Cell]) -> dict[str, Any]:
    ended = store.ended(transaction, program_id)
    held = sum(each.state(ended) is State.HELD for each in store.meetings_of_program(transaction, program_id))
    answers = store.count(transaction, "said", program_id)
    return report.report(cells, held, answers)


def _pairing(transaction: Transaction, program_id: str) -> dict[str, Any] | None:
    return report.pairing((store.program(transaction, program_id) or {}).get("pairing"))


def _view(pair: Pair) -> dict[str, Any]:
    assert pair.formed_at is not None  # noqa: S101 - it is a connection
    return {
        "connection_id": pair.connection_id,
        "mentor_id": pair.mentor_id,
        "mentee_id": pair.mentee_id,
        "site_id": pair.site_id,
        "formed_at": write_time(pair.formed_at),
    }
