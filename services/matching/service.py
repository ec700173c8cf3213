"""Matching's door: what it can be asked, and what it listens to."""

from typing import Any

from services.matching import store
from services.matching.domain.revision import joined_quality, plan_id_of
from services.matching.domain.roster import MENTEE, MENTOR
from services.matching.events import hear_registration, hear_rounds
from services.matching.planning import Planning
from services.matching.schemas import RequestPlan
from shared.arguments import load
from shared.events import Event
from shared.extensions import Caller, Health, Work, answers, consumes
from shared.faults import Conflict, Forbidden, NotFound, NotYet
from shared.messages import say
from shared.security.principal import OPERATOR
from shared.storage.unit_of_work import Transaction


class Matching:
    """Plans who meets whom, and plans again when people do not come."""

    name = "matching"

    work = Work(store.prepare)
    caller = Caller()
    health = Health()
    planning = Planning()

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
        principal, program_id = self.caller(), given["program_id"]

        def work(transaction: Transaction) -> dict[str, Any]:
            program = self._program(transaction, program_id)
            principal.require_organizer(program["org"], program_id)
            if program.get("cancelled"):
                raise Conflict(say("The program is cancelled: there is nothing to plan."))
            for role, registered in ((MENTOR, program["mentors"]), (MENTEE, program["mentees"])):
                if store.known_count(transaction, program_id, role) < registered:
                    raise NotYet(say("Participants are still being registered; try again in a moment."))
            store.ask_for_plan(transaction, program_id, "request", [site["site_id"] for site in program["sites"]])
            return {"program_id": program_id, "plan_id": plan_id_of(program_id), "state": "planning"}

        key = given["idempotency_key"]
        scoped = principal.scoped(key)
        asked: dict[str, Any] = self.work.command(scoped, {"command": "request_plan", **given}, work)
        return asked

    @answers
    def get_plan(self, program_id: str) -> dict[str, Any]:
        """The plan that holds, and how far a newer one is."""

        def read(transaction: Transaction) -> dict[str, Any]:
            self._authorize(transaction, program_id)
            return _plan_view(transaction, program_id)

        view: dict[str, Any] = self.work.transact(read)
        return view

    @answers
    def get_agenda(self, participant_id: str) -> dict[str, Any]:
        """Whom a participant meets, by round."""
        principal = self.caller()
        card = store.card(self.work.database, participant_id)
        if card is None:
            raise NotFound(say("There is no such participant."))
        if principal.subject != participant_id:
            program = store.program(self.work.database, card.program_id) or {}
            principal.require_organizer(program.get("org", ""), card.program_id, card.site_id)
        meetings = store.meetings_of(self.work.database, participant_id)
        plan = store.plan(self.work.database, card.program_id)
        return {
            "participant_id": participant_id,
            "program_id": card.program_id,
            "plan_id": plan_id_of(card.program_id),
            "revision": plan["revision"] if plan else 0,
            "meetings": [_for(participant_id, meeting) for meeting in meetings],
        }

    @answers
    def ledger(self, program_id: str) -> dict[str, Any]:
        """What this service holds of a program, to compare with the others."""

        def read(transaction: Transaction) -> dict[str, Any]:
            program = self._authorize(transaction, program_id)
            plan = store.plan(transaction, program_id)
            cards = [card for card in store.roster(transaction, program_id) if card.plannable]
            plan_id = plan_id_of(program_id)
            return {
                "programs": {program_id: "cancelled" if program.get("cancelled") else "published"},
                "participants": {card.id: f"{card.role}/{card.site_id}/{card.status}" for card in cards},
                "checked-in": sorted(card.id for card in cards if card.checked_in),
                "plans": {plan_id: plan["revision"]} if plan else {},
                "meetings": {
                    each["_id"]: f"{each['round']}/{each['table']}/{each['mentor_id']}/{each['mentee_id']}"
                    for each in store.meetings(transaction, program_id)
                },
            }

        return {**self.work.transact(read), "outbox-pending": self.work.pending_events()}

    def _authorize(self, transaction: Transaction, program_id: str) -> dict[str, Any]:
        principal = self.caller()
        program = self._program(transaction, program_id)
        if principal.role != OPERATOR and not principal.organizes(program["org"], program_id):
            raise Forbidden(say("only an organizer of this program may do this; log in as one"))
        return program

    def _program(self, transaction: Transaction, program_id: str) -> dict[str, Any]:
        program = store.program(transaction, program_id)
        if program is None or "sites" not in program:
            # The event that tells of it may still be on its way, so this is not a plain "not found".
            raise NotYet(say("This program is not known here yet; publish it, or try again in a moment."))
        return program


def _plan_view(transaction: Transaction, program_id: str) -> dict[str, Any]:
    plan, plan_id = store.plan(transaction, program_id), plan_id_of(program_id)
    view: dict[str, Any] = {"program_id": program_id, "plan_id": plan_id}
    if plan is None:
        return view | {
            "state": "none",
            "begun": {},
            "revision": 0,
            "requested": 0,
            "planned": 0,
            "quality": None,
            "meetings": [],
            "unmet": [],
            "changes": [],
        }
    state = "planning" if plan["due"] else "failed" if plan.get("failure") else "planned"
    return view | {
        "state": state,
        "failure": plan.get("failure"),
        "begun": (store.program(transaction, program_id) or {}).get("begun", {}),
        "revision": plan["revision"],
        "requested": plan["requested"],
        "planned": plan["planned"],
        "quality": joined_quality(part["quality"] for part in plan["parts"]) if plan["parts"] else None,
        "meetings": [_shown(meeting) for meeting in store.meetings(transaction, program_id)],
        "unmet": [unmet for part in plan["parts"] for unmet in part["unmet"]],
        "changes": [change for part in plan["parts"] for change in part["changes"]],
    }


def _shown(meeting: dict[str, Any]) -> dict[str, Any]:
    fields = ("round", "table", "site_id", "mentor_id", "mentee_id", "score", "because")
    return {"meeting_id": meeting["_id"], **{name: meeting[name] for name in fields}}


def _for(participant_id: str, meeting: dict[str, Any]) -> dict[str, Any]:
    is_mentor = meeting["mentor_id"] == participant_id
    return {
        "meeting_id": meeting["_id"],
        "round": meeting["round"],
        "table": meeting["table"],
        "site_id": meeting["site_id"],
        "role_of_other": MENTEE if is_mentor else MENTOR,
        "other_id": meeting["mentee_id"] if is_mentor else meeting["mentor_id"],
    }
