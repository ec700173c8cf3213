"""Matching's door: what it can be asked, and what it listens to."""

from collections.abc import Callable
from typing import Any

from services.matching.domain.final_pairs import Terms, pairing_id_of
from services.matching.domain.revision import plan_id_of
from services.matching.domain.roster import MENTEE, MENTOR
from services.matching.domain.rounds_begun import nothing_ahead
from services.matching.handlers import hear_registration, hear_rounds
from services.matching.jobs.extension import Jobs
from services.matching.schemas import OfParticipant, OfProgram, RequestPairing, RequestPlan, SubmitRanking
from services.matching.storage import indexes, meetings, pairings, plans, programs, roster
from services.matching.submitting_rankings import own_card, rank, ranking_view
from services.matching.views import agenda_view, ledger_view, own_pairs, pairing_view, plan_view
from shared.arguments import load
from shared.events import Event
from shared.extensions import Caller, Health, Work, answers, consumes
from shared.faults import Conflict, Forbidden, NotFound, NotYet, Unheard
from shared.messages import say
from shared.security.principal import OPERATOR, PARTICIPANTS
from shared.storage.unit_of_work import Transaction


class Matching:
    """Plans who meets whom, and plans again when people do not come."""

    name = "matching"

    work = Work(indexes.prepare)
    caller = Caller()
    health = Health()
    jobs = Jobs()

    @consumes("participants")
    def hear_registration(self, events: list[Event], transaction: Transaction) -> None:
        """Keep the roster."""
        hear_registration(events, transaction)

    @consumes("rounds")
    def hear_rounds(self, events: list[Event], transaction: Transaction) -> None:
        """Freeze what has begun."""
        hear_rounds(events, transaction)

    @answers
    def request_plan(self, **arguments: Any) -> dict[str, Any]:
        """Have the program planned; the plan comes as an event, and :meth:`get_plan` shows how far it is."""
        given = load(RequestPlan, arguments)
        program_id = given["program_id"]

        def ask(transaction: Transaction, program: dict[str, Any]) -> dict[str, Any]:
            if program.get("cancelled"):
                raise Conflict(say("The program is cancelled: there is nothing to plan."))
            if nothing_ahead(transaction.now, program):
                raise Conflict(say("The last round has begun or is over at every site: there is nothing left to plan."))
            for role, registered in ((MENTOR, program["mentors"]), (MENTEE, program["mentees"])):
                if roster.known_count(transaction, program_id, role) < registered:
                    raise NotYet(say("Participants are still being registered; try again in a moment."))
            plans.ask_for_plan(transaction, program_id, "request", [site["site_id"] for site in program["sites"]])
            return {"program_id": program_id, "plan_id": plan_id_of(program_id), "state": "planning"}

        return self._organize("request_plan", given, ask)

    @answers
    def cancel_plan(self, **arguments: Any) -> dict[str, Any]:
        """Stop a plan that is being made; the one that holds stays. Asked again, or on a change, it is made anew."""
        given = load(RequestPlan, arguments)
        program_id = given["program_id"]

        def call_off(transaction: Transaction, _program: dict[str, Any]) -> dict[str, Any]:
            if not plans.call_off_plan(transaction, program_id):
                raise Conflict(say("No plan is being made: there is nothing to cancel."))
            return {"program_id": program_id, "plan_id": plan_id_of(program_id), "state": "cancelled"}

        return self._organize("cancel_plan", given, call_off)

    @answers
    def get_plan(self, program_id: str) -> dict[str, Any]:
        """The plan that holds, and how far a newer one is."""
        program_id = load(OfProgram, {"program_id": program_id})["program_id"]

        def read(transaction: Transaction) -> dict[str, Any]:
            self._authorize(transaction, program_id)
            return plan_view(transaction, program_id)

        view: dict[str, Any] = self.work.transact(read)
        return view

    @answers
    def get_agenda(self, participant_id: str) -> dict[str, Any]:
        """Whom a participant meets, by round, or why nobody."""
        participant_id = load(OfParticipant, {"participant_id": participant_id})["participant_id"]
        principal = self.caller()
        card = roster.card(self.work.database, participant_id)
        if card is None:
            raise NotFound(say("There is no such participant."))
        # An account may have any name, also one that is a participant's id.
        if principal.role not in PARTICIPANTS or principal.subject != participant_id:
            org = (programs.program(self.work.database, card.program_id) or {}).get("org", "")
            if not principal.knows(org, card.program_id):
                raise NotFound(say("There is no such participant."))
            principal.require_organizer(org, card.program_id, card.site_id)
        return agenda_view(
            card,
            plans.plan(self.work.database, card.program_id),
            meetings.of_participant(self.work.database, participant_id),
        )

    # After the event

    @answers
    def submit_ranking(self, **arguments: Any) -> dict[str, Any]:
        """Say whom the caller would go on with, the dearest first, among those whom the caller has met.

        Said again it takes the place of what was said before. A mentor may say with how many (``capacity``).
        """
        given = load(SubmitRanking, arguments)
        principal = self.caller()
        return self.work.once(
            principal, "submit_ranking", given, lambda transaction: rank(transaction, principal, given)
        )

    @answers
    def get_ranking(self, program_id: str) -> dict[str, Any]:
        """What the caller has said, and whom the caller has met, by round."""
        given = load(OfProgram, {"program_id": program_id})
        principal = self.caller()
        view: dict[str, Any] = self.work.transact(
            lambda transaction: ranking_view(transaction, principal, given["program_id"])
        )
        return view

    @answers
    def request_pairing(self, **arguments: Any) -> dict[str, Any]:
        """Have the pairs formed who go on together; they come as events, and :meth:`get_pairing` shows them."""
        given = load(RequestPairing, arguments)
        program_id = given["program_id"]

        def ask(transaction: Transaction, program: dict[str, Any]) -> dict[str, Any]:
            if program.get("cancelled"):
                raise Conflict(say("The program is cancelled: there is nobody to pair."))
            if not program.get("begun"):
                raise Conflict(say("Nobody has met yet; form the pairs after the rounds."))
            terms = Terms(given["method"], given["top"], given["capacity"])
            pairings.ask_for_pairing(transaction, program_id, terms)
            return {"program_id": program_id, "pairing_id": pairing_id_of(program_id), "state": "pairing"}

        return self._organize("request_pairing", given, ask)

    @answers
    def get_pairing(self, program_id: str) -> dict[str, Any]:
        """Who goes on with whom: all for an organizer (of a site: that site's), their own for participants."""
        given = load(OfProgram, {"program_id": program_id})
        principal, program_id = self.caller(), given["program_id"]

        def read(transaction: Transaction) -> dict[str, Any]:
            if principal.role in PARTICIPANTS:
                own_card(transaction, principal, program_id)
                return own_pairs(transaction, program_id, principal.subject)
            program = self._program(transaction, program_id)
            for site in principal.sites or [None]:
                principal.require_organizer(program["org"], program_id, site)
            return pairing_view(transaction, program_id, principal.sites)

        view: dict[str, Any] = self.work.transact(read)
        return view

    # Operators

    @answers
    def ledger(self, program_id: str) -> dict[str, Any]:
        """What this service holds of a program, to compare with the others."""
        program_id = load(OfProgram, {"program_id": program_id})["program_id"]

        def read(transaction: Transaction) -> dict[str, Any]:
            return ledger_view(transaction, self._authorize(transaction, program_id))

        return {**self.work.transact(read), "outbox-pending": self.work.pending_events()}

    # Steps that calls share

    def _organize(
        self, name: str, given: dict[str, Any], decide: Callable[[Transaction, dict[str, Any]], dict[str, Any]]
    ) -> dict[str, Any]:
        """Let ``decide`` act on a program that is the caller's to organize, once."""
        principal = self.caller()

        def work(transaction: Transaction) -> dict[str, Any]:
            program = self._program(transaction, given["program_id"])
            principal.require_organizer(program["org"], given["program_id"])
            # What is decided of a program must not pass unseen by its cancellation.
            programs.lock_program(transaction, given["program_id"])
            return decide(transaction, program)

        return self.work.once(principal, name, given, work)

    def _authorize(self, transaction: Transaction, program_id: str) -> dict[str, Any]:
        principal = self.caller()
        program = self._program(transaction, program_id)
        if principal.role != OPERATOR and not principal.organizes(program["org"], program_id):
            raise Forbidden(say("only an organizer of this program may do this; log in as one"))
        return program

    def _program(self, transaction: Transaction, program_id: str) -> dict[str, Any]:
        program = programs.program(transaction, program_id)
        if program is None or "sites" not in program:
            # The event that tells of it may still be on its way, so this is not a plain "not found".
            raise Unheard(say("This program is not known here yet; publish it, or try again in a moment."))
        if not self.caller().knows(program["org"], program_id):
            raise NotFound(say("There is no such program."))
        return program
