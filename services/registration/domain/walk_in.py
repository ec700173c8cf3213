"""Somebody who registers one by one: at the door, or before, not by a file."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.registration.domain import limits
from services.registration.domain.confirming import code, unanswered
from services.registration.domain.files import cells
from services.registration.domain.participant import Mentee, Mentor, Participant, Story, excluded
from services.registration.domain.program import Program
from services.registration.domain.rules import Frame, problems_of, questions_problems
from services.registration.domain.texts import clean, mailbox, one_line, taken_as_nothing
from services.registration.domain.texts.invisible import is_blank
from services.registration.domain.texts.nothing import is_nothing
from shared.faults import Conflict, Invalid, Problem
from shared.messages import Message, say

#: Whether the caller may know who somebody is.
Sees = Callable[[Participant], bool]

# The files' columns as the fields of a form are called.
_FORM_FIELDS = {
    "site": "site_id",
    "situation": "story/situation",
    "choice": "story/choice",
    "outcome": "story/outcome",
    "lesson": "story/lesson",
}


def mentor_of(given: Mapping[str, Any], program: Program, participant_id: str, others: Iterable[str]) -> Mentor:
    """The mentor that a form describes; ``others`` are the ids of the program's mentees.

    Raises:
        Invalid: naming every field that breaks a rule.
    """
    story = given["story"]
    motives = given["motives"]
    mentor = Mentor(
        **_common(given, program, participant_id, given["seats"]),
        topics=tuple((cells.code(topic), level) for topic, level in given["topics"].items()),
        motives=limits.MOTIVES if motives is None else tuple(map(cells.code, motives)),
        storytelling=given["storytelling"],
        seats=given["seats"],
        story=Story(**{part: clean(text) for part, text in story.items()}),
        never=tuple(dict.fromkeys(given["never"])),
    )
    known = set(others)
    unknown = _unknown(known, wants=mentor.wants, avoids=mentor.avoids, never=mentor.never)
    _check(mentor, program, "/mentor", unknown, given.get("confirmed", ()))
    return mentor


def mentee_of(given: Mapping[str, Any], program: Program, participant_id: str, others: Iterable[str]) -> Mentee:
    """The mentee that a form describes; ``others`` are the ids of the program's mentors."""
    mentee = Mentee(
        **_common(given, program, participant_id, 1),
        motive=cells.code(given["motive"]),
        topics=tuple(map(cells.code, given["topics"])),
        questions=written(given["questions"]),
        manager=given["manager"],
    )
    known = set(others)
    managers = (mentee.manager,) if mentee.manager else ()
    unknown = _unknown(known, wants=mentee.wants, avoids=mentee.avoids, manager=managers)
    _check(mentee, program, "/mentee", unknown, given.get("confirmed", ()))
    return mentee


def written(questions: Iterable[str]) -> tuple[str, ...]:
    """The questions that say anything."""
    return tuple(text for text in map(clean, questions) if not is_blank(text))


def check_questions(questions: Sequence[str], confirmed: Collection[str] = ()) -> None:
    """Raise :class:`Invalid` for questions that break a rule, but for those ``confirmed`` to be right."""
    problems = unanswered(questions_problems(questions), confirmed)
    _refuse(problems, "", say("The questions cannot be taken as they are."))


def notices(given: Mapping[str, Any], role: str) -> list[Problem]:
    """What of a form is read otherwise than it is written: a team or an address such as ``N/A`` is none."""
    return [
        taken_as_nothing(f"/{role}/{field}", given[field]) for field in ("email", "team") if is_nothing(given[field])
    ]


def require_new(person: Participant, others: Iterable[Participant], confirmed: Collection[str], sees: Sees) -> None:
    """Raise :class:`Conflict` if one of ``others``, who take part in the same role, has the same mailbox.

    The same for an address that only looks like another one of the program, unless that is ``confirmed``. ``sees``
    says of whom the caller may know the name.
    """
    box = mailbox.canonical(person.email)
    if not box:
        return
    for other in others:
        theirs = mailbox.canonical(other.email)
        if theirs == box and other.role == person.role:
            raise Conflict(
                say("Somebody is registered with this mail address already."), [_already(person, other, sees)]
            )
        alike = theirs != box and mailbox.skeleton(theirs) == mailbox.skeleton(box)
        confirm = code("look-alike", *sorted((theirs, box)))
        if alike and not (theirs.isascii() and box.isascii()) and confirm not in confirmed:
            what = say("it only looks like the address of {who}", who=other.name) if sees(other) else _OTHER_LOOKS
            remedy = say("if it is the same person, correct the address; if they are two, confirm it")
            problem = Problem(f"/{person.role}/email", what, remedy, confirm=(confirm,))
            raise Conflict(say("This mail address only looks like another one."), [problem])


