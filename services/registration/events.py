"""What registration publishes: the difference that a change has made, told without names, mail and free text."""

from collections.abc import Callable
from typing import Any

from services.registration.domain.participant import Mentee, Mentor, Participant
from services.registration.domain.program import Program, State
from shared.events import NewEvent, write_time
from shared.security.tokens import LogIn


def program_published(program: Program, mentors: int, mentees: int) -> NewEvent:
    """The program is open; the counts are of those registered in the same breath."""
    data = {
        "program_id": program.id,
        "title_key": program.key,
        "rounds": program.rounds,
        "round_seconds": program.round_seconds,
        "break_seconds": program.break_seconds,
        "warning_seconds": list(program.warning_seconds),
        "sites": [
            {"site_id": site.id, "time_zone": site.time_zone, "starts_at": write_time(site.starts_at)}
            for site in program.sites
        ],
        "mentors": mentors,
        "mentees": mentees,
        "new_pairs_only": program.new_pairs_only,
    }
    return _of_program("registration.program-published", program, data)


def program_cancelled(before: Program, after: Program) -> list[NewEvent]:
    """The program is off; nobody needs to hear it of a draft."""
    if before.state is not State.PUBLISHED:
        return []
    return [
        _of_program(
            "registration.program-cancelled", after, {"program_id": after.id, "reason": after.reason or "unknown"}
        )
    ]


def program_finished(program: Program) -> NewEvent:
    """The last round is over at every site."""
    data = {"program_id": program.id, "sites": len(program.sites)}
    return _of_program("registration.program-finished", program, data)


TeamId = Callable[[Participant], str | None]


def told(before: Participant | None, after: Participant, team_id: TeamId = lambda person: None) -> list[NewEvent]:
    """What others need to hear when ``before`` (None: nobody they know) has become ``after``.

    ``team_id`` gives a participant's team as an opaque id. Whom one wants and avoids, teams and managers are for
    matching alone: what is public does not say them, and nothing public is told where only they have changed.
    """
    data, earlier = _registration(after), _registration(before) if before else None
    events = _relations_stated(before, after, team_id, told_again=data != earlier)
    if earlier is None:
        events.append(_about(after, f"registration.{after.role}-registered", data, after.id))
    elif data != earlier:
        events.append(_about(after, f"registration.{after.role}-updated", data, after.id))
    if isinstance(before, Mentee) and isinstance(after, Mentee) and after.questions != before.questions:
        events.append(_happened(after, "questions-changed", {"questions": len(after.questions)}, with_role=False))
    if after.wants != (before.wants if before else ()):
        wishes: dict[str, Any] = {"wants": [], "avoids": [], "wanted": len(after.wants)}
        events.append(_happened(after, "preference-stated", wishes, with_site=False))
    if after.absent_from is not None and after.absent_from != (before.absent_from if before else None):
        events.append(_happened(after, "participant-absent", {"from_round": after.absent_from}))
    if after.checked_in_at is not None and after.checked_in_at != (before.checked_in_at if before else None):
        events.append(_happened(after, "participant-checked-in", {"at": write_time(after.checked_in_at)}))
    if after.withdrawn and not (before and before.withdrawn):
        events.append(_happened(after, "participant-withdrawn", {}))
    return events


def erased(person: Participant) -> NewEvent:
    """The participant is to be forgotten everywhere."""
    return _happened(person, "participant-erased", {}, with_site=False)


def log_in_ended(log_in: LogIn) -> NewEvent:
    """Nobody is to take the token of this log-in any more."""
    log_in_id = log_in.log_in_id or ""
    data = {"log_in_id": log_in_id, "expires_at": write_time(log_in.expires_at)}
    return NewEvent("registration.log-in-ended", log_in_id, data, org=log_in.principal.org)


def _relations_stated(
    before: Participant | None, after: Participant, team_id: TeamId, *, told_again: bool
) -> list[NewEvent]:
    """What matching needs to hear of the relations of ``after``.

    They are stated whenever they have changed, and again with each registration (``told_again``) that is told: it takes
    the place of one that an earlier release told with them in it.
    """
    relations, earlier = _relations(after, team_id), _relations(before, team_id) if before else None
    if relations == earlier and not told_again:
        return []
    if not any(relations.values()) and not (earlier and any(earlier.values())):
        return []
    return [_happened(after, "relations-stated", relations, with_site=False)]


def _relations(person: Participant, team_id: TeamId) -> dict[str, Any]:
    return {
        "wants": list(person.wants),
        "avoids": list(person.avoids),
        "never": list(person.never) if isinstance(person, Mentor) else [],
        "team_id": team_id(person),
        "manager_id": (person.manager or None) if isinstance(person, Mentee) else None,
    }


def _registration(person: Participant) -> dict[str, Any]:
    data: dict[str, Any] = {
        f"{person.role}_id": person.id,
        "program_id": person.program_id,
        "site_id": person.site_id,
        "remote": person.remote,
        "languages": list(person.languages),
        "rounds": list(person.rounds),
        "max_meetings": person.max_meetings,
    }
    if person.person_id:
        data["person_id"] = person.person_id
    if isinstance(person, Mentor):
        data |= {
            "topics": dict(person.topics),
            "motives": list(person.motives),
            "storytelling": person.storytelling,
            "seats": person.seats,
            "has_story": bool(person.story),
        }
    if isinstance(person, Mentee):
        data |= {"motive": person.motive, "topics": list(person.topics), "questions": len(person.questions)}
    return data


def _happened(
    person: Participant, name: str, more: dict[str, Any], *, with_site: bool = True, with_role: bool = True
) -> NewEvent:
    data = {"participant_id": person.id, "program_id": person.program_id, **more}
    if with_role:
        data["role"] = person.role
    if with_site:
        data["site_id"] = person.site_id
    return _about(person, f"registration.{name}", data, person.id)


def _about(person: Participant, name: str, data: dict[str, Any], subject: str) -> NewEvent:
    return NewEvent(name, subject, data, org=person.org, program=person.program_id, site=person.site_id)


def _of_program(name: str, program: Program, data: dict[str, Any]) -> NewEvent:
    return NewEvent(name, program.id, data, org=program.org, program=program.id)
