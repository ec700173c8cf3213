"""Registration's door: what it can be asked, and what it listens to."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from services.registration import catching_up, events, schemas, store
from services.registration.access import Codes
from services.registration.domain import participant as people
from services.registration.domain import progress, throttle, walk_in
from services.registration.domain.files import read_event
from services.registration.domain.files.program_file import FILE as PROGRAM_FILE
from services.registration.domain.participant import Mentee, Mentor, Participant
from services.registration.domain.program import Program, State
from services.registration.domain.texts import mailbox
from services.registration.domain.too_late import TimeCheck, require_start_ahead
from services.registration.handlers import hear
from services.registration.log_in_lanes import Lanes
from services.registration.start_watch import StartWatch
from services.registration.views import full_view, peer_view, program_view, public_view
from shared.arguments import load
from shared.events import Event, write_time
from shared.extensions import Caller, Calls, Health, Work, answers, consumes
from shared.faults import Forbidden, NotFound, Problem, TooMany
from shared.ids import new_id
from shared.messages import say
from shared.security.principal import OPERATOR, ORGANIZER, Principal
from shared.storage import ended_log_ins
from shared.storage.unit_of_work import Transaction

Answer = dict[str, Any]
Decision = Callable[[Transaction, Participant, Program], Participant]

#: So many ended log-ins are told at once; there are more only where somebody makes them by the thousand.
MOST_ENDED = 10_000

_OTHER = {Mentor.role: Mentee.role, Mentee.role: Mentor.role}


class Registration:
    """Programs and who takes part in them.

    Every changing call takes an ``idempotency_key``: a repetition with the same key has no further effect. What is
    remembered of a call are ids, never what people wrote; so a repetition shows a participant as he or she is now.
    """

    name = "registration"

    work = Work(store.prepare)
    caller = Caller()
    calls = Calls(catching_up.TIMEOUT)
    codes = Codes()
    start_watch = StartWatch()
    health = Health()

    @consumes("progress")
    def hear(self, events: list[Event], transaction: Transaction) -> None:
        """Keep how far the programs are."""
        hear(events, transaction)

    # Programs

    @answers
    def import_event(self, **arguments: Any) -> Answer:
        """Create a program with all its people from the event files, or nothing and a problem for every fault."""
        given = load(schemas.ImportEvent, arguments)
        principal = self.caller()
        principal.require_organizer(principal.org)
        found = read_event(given["files"], principal.org, new_id, given.get("confirmed", ()))
        require_start_ahead(found.program, PROGRAM_FILE, given.get("confirmed", ()), self.work.now())

        def create(transaction: Transaction) -> Answer:
            store.add_program(transaction, found.program)
            everybody = self._recognized(transaction, (*found.mentors, *found.mentees))
            store.add_participants(transaction, everybody, self.codes)
            return {
                "program_id": found.program.id,
                "mentors": len(found.mentors),
                "mentees": len(found.mentees),
                "sites": list(found.program.site_ids),
            }

        made = self.work.once(principal, "import_event", given, create, to_the_end=True)
        return _noticed(made, found.notices)

    @answers
    def list_programs(self) -> list[Answer]:
        """The programs that the caller may see."""
        principal = self.caller()
        query: dict[str, Any] = {"org": principal.org}
        if principal.programs or principal.role not in (ORGANIZER, OPERATOR):
            query["_id"] = {"$in": list(principal.programs)}
        return self._program_views(principal, store.programs(self.work.database, query))

    @answers
    def get_program(self, program_id: str) -> Answer:
        """One program."""
        principal = self.caller()
        return self._program_views(principal, [self._seen_program(principal, program_id)])[0]

    @answers
    def publish_program(self, **arguments: Any) -> Answer:
        """Open a program: it and everybody registered in it are told to the other services in one transaction."""
        given = load(schemas.OfProgram, arguments)
        principal = self.caller()

        def publish(transaction: Transaction) -> Answer:
            program = self._organized(principal, store.program(transaction, given["program_id"])).publish()
            store.save_program_state(transaction, program)
            store.begin_progress(transaction, progress.begin(program))
            everybody = store.participants(transaction, program.id)
            store.save_participants(transaction, [replace(each, published=True) for each in everybody], self.codes)
            mentors = sum(isinstance(each, Mentor) for each in everybody)
            transaction.publish(events.program_published(program, mentors, len(everybody) - mentors))
            for each in everybody:
                transaction.publish(*events.told(None, each, self._team_id))
            return {"program_id": program.id}

        published = self.work.once(principal, "publish_program", given, publish, to_the_end=True)
        return self._program_view(principal, published)

    @answers
    def cancel_program(self, **arguments: Any) -> Answer:
        """Call a program off, for a ``reason`` given as a code."""
        given = load(schemas.CancelProgram, arguments)
        principal = self.caller()

        def cancel(transaction: Transaction) -> Answer:
            program = self._organized(principal, store.program(transaction, given["program_id"]))
            cancelled = program.cancel(given["reason"])
            store.save_program_state(transaction, cancelled)
            store.stop_waiting(transaction, program.id)
            transaction.publish(*events.program_cancelled(program, cancelled))
            return {"program_id": program.id}

        return self._program_view(principal, self.work.once(principal, "cancel_program", given, cancel))

    # People

    @answers
    def register_mentor(self, **arguments: Any) -> Answer:
        """Register one mentor, also after publishing."""
        given = load(schemas.RegisterMentor, arguments)

        def register(transaction: Transaction, program: Program) -> Mentor:
            mentees = [
                each for each in store.participants(transaction, program.id, Mentee.role) if isinstance(each, Mentee)
            ]
            mentor = walk_in.mentor_of(given["mentor"], program, new_id(), (each.id for each in mentees))
            return walk_in.with_team(mentor, mentees)

        return self._register("register_mentor", given, given["mentor"], register)

    @answers
    def register_mentee(self, **arguments: Any) -> Answer:
        """Register one mentee, also after publishing."""
        given = load(schemas.RegisterMentee, arguments)

        def register(transaction: Transaction, program: Program) -> Mentee:
            mentors = [
                each for each in store.participants(transaction, program.id, Mentor.role) if isinstance(each, Mentor)
            ]
            mentee = walk_in.mentee_of(given["mentee"], program, new_id(), (each.id for each in mentors))
            before = {each.id: each for each in mentors}
            for mentor in walk_in.keep_apart(mentors, mentee):
                self._save(transaction, before[mentor.id], mentor)
            return mentee

        return self._register("register_mentee", given, given["mentee"], register)

    @answers
    def list_participants(self, **arguments: Any) -> list[Answer]:
        """The participants of a program: all of them for an organizer, the other role's public part for the rest."""
        given = load(schemas.ListParticipants, arguments)
        principal = self.caller()
        program = self._seen_program(principal, given["program_id"])
        if given["site_id"] is not None and given["site_id"] not in program.site_ids:
            raise NotFound(say("The program has no such site."))
        sites = [given["site_id"]] if given["site_id"] else None
        if principal.role == ORGANIZER:
            if principal.sites:
                sites = [site for site in sites or principal.sites if site in principal.sites]
            found = store.participants(self.work.database, program.id, given["role"], sites)
            return [full_view(each) for each in found]
        other = _OTHER.get(principal.role)
        if other is None or given["role"] not in (None, other):
            raise Forbidden(say("participants see the people of the other role only"))
        return [public_view(each) for each in store.participants(self.work.database, program.id, other, sites)]

    @answers
    def get_participant(self, participant_id: str) -> Answer:
        """One participant: all for the organizer and oneself, the public part for others of the program."""
        principal = self.caller()
        person = store.participant(self.work.database, participant_id)
        if person.org != principal.org:
            raise NotFound(say("There is no such participant."))
        if principal.subject == person.id or principal.organizes(person.org, person.program_id, person.site_id):
            return full_view(person)
        if principal.role in _OTHER and person.program_id in principal.programs:
            return public_view(person) if principal.role != person.role else peer_view(person)
        raise NotFound(say("There is no such participant."))

    @answers
    def update_questions(self, **arguments: Any) -> Answer:
        """Replace a mentee's prepared questions."""
        given = load(schemas.UpdateQuestions, arguments)
        questions = walk_in.written(given["questions"])
        walk_in.check_questions(questions, given.get("confirmed", ()))
        return self._change(
            "update_questions", given, lambda _, person, program: people.ask(person, program, questions), by_self=True
        )

    @answers
    def state_preference(self, **arguments: Any) -> Answer:
        """Replace whom a participant wants to meet, and whom not."""
        given = load(schemas.StatePreference, arguments)
        wants, avoids = (tuple(dict.fromkeys(given[field])) for field in ("wants", "avoids"))

        def prefer(transaction: Transaction, person: Participant, program: Program) -> Participant:
            others = store.participants(transaction, program.id, _OTHER[person.role])
            walk_in.check_wishes(wants, avoids, (each.id for each in others))
            return people.prefer(person, program, wants, avoids)

        return self._change("state_preference", given, prefer, by_self=True)

    @answers
    def check_in(self, **arguments: Any) -> Answer:
        """A participant has arrived."""
        given = load(schemas.CheckIn, arguments)

        def check_in(transaction: Transaction, person: Participant, program: Program) -> Participant:
            arrived = people.check_in(person, program, transaction.now)
            if arrived != person:
                confirmed = given.get("confirmed", ())
                check = _time_check(transaction, program)
                check.require_before_the_end(person.site_id, "/participant_id", person.id, confirmed)
            return arrived

        return self._change("check_in", given, check_in)

    @answers
    def mark_absent(self, **arguments: Any) -> Answer:
        """A participant is missed from a round on."""
        given = load(schemas.MarkAbsent, arguments)

        def miss(transaction: Transaction, person: Participant, program: Program) -> Participant:
            missed = people.mark_absent(person, program, given["from_round"])
            if missed != person:
                check = _time_check(transaction, program)
                check.require_round_ahead(person, given["from_round"], given.get("confirmed", ()))
            return missed

        return self._change("mark_absent", given, miss)

    @answers
    def withdraw(self, **arguments: Any) -> Answer:
        """A participant will not come."""
        given = load(schemas.OfParticipant, arguments)
        return self._change(
            "withdraw", given, lambda _, person, program: people.withdraw(person, program), by_self=True
        )

    @answers
    def erase_participant(self, **arguments: Any) -> Answer:
        """Forget a participant, here and everywhere. Erasing again changes nothing."""
        given = load(schemas.OfParticipant, arguments)
        principal = self.caller()
        participant_id: str = given["participant_id"]

        def erase(transaction: Transaction) -> Answer:
            if store.is_erased(transaction, participant_id, principal.org):
                return {"participant_id": participant_id}
            person = self._reached(principal, store.participant(transaction, participant_id), by_self=True)
            store.erase(transaction, person)
            ended_log_ins.end_all_of(transaction, person.id)
            # Also of a draft, of which nobody else has heard: others may hold a log-in of this person for good.
            transaction.publish(events.erased(person))
            return {"participant_id": participant_id}

        return self.work.once(principal, "erase_participant", given, erase)

    # Access

    @answers
    def access_codes(self, program_id: str) -> list[Answer]:
        """Everybody's access code, for badges and invitations."""
        principal = self.caller()
        program = self._seen_program(principal, program_id)
        sites = principal.sites or None
        if not principal.organizes(program.org, program.id, sites[0] if sites else None):
            raise Forbidden(say("only an organizer of this program may do this; log in as one"))
        return [
            {
                "participant_id": each.id,
                "role": each.role,
                "name": each.name,
                "site_id": each.site_id,
                "access_code": self.codes.code(each.id),
            }
            for each in store.participants(self.work.database, program.id, sites=sites)
        ]

    @answers
    def redeem_access_code(self, **arguments: Any) -> Answer:
        """Whom an access code lets in; needs no log-in, since it is one.

        A right code is let in whatever goes on. Wrong ones are counted by the ``address`` that they come from.

        Raises:
            NotFound: nobody has this code.
            TooMany: neither, and many have come from that address.
        """
        given = load(schemas.RedeemAccessCode, arguments)
        person = store.with_access_code(self.work.database, self.codes.fingerprint(given["access_code"]) or "")
        seconds = (
            throttle.try_code(self._lanes().fill, given["address"], right=person is not None) if given["address"] else 0
        )
        if seconds:
            raise TooMany(
                say(
                    "Nobody has this access code, and many wrong ones come from this network. A right one is let in "
                    "all the same: compare each letter, or ask at the registration desk."
                ),
                seconds,
            )
        if person is None:
            raise NotFound(say("This access code is not known; check each letter, or ask at the registration desk."))
        return {
            "participant_id": person.id,
            "role": person.role,
            "org": person.org,
            "program_id": person.program_id,
            "site_id": person.site_id,
        }

    @answers
    def try_password(self, **arguments: Any) -> Answer:
        """Count a try of the password of ``account``, for the gateway, which knows whether it is ``right``.

        Returns:
            ``wait``: seconds after which to say whether it was right, and not before; ``retry_after``: seconds after
            which another try would be looked at, should it be wrong.

        Raises:
            TooMany: this one is not to be looked at, right or wrong.
        """
        given = load(schemas.TryPassword, arguments)
        principal = self.caller()
        if principal.role != OPERATOR:
            raise Forbidden(say("only an operator may do this; log in as one"))
        account = f"{principal.org} {given['account']}"
        tried = throttle.try_password(
            self._lanes().fill, account, given["address"], given["device"], right=given["right"]
        )
        if tried.wait is None:
            raise TooMany(
                say(
                    "Many passwords are being tried from here, and this one was not looked at, be it right or wrong. "
                    "Try it again in {seconds} s, or from a device that has logged in before.",
                    seconds=tried.retry_after,
                ),
                tried.retry_after,
            )
        return {"wait": tried.wait, "retry_after": tried.retry_after}

    @answers
    def try_api_key(self, **arguments: Any) -> Answer:
        """Count a wrong API key, for the gateway, as wrong access codes are counted: by the ``address`` it comes from.

        Raises:
            TooMany: many have come from there.
        """
        given = load(schemas.TryApiKey, arguments)
        if self.caller().role != OPERATOR:
            raise Forbidden(say("only an operator may do this; log in as one"))
        seconds = throttle.try_code(self._lanes().fill, given["address"], right=False, kind="keys")
        if seconds:
            raise TooMany(
                say(
                    "No integrator has this API key, and many wrong ones come from this network. A right one is let in "
                    "all the same: ask an organizer for another one."
                ),
                seconds,
            )
        return {}

    @answers
    def end_log_in(self) -> Answer:
        """End the log-in that this call is made with: its token is refused from now on, everywhere."""
        log_in = self.caller.log_in()

        def end(transaction: Transaction) -> Answer:
            if log_in.log_in_id is not None:
                ended_log_ins.end(transaction, log_in.log_in_id, log_in.expires_at)
                transaction.publish(events.log_in_ended(log_in))
            return {}

        return self.work.transact(end)

    @answers
    def list_ended_log_ins(self) -> Answer:
        """What is refused although it is signed, for a gateway that may have missed some of it.

        Returns:
            ``ended``: marks of log-ins, or of participants whose every log-in is over, each with ``until`` when it
            matters; ``all``: whether these are all of them.
        """
        if self.caller().role != OPERATOR:
            raise Forbidden(say("only an operator may do this; log in as one"))
        found = ended_log_ins.newest(self.work.database, MOST_ENDED + 1)
        return {
            "ended": [{"mark": mark, "until": write_time(until)} for mark, until in found[:MOST_ENDED]],
            "all": len(found) <= MOST_ENDED,
        }

    @answers
    def ledger(self, program_id: str) -> Answer:
        """What this service has told the others of a program, to compare with what they hold."""
        principal = self.caller()
        program = self._seen_program(principal, program_id)
        if principal.role not in (ORGANIZER, OPERATOR):
            raise Forbidden(say("only an organizer of this program may do this; log in as one"))
        told = [each for each in store.participants(self.work.database, program.id) if each.published]
        known = store.progress_of(self.work.database, [program.id])[program.id]
        ledger = {
            "programs": {program.id: str(program.state)},
            # Whether the others can know of it: a draft may be called off without anybody having heard of it.
            "told": program.state is State.PUBLISHED or bool(told) or known.waiting is not None,
            "participants": {each.id: f"{each.role}/{each.site_id}/{each.status}" for each in told},
            "checked-in": sorted(each.id for each in told if each.checked_in_at is not None),
            "outbox-pending": self.work.pending_events(),
        }
        if known.waiting is not None:
            starts = {each.site_id: each.starts_at for each in known.sessions}
            ledger["starts"] = {site: write_time(start) for site, start in starts.items() if start}
            ledger["closed"] = known.closed_at is not None
        return ledger

    # Steps that calls share

    def _lanes(self) -> Lanes:
        return Lanes(self.work.database, self.codes.lane_name)

    def _register(
        self, name: str, given: Answer, form: Answer, register: Callable[[Transaction, Program], Participant]
    ) -> Answer:
        principal, role = self.caller(), name.removeprefix("register_")

        def sees(other: Participant) -> bool:
            return principal.organizes(other.org, other.program_id, other.site_id)

        def work(transaction: Transaction) -> Answer:
            program = self._organized(principal, store.program(transaction, given["program_id"]), form["site_id"])
            program.require_open()
            check, confirmed = _time_check(transaction, program), form.get("confirmed", ())
            check.require_before_the_end(form["site_id"], f"/{role}/site_id", form["name"], confirmed)
            store.hold_program(transaction, program.id)
            (registered,) = self._recognized(transaction, [register(transaction, program)])
            others = store.with_mailbox_like(transaction, registered)
            walk_in.require_new(registered, others, confirmed, sees)
            person = replace(registered, published=program.state is State.PUBLISHED)
            store.add_participants(transaction, [person], self.codes)
            if person.published:
                transaction.publish(*events.told(None, person, self._team_id))
            return {"participant_id": person.id}

        view = self._participant_view(self.work.once(principal, name, given, work)["participant_id"])
        return _noticed(view, walk_in.notices(form, role))

    def _recognized(self, transaction: Transaction, people: Sequence[Participant]) -> list[Participant]:
        """The people with the id that their mailbox has in every program of the organization.

        Whoever got an id under another spelling of the address, before all spellings had the same, keeps it, unless the
        mailbox is known under its own id too.
        """
        recognized = [replace(each, person_id=self.codes.person_id(each.org, each.email)) for each in people]
        earlier = store.ids_of_unusual_addresses(transaction, people[0].org)
        other = {each.id: earlier.get(mailbox.canonical(each.email)) for each in recognized if each.email and earlier}
        changed = {each.person_id for each in recognized if other.get(each.id) not in (None, each.person_id)}
        kept = store.known_ids(transaction, people[0].org, [each for each in changed if each])
        return [
            replace(each, person_id=other[each.id]) if other.get(each.id) and each.person_id not in kept else each
            for each in recognized
        ]

    def _team_id(self, person: Participant) -> str | None:
        return self.codes.team_id(person.program_id, people.team_of(person))

    def _change(self, name: str, given: Answer, decide: Decision, *, by_self: bool = False) -> Answer:
        """Let ``decide`` change a participant; the participant may ask for it too where ``by_self``."""
        principal = self.caller()

        def work(transaction: Transaction) -> Answer:
            before = self._reached(principal, store.participant(transaction, given["participant_id"]), by_self=by_self)
            after = decide(transaction, before, store.program(transaction, before.program_id))
            self._save(transaction, before, after)
            return {"participant_id": before.id}

        return self._participant_view(self.work.once(principal, name, given, work)["participant_id"])

    def _save(self, transaction: Transaction, before: Participant, after: Participant) -> None:
        if after == before:
            return
        store.save_participants(transaction, [after], self.codes)
        if before.published:
            transaction.publish(*events.told(before, after, self._team_id))

    def _participant_view(self, participant_id: str) -> Answer:
        return full_view(store.participant(self.work.database, participant_id))

    def _program_view(self, principal: Principal, of: Answer) -> Answer:
        return self._program_views(principal, [store.program(self.work.database, of["program_id"])])[0]

    def _program_views(self, principal: Principal, programs: list[Program]) -> list[Answer]:
        ids, now = [each.id for each in programs], self.work.now()
        counts = store.head_counts(self.work.database, ids)
        known = store.progress_of(self.work.database, ids)
        known = catching_up.catch_up(self.work, self.calls, principal, programs, known)
        return [
            program_view(
                each,
                counts,
                known[each.id],
                now,
                progress.missing_plan(each, known[each.id], now) if principal.role == ORGANIZER else None,
            )
            for each in programs
        ]

    def _seen_program(self, principal: Principal, program_id: str) -> Program:
        program = store.program(self.work.database, program_id)
        if not principal.knows(program.org, program.id):
            raise NotFound(say("There is no such program."))
        return program

    @staticmethod
    def _organized(principal: Principal, program: Program, site_id: str | None = None) -> Program:
        if not principal.knows(program.org, program.id):
            raise NotFound(say("There is no such program."))
        principal.require_organizer(program.org, program.id, site_id)
        return program

    @staticmethod
    def _reached(principal: Principal, person: Participant, *, by_self: bool) -> Participant:
        if not principal.knows(person.org, person.program_id):
            raise NotFound(say("There is no such participant."))
        if not (by_self and principal.subject == person.id):
            principal.require_organizer(person.org, person.program_id, person.site_id)
        return person


def _noticed(answer: Answer, notices: Sequence[Problem]) -> Answer:
    """The answer with what of the input has been read otherwise than it is written, if anything."""
    return {**answer, "notices": [each.to_document() for each in notices]} if notices else answer


def _time_check(transaction: Transaction, program: Program) -> TimeCheck:
    return TimeCheck(program, store.progress_of(transaction, [program.id])[program.id], transaction.now)