_OTHER_LOOKS = say("it only looks like the address of somebody at another site")


def _already(person: Participant, other: Participant, sees: Sees) -> Problem:
    if not sees(other):
        what = say("somebody at another site has it already")
        return Problem(f"/{person.role}/email", what, say("ask the organizers of the other sites, or leave it empty"))
    what = say(
        "{name} has it already (site {site}, {status})", name=other.name, site=other.site_id, status=other.status
    )
    remedy = say("check that person in instead; if it is somebody else, give another address or none")
    return Problem(f"/{person.role}/email", what, remedy)


def check_wishes(wants: Sequence[str], avoids: Sequence[str], others: Iterable[str]) -> None:
    """Raise :class:`Invalid` unless all are of the other role, none is in both, and there are not too many."""
    known = set(others)
    problems = _unknown(known, wants=wants, avoids=avoids)
    for field, ids in (("wants", wants), ("avoids", avoids)):
        if len(ids) > limits.MOST_WISHES:
            problems.append(
                Problem(
                    field,
                    say("there are {count} people in it", count=len(ids)),
                    say("keep the {most} that matter most", most=limits.MOST_WISHES),
                )
            )
    if set(wants) & set(avoids):
        problems.append(
            Problem(
                "avoids",
                say("somebody is both wanted and to be avoided"),
                say("take the person out of one of the two"),
            )
        )
    _refuse(problems, "", say("The wishes cannot be taken as they are."))


def keep_apart(mentors: Iterable[Mentor], mentee: Mentee) -> list[Mentor]:
    """The mentors who must not meet the new ``mentee``, with that noted."""
    return [
        replace(mentor, never=(*mentor.never, mentee.id))
        for mentor in mentors
        if excluded(mentor, mentee) and mentee.id not in mentor.never
    ]


def with_team(mentor: Mentor, mentees: Iterable[Mentee]) -> Mentor:
    """The new ``mentor``, kept apart from the team."""
    near = [mentee.id for mentee in mentees if excluded(mentor, mentee)]
    return replace(mentor, never=tuple(dict.fromkeys((*mentor.never, *near))))


def _unknown(known: set[str], **fields: Iterable[str]) -> list[Problem]:
    """A problem for each id in ``fields`` that is nobody of the other role."""
    return [
        Problem(
            field,
            say("{value} is nobody of the other role in this program", value=each[:64]),
            say("take an id from the list of participants"),
        )
        for field, ids in fields.items()
        for each in ids
        if each not in known
    ]


def _common(given: Mapping[str, Any], program: Program, participant_id: str, seats: int) -> dict[str, Any]:
    rounds = given["rounds"] if given["rounds"] is not None else range(1, program.rounds + 1)
    rounds = tuple(sorted(set(rounds)))
    most = given["max_meetings"]
    return {
        "id": participant_id,
        "org": program.org,
        "program_id": program.id,
        "site_id": given["site_id"],
        "name": one_line(given["name"]),
        "email": "" if is_nothing(given["email"]) or is_blank(given["email"]) else mailbox.tidy(clean(given["email"])),
        "team": "" if is_nothing(given["team"]) or is_blank(given["team"]) else one_line(given["team"]),
        "remote": given["remote"],
        "languages": cells.languages(";".join(given["languages"])),
        "rounds": rounds,
        "max_meetings": most if most is not None else len(rounds) * max(1, seats),
        "wants": tuple(dict.fromkeys(given["wants"])),
        "avoids": tuple(dict.fromkeys(given["avoids"])),
    }


def _check(
    person: Participant, program: Program, pointer: str, found: list[Problem], confirmed: Collection[str]
) -> None:
    frame = Frame(program.site_ids, program.rounds, program.topics)
    problems = unanswered([*problems_of(person, frame), *found], confirmed)
    _refuse(problems, pointer, say("The registration cannot be taken as it is."))


def _refuse(problems: Iterable[Problem], pointer: str, detail: Message) -> None:
    placed = [
        replace(each, field=f"{pointer}/{_FORM_FIELDS.get(each.field, each.field)}".replace("question_", "questions/"))
        for each in problems
    ]
    if placed:
        raise Invalid(detail, placed)
